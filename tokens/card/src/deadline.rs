use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::ticket::Ticket;

/// The one clock of all readers: a thread of its own, because a reader's thread may be stuck in libpcsclite and
/// because no runtime is needed to use a card.
#[derive(Default)]
pub(crate) struct Deadlines {
    table: Mutex<Table>,
    changed: Condvar,
}

#[derive(Default)]
struct Table {
    tickets: HashMap<u64, (Instant, Arc<Ticket>)>,
    next: u64,
    /// Until when the thread sleeps; `None` while it sleeps until it is woken.
    asleep_until: Option<Instant>,
    stopped: bool,
}

/// Names a ticket among the deadlines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(u64);

impl Deadlines {
    /// Has the ticket looked at then. It is woken for this only where it would sleep past it: operations follow
    /// each other faster than they expire.
    pub(crate) fn add(&self, when: Instant, ticket: &Arc<Ticket>) {
        let mut table = self.table();
        let next = table.next;
        let Entry(entry) = *ticket.entry().get_or_init(|| Entry(next));
        table.next += 1;
        table.tickets.insert(entry, (when, Arc::clone(ticket)));
        self.wake_before(table, when);
    }

    /// Has the ticket looked at by then at the latest.
    pub(crate) fn hasten(&self, when: Instant, ticket: &Ticket) {
        let Some(Entry(entry)) = ticket.entry().get() else { return };
        let mut table = self.table();
        if let Some((due, _)) = table.tickets.get_mut(entry).filter(|(due, _)| when < *due) {
            *due = when;
            self.wake_before(table, when);
        }
    }

    /// Forgets a ticket that was answered.
    pub(crate) fn remove(&self, ticket: &Ticket) {
        let Some(Entry(entry)) = ticket.entry().get() else { return };
        let removed = self.table().tickets.remove(entry);
        drop(removed);
    }

    /// Ends [`run`](Self::run).
    pub(crate) fn stop(&self) {
        self.table().stopped = true;
        self.changed.notify_all();
    }

    /// Looks at the tickets when they are due, until it is stopped.
    pub(crate) fn run(&self) {
        let mut table = self.table();
        while !table.stopped {
            let now = Instant::now();
            let due = table.tickets.iter().filter(|(_, (when, _))| *when <= now);
            let due: Vec<_> = due.map(|(entry, (_, ticket))| (*entry, Arc::clone(ticket))).collect();
            for (entry, ticket) in due {
                match ticket.expire(now) {
                    Some(again) => drop(table.tickets.insert(entry, (again, ticket))),
                    None => drop(table.tickets.remove(&entry)),
                }
            }
            let next = table.tickets.values().map(|(when, _)| *when).min();
            table.asleep_until = next;
            table = match next {
                None => self.changed.wait(table).unwrap_or_else(PoisonError::into_inner),
                Some(next) => {
                    let left = next.saturating_duration_since(Instant::now());
                    self.changed.wait_timeout(table, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn wake_before(&self, mut table: MutexGuard<'_, Table>, when: Instant) {
        if table.asleep_until.is_none_or(|until| when < until) {
            // So that the next one does not wake it again.
            table.asleep_until = Some(when);
            self.changed.notify_one();
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use claviger_token::TokenId;

    use super::*;
    use crate::CardError;
    use crate::ticket::{Activity, Doing, Work};

    #[test]
    fn every_ticket_is_answered_when_its_time_has_come() {
        let deadlines = Arc::new(Deadlines::default());
        let clock = thread::spawn({
            let deadlines = Arc::clone(&deadlines);
            move || deadlines.run()
        });
        let activity = Arc::new(Activity::default());
        activity.set(Doing::Waiting);
        let started = Instant::now();
        // The later first: the earlier one must wake the clock.
        let mut waiting = Vec::new();
        for milliseconds in [60, 20, 40] {
            let wait = Duration::from_millis(milliseconds);
            let work = Work::Read { token: TokenId::new("card:piv:00") };
            let (ticket, receiver) = Ticket::new(work, Arc::clone(&activity), wait, wait);
            deadlines.add(started + wait, &ticket);
            waiting.push((wait, receiver));
        }
        for (wait, receiver) in waiting {
            let outcome = receiver.blocking_recv().expect("it is answered");
            assert!(matches!(outcome.err(), Some(CardError::Busy(_))));
            assert!(started.elapsed() >= wait);
        }
        assert!(deadlines.table().tickets.is_empty());
        deadlines.stop();
        clock.join().expect("it ends");
    }

    #[test]
    fn what_was_answered_is_forgotten() {
        let deadlines = Deadlines::default();
        let ticket = Ticket::unattended(Arc::default(), Duration::from_secs(1));
        deadlines.add(Instant::now() + Duration::from_secs(60), &ticket);
        deadlines.hasten(Instant::now() + Duration::from_secs(1), &ticket);
        deadlines.remove(&ticket);
        assert!(deadlines.table().tickets.is_empty());
    }
}
