use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long something that was unlocked has not been used: a local store, a card.
pub struct Idle {
    clock: Mutex<Clock>,
    unlocks: AtomicU64,
}

struct Clock {
    limit: Option<Duration>,
    last_use: Instant,
}

impl Default for Idle {
    fn default() -> Self {
        Self {
            clock: Mutex::new(Clock { limit: None, last_use: Instant::now() }),
            unlocks: AtomicU64::new(0),
        }
    }
}

impl Idle {
    /// Starts the time anew after an unlock; returns the number of this unlock.
    pub fn start(&self, limit: Option<Duration>) -> u64 {
        *self.clock() = Clock { limit, last_use: Instant::now() };
        self.unlocks.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes a use.
    pub fn note_use(&self) {
        self.clock().last_use = Instant::now();
    }

    /// Returns true while the unlock of that number is the last one.
    fn is_last(&self, unlock: u64) -> bool {
        self.unlocks.load(Ordering::Relaxed) == unlock
    }

    /// Returns when it locks itself unless it is used; `None` for never.
    pub fn until(&self) -> Option<Instant> {
        let clock = self.clock();
        clock.limit.map(|limit| clock.last_use + limit)
    }

    /// Waits until what was opened by that unlock has not been used for as long as it may; returns false where another
    /// unlock took its place, or where idleness does not lock.
    pub async fn over(&self, unlock: u64) -> bool {
        while let Some(until) = self.until() {
            tokio::time::sleep_until(until).await;
            if !self.is_last(unlock) {
                return false;
            }
            if self.is_over(unlock) {
                return true;
            }
        }
        false
    }

    /// Returns true where that unlock is the last one and its time is over now.
    pub fn is_over(&self, unlock: u64) -> bool {
        self.is_last(unlock) && self.until().is_some_and(|until| until <= Instant::now())
    }

    fn clock(&self) -> MutexGuard<'_, Clock> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
