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
//! | `users` `keys` `archive` | the operations |
//! | `error` | [`TableError`]; `refusal`: what it means to a caller |
//!
//! Every operation that changes something is one transaction, and is on the disk when it returns: a crash at any
//! instant leaves the table as it was before or as it should be after. Dropping the future of an operation
//! does not take it back: it is carried out all the same.

mod archive;
mod error;
mod folder;
mod keys;
mod lock;
mod refusal;
mod rows;
mod schema;
mod sql;
mod store;
mod thread;
mod users;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use claviger_core::{Defaults, Guesses, Key, Registration, User};
use claviger_token::{KeyId, TokenKind};

pub use archive::{Archived, Ending};
pub use error::{Damage, Existing, TableError};
pub use users::{Account, Origin, Statistics, UserSummary};

use store::Store;
use thread::Thread;

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

    /// Returns the user's row and all their keys, the revoked ones included, in the order they were made.
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
    /// archived. [`TableError::AlreadyExists`] while a registration stands (applied, pending, active).
    pub async fn register(&self, user: User, keys: Vec<Key>) -> Result<(), TableError> {
        self.thread.run(move |store| store.register(&user, &keys)).await
    }

    /// Writes an account as a backup has it: the row and the keys become exactly these. Keys that are not
    /// among them leave the table; their public halves are archived.
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

    /// Writes down the wrong guesses.
    pub async fn set_guesses(&self, uid: u32, guesses: Guesses) -> Result<(), TableError> {
        self.thread.run(move |store| store.set_guesses(uid, guesses)).await
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
    /// revoked, and the public halves are archived with the time `now`.
    pub async fn revoke_user(&self, uid: u32, now: i64) -> Result<(), TableError> {
        self.thread.run(move |store| store.revoke_user(uid, now)).await
    }

    /// Erases the user's row and keys; the public halves are archived with the time `now`.
    pub async fn remove_user(&self, uid: u32, now: i64) -> Result<(), TableError> {
        self.thread.run(move |store| store.remove_user(uid, now)).await
    }

    /// Adds a key, and sets the defaults with it where they are given. [`TableError::AlreadyExists`] where the
    /// id or the label is taken.
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

    /// Writes down when keys were last used, in one go; keys that are gone meanwhile are passed over.
    pub async fn touch(&self, uses: Vec<(KeyId, i64)>) -> Result<(), TableError> {
        self.thread.run(move |store| store.touch(&uses)).await
    }

    /// Returns the public halves of the keys that the user once had.
    pub async fn archived(&self, uid: u32) -> Result<Vec<Archived>, TableError> {
        self.thread.run(move |store| store.archived(uid)).await
    }

    /// Returns how much there is. It counts, so it takes some ten milliseconds per million rows.
    pub async fn statistics(&self) -> Result<Statistics, TableError> {
        self.thread.run(Store::statistics).await
    }
}
