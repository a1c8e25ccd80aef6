use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How many threads run.
#[derive(Default)]
pub(crate) struct Threads {
    count: Mutex<isize>,
    changed: Condvar,
}

impl Threads {
    /// Says that one begins or ends.
    pub(crate) fn change(&self, by: isize) {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += by;
        self.changed.notify_all();
    }

    /// Waits until all have ended, no longer than that.
    pub(crate) fn wait(&self, patience: Duration) {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(count, patience, |count| *count > 0);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *count > 0 {
            tracing::warn!("{} threads of card readers are stuck in libpcsclite", *count);
        }
    }
}
