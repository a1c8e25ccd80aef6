use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use claviger_token::{Algorithm, Secret, TokenId};
use tokio::sync::oneshot;

use crate::deadline::Entry;
use crate::kept_pin::KeptPin;
use crate::{CardError, CardOp, CardOutput, Contents};

/// What a reader's thread is asked for by whoever waits for the answer.
pub(crate) enum Work {
    /// Reads the card anew.
    Read { token: TokenId },
    /// Has the application do something.
    Perform(Box<Request>),
}

/// Something for an application on a card.
pub(crate) struct Request {
    pub(crate) token: TokenId,
    /// The key that must stand at its place, or nothing is done.
    pub(crate) key: Option<ExpectedKey>,
    pub(crate) pin: PinSource,
    pub(crate) operation: CardOp,
    /// What stands on the card is another thing afterwards.
    pub(crate) changes: bool,
    /// How long it may take once it has begun.
    pub(crate) limit: Duration,
}

/// A key as its user knows it.
pub(crate) struct ExpectedKey {
    pub(crate) reference: Arc<str>,
    pub(crate) algorithm: Algorithm,
    pub(crate) public_key: Arc<[u8]>,
}

/// Where the PIN comes from.
pub(crate) enum PinSource {
    None,
    /// It came with this request.
    Given(Secret),
    /// It is kept for all requests, and taken when it is this one's turn.
    Kept(Arc<KeptPin>),
    Pad,
}

/// What came of it: what the application gave, and what stands on the card now.
pub(crate) struct Done {
    pub(crate) output: CardOutput,
    pub(crate) contents: Arc<Contents>,
}

/// The answer to one request.
pub(crate) type Outcome = Result<Done, CardError>;

/// What the thread of a reader is busy with, for those who wait behind it.
#[derive(Default)]
pub(crate) struct Activity(AtomicU8);

/// See [`Activity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing.
    Nothing,
    /// It waits until another program lets go of the card.
    Waiting,
    /// The same, and PC/SC says that the other program holds the card for itself alone.
    WaitingForExclusive,
    /// An operation of ours.
    Working,
    /// An operation of ours whose time has passed.
    Stuck,
}

impl Activity {
    const STATES: [Doing; 5] =
        [Doing::Nothing, Doing::Waiting, Doing::WaitingForExclusive, Doing::Working, Doing::Stuck];

    pub(crate) fn set(&self, doing: Doing) {
        self.0.store(doing as u8, Ordering::Release);
    }

    pub(crate) fn now(&self) -> Doing {
        let doing = self.0.load(Ordering::Acquire);
        Self::STATES[usize::from(doing) % Self::STATES.len()]
    }
}

/// One request on its way: shared by the one who waits, the reader's thread and the deadlines.
///
/// Whoever answers first has answered; what is still to be done is wiped then, and the others notice.
pub(crate) struct Ticket {
    activity: Arc<Activity>,
    wait: Duration,
    patience: Instant,
    entry: OnceLock<Entry>,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    work: Option<Work>,
    answer: Option<oneshot::Sender<Outcome>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The transaction with the card has not begun.
    Waiting,
    /// It has, and must have ended by then.
    Begun(Instant),
    /// It is answered.
    Over,
}

impl Ticket {
    /// Makes one, and what its answer comes from. It waits `wait` for a holder of the card, and `patience` in all
    /// before it begins.
    pub(crate) fn new(
        work: Work,
        activity: Arc<Activity>,
        wait: Duration,
        patience: Duration,
    ) -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (answer, waiting) = oneshot::channel();
        let state = State { phase: Phase::Waiting, work: Some(work), answer: Some(answer) };
        let (patience, entry) = (Instant::now() + patience, OnceLock::new());
        (Arc::new(Self { activity, wait, patience, entry, state: Mutex::new(state) }), waiting)
    }

    /// Makes one that nobody waits for: the identification of a card.
    pub(crate) fn unattended(activity: Arc<Activity>, wait: Duration) -> Arc<Self> {
        let state = State { phase: Phase::Waiting, work: None, answer: None };
        let (patience, entry) = (Instant::now() + wait, OnceLock::new());
        Arc::new(Self { activity, wait, patience, entry, state: Mutex::new(state) })
    }

    /// Its place among the deadlines.
    pub(crate) fn entry(&self) -> &OnceLock<Entry> {
        &self.entry
    }

    /// Returns what is to be done, once.
    pub(crate) fn take_work(&self) -> Option<Work> {
        self.state().work.take()
    }

    /// Says that the transaction has begun. Returns false where nobody waits for it any more.
    pub(crate) fn begin(&self, limit: Duration) -> bool {
        let mut state = self.state();
        if !state.is_wanted() {
            return false;
        }
        state.phase = Phase::Begun(Instant::now() + limit);
        self.activity.set(Doing::Working);
        true
    }

    /// Says that it waits for the card once more: the connection broke before anything was done.
    pub(crate) fn begin_anew(&self) {
        let mut state = self.state();
        if let Phase::Begun(_) = state.phase {
            state.phase = Phase::Waiting;
        }
        self.activity.set(Doing::Waiting);
    }

    /// Returns true while somebody waits for the answer.
    pub(crate) fn is_wanted(&self) -> bool {
        self.state().is_wanted()
    }

    /// Answers, unless that was done.
    pub(crate) fn answer(&self, outcome: Outcome) {
        let (work, answer) = {
            let mut state = self.state();
            state.phase = Phase::Over;
            (state.work.take(), state.answer.take())
        };
        drop(work);
        if let Some(answer) = answer {
            // Nobody may wait any more: then nobody needs it.
            drop(answer.send(outcome));
        }
    }

    /// Looks whether the time has passed, answers if so, and returns when to look again.
    pub(crate) fn expire(&self, now: Instant) -> Option<Instant> {
        let state = self.state();
        if !state.is_wanted() && state.phase == Phase::Waiting {
            drop(state);
            self.answer(Err(CardError::Timeout));
            return None;
        }
        let phase = state.phase;
        drop(state);
        let error = match phase {
            Phase::Over => return None,
            Phase::Begun(limit) if now < limit => return Some(limit),
            Phase::Begun(_) => {
                self.activity.set(Doing::Stuck);
                CardError::Timeout
            }
            Phase::Waiting => match self.activity.now() {
                Doing::Waiting => CardError::Busy(ANOTHER_PROGRAM),
                Doing::WaitingForExclusive => CardError::Busy(EXCLUSIVE_PROGRAM),
                Doing::Stuck => CardError::Timeout,
                Doing::Nothing | Doing::Working if now < self.patience => {
                    return Some(self.patience.min(now + self.wait));
                }
                Doing::Nothing | Doing::Working => CardError::Busy(OWN_REQUESTS),
            },
        };
        self.answer(Err(error));
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_wanted(&self) -> bool {
        self.phase != Phase::Over && self.answer.as_ref().is_none_or(|answer| !answer.is_closed())
    }
}

pub(crate) const ANOTHER_PROGRAM: Cow<'static, str> =
    Cow::Borrowed("another program (such as scdaemon or a browser)");
pub(crate) const EXCLUSIVE_PROGRAM: Cow<'static, str> =
    Cow::Borrowed("another program (such as scdaemon) that holds it exclusively");
pub(crate) const OWN_REQUESTS: Cow<'static, str> = Cow::Borrowed("other requests to Claviger");

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> (Arc<Activity>, Arc<Ticket>, oneshot::Receiver<Outcome>) {
        let activity = Arc::new(Activity::default());
        let work = Work::Read { token: TokenId::new("card:piv:00") };
        let (wait, patience) = (Duration::from_secs(5), Duration::from_secs(30));
        let (ticket, receiver) = Ticket::new(work, Arc::clone(&activity), wait, patience);
        (activity, ticket, receiver)
    }

    fn error(mut receiver: oneshot::Receiver<Outcome>) -> Option<CardError> {
        receiver.try_recv().ok().and_then(Result::err)
    }

    #[test]
    fn who_holds_the_card_is_told_when_the_wait_is_over() {
        for (doing, expected) in [
            (Doing::Waiting, CardError::Busy(ANOTHER_PROGRAM)),
            (Doing::WaitingForExclusive, CardError::Busy(EXCLUSIVE_PROGRAM)),
            (Doing::Stuck, CardError::Timeout),
        ] {
            let (activity, ticket, receiver) = waiting();
            activity.set(doing);
            assert_eq!(ticket.expire(Instant::now() + Duration::from_secs(5)), None);
            assert_eq!(error(receiver), Some(expected), "{doing:?}");
            assert!(!ticket.begin(Duration::from_secs(1)), "what is answered does not begin");
            assert!(ticket.take_work().is_none(), "and what was to be done is wiped");
        }
    }

    #[test]
    fn a_queue_of_our_own_is_waited_for_longer() {
        let (activity, ticket, mut receiver) = waiting();
        activity.set(Doing::Working);
        let now = Instant::now();
        let again = ticket.expire(now + Duration::from_secs(5));
        assert_eq!(again, Some(now + Duration::from_secs(10)));
        assert!(receiver.try_recv().is_err());
        assert_eq!(ticket.expire(now + Duration::from_secs(31)), None);
        assert_eq!(error(receiver), Some(CardError::Busy(OWN_REQUESTS)));
    }

    #[test]
    fn what_has_begun_has_its_limit_and_leaves_a_stuck_thread_behind() {
        let (activity, ticket, receiver) = waiting();
        assert!(ticket.begin(Duration::from_secs(30)));
        assert_eq!(activity.now(), Doing::Working);
        assert!(ticket.expire(Instant::now() + Duration::from_secs(5)).is_some());
        assert_eq!(ticket.expire(Instant::now() + Duration::from_secs(31)), None);
        assert_eq!(activity.now(), Doing::Stuck);
        assert_eq!(error(receiver), Some(CardError::Timeout));
        assert!(!ticket.is_wanted());
    }

    #[test]
    fn a_dropped_future_is_wanted_no_more() {
        let (_, ticket, receiver) = waiting();
        assert!(ticket.is_wanted());
        drop(receiver);
        assert!(!ticket.is_wanted());
        assert!(!ticket.begin(Duration::from_secs(1)));
    }
}
