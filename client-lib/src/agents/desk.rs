use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, MutexGuard as MyTurn, oneshot};

/// Whom an agent serves, and what is being asked.
#[derive(Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    /// Held while a question is before the person: who comes first is asked first.
    turn: Turn<()>,
}

#[derive(Default)]
struct State {
    /// The unique name of the daemon, while it is there.
    daemon: Option<String>,
    /// What is asked or waits for its turn: dropping the sender takes it back.
    questions: HashMap<String, oneshot::Sender<()>>,
    /// What was taken back before it came: a call may overtake another. Ids are used once.
    early: VecDeque<String>,
}

/// A question that was taken in; it is forgotten with this value.
pub(super) struct Question {
    desk: Arc<Desk>,
    id: String,
    taken_back: oneshot::Receiver<()>,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves that daemon from now on.
    pub(super) fn serve(&self, daemon: &str) {
        self.state().daemon = Some(daemon.to_owned());
    }

    /// Serves nobody, and takes every question back; returns whom it served.
    pub(super) fn leave(&self) -> Option<String> {
        let State { daemon, questions, early } = &mut *self.state();
        questions.clear();
        early.clear();
        daemon.take()
    }

    /// Returns true while it serves a daemon.
    pub(super) fn has_daemon(&self) -> bool {
        self.state().daemon.is_some()
    }

    /// Returns true where that is the unique name of the daemon it serves.
    pub(super) fn is_daemon(&self, name: &str) -> bool {
        self.state().daemon.as_deref() == Some(name)
    }

    /// Takes a question of the daemon's in; `None` where one of that id is asked.
    pub(super) fn take_in(self: &Arc<Self>, id: &str) -> Option<Question> {
        let (sender, taken_back) = oneshot::channel();
        let mut state = self.state();
        if state.questions.contains_key(id) {
            return None;
        }
        match state.early.iter().position(|known| known == id) {
            Some(place) => drop((state.early.remove(place), sender)),
            None => drop(state.questions.insert(id.to_owned(), sender)),
        }
        Some(Question { desk: Arc::clone(self), id: id.to_owned(), taken_back })
    }

    /// Takes a question back: it is asked, or about to be.
    pub(super) fn take_back(&self, id: &str) {
        let State { questions, early, .. } = &mut *self.state();
        if questions.remove(id).is_none() {
            early.truncate(EARLY - 1);
            early.push_front(id.to_owned());
        }
    }

    /// Waits until the person is free.
    pub(super) async fn turn(&self) -> MyTurn<'_, ()> {
        self.turn.lock().await
    }
}

impl Question {
    /// Waits until nobody waits for the answer any more.
    pub(super) async fn taken_back(&mut self) {
        // Nothing is ever sent: the sender goes.
        let _ = (&mut self.taken_back).await;
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.taken_back.close();
        let mut state = self.desk.state();
        // Where it was taken back, its id may be another's by now.
        if state.questions.get(&self.id).is_some_and(oneshot::Sender::is_closed) {
            state.questions.remove(&self.id);
        }
    }
}

/// How many are remembered that were taken back before they came: as many as a user may have asked.
const EARLY: usize = 4;
