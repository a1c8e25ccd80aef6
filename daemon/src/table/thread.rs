use std::sync::mpsc;
use std::thread;

use tokio::sync::oneshot;

use super::error::TableError;
use super::store::Store;

/// The one thread that owns the store, seen from outside.
///
/// SQLite blocks, so it must not run on the threads of the bus; and it is one thread because the database is
/// open once, exclusively. What is asked is done in the order of asking. A panic there is not caught: the
/// daemon's hook ends the process, and the state on disk is consistent at any instant.
#[derive(Clone)]
pub(super) struct Thread {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Run(Box<dyn FnOnce(&mut Store) + Send>),
    Stop(oneshot::Sender<()>),
}

impl Thread {
    /// Gives the store to a new thread.
    pub(super) fn start(store: Store) -> Result<Self, TableError> {
        let folder = store.folder().to_owned();
        let (jobs, queue) = mpsc::channel();
        thread::Builder::new()
            .name("table".into())
            .spawn(move || work(store, &queue))
            .map_err(|source| TableError::Io { verb: "start the thread for", path: folder, source })?;
        Ok(Self { jobs })
    }

    /// Has `job` done there and returns what it returns.
    pub(super) async fn run<T, J>(&self, job: J) -> Result<T, TableError>
    where
        T: Send + 'static,
        J: FnOnce(&mut Store) -> Result<T, TableError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = move |store: &mut Store| {
            // Whoever asked may have gone; the work is done all the same.
            drop(answer.send(job(store)));
        };
        self.jobs.send(Job::Run(Box::new(job))).map_err(|_| TableError::Stopped)?;
        answered.await.map_err(|_| TableError::Stopped)?
    }

    /// Closes the store after the jobs that are waiting.
    pub(super) async fn stop(self) {
        let (answer, answered) = oneshot::channel();
        if self.jobs.send(Job::Stop(answer)).is_ok() {
            // An error says that the thread is gone already: closed is closed.
            drop(answered.await);
        }
    }
}

/// Works until it is stopped, or until nobody is left who could ask.
fn work(mut store: Store, queue: &mpsc::Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        match job {
            Job::Run(job) => job(&mut store),
            Job::Stop(answer) => {
                drop(store);
                // Whoever asked may have gone.
                let _ = answer.send(());
                return;
            }
        }
    }
}
