//! The PIN between unlock and lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_token::Secret;

/// The PIN between unlock and lock, shared with the reader's thread: that takes it when a request's turn comes and drops it
/// where the card refuses it, so that those that wait behind do not present it too. A queue must not block a card.
#[derive(Default)]
pub(crate) struct KeptPin(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    pin: Option<Secret>,
    /// Counts the locks, so that an unlock that was under way when it was locked leaves it locked.
    locks: u64,
}

impl KeptPin {
    /// Returns the PIN, if there is one.
    pub(crate) fn get(&self) -> Option<Secret> {
        self.kept().pin.clone()
    }

    /// Returns true while there is one.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept().pin.is_some()
    }

    /// Returns how often it was forgotten.
    pub(crate) fn locks(&self) -> u64 {
        self.kept().locks
    }

    /// Keeps a PIN, unless it was forgotten since `locks` was asked for; returns whether it is kept.
    pub(crate) fn keep(&self, pin: Secret, locks: u64) -> bool {
        let mut kept = self.kept();
        let is_kept = kept.locks == locks;
        if is_kept {
            kept.pin = Some(pin);
        }
        is_kept
    }

    /// Forgets it.
    pub(crate) fn forget(&self) {
        let forgotten = {
            let mut kept = self.kept();
            kept.locks += 1;
            kept.pin.take()
        };
        drop(forgotten);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::KeptPin;
    use claviger_token::Secret;

    #[test]
    fn a_pin_that_was_checked_while_it_was_locked_is_not_kept() {
        let (kept, pin) = (KeptPin::default(), || Secret::new(b"123456".to_vec()));
        let locks = kept.locks();
        kept.forget();
        assert!(!kept.keep(pin(), locks) && kept.get().is_none());
        assert!(kept.keep(pin(), kept.locks()) && kept.is_kept());
        kept.forget();
        assert!(!kept.is_kept());
    }
}
