//! The accounts in use: what the table says of a user, and the user's local token, kept in memory.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Accounts`], [`Seat`]: what is kept in memory for one user |
//! | `registration` | register, consent, issue consent, enrol |
//! | `passphrase` | unlock, lock, change the pass phrase, recovery code |
//! | `keys` | make, take in, name, delete, revoke |
//! | `backup` | backup and restore |
//! | `guess` | one guess at a secret, counted before it is checked |

pub mod backup;
mod guess;
pub mod keys;
pub mod passphrase;
pub mod registration;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use claviger_core::policy::{Caller, active, own_account};
use claviger_core::{Placement, Refusal, Registration, User};
use claviger_soft::{HostSecret, SoftToken};
use claviger_token::{KeyId, Token, TokenId, TokenKind};
use tokio::time::Instant;

use crate::table::{Account, Table, TableError};

/// The seats of the users who call.
pub struct Accounts {
    seats: Mutex<HashMap<u32, Arc<Seat>>>,
    host: Option<Arc<HostSecret>>,
}

/// What is kept in memory for one user.
pub struct Seat {
    /// The user's number.
    pub uid: u32,
    /// The user's local store.
    pub token: Arc<SoftToken>,
    /// Held while something of the account is changed: one change at a time.
    pub change: tokio::sync::Mutex<()>,
    account: RwLock<Loaded>,
    loading: tokio::sync::Mutex<()>,
    used: Mutex<HashMap<KeyId, i64>>,
    idle: Mutex<Idle>,
    generation: AtomicU64,
}

#[derive(Clone)]
enum Loaded {
    NotYet,
    Known(Option<Arc<Account>>),
}

struct Idle {
    limit: Option<Duration>,
    last_use: Instant,
}

impl Accounts {
    /// Returns seats that are all free.
    pub fn new(host: Option<Arc<HostSecret>>) -> Self {
        Self { seats: Mutex::new(HashMap::new()), host }
    }

    /// Returns the host secret, where there is one.
    pub const fn host(&self) -> Option<&Arc<HostSecret>> {
        self.host.as_ref()
    }

    /// Returns the seat of a user.
    pub fn seat(&self, uid: u32) -> Arc<Seat> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seat) = seats.get(&uid) {
            return Arc::clone(seat);
        }
        if seats.len() >= MOST_SEATS {
            // Who is locked and has nothing under way loses nothing by being read from the table again.
            seats.retain(|_, seat| Arc::strong_count(seat) > 1 || seat.token.is_unlocked());
        }
        let token = SoftToken::new(TokenId::local(uid), self.host.clone());
        let seat = Arc::new(Seat::new(uid, token));
        seats.insert(uid, Arc::clone(&seat));
        seat
    }

    /// Returns every seat, for stopping and for figures.
    pub fn all(&self) -> Vec<Arc<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Seat {
    fn new(uid: u32, token: SoftToken) -> Self {
        Self {
            uid,
            token: Arc::new(token),
            change: tokio::sync::Mutex::new(()),
            account: RwLock::new(Loaded::NotYet),
            loading: tokio::sync::Mutex::new(()),
            used: Mutex::default(),
            idle: Mutex::new(Idle { limit: None, last_use: Instant::now() }),
            generation: AtomicU64::new(0),
        }
    }

    /// Returns what the table says of the user; it is asked once.
    pub async fn account(&self, table: &Table) -> Result<Option<Arc<Account>>, Refusal> {
        if let Loaded::Known(account) = self.loaded() {
            return Ok(account);
        }
        let _loading = self.loading.lock().await;
        match self.loaded() {
            Loaded::Known(account) => Ok(account),
            Loaded::NotYet => self.load(table).await,
        }
    }

    /// Returns the caller's account, if there is one and it is the caller's, however far it is.
    pub async fn callers(&self, table: &Table, caller: &Caller) -> Result<Arc<Account>, Refusal> {
        let account = self.account(table).await?.ok_or(Refusal::NotRegistered(Registration::None))?;
        own_account(caller, &account.user)?;
        Ok(account)
    }

    /// Returns the caller's account, if it is the caller's and active.
    pub async fn own(&self, table: &Table, caller: &Caller) -> Result<Arc<Account>, Refusal> {
        let account = self.callers(table, caller).await?;
        active(&account.user)?;
        Ok(account)
    }

    /// Returns the caller's account, if it is the caller's, active and unlocked.
    pub async fn unlocked(&self, table: &Table, caller: &Caller) -> Result<Arc<Account>, Refusal> {
        let account = self.own(table, caller).await?;
        if self.token.is_unlocked() { Ok(account) } else { Err(Refusal::Locked) }
    }

    /// Carries a change out in the table and reads the account anew right behind it, in one go.
    pub async fn apply<T>(
        &self,
        table: &Table,
        change: impl Future<Output = Result<T, TableError>>,
    ) -> Result<T, Refusal> {
        let _loading = self.loading.lock().await;
        let (outcome, account) = tokio::join!(biased; change, table.account(self.uid));
        // What cannot be read now is read when it is needed; nobody goes on with what was true before.
        let loaded = account.map_or(Loaded::NotYet, |account| Loaded::Known(account.map(Arc::new)));
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(outcome?)
    }

    async fn load(&self, table: &Table) -> Result<Option<Arc<Account>>, Refusal> {
        let account = table.account(self.uid).await?.map(Arc::new);
        let loaded = Loaded::Known(account.clone());
        *self.account.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        Ok(account)
    }

    fn loaded(&self) -> Loaded {
        self.account.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the token that a placement is on.
    pub fn token(&self, placement: &Placement) -> Result<Arc<dyn Token>, Refusal> {
        match placement.kind {
            TokenKind::Local => Ok(Arc::clone(&self.token) as Arc<dyn Token>),
            TokenKind::Card | TokenKind::Phone => Err(Refusal::TokenAbsent("the token of this key".into())),
        }
    }

    /// Notes that a key was used, at `now` seconds since 1970.
    pub fn note_use(&self, key: KeyId, now: i64) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key, now);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).last_use = Instant::now();
    }

    /// Returns when a key was last used, if that is not in the table yet.
    pub fn last_used(&self, key: KeyId) -> Option<i64> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }

    /// Takes what was noted of uses, to be written to the table.
    pub fn take_uses(&self) -> Vec<(KeyId, i64)> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Starts the idle time anew after an unlock; returns the number of this unlock.
    pub fn start_idle(&self, limit: Option<Duration>) -> u64 {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Idle { limit, last_use: Instant::now() };
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Returns true while the unlock of that number is the last one.
    pub fn is_generation(&self, generation: u64) -> bool {
        self.generation.load(Ordering::Relaxed) == generation
    }

    /// Returns when the store locks itself unless it is used; `None` for never.
    pub fn idle_until(&self) -> Option<Instant> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.limit.map(|limit| idle.last_use + limit)
    }
}

/// Returns the row of an account, or that there is none.
pub fn registered(account: Option<&Arc<Account>>) -> Result<&User, Refusal> {
    account.map(|account| &account.user).ok_or(Refusal::NotRegistered(Registration::None))
}

/// Beyond so many seats those that are not needed are given up.
const MOST_SEATS: usize = 256;
