//! How often a phone is asked about logins: whoever can start one must not be able to ask until somebody says yes for the sake
//! of peace. Pure.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claviger_core::Refusal;

/// Who is being asked now, and who is not to be asked for a while. Who is neither takes no memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience(Arc<Mutex<HashMap<u32, State>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Asked,
    Pause(Instant),
}

/// Somebody is being asked. Dropping it gives that up, which is no way to ask again at once.
#[derive(Debug)]
#[must_use]
pub(super) struct Asking {
    patience: Patience,
    uid: u32,
    /// What becomes of it where nothing else is said.
    after: State,
}

impl Patience {
    /// Returns how many seconds nobody is to ask that user, at `now`; `None` where somebody may.
    pub(super) fn wait(&self, uid: u32, now: Instant) -> Option<u32> {
        let mut states = self.states();
        states.retain(|_, state| !matches!(state, State::Pause(until) if *until <= now));
        match states.get(&uid)? {
            State::Asked => Some(1),
            State::Pause(until) => {
                // Rounded up: nobody comes too early.
                let left = until.saturating_duration_since(now).as_millis().div_ceil(1000);
                Some(u32::try_from(left).unwrap_or(u32::MAX))
            }
        }
    }

    /// Begins to ask that user; if it is given up, nobody asks them for `pause` from now on.
    ///
    /// # Errors
    /// [`Refusal::TryLater`] while another login asks them, and for a while after a no.
    pub(super) fn begin(&self, uid: u32, now: Instant, pause: Duration) -> Result<Asking, Refusal> {
        match self.wait(uid, now) {
            Some(seconds) => Err(Refusal::TryLater { seconds }),
            None => {
                self.states().insert(uid, State::Asked);
                Ok(Asking { patience: self.clone(), uid, after: State::Pause(now + pause) })
            }
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<u32, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    /// Somebody said yes: the next login may ask.
    pub(super) fn granted(mut self) {
        self.after = State::Asked;
    }

    /// Nobody said yes: the user is not asked before `until`.
    pub(super) fn failed(mut self, until: Instant) {
        self.after = State::Pause(until);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut states = self.patience.states();
        match self.after {
            State::Asked => drop(states.remove(&self.uid)),
            State::Pause(_) => drop(states.insert(self.uid, self.after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Patience;
    use claviger_core::Refusal;
    use std::time::{Duration, Instant};

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn one_login_asks_a_user_at_a_time_and_others_are_not_held_up() {
        let (patience, now) = (Patience::default(), Instant::now());
        let begin = |uid| patience.begin(uid, now, 30 * SECOND);
        let first = begin(1).expect("nobody asks");
        assert_eq!(begin(1).err(), Some(Refusal::TryLater { seconds: 1 }));
        begin(2).expect("nobody asks").granted();
        first.granted();
        begin(1).expect("it was answered with yes").granted();
        assert!(patience.states().is_empty());
    }

    #[test]
    fn after_a_no_nobody_asks_for_a_while() {
        let (patience, now) = (Patience::default(), Instant::now());
        let begin = |now| patience.begin(1, now, 30 * SECOND);
        begin(now).expect("nobody asks").failed(now + 60 * SECOND);
        assert_eq!(patience.wait(1, now), Some(60));
        assert_eq!(begin(now + 59 * SECOND).err(), Some(Refusal::TryLater { seconds: 1 }));
        assert_eq!(patience.wait(1, now + 60 * SECOND), None);
        assert!(patience.states().is_empty());
    }

    #[test]
    fn giving_up_and_asking_again_is_no_way_to_bother_somebody() {
        let (patience, now) = (Patience::default(), Instant::now());
        drop(patience.begin(1, now, 30 * SECOND).expect("nobody asks"));
        assert_eq!(patience.wait(1, now + 10 * SECOND), Some(20));
        assert_eq!(patience.wait(1, now + 30 * SECOND), None);
    }
}
