//! `ssh-add -x` and `-X`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use rustix::rand::{GetRandomFlags, getrandom};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::protocol::Passphrase;

/// Whether the agent is locked, and with what.
#[derive(Debug)]
pub(crate) struct Lock {
    state: Mutex<State>,
    /// Who tries to open it and waits. Others wait for those.
    tries: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    locked: Option<Salted>,
    /// Wrong pass phrases since the last right one.
    failures: u32,
}

/// What of a pass phrase is kept.
#[derive(Clone, Debug)]
struct Salted {
    salt: [u8; 16],
    hash: Zeroizing<[u8; 32]>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { state: Mutex::default(), tries: Semaphore::new(TRIES) }
    }
}

impl Lock {
    /// Returns true while it is locked. Also while somebody tries to open it.
    pub(crate) fn is_locked(&self) -> bool {
        self.state().locked.is_some()
    }

    /// Locks; false where it is locked already.
    pub(crate) async fn lock(&self, passphrase: Passphrase) -> bool {
        if self.is_locked() {
            return false;
        }
        let mut salt = [0; 16];
        if getrandom(&mut salt, GetRandomFlags::empty()) != Ok(salt.len()) {
            return false;
        }
        let Some(hash) = hash(passphrase, salt).await else { return false };
        let mut state = self.state();
        // Somebody else was quicker.
        if state.locked.is_some() {
            return false;
        }
        state.locked = Some(Salted { salt, hash });
        true
    }

    /// Unlocks; false where the pass phrase is another one. Who guesses waits, and keeps others from their own tries no
    /// longer than [`TRIES`] programs at once can.
    pub(crate) async fn unlock(&self, passphrase: Passphrase) -> bool {
        let Ok(_turn) = self.tries.acquire().await else { return false };
        // Counted and waited for before it is looked at: to hang up early spares nobody anything.
        let (Salted { salt, hash: kept }, delay) = {
            let mut state = self.state();
            let Some(kept) = state.locked.clone() else { return false };
            let delay = DELAY * state.failures;
            state.failures = (state.failures + 1).min(100);
            (kept, delay)
        };
        tokio::time::sleep(delay).await;
        let hash = hash(passphrase, salt).await;
        let is_right = hash.is_some_and(|hash| bool::from(hash.as_slice().ct_eq(kept.as_slice())));
        if !is_right {
            return false;
        }
        let mut state = self.state();
        // It may have been opened meanwhile, and locked with another one.
        let is_open = state.locked.as_ref().is_none_or(|locked| locked.salt == salt);
        if is_open {
            *state = State::default();
        }
        is_open
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn hash(passphrase: Passphrase, salt: [u8; 16]) -> Option<Zeroizing<[u8; 32]>> {
    let hashing = tokio::task::spawn_blocking(move || {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default());
        let mut hash = Zeroizing::new([0; 32]);
        argon2.hash_password_into(&passphrase.0, &salt, &mut *hash).ok().map(|()| hash)
    });
    hashing.await.ok().flatten()
}

/// What each wrong pass phrase adds, as in OpenSSH: ten seconds in the end.
const DELAY: Duration = Duration::from_millis(100);
/// So many wait beside one another: a program that guesses without end does not keep the owner out, and many of them guess
/// but so many times as fast as one. Each hash takes 19 MiB.
const TRIES: usize = 4;

#[cfg(test)]
mod tests {
    use super::{DELAY, Lock};
    use crate::protocol::Passphrase;

    fn phrase(text: &str) -> Passphrase {
        Passphrase(text.as_bytes().to_vec().into())
    }

    #[tokio::test]
    async fn only_the_same_pass_phrase_opens() {
        let lock = Lock::default();
        assert!(!lock.unlock(phrase("right")).await, "it is open");
        assert!(lock.lock(phrase("right")).await && lock.is_locked());
        assert!(!lock.lock(phrase("other")).await, "it is locked");
        let began = std::time::Instant::now();
        assert!(!lock.unlock(phrase("wrong")).await && lock.is_locked());
        assert!(!lock.unlock(phrase("")).await);
        assert!(began.elapsed() >= std::time::Duration::from_millis(100), "who guesses waits");
        assert!(lock.unlock(phrase("right")).await && !lock.is_locked());
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_does_not_keep_the_owner_waiting_in_line() {
        let lock = Lock::default();
        assert!(lock.lock(phrase("right")).await);
        for _ in 0..10 {
            assert!(!lock.unlock(phrase("wrong")).await);
        }
        let began = tokio::time::Instant::now();
        let (wrong, also_wrong, right) = tokio::join!(
            lock.unlock(phrase("wrong")),
            lock.unlock(phrase("worse")),
            lock.unlock(phrase("right"))
        );
        assert!(!wrong && !also_wrong && right && !lock.is_locked());
        // 1.0 and 1.1 seconds for those who guess, and 1.2 for the third try: beside, and not behind one another.
        let waited = began.elapsed();
        assert!(waited >= DELAY * 12 && waited < DELAY * 20, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_phrase_that_was_right_does_not_open_what_was_locked_anew_meanwhile() {
        let lock = Lock::default();
        assert!(lock.lock(phrase("first")).await);
        // The clock stands until the second one waits alone, for the delay that the first one left it.
        let outcomes = tokio::join!(lock.unlock(phrase("first")), lock.unlock(phrase("first")), async {
            while lock.is_locked() {
                tokio::task::yield_now().await;
            }
            lock.lock(phrase("second")).await
        });
        assert_eq!(outcomes, (true, false, true));
        assert!(lock.is_locked() && lock.unlock(phrase("second")).await);
    }
}
