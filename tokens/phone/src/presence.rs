//! Whether a phone is there: decided from what was heard of it, and when.
//!
//! Nothing here does I/O or reads a clock. What counts as heard comes out of the channel, where only the paired phone can
//! have said it; a link that breaks, or is made again, says nothing. A phone is *removed* on its good-bye, or when it was
//! silent for [`Limits::lost`] and [`Limits::grace`] while this computer could have heard it all the time. Whatever else is
//! not present is *unreachable*: who stops bluetoothd must end no session.

use std::time::{Duration, Instant};

use claviger_token::Presence;

use crate::Why;

/// How long silence lasts before it means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// After which the phone is unreachable.
    pub(crate) lost: Duration,
    /// After which, on top, it is removed.
    pub(crate) grace: Duration,
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It stands thus now.
    Presence(Presence, Why),
    /// It is missed, and will count as removed then.
    Missing(Instant),
    /// It is not missed any more, or is no longer counted against.
    Back,
}

/// One phone, watched.
pub(crate) struct Watch {
    limits: Limits,
    presence: Presence,
    /// From when on it is silent: the last that was heard, or the end of a silence that it announced.
    silent: Instant,
    /// Since when this computer can hear it; `None` while it cannot.
    listening: Option<Instant>,
    asleep: bool,
    /// When it will count as removed, where that was told.
    missing: Option<Instant>,
}

impl Watch {
    /// Begins with a phone that was not heard yet, on links that are not up yet.
    pub(crate) const fn new(limits: Limits, now: Instant) -> Self {
        Self {
            limits,
            presence: Presence::Unreachable,
            silent: now,
            listening: None,
            asleep: false,
            missing: None,
        }
    }

    pub(crate) const fn presence(&self) -> Presence {
        self.presence
    }

    /// Takes in that something came out of its channel.
    pub(crate) fn hear(&mut self, now: Instant) -> Vec<Change> {
        self.silent = self.silent.max(now);
        let mut changes = Vec::new();
        self.withdraw(&mut changes);
        self.stand(Presence::Present, Why::Answers, &mut changes);
        changes
    }

    /// Takes in that this process stood still until now, and heard nobody: the phone has its full time to be heard.
    pub(crate) fn stall(&mut self, now: Instant) -> Vec<Change> {
        self.listening = self.listening.map(|_| now);
        self.send(now);
        let mut changes = Vec::new();
        self.withdraw(&mut changes);
        changes
    }

    /// Takes in that a long message is on its way to the phone and moves: it cannot answer before it has all of it.
    pub(crate) fn send(&mut self, now: Instant) {
        if self.presence == Presence::Present {
            self.silent = self.silent.max(now);
        }
    }

    /// Takes in that it will be silent for so long.
    pub(crate) fn pause(&mut self, now: Instant, time: Duration) -> Vec<Change> {
        let changes = self.hear(now);
        self.silent = self.silent.max(now + time.min(LONGEST_PAUSE));
        changes
    }

    /// Takes in that it said good-bye: what it announced before does not count any more.
    pub(crate) fn leave(&mut self, now: Instant, why: Why) -> Vec<Change> {
        self.silent = now;
        // What was told to come has come: the notice is not withdrawn, it is over.
        self.missing = None;
        let mut changes = Vec::new();
        self.stand(Presence::Removed, why, &mut changes);
        changes
    }

    /// Takes in whether this computer's own side works: the service, the adapter, the listening socket.
    pub(crate) fn listen(&mut self, now: Instant, works: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        match works {
            true => drop(self.listening.get_or_insert(now)),
            false => {
                self.listening = None;
                self.withdraw(&mut changes);
            }
        }
        changes
    }

    /// Takes in that the computer is about to sleep.
    pub(crate) fn sleep(&mut self) -> Vec<Change> {
        self.asleep = true;
        let mut changes = Vec::new();
        self.withdraw(&mut changes);
        changes
    }

    /// Takes in that the computer woke: the phone has its full time to be heard.
    pub(crate) fn wake(&mut self, now: Instant) {
        self.asleep = false;
        self.listening = self.listening.map(|_| now);
    }

    /// Takes in that it is missed. One that is known to be removed is told to be so: who misses it only now may not have
    /// heard.
    pub(crate) fn expect(&self) -> Vec<Change> {
        match self.presence {
            Presence::Removed => vec![Change::Presence(Presence::Removed, Why::Known)],
            Presence::Present | Presence::Unreachable => Vec::new(),
        }
    }

    /// Lets the time pass.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.presence == Presence::Present && now >= self.lost_at() {
            // Told late, it has the whole grace nevertheless: nobody is removed without notice.
            let since = now.checked_sub(self.limits.lost);
            self.listening =
                self.listening.map(|listening| since.map_or(listening, |since| listening.max(since)));
            self.stand(Presence::Unreachable, Why::Silent(self.limits.lost), &mut changes);
        }
        if self.presence != Presence::Unreachable {
            return changes;
        }
        let Some(missed_at) = self.missed_at() else { return changes };
        let removal_at = missed_at + self.limits.grace;
        if now >= removal_at {
            self.missing = None;
            let silent = self.limits.lost + self.limits.grace;
            self.stand(Presence::Removed, Why::Missed(silent), &mut changes);
        } else if now >= missed_at && self.missing != Some(removal_at) {
            self.missing = Some(removal_at);
            changes.push(Change::Missing(removal_at));
        }
        changes
    }

    /// Returns true while its absence counts against it.
    pub(crate) fn is_counting(&self) -> bool {
        self.presence == Presence::Unreachable && self.missed_at().is_some()
    }

    /// Returns when [`tick`](Self::tick) is due.
    pub(crate) fn next_tick(&self) -> Option<Instant> {
        match self.presence {
            Presence::Present => Some(self.lost_at()),
            Presence::Unreachable if self.missing.is_some() => self.missing,
            Presence::Unreachable => self.missed_at(),
            Presence::Removed => None,
        }
    }

    fn lost_at(&self) -> Instant {
        self.silent + self.limits.lost
    }

    /// Returns from when on the silence counts against the phone; `None` while this computer could not hear it.
    fn missed_at(&self) -> Option<Instant> {
        let listening = self.listening.filter(|_| !self.asleep)?;
        Some(listening.max(self.silent) + self.limits.lost)
    }

    fn withdraw(&mut self, changes: &mut Vec<Change>) {
        if self.missing.take().is_some() {
            changes.push(Change::Back);
        }
    }

    fn stand(&mut self, presence: Presence, why: Why, changes: &mut Vec<Change>) {
        if std::mem::replace(&mut self.presence, presence) != presence {
            changes.push(Change::Presence(presence, why));
        }
    }
}

/// The longest silence that a phone may announce: one that sleeps for longer is not there.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests;
