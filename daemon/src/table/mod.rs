//! The user info table on disk: for every user a row, and the keys with the places where they stand.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Table`]: the asynchronous face; one method per operation |
//! | `thread` | the one thread that owns the store |
//! | `store` | `Store`: the open database, its settings, how an erasure is made final |
//! | `folder` | the state folder and the files in it: made, and checked before they are trusted |
//! | `lock` | the lock file: one daemon per state folder |
//! | `schema` | the schema, version by version, and how an older one is brought forward |
//! | `sql` | every statement that is run |
//! | `rows` | a row of the database to a row type and back, validated |
//! | `der` | certificates in one column |
//! | `users` `keys` `tokens` `phones` `bindings` `archive` | the operations |
//! | `error` | [`TableError`]; `refusal`: what it means to a caller |
//!
//! Every operation that changes something is one transaction, and is on the disk when it returns: a crash at any
//! instant leaves the table as it was before or as it should be after. Dropping the future of an operation
//! does not take it back: it is carried out all the same.

mod archive;
mod bindings;
mod der;
mod error;
mod folder;
mod keys;
mod lock;
mod phones;
mod refusal;
mod rows;
mod schema;
mod sql;
mod store;
mod thread;
mod tokens;
mod users;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use claviger_core::{
    Action, Binding, Confirm, Defaults, EnrolledToken, Guesses, Key, Placement, Registration, SessionId, User,
};
use claviger_token::{KeyId, TokenId, TokenKind};

pub use archive::{Archived, Ending};
pub use der::Misfit;
pub use error::{Damage, Existing, TableError};
pub use phones::Phone;
pub use users::{Account, Origin, Statistics, UserSummary};

use store::Store;
use thread::Thread;
use tokens::Enrolment;

/// The user info table. Clones are cheap and mean the same table.
#[derive(Clone)]
pub struct Table {
    thread: Thread,
}

impl Table {
    /// Opens the table in that folder, and makes folder and table where there are none.
    ///
    /// The folder is held by this table alone until [`Table::close`], or until the last clone is dropped and its
    /// work is done. This blocks; it is meant for the start of the daemon.
    pub fn open(state_dir: &Path) -> Result<Self, TableError> {
        Thread::start(Store::open(state_dir)?).map(|thread| Self { thread })
    }

    /// Closes the table when everything asked before is done. The other clones answer
    /// [`TableError::Stopped`] from then on.
    pub async fn close(self) {
        self.thread.stop().await;
    }

    /// Returns the user's row, all their keys, the revoked ones included, in the order they were made, and the
    /// tokens they enrolled.
    pub async fn account(&self, uid: u32) -> Result<Option<Account>, TableError> {
        self.thread.run(move |store| store.account(uid)).await
    }

    /// Returns the user of that name.
    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, TableError> {
        let name = name.to_owned();
        self.thread.run(move |store| store.user_by_name(&name)).await
    }

    /// Returns at most `limit` users with uids above `after`, in ascending order; less than `limit` where the
    /// table ends. A damaged row is logged and left out.
    pub async fn users(&self, after: Option<u32>, limit: usize) -> Result<Vec<UserSummary>, TableError> {
        self.thread.run(move |store| store.users(after, limit)).await
    }

    /// Adds a user. [`TableError::AlreadyExists`] where the uid or the name has a row.
    pub async fn enrol(&self, user: User) -> Result<(), TableError> {
        self.thread.run(move |store| store.enrol(&user)).await
    }

    /// Writes a registration: the user's row, made or replaced, and the keys of it.
    ///
    /// The keys of an earlier registration that was revoked or void leave the table; their public halves are
    /// archived, and the tokens of it are let go. [`TableError::AlreadyExists`] while a registration stands
    /// (applied, pending, active).
    pub async fn register(&self, user: User, keys: Vec<Key>) -> Result<(), TableError> {
        self.thread.run(move |store| store.register(&user, &keys)).await
    }

    /// Writes an account as a backup has it: the row and the keys become exactly these. Keys that are not
    /// among them leave the table; their public halves are archived, and the user's tokens are let go.
    pub async fn replace_account(&self, user: User, keys: Vec<Key>) -> Result<(), TableError> {
        self.thread.run(move |store| store.replace_account(&user, &keys)).await
    }

    /// Replaces the key slots and the state of the registration together; the old slots are erased.
    pub async fn set_slots(
        &self,
        uid: u32,
        slots: Arc<[u8]>,
        registration: Registration,
    ) -> Result<(), TableError> {
        self.set_registration(uid, registration, Some(slots)).await
    }

    /// Sets the state of the registration and makes the slots exactly `slots`: **`None` erases them**.
    pub async fn set_registration(
        &self,
        uid: u32,
        registration: Registration,
        slots: Option<Arc<[u8]>>,
    ) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_registration(uid, registration, slots.as_deref())).await
    }

    /// Gives a user who has none a local store with keys in it, and sets the defaults with it where they are
    /// given; the registration stays what it is. [`TableError::AlreadyExists`] where there are slots.
    pub async fn add_local_store(
        &self,
        uid: u32,
        slots: Arc<[u8]>,
        keys: Vec<Key>,
        defaults: Option<Defaults>,
    ) -> Result<(), TableError> {
        self.thread.run(move |store| store.add_local_store(uid, &slots, &keys, defaults.as_ref())).await
    }

    /// Writes down the wrong guesses at the user's own `Unlock`.
    pub async fn set_guesses(&self, uid: u32, guesses: Guesses) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_guesses(uid, guesses)).await
    }

    /// Writes down the wrong guesses at logins.
    pub async fn set_login_guesses(&self, uid: u32, guesses: Guesses) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_login_guesses(uid, guesses)).await
    }

    /// Sets what the user wants to happen to sessions whose token is removed; `None` for what is configured.
    pub async fn set_removal(&self, uid: u32, removal: Option<Action>) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_removal(uid, removal)).await
    }

    /// Sets where the user's new keys are made.
    pub async fn set_location(&self, uid: u32, location: TokenKind) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_location(uid, location)).await
    }

    /// Sets the default keys. [`TableError::NoSuchKey`] where one is not the user's.
    pub async fn set_defaults(&self, uid: u32, defaults: Defaults) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_defaults(uid, &defaults)).await
    }

    /// Erases the private halves of all the user's keys and the key slots; rows and public halves stay, as
    /// revoked, and the public halves are archived with the time `now`. The user's tokens are let go, and no session of
    /// theirs is bound to anything any more.
    pub async fn revoke_user(&self, uid: u32, now: i64) -> Result<(), TableError> {
        self.thread.run(move |store| store.revoke_user(uid, now)).await
    }

    /// Erases the user's row, keys, tokens and bindings; the public halves are archived with the time `now`.
    pub async fn remove_user(&self, uid: u32, now: i64) -> Result<(), TableError> {
        self.thread.run(move |store| store.remove_user(uid, now)).await
    }

    /// Adds a key, and sets the defaults with it where they are given. [`TableError::AlreadyExists`] where the
    /// id or the label is taken, [`TableError::NoSuchToken`] where it stands on a token that its user has not
    /// enrolled.
    pub async fn insert_key(&self, key: Key, defaults: Option<Defaults>) -> Result<(), TableError> {
        self.thread.run(move |store| store.insert_key(&key, defaults.as_ref())).await
    }

    /// Returns how many keys the user has, the revoked ones included.
    pub async fn count(&self, uid: u32) -> Result<u32, TableError> {
        self.thread.run(move |store| store.count(uid)).await
    }

    /// Names a key. [`TableError::AlreadyExists`] where another current key of the user has that label.
    pub async fn set_label(&self, uid: u32, key: KeyId, label: &str) -> Result<(), TableError> {
        let label = label.to_owned();
        self.thread.run(move |store| store.set_label(uid, key, &label)).await
    }

    /// Erases a key altogether, and from the defaults.
    pub async fn delete_key(&self, uid: u32, key: KeyId) -> Result<(), TableError> {
        self.thread.run(move |store| store.delete_key(uid, key)).await
    }

    /// Erases a key's private half and takes it from the defaults; the row stays, as revoked, and the public
    /// half is archived with the time `now`. Revoking again changes nothing.
    pub async fn revoke_key(&self, uid: u32, key: KeyId, now: i64) -> Result<(), TableError> {
        self.thread.run(move |store| store.revoke_key(uid, key, now)).await
    }

    /// Sets how often the owner is asked before a key is used.
    pub async fn set_confirm(&self, uid: u32, key: KeyId, confirm: Confirm) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_confirm(uid, key, confirm)).await
    }

    /// Sets the certificates of a key, DER, its own first; none takes them away. [`TableError::UnfitCertificate`]
    /// where one of them is no DER document, or they are too long to keep.
    pub async fn set_certificates(
        &self,
        uid: u32,
        key: KeyId,
        certificates: Vec<Vec<u8>>,
    ) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_certificates(uid, key, &certificates)).await
    }

    /// Enrols a token with the keys on it: `new_keys` come into the table, `placements` say where keys stand that
    /// the user has already. The defaults are set where they are given.
    ///
    /// Whoever enrols their own token again gives it its name anew and adds what is new on it; nothing is taken
    /// away. [`TableError::AlreadyExists`] with [`Existing::Token`] where it is another user's.
    pub async fn enrol_token(
        &self,
        uid: u32,
        token: EnrolledToken,
        new_keys: Vec<Key>,
        placements: Vec<(KeyId, Placement)>,
        defaults: Option<Defaults>,
    ) -> Result<(), TableError> {
        let enrolment = Enrolment { token, new_keys, placements, defaults };
        self.thread.run(move |store| store.enrol_token(uid, &enrolment)).await
    }

    /// Enrols a phone with what its channel needs, and with the keys on it, as [`Table::enrol_token`] does.
    pub async fn enrol_phone(
        &self,
        phone: Phone,
        new_keys: Vec<Key>,
        placements: Vec<(KeyId, Placement)>,
        defaults: Option<Defaults>,
    ) -> Result<(), TableError> {
        let enrolment = Enrolment { token: phone.token.clone(), new_keys, placements, defaults };
        self.thread.run(move |store| store.enrol_phone(&phone, &enrolment)).await
    }

    /// Returns what a phone calls its kind, and the ways to it.
    pub async fn phone_ways(&self, token: &TokenId) -> Result<Option<(String, Vec<String>)>, TableError> {
        let token = token.clone();
        self.thread.run(move |store| store.phone_ways(&token)).await
    }

    /// Writes down what a phone says of itself; of one that is gone meanwhile nothing.
    pub async fn set_phone_info(&self, token: &TokenId, info: String) -> Result<(), TableError> {
        let token = token.clone();
        self.thread.run(move |store| store.set_phone_info(&token, &info)).await
    }

    /// Returns the phones of users of all uids, in the order in which they were paired.
    pub async fn phones(&self) -> Result<Vec<Phone>, TableError> {
        self.thread.run(|store| store.phones()).await
    }

    /// Lets go of a token. Keys that stand nowhere else leave the table and the defaults; their public halves are
    /// archived with the time `now`. Returns the sessions that were bound to it and are bound to nothing now.
    pub async fn forget_token(
        &self,
        uid: u32,
        token: &TokenId,
        now: i64,
    ) -> Result<Vec<SessionId>, TableError> {
        let token = token.clone();
        self.thread.run(move |store| store.forget_token(uid, &token, now)).await
    }

    /// Writes down that a token of the user has another identity now; what stands on the old stands on the new, and
    /// what is bound to the old is bound to the new.
    /// [`TableError::AlreadyExists`] where anybody, the user included, has a token of the new id.
    pub async fn rename_token(&self, uid: u32, old: &TokenId, new: EnrolledToken) -> Result<(), TableError> {
        let old = old.clone();
        self.thread.run(move |store| store.rename_token(uid, &old, &new)).await
    }

    /// Writes down that a key stands there. Where it does already, state and record of the placement become
    /// these, and the old record is erased.
    pub async fn add_placement(&self, uid: u32, key: KeyId, placement: Placement) -> Result<(), TableError> {
        self.thread.run(move |store| store.add_placement(uid, key, &placement)).await
    }

    /// Takes a key from a token, or from the local store: what the table keeps of it there is erased. The key
    /// stays, even if it stands nowhere then; where it does not stand there, nothing changes.
    pub async fn remove_placement(&self, uid: u32, key: KeyId, token: &TokenId) -> Result<(), TableError> {
        let token = token.clone();
        self.thread.run(move |store| store.remove_placement(uid, key, &token)).await
    }

    /// Takes a key from a token on which another came to stand in its place. One that stands nowhere else leaves the
    /// table and the defaults; its public half is archived with the time `now`.
    pub async fn displace_key(
        &self,
        uid: u32,
        key: KeyId,
        token: &TokenId,
        now: i64,
    ) -> Result<(), TableError> {
        let token = token.clone();
        self.thread.run(move |store| store.displace_key(uid, key, &token, now)).await
    }

    /// Returns who enrolled that token.
    pub async fn token_owner(&self, token: TokenId) -> Result<Option<u32>, TableError> {
        self.thread.run(move |store| store.token_owner(&token)).await
    }

    /// Writes down when keys were last used, in one go; keys that are gone meanwhile are passed over.
    pub async fn touch(&self, uses: Vec<(KeyId, i64)>) -> Result<(), TableError> {
        self.thread.run(move |store| store.touch(&uses)).await
    }

    /// Returns the public halves of the keys that the user once had.
    pub async fn archived(&self, uid: u32) -> Result<Vec<Archived>, TableError> {
        self.thread.run(move |store| store.archived(uid)).await
    }

    /// Returns what sessions are bound to, those of users of all uids. A damaged row is logged and left out.
    pub async fn bindings(&self) -> Result<Vec<Binding>, TableError> {
        self.thread.run(|store| store.bindings()).await
    }

    /// Binds a session, to that token alone. [`TableError::NoSuchToken`] where the token is neither the user's local
    /// store nor one that the user enrolled.
    pub async fn put_binding(&self, binding: Binding) -> Result<(), TableError> {
        self.thread.run(move |store| store.put_binding(&binding)).await
    }

    /// Forgets what a session is bound to. A session that is bound to nothing changes nothing.
    pub async fn forget_binding(&self, session: &SessionId) -> Result<(), TableError> {
        let session = session.clone();
        self.thread.run(move |store| store.forget_binding(&session)).await
    }

    /// Returns how much there is. It counts, so it takes some ten milliseconds per million rows.
    pub async fn statistics(&self) -> Result<Statistics, TableError> {
        self.thread.run(Store::statistics).await
    }
}
