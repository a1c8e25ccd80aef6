use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::CardError;
use crate::ticket::{Activity, Doing, OWN_REQUESTS, Ticket};

/// How many requests wait for one reader.
const QUEUE: usize = 256;

/// One reader, as everybody but its thread sees it: a queue, and what the watcher last saw.
pub(crate) struct Reader {
    pub(crate) name: String,
    pub(crate) activity: Arc<Activity>,
    queue: Mutex<Queue>,
    changed: Condvar,
    count: AtomicU32,
    pin_pad: AtomicBool,
    /// A hold on the connection to the OpenSC helper, while there is one.
    line: Mutex<Option<UnixStream>>,
}

#[derive(Default)]
struct Queue {
    identify: Option<u64>,
    tickets: VecDeque<Arc<Ticket>>,
    /// The one that the thread is at.
    current: Option<Arc<Ticket>>,
    closed: Option<CardError>,
}

/// What the thread of a reader does next.
pub(crate) enum Next {
    /// Identifies the card of that stay.
    Identify(u64),
    /// Carries out a request.
    Ticket(Arc<Ticket>),
    /// There was nothing to do for so long.
    Idle,
    /// Ends.
    Close,
}

impl Reader {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            activity: Arc::default(),
            queue: Mutex::default(),
            changed: Condvar::new(),
            count: AtomicU32::new(0),
            pin_pad: AtomicBool::new(false),
            line: Mutex::default(),
        }
    }

    /// Has the thread identify the card, before anything else.
    pub(crate) fn identify(&self, stay: u64) {
        self.queue().identify = Some(stay);
        self.changed.notify_one();
    }

    /// Has the thread carry out a request.
    pub(crate) fn submit(&self, ticket: Arc<Ticket>) -> Result<(), CardError> {
        let mut queue = self.queue();
        if let Some(reason) = &queue.closed {
            return Err(reason.clone());
        }
        if queue.tickets.len() >= QUEUE {
            queue.tickets.retain(|ticket| ticket.is_wanted());
        }
        if queue.tickets.len() >= QUEUE {
            return Err(CardError::Busy(OWN_REQUESTS));
        }
        queue.tickets.push_back(ticket);
        self.changed.notify_one();
        Ok(())
    }

    /// Answers all who wait, and has the thread end as soon as it can.
    pub(crate) fn close(&self, reason: &CardError) {
        self.queue().closed.get_or_insert_with(|| reason.clone());
        self.changed.notify_all();
        self.dismiss(reason);
    }

    /// Answers all who wait, also the one whose request the thread is at: the card is gone, and the thread may take
    /// its time to notice.
    pub(crate) fn dismiss(&self, reason: &CardError) {
        let (waiting, current) = {
            let mut queue = self.queue();
            let current = queue.current.take();
            if current.is_some() {
                self.activity.set(Doing::Stuck);
            }
            (std::mem::take(&mut queue.tickets), current)
        };
        waiting.iter().chain(&current).for_each(|ticket| ticket.answer(Err(reason.clone())));
        self.hang_up();
    }

    /// Says that the thread is at nothing any more.
    pub(crate) fn rest(&self) {
        let done = {
            let mut queue = self.queue();
            self.activity.set(Doing::Nothing);
            queue.current.take()
        };
        drop(done);
    }

    /// Keeps a hold on the connection to the OpenSC helper, or none.
    pub(crate) fn set_line(&self, line: Option<UnixStream>) {
        let before = std::mem::replace(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner), line);
        drop(before);
    }

    /// Ends the connection to the OpenSC helper, which may wait for a card that does not come back: the helper ends
    /// with it.
    fn hang_up(&self) {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = line.map(|line| line.shutdown(Shutdown::Both)) {
            tracing::debug!("cannot hang up on the OpenSC helper: {error}");
        }
    }

    /// Returns what is to be done, and waits for it no longer than until then.
    pub(crate) fn next(&self, until: Option<Instant>) -> Next {
        let mut queue = self.queue();
        loop {
            if queue.closed.is_some() {
                return Next::Close;
            }
            if let Some(stay) = queue.identify.take() {
                return Next::Identify(stay);
            }
            if let Some(ticket) = queue.tickets.pop_front() {
                queue.current = Some(Arc::clone(&ticket));
                return Next::Ticket(ticket);
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            queue = match left {
                Some(Duration::ZERO) => return Next::Idle,
                Some(left) => self.wait(queue, left),
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Waits until something happens in the queue, no longer than that. Returns false where the reader is gone.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let queue = self.queue();
        let queue = if queue.closed.is_none() { self.wait(queue, time) } else { queue };
        queue.closed.is_none()
    }

    /// Takes in the count of insertions and removals that the watcher saw.
    pub(crate) fn set_count(&self, count: u16) {
        self.count.store(count.into(), Ordering::Release);
    }

    /// Returns that count.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn set_pin_pad(&self, pin_pad: bool) {
        self.pin_pad.store(pin_pad, Ordering::Release);
    }

    pub(crate) fn has_pin_pad(&self) -> bool {
        self.pin_pad.load(Ordering::Acquire)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>, time: Duration) -> MutexGuard<'a, Queue> {
        self.changed.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use claviger_token::TokenId;

    use super::*;
    use crate::ticket::Work;

    #[test]
    fn identification_comes_first_and_requests_in_their_order() {
        let reader = Reader::new("A");
        let mut waiting = Vec::new();
        for name in ["1", "2"] {
            let work = Work::Read { token: TokenId::new(name) };
            let (ticket, receiver) =
                Ticket::new(work, Arc::default(), Duration::from_secs(5), Duration::from_secs(30));
            reader.submit(ticket).expect("there is room");
            waiting.push(receiver);
        }
        reader.identify(7);
        assert!(matches!(reader.next(None), Next::Identify(7)));
        for name in ["1", "2"] {
            let Next::Ticket(ticket) = reader.next(None) else { panic!("a request is next") };
            assert!(matches!(ticket.take_work(), Some(Work::Read { token }) if token.as_str() == name));
        }
        assert!(matches!(reader.next(Some(Instant::now())), Next::Idle));
    }

    #[test]
    fn a_reader_that_is_gone_answers_all_who_wait() {
        let reader = Reader::new("A");
        let work = || Work::Read { token: TokenId::new("1") };
        let make = || Ticket::new(work(), Arc::default(), Duration::from_secs(5), Duration::from_secs(30));
        let (ticket, mut receiver) = make();
        reader.submit(ticket).expect("there is room");
        reader.close(&CardError::Gone);
        assert!(matches!(receiver.try_recv(), Ok(Err(CardError::Gone))));
        assert_eq!(reader.submit(make().0), Err(CardError::Gone));
        assert!(matches!(reader.next(None), Next::Close));
        assert!(!reader.pause(Duration::from_secs(60)));
    }

    #[test]
    fn a_card_that_is_pulled_answers_also_the_one_it_was_busy_with() {
        let reader = Reader::new("A");
        let make = || {
            let work = Work::Read { token: TokenId::new("1") };
            Ticket::new(work, Arc::default(), Duration::from_secs(5), Duration::from_secs(30))
        };
        let ((first, mut at), (second, mut behind)) = (make(), make());
        reader.submit(first).expect("there is room");
        reader.submit(second).expect("there is room");
        assert!(matches!(reader.next(None), Next::Ticket(_)));
        reader.dismiss(&CardError::Gone);
        assert!(matches!(at.try_recv(), Ok(Err(CardError::Gone))));
        assert!(matches!(behind.try_recv(), Ok(Err(CardError::Gone))));
        assert_eq!(reader.activity.now(), Doing::Stuck, "until the thread comes back");
        reader.rest();
        assert_eq!(reader.activity.now(), Doing::Nothing);
        let (third, mut after) = make();
        assert_eq!(reader.submit(third), Ok(()), "the reader is still there");
        assert!(after.try_recv().is_err());
    }

    #[test]
    fn a_queue_has_an_end_and_makes_room_of_what_nobody_wants() {
        let reader = Reader::new("A");
        let make = || {
            let work = Work::Read { token: TokenId::new("1") };
            Ticket::new(work, Arc::default(), Duration::from_secs(5), Duration::from_secs(30))
        };
        let mut waiting = Vec::new();
        for _ in 0..QUEUE {
            let (ticket, receiver) = make();
            reader.submit(ticket).expect("there is room");
            waiting.push(receiver);
        }
        assert_eq!(reader.submit(make().0), Err(CardError::Busy(OWN_REQUESTS)));
        waiting.pop();
        let (ticket, receiver) = make();
        assert_eq!(reader.submit(ticket), Ok(()));
        drop(receiver);
    }
}
