//! Logins that were granted and that no session was opened for yet.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claviger_soft as soft;
use claviger_token::{Hash, TokenError, TokenId};
use data_encoding::HEXLOWER;

use super::patience::Patience;

/// A login that was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who logged in.
    pub uid: u32,
    /// With what.
    pub token: TokenId,
    /// Where and how.
    pub occasion: Occasion,
}

/// Where and how somebody logs in, as the program says that asks them; for people to read. Empty is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occasion {
    /// The PAM service.
    pub service: String,
    /// The terminal.
    pub tty: String,
    /// The machine where the person is; empty for this one.
    pub remote_host: String,
    /// Who asks to become the user.
    pub requesting_user: String,
}

/// The logins by their ids. An id serves once, within its time, for its user.
#[derive(Default)]
pub struct Logins {
    /// How often phones are asked.
    pub(super) patience: Patience,
    granted: Mutex<HashMap<u32, VecDeque<Granted>>>,
}

struct Granted {
    /// The id's digest: how long a comparison takes tells nothing of the id.
    digest: Vec<u8>,
    until: Instant,
    login: Login,
}

impl Logins {
    /// Enters a login and returns its id. Beyond sixteen of one user the oldest is forgotten.
    pub(super) fn enter(&self, login: Login, now: Instant, lifetime: Duration) -> Result<String, TokenError> {
        let id = HEXLOWER.encode(soft::random(ID)?.expose());
        let mut granted = self.granted();
        granted.retain(|_, logins| {
            logins.retain(|granted| granted.until > now);
            !logins.is_empty()
        });
        let own = granted.entry(login.uid).or_default();
        if own.len() >= MOST {
            own.pop_front();
        }
        own.push_back(Granted { digest: digest(&id), until: now + lifetime, login });
        Ok(id)
    }

    /// Takes the user's login of that id out, once.
    pub(super) fn take(&self, id: &str, uid: u32, now: Instant) -> Option<Login> {
        let digest = digest(id);
        let mut granted = self.granted();
        let own = granted.get_mut(&uid)?;
        let found = own.iter().position(|granted| granted.digest == digest)?;
        own.remove(found).filter(|granted| granted.until > now).map(|granted| granted.login)
    }

    fn granted(&self) -> MutexGuard<'_, HashMap<u32, VecDeque<Granted>>> {
        self.granted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Logins").finish_non_exhaustive()
    }
}

fn digest(id: &str) -> Vec<u8> {
    soft::digest(Hash::Sha256, id.as_bytes())
}

/// Random bytes of an id.
const ID: usize = 16;
/// Logins of one user that wait for a session.
const MOST: usize = 16;

#[cfg(test)]
mod tests {
    use super::{Instant, Login, Logins, Occasion};
    use claviger_token::TokenId;
    use std::time::Duration;

    const LIFETIME: Duration = Duration::from_secs(120);

    fn login(uid: u32, token: &str) -> Login {
        let occasion = Occasion { service: format!("service of {uid}"), ..Occasion::default() };
        Login { uid, token: TokenId::new(token), occasion }
    }

    #[test]
    fn an_id_serves_once_and_only_its_user() {
        let (logins, now) = (Logins::default(), Instant::now());
        let first = logins.enter(login(1, "a"), now, LIFETIME).expect("there are random bytes");
        let second = logins.enter(login(1, "b"), now, LIFETIME).expect("there are random bytes");
        let other = logins.enter(login(2, "c"), now, LIFETIME).expect("there are random bytes");
        assert_eq!((first.len(), first == second), (32, false));
        assert_eq!(logins.take(&first, 2, now), None, "another's");
        assert_eq!(logins.take("", 1, now), None);
        assert_eq!(logins.take(&first[1..], 1, now), None);
        assert_eq!(logins.take(&second, 1, now), Some(login(1, "b")), "two tokens are not swapped");
        assert_eq!(logins.take(&first, 1, now), Some(login(1, "a")));
        assert_eq!(logins.take(&first, 1, now), None, "used");
        assert_eq!(logins.take(&other, 2, now), Some(login(2, "c")));
    }

    #[test]
    fn an_id_is_void_when_its_time_is_over_and_forgotten_then() {
        let (logins, now) = (Logins::default(), Instant::now());
        let id = logins.enter(login(1, "a"), now, LIFETIME).expect("there are random bytes");
        assert_eq!(logins.take(&id, 1, now + LIFETIME), None);
        let id = logins.enter(login(1, "a"), now, LIFETIME).expect("there are random bytes");
        let later = now + LIFETIME - Duration::from_millis(1);
        assert_eq!(logins.take(&id, 1, later), Some(login(1, "a")));
        logins.enter(login(1, "a"), now, LIFETIME).expect("there are random bytes");
        logins.enter(login(2, "b"), now + LIFETIME, LIFETIME).expect("there are random bytes");
        assert_eq!(logins.granted().keys().copied().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn the_seventeenth_login_of_a_user_pushes_out_their_first_and_nobody_elses() {
        let (logins, now) = (Logins::default(), Instant::now());
        let other = logins.enter(login(2, "z"), now, LIFETIME).expect("there are random bytes");
        let ids: Vec<String> =
            (0..17).map(|_| logins.enter(login(1, "a"), now, LIFETIME).expect("random bytes")).collect();
        assert_eq!(logins.take(&ids[0], 1, now), None);
        assert!(ids[1..].iter().all(|id| logins.take(id, 1, now).is_some()));
        assert!(logins.take(&other, 2, now).is_some());
    }
}
