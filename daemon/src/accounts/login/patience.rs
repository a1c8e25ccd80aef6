//! How often a phone is asked about logins: whoever can start one must not be able to ask until somebody says yes for the sake
//! of peace. Pure, but for the time at which a question ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claviger_core::Refusal;

/// Who is being asked now, and who is not to be asked for a while. Who is neither takes no memory for long.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience(Arc<Mutex<HashMap<(u32, Whence), State>>>);

/// Where a login is wanted from. Each has a patience of its own: a stranger at the network's door must not keep the owner from
/// their phone at their own machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Whence {
    /// From this machine, and by nobody else's program.
    Here,
    /// From another machine, or by another user's program.
    Elsewhere,
}

/// How it stands with one user, since their last yes.
#[derive(Clone, Copy, Debug)]
struct State {
    asked: bool,
    /// How often nobody said yes.
    failures: u32,
    /// Until when nobody is to ask.
    until: Instant,
}

/// Somebody is being asked. Dropping it gives that up, which is as good as a no: it is no way to ask again at once.
#[derive(Debug)]
#[must_use]
pub(super) struct Asking {
    patience: Patience,
    whom: (u32, Whence),
    pause: Duration,
    end: End,
}

/// What came of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Yes,
    /// Nobody said yes, or it was given up.
    No,
    /// Nobody was asked, or nobody's answer came: the phone went away, or failed.
    Unasked,
}

impl Patience {
    /// Returns how many seconds nobody is to ask that user, at `now`; `None` where somebody may.
    pub(super) fn wait(&self, whom: (u32, Whence), now: Instant) -> Option<u32> {
        let mut states = self.states();
        states.retain(|_, state| state.asked || state.until + LONGEST > now);
        let state = states.get(&whom)?;
        // Rounded up: nobody comes too early.
        let left = state.until.saturating_duration_since(now).as_millis().div_ceil(1000);
        match (u32::try_from(left).unwrap_or(u32::MAX), state.asked) {
            (0, true) => Some(1),
            (0, false) => None,
            (seconds, _) => Some(seconds),
        }
    }

    /// Begins to ask that user. If nobody says yes, nobody asks them for `pause` from the end of the question on, and for twice
    /// as long after each further time, an hour at most.
    ///
    /// # Errors
    /// [`Refusal::TryLater`] while another login asks them, and for a while after a no.
    pub(super) fn begin(
        &self,
        whom: (u32, Whence),
        now: Instant,
        pause: Duration,
    ) -> Result<Asking, Refusal> {
        if let Some(seconds) = self.wait(whom, now) {
            return Err(Refusal::TryLater { seconds });
        }
        let mut states = self.states();
        let state = states.entry(whom).or_insert(State { asked: false, failures: 0, until: now });
        // Between the look and here another may have begun.
        if std::mem::replace(&mut state.asked, true) {
            return Err(Refusal::TryLater { seconds: 1 });
        }
        Ok(Asking { patience: self.clone(), whom, pause, end: End::No })
    }

    fn end(&self, whom: (u32, Whence), end: End, (pause, now): (Duration, Instant)) {
        let mut states = self.states();
        let Some(state) = states.get_mut(&whom) else { return };
        state.asked = false;
        match end {
            End::Yes => drop(states.remove(&whom)),
            End::No => {
                state.until = now + lengthened(pause, state.failures);
                state.failures = state.failures.saturating_add(1);
            }
            End::Unasked if state.failures == 0 => drop(states.remove(&whom)),
            End::Unasked => {}
        }
    }

    fn states(&self) -> MutexGuard<'_, HashMap<(u32, Whence), State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking {
    /// Ends it as it came out: after a yes the next login may ask, after a no nobody for a while, and where nobody was asked
    /// nothing changes.
    pub(super) fn ended<T>(mut self, outcome: &Result<T, Refusal>) {
        self.end = match outcome {
            Ok(_) => End::Yes,
            Err(
                Refusal::PhoneDeclined
                | Refusal::PhoneUnanswered
                | Refusal::Declined
                | Refusal::Timeout
                | Refusal::Cancelled,
            ) => End::No,
            Err(_) => End::Unasked,
        };
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.patience.end(self.whom, self.end, (self.pause, Instant::now()));
    }
}

/// Returns how long nobody asks after that many failures before this one.
fn lengthened(pause: Duration, failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    pause.saturating_mul(factor).min(LONGEST.max(pause))
}

/// The longest that a pause becomes; for as long after its end it is remembered how often nobody said yes.
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::{End, LONGEST, Patience, Whence, lengthened};
    use claviger_core::Refusal;
    use std::time::{Duration, Instant};

    const SECOND: Duration = Duration::from_secs(1);
    const ALICE: (u32, Whence) = (1, Whence::Elsewhere);

    #[test]
    fn one_login_asks_a_user_at_a_time_and_others_are_not_held_up() {
        let (patience, now) = (Patience::default(), Instant::now());
        let begin = |whom| patience.begin(whom, now, 30 * SECOND);
        let first = begin(ALICE).expect("nobody asks");
        assert_eq!(begin(ALICE).err(), Some(Refusal::TryLater { seconds: 1 }));
        begin((2, Whence::Elsewhere)).expect("nobody asks").ended(&Ok(()));
        begin((1, Whence::Here)).expect("a stranger asks from elsewhere").ended(&Ok(()));
        first.ended(&Ok(()));
        begin(ALICE).expect("it was answered with yes").ended(&Ok(()));
        assert!(patience.states().is_empty());
    }

    #[test]
    fn after_a_no_nobody_asks_for_a_while_and_longer_each_time() {
        let (patience, now) = (Patience::default(), Instant::now());
        let mut now = now;
        for pause in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            patience.begin(ALICE, now, 30 * SECOND).map(std::mem::forget).expect("the pause is over");
            assert_eq!(patience.wait(ALICE, now), Some(1), "while somebody is asked");
            patience.end(ALICE, End::No, (30 * SECOND, now));
            assert_eq!(patience.wait(ALICE, now), Some(pause));
            now += SECOND * (pause - 1);
            let refused = patience.begin(ALICE, now, 30 * SECOND).err();
            assert_eq!(refused, Some(Refusal::TryLater { seconds: 1 }));
            assert_eq!(patience.wait((1, Whence::Here), now), None, "the owner at their own machine");
            now += SECOND;
        }
        patience.begin(ALICE, now, 30 * SECOND).expect("the pause is over").ended(&Ok(()));
        assert!(patience.states().is_empty(), "a yes ends it");
    }

    #[test]
    fn a_long_time_without_any_question_is_as_good_as_a_yes() {
        let (patience, now) = (Patience::default(), Instant::now());
        patience.begin(ALICE, now, 30 * SECOND).map(std::mem::forget).expect("nobody asks");
        patience.end(ALICE, End::No, (30 * SECOND, now));
        assert_eq!(patience.wait(ALICE, now + 30 * SECOND + LONGEST), None);
        assert!(patience.states().is_empty());
    }

    #[test]
    fn the_pause_begins_when_the_question_is_given_up_however_long_it_stood() {
        let (patience, now) = (Patience::default(), Instant::now());
        // It has stood for longer than the pause is.
        let earlier = now.checked_sub(31 * SECOND).unwrap_or(now);
        drop(patience.begin(ALICE, earlier, 30 * SECOND).expect("nobody asks"));
        assert_eq!(patience.wait(ALICE, now), Some(30));
    }

    #[test]
    fn a_phone_that_goes_away_or_fails_starts_no_pause() {
        let (patience, now) = (Patience::default(), Instant::now());
        for refusal in
            [Refusal::TokenRemoved, Refusal::TokenAbsent("x".into()), Refusal::TryLater { seconds: 1 }]
        {
            patience.begin(ALICE, now, 30 * SECOND).expect("nobody asks").ended::<()>(&Err(refusal));
            assert_eq!(patience.wait(ALICE, now), None);
        }
        patience
            .begin(ALICE, now, 30 * SECOND)
            .expect("nobody asks")
            .ended::<()>(&Err(Refusal::PhoneDeclined));
        assert!(patience.wait(ALICE, now).is_some());
        assert_eq!(lengthened(2 * LONGEST, 40), 2 * LONGEST, "what the administrator wants is not shortened");
    }
}
