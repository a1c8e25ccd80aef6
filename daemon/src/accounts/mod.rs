//! The accounts in use: what the table says of a user, and the user's local token, kept in memory.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Accounts`], [`Seat`]: what is kept in memory for one user |
//! | `cards` | enrol, forget, unlock and lock cards |
//! | `hardware` | [`Hardware`]: the cards and phones that tokens are; [`Holder`]: which of them holds a token |
//! | `pairing` | pair a phone |
//! | `phones` | keep, unpair, unlock and lock phones |
//! | `phone_keys` | the keys on a phone: taken in, taken out |
//! | `card_care` | the PIN and the identity of a card that is the caller's, or nobody's |
//! | `possession` | proves that a card or phone has the private key of a public one |
//! | `statement` | what a key signs to show that it is there |
//! | `login` | login by challenge and response: who is at a prompt has the user's token |
//! | `removal` | what a user wants to happen when the token is removed |
//! | `certificates` | the certificates of keys |
//! | `idle` | how long something unlocked has not been used |
//! | `registration` | register, consent, issue consent, enrol |
//! | `passphrase` | unlock, lock, change the pass phrase, recovery code |
//! | `asked` | what a token was asked to make or take, held against its answer |
//! | `keys` | make, take in, name, delete, revoke |
//! | `backup` | backup and restore |
//! | `guess` | one guess at a secret, counted before it is checked |

mod asked;
pub mod backup;
pub mod card_care;
pub mod cards;
pub mod certificates;
mod guess;
mod hardware;
mod idle;
pub mod keys;
pub mod login;
pub mod pairing;
pub mod passphrase;
pub mod phone_keys;
pub mod phones;
mod possession;
pub mod registration;
pub mod removal;
mod statement;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use claviger_card::{CardToken, Contents};
use claviger_core::policy::{Caller, active, own_account};
use claviger_core::{EnrolledToken, Key, Placement, Refusal, Registration, Standing, User, choose, places};
use claviger_phone_token::PhoneToken;
use claviger_soft::{HostSecret, SoftToken};
use claviger_token::{KeyId, Presence, Token, TokenId, TokenKind};

use crate::table::{Account, Table, TableError};
pub use hardware::{Hardware, Holder};
pub use idle::Idle;
pub use login::Logins;

/// The seats of the users who call.
pub struct Accounts {
    seats: Mutex<HashMap<u32, Arc<Seat>>>,
    host: Option<Arc<HostSecret>>,
    hardware: Hardware,
    /// Logins that no session was opened for yet.
    pub logins: Logins,
}

/// What is kept in memory for one user.
pub struct Seat {
    /// The user's number.
    pub uid: u32,
    /// The user's local store.
    pub token: Arc<SoftToken>,
    /// Held while something of the account is changed: one change at a time.
    pub change: tokio::sync::Mutex<()>,
    /// Held while guesses are counted: reading and writing them is one step.
    counting: tokio::sync::Mutex<()>,
    /// Held while somebody logs in with the pass phrase: one after the other, so that nobody fills the queue of all users'
    /// logins, and no right guess clears the count of wrong ones that are still under way.
    login: tokio::sync::Mutex<()>,
    account: RwLock<Loaded>,
    loading: tokio::sync::Mutex<()>,
    used: Mutex<HashMap<KeyId, i64>>,
    idle: Mutex<HashMap<TokenId, Arc<Idle>>>,
    hardware: Hardware,
}

#[derive(Clone)]
enum Loaded {
    NotYet,
    Known(Option<Arc<Account>>),
}

impl Accounts {
    /// Returns seats that are all free.
    pub fn new(host: Option<Arc<HostSecret>>, hardware: Hardware) -> Self {
        Self { seats: Mutex::new(HashMap::new()), host, hardware, logins: Logins::default() }
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
            seats.retain(|_, seat| Arc::strong_count(seat) > 1 || seat.is_unlocked());
        }
        let token = SoftToken::new(TokenId::local(uid), self.host.clone());
        let seat = Arc::new(Seat::new(uid, token, self.hardware.clone()));
        seats.insert(uid, Arc::clone(&seat));
        seat
    }

    /// Returns every seat, for stopping and for figures.
    pub fn all(&self) -> Vec<Arc<Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Seat {
    fn new(uid: u32, token: SoftToken, hardware: Hardware) -> Self {
        Self {
            uid,
            token: Arc::new(token),
            change: tokio::sync::Mutex::new(()),
            counting: tokio::sync::Mutex::new(()),
            login: tokio::sync::Mutex::new(()),
            account: RwLock::new(Loaded::NotYet),
            loading: tokio::sync::Mutex::new(()),
            used: Mutex::default(),
            idle: Mutex::default(),
            hardware,
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

    /// Returns the caller's account, if it is the caller's, active, and a secret of its owner was given: to the
    /// local store, to a card, or to a phone.
    pub async fn opened(&self, table: &Table, caller: &Caller) -> Result<Arc<Account>, Refusal> {
        let account = self.own(table, caller).await?;
        let is_open = |token: &EnrolledToken| match token.kind {
            TokenKind::Local => false,
            TokenKind::Card => self.card(&token.id).is_ok_and(|card| card.is_unlocked()),
            TokenKind::Phone => self.phone(&token.id).is_ok_and(|phone| phone.is_unlocked()),
        };
        if self.is_unlocked() || account.tokens.iter().any(is_open) {
            return Ok(account);
        }
        let has_card = account.tokens.iter().any(|token| token.kind == TokenKind::Card);
        Err(match account.user.slots {
            Some(_) => Refusal::Locked,
            None if has_card || account.tokens.is_empty() => Refusal::PinNeeded,
            None => Refusal::PhoneLocked,
        })
    }

    /// Returns the caller's account, if it is the caller's, active, and its local store is unlocked.
    pub async fn unlocked(&self, table: &Table, caller: &Caller) -> Result<Arc<Account>, Refusal> {
        let account = self.own(table, caller).await?;
        if self.token.is_unlocked() { Ok(account) } else { Err(Refusal::Locked) }
    }

    /// Carries a change out in the table and reads the account anew right behind it, in one go. Phones that the account has
    /// no more are kept until `let_go`: what is bound to them is to be given up first.
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

    /// Lets go of the user's phones that are none of the account's any more; a phone counts as removed at once. So it comes
    /// after the sessions that are bound to them for no good reason any more were told to be bound to nothing.
    pub(super) async fn let_go(&self, table: &Table) {
        match self.account(table).await {
            Ok(account) => {
                let tokens = account.as_ref().map_or(&[][..], |account| &account.tokens);
                self.hardware.keep_only(self.uid, tokens);
            }
            Err(refusal) => tracing::error!(uid = self.uid, "cannot tell which phones to keep: {refusal}"),
        }
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
            TokenKind::Card => Ok(self.card(&placement.token)? as Arc<dyn Token>),
            TokenKind::Phone => Ok(self.phone(&placement.token)? as Arc<dyn Token>),
        }
    }

    /// Returns the card of that id, wherever it is.
    pub fn card(&self, token: &TokenId) -> Result<Arc<CardToken>, Refusal> {
        self.hardware.card(token).ok_or(Refusal::NoSuchToken)
    }

    /// Returns the phone of that id, wherever it is.
    pub fn phone(&self, token: &TokenId) -> Result<Arc<PhoneToken>, Refusal> {
        self.hardware.phone(token).ok_or(Refusal::NoSuchToken)
    }

    /// Dials the phones on which a key may be used, where it cannot be used elsewhere now, and waits for them a moment.
    pub async fn reach(&self, key: &Key, at: Option<&TokenId>) {
        if places(key, at).all(|place| self.standing(key, place) == Standing::Away) {
            let phones = places(key, at).filter(|place| place.kind == TokenKind::Phone);
            self.hardware.reach(phones.map(|place| &place.token)).await;
        }
    }

    /// Dials those phones, and waits for them a moment.
    pub(super) async fn dial(&self, phones: impl Iterator<Item = &TokenId>) {
        self.hardware.reach(phones).await;
    }

    /// Returns the place where a key is used now, and the token there: that one, where one is told.
    ///
    /// # Errors
    /// [`Refusal::NoSuchToken`] where the user has no such token, and those of [`choose`].
    pub fn place<'a>(
        &self,
        account: &Account,
        key: &'a Key,
        at: Option<&TokenId>,
    ) -> Result<(&'a Placement, Arc<dyn Token>), Refusal> {
        if at.is_some_and(|token| !self.has(account, token)) {
            return Err(Refusal::NoSuchToken);
        }
        let name = |place: &Placement| token_name(account, &place.token);
        let placement = choose(key, at, |place| self.standing(key, place), name)?;
        Ok((placement, self.token(placement)?))
    }

    fn has(&self, account: &Account, token: &TokenId) -> bool {
        account.tokens.iter().any(|enrolled| enrolled.id == *token)
            || (token == self.token.id() && account.user.slots.is_some())
    }

    fn standing(&self, key: &Key, placement: &Placement) -> Standing {
        let Ok(token) = self.token(placement) else { return Standing::Away };
        match token.presence() {
            Presence::Present if token.is_ready(&key.handle(placement)) => Standing::Ready,
            Presence::Present => Standing::Locked,
            Presence::Unreachable | Presence::Removed => Standing::Away,
        }
    }

    /// Returns true where the token of a placement has shown that this very key stands there. Some cards show a key
    /// only beside its certificate.
    pub fn vouches(&self, placement: &Placement, key: &Key) -> bool {
        let shown = |contents: &Contents| {
            contents.key(&placement.reference).is_some_and(|there| there.public_key == key.info.public_key)
        };
        match placement.kind {
            TokenKind::Local => true,
            TokenKind::Card => {
                self.hardware.contents(&placement.token).is_some_and(|contents| shown(&contents))
            }
            // A phone says what it likes: each of its signatures is held against the key that proved itself.
            TokenKind::Phone => false,
        }
    }

    /// Returns true while the local store is unlocked.
    pub fn is_unlocked(&self) -> bool {
        self.token.is_unlocked()
    }

    /// Notes that a key was used on a token, at `now` seconds since 1970.
    pub fn note_use(&self, key: KeyId, token: &TokenId, now: i64) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key, now);
        self.idle(token).note_use();
    }

    /// Returns when a key was last used, if that is not in the table yet.
    pub fn last_used(&self, key: KeyId) -> Option<i64> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }

    /// Takes what was noted of uses, to be written to the table.
    pub fn take_uses(&self) -> Vec<(KeyId, i64)> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Returns how long a token of the user has not been used.
    pub fn idle(&self, token: &TokenId) -> Arc<Idle> {
        let mut clocks = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match clocks.get(token) {
            Some(idle) => Arc::clone(idle),
            None => Arc::clone(clocks.entry(token.clone()).or_default()),
        }
    }
}

/// Returns what people call a token of an account; with its id where others are called the same.
pub fn token_name(account: &Account, token: &TokenId) -> String {
    let Some(enrolled) = account.tokens.iter().find(|enrolled| enrolled.id == *token) else {
        return token.to_string();
    };
    let (kind, name) = (enrolled.kind.name(), &enrolled.name);
    let namesakes = account.tokens.iter().filter(|other| other.name == *name).count();
    if namesakes > 1 { format!("{kind} {name:?} ({token})") } else { format!("{kind} {name:?}") }
}

/// Returns the row of an account, or that there is none.
pub fn registered(account: Option<&Arc<Account>>) -> Result<&User, Refusal> {
    account.map(|account| &account.user).ok_or(Refusal::NotRegistered(Registration::None))
}

/// Beyond so many seats those that are not needed are given up.
const MOST_SEATS: usize = 256;

#[cfg(test)]
mod tests;
