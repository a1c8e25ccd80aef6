use std::collections::VecDeque;
use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use zbus::runtime::{Interest, IoSource, traits};

use super::task::{Handle, Root, Task};
use super::wait::{Until, Wait, came};

/// A runtime for a stranger's process: `poll(2)` on the calling thread, and nothing else.
///
/// Tokio's would leave behind what it keeps for signals, and has an epoll and an eventfd meanwhile; this one has no
/// descriptor, no thread and no signal handler of its own, so that nothing of it is left and nothing of it is shared after
/// a `fork`. It is for one connection and a few calls: it looks through lists where others keep trees.
///
/// **Nothing is woken and nothing is dropped while the list is locked**: either may come back here.
#[derive(Clone)]
pub(super) struct Lone(Arc<Shared>);

/// What tasks, timers and sources reach.
pub(super) struct Shared(Mutex<List>);

#[derive(Default)]
struct List {
    ready: VecDeque<Arc<Task>>,
    tasks: Vec<Weak<Task>>,
    waits: Vec<Wait>,
    next: u64,
    stopped: bool,
}

impl Lone {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared(Mutex::default())))
    }

    /// Runs the future, and what it spawned, to the future's end; `None` where the time was over before.
    pub(super) fn block_on<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        let deadline = Instant::now() + limit;
        let mut future = std::pin::pin!(future);
        let root = Root::new();
        let waker = Waker::from(root.clone());
        let mut context = Context::from_waker(&waker);
        loop {
            if root.is_woken()
                && let Poll::Ready(output) = future.as_mut().poll(&mut context)
            {
                return Some(output);
            }
            // As many as there are now: one that wakes itself does not keep the others waiting.
            let ready = self.0.list().ready.len();
            for _ in 0..ready {
                let task = self.0.list().ready.pop_front();
                task.inspect(|task| task.run());
            }
            if Instant::now() >= deadline {
                return None;
            }
            let idle = !root.must_wake() && self.0.list().ready.is_empty();
            self.wait(if idle { deadline } else { Instant::now() });
        }
    }

    /// Waits until something that somebody waits for has come, at most until `deadline`, and wakes them.
    fn wait(&self, deadline: Instant) {
        let waits: Vec<(u64, Until)> =
            self.0.list().waits.iter().map(|wait| (wait.owner, wait.until.clone())).collect();
        let times = waits.iter().filter_map(|(_, until)| until.time());
        let wake = times.chain([deadline]).min().unwrap_or(deadline);
        let left = wake.saturating_duration_since(Instant::now());
        let came = came(&waits, left);
        let mut woken = Vec::new();
        {
            let mut list = self.0.list();
            let waits = std::mem::take(&mut list.waits);
            for wait in waits {
                if came.iter().any(|(owner, until)| *owner == wait.owner && until.is_like(&wait.until)) {
                    woken.push(wait.waker);
                } else {
                    list.waits.push(wait);
                }
            }
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// Drops every task, and takes no further one. A task holds the connection, and the connection this runtime: nothing of
    /// them would ever go otherwise.
    pub(super) fn stop(&self) {
        let (tasks, waits, ready) = {
            let mut list = self.0.list();
            list.stopped = true;
            let List { tasks, waits, ready, .. } = &mut *list;
            (std::mem::take(tasks), std::mem::take(waits), std::mem::take(ready))
        };
        tasks.iter().filter_map(Weak::upgrade).for_each(|task| task.cancel());
        drop((waits, ready));
    }
}

impl Shared {
    fn list(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the task soon.
    pub(super) fn schedule(&self, task: Arc<Task>) {
        let mut list = self.list();
        if list.stopped {
            drop(list);
            drop(task);
        } else {
            list.ready.push_back(task);
        }
    }

    fn number(&self) -> u64 {
        let mut list = self.list();
        list.next += 1;
        list.next
    }

    /// Wakes the task once that has come.
    fn watch(&self, owner: u64, until: Until, waker: &Waker) {
        let wait = Wait { owner, until, waker: waker.clone() };
        let mut list = self.list();
        let known = list.waits.iter().any(|known| {
            known.owner == owner && known.until.is_like(&wait.until) && known.waker.will_wake(waker)
        });
        if known || list.stopped {
            drop(list);
            drop(wait);
        } else {
            list.waits.push(wait);
        }
    }

    /// Forgets what that timer or source waited for.
    fn forget(&self, owner: u64) {
        let forgotten: Vec<Wait> = {
            let mut list = self.list();
            let (gone, stay) =
                std::mem::take(&mut list.waits).into_iter().partition(|wait| wait.owner == owner);
            list.waits = stay;
            gone
        };
        drop(forgotten);
    }
}

/// A descriptor that is watched.
pub(super) struct Watched {
    source: IoSource,
    owner: u64,
    shared: Arc<Shared>,
}

impl traits::PollIo for Watched {
    fn poll_io<T>(
        &self,
        context: &mut Context<'_>,
        interest: Interest,
        mut operation: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
        let source = self.source.clone();
        let until = match interest {
            Interest::Writable => Until::Writable(source),
            // There is no third one yet; readable is what ends a connection too.
            _ => Until::Readable(source),
        };
        self.shared.watch(self.owner, until, context.waker());
        Poll::Pending
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.shared.forget(self.owner);
    }
}

/// A timer.
pub(super) struct Sleep {
    at: Instant,
    owner: u64,
    shared: Arc<Shared>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        self.shared.watch(self.owner, Until::Time(self.at), context.waker());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.shared.forget(self.owner);
    }
}

impl traits::Runtime for Lone {
    type RegisteredIoSource = Watched;
    type Sleep = Sleep;
    type Task<T>
        = Handle<T>
    where
        T: Send + 'static;

    fn register_io_source(&self, source: IoSource) -> io::Result<Watched> {
        Ok(Watched { source, owner: self.0.number(), shared: self.0.clone() })
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep { at: Instant::now() + duration, owner: self.0.number(), shared: self.0.clone() }
    }

    fn spawn<T>(&self, _name: &str, future: impl Future<Output = T> + Send + 'static) -> Handle<T>
    where
        T: Send + 'static,
    {
        let (handle, task) = Handle::new(future, Arc::downgrade(&self.0));
        let stopped = {
            let mut list = self.0.list();
            list.tasks.push(Arc::downgrade(&task));
            list.stopped
        };
        if stopped {
            task.cancel();
        } else {
            self.0.schedule(task);
        }
        handle
    }

    async fn connect_tcp(&self, _address: SocketAddr) -> io::Result<IoSource> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn connect_unix(&self, path: &Path) -> io::Result<IoSource> {
        let address = SocketAddrUnix::new(path)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // One who listens but has no room says so at once: it is for the caller's deadline to give up.
        while let Err(error) = rustix::net::connect(&socket, &address) {
            match error {
                Errno::AGAIN => self.sleep(NO_ROOM).await,
                error => return Err(error.into()),
            }
        }
        Ok(socket.into())
    }

    fn spawn_process(
        &self,
        _command: Command,
        _stdin: Stdio,
        _stdout: Stdio,
        _stderr: Stdio,
    ) -> io::Result<Pin<Box<dyn Future<Output = io::Result<ExitStatus>> + Send + 'static>>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Here and now: there is no thread to hand it to, and a client of a unix socket needs none.
    fn spawn_blocking<T>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = T> + Send + 'static>>
    where
        T: Send + 'static,
    {
        Box::pin(ready(work()))
    }
}

/// How soon one who had no room is asked again.
const NO_ROOM: Duration = Duration::from_millis(20);
