//! `ssh-add -x` and `-X`.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use rustix::rand::{GetRandomFlags, getrandom};
use subtle::ConstantTimeEq as _;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::protocol::Passphrase;

/// Whether the agent is locked, and with what.
#[derive(Debug, Default)]
pub(crate) struct Lock {
    state: Mutex<State>,
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

impl Lock {
    /// Returns true while it is locked. Also while somebody tries to open it.
    pub(crate) fn is_locked(&self) -> bool {
        self.state.try_lock().map_or(true, |state| state.locked.is_some())
    }

    /// Locks; false where it is locked already.
    pub(crate) async fn lock(&self, passphrase: Passphrase) -> bool {
        let mut state = self.state.lock().await;
        if state.locked.is_some() {
            return false;
        }
        let mut salt = [0; 16];
        if getrandom(&mut salt, GetRandomFlags::empty()) != Ok(salt.len()) {
            return false;
        }
        state.locked = hash(passphrase, salt).await.map(|hash| Salted { salt, hash });
        state.locked.is_some()
    }

    /// Unlocks; false where the pass phrase is another one. Who guesses waits, one after the other.
    pub(crate) async fn unlock(&self, passphrase: Passphrase) -> bool {
        let mut state = self.state.lock().await;
        let Some(Salted { salt, hash: kept }) = state.locked.clone() else { return false };
        // Counted and waited for before it is looked at: to hang up early spares nobody anything.
        let delay = DELAY * state.failures;
        state.failures = (state.failures + 1).min(100);
        tokio::time::sleep(delay).await;
        let hash = hash(passphrase, salt).await;
        let is_right = hash.is_some_and(|hash| bool::from(hash.as_slice().ct_eq(kept.as_slice())));
        if is_right {
            *state = State::default();
        }
        is_right
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

#[cfg(test)]
mod tests {
    use super::Lock;
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
}
