use claviger_core::{Action, Defaults, EnrolledToken, Guesses, Key, Registration, User};
use claviger_token::{KeyId, TokenKind};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::archive::{self, End, Ending};
use super::error::{Existing, Fault, TableError};
use super::keys;
use super::rows;
use super::sql;
use super::store::{self, Erasure, Store};
use super::tokens;

/// A user and everything of theirs.
#[derive(Clone, Debug)]
pub struct Account {
    /// The row.
    pub user: User,
    /// All keys, the revoked ones included, in the order they were made.
    pub keys: Vec<Key>,
    /// The cards and phones that the user enrolled, in the order of their enrolment.
    pub tokens: Vec<EnrolledToken>,
}

/// A user's row without what only the local store needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSummary {
    /// The user's number.
    pub uid: u32,
    /// The user's name.
    pub name: String,
    /// Where new keys are made.
    pub location: TokenKind,
    /// How far the registration is.
    pub registration: Registration,
    /// The default key per purpose.
    pub defaults: Defaults,
    /// Wrong guesses at the user's own `Unlock`.
    pub guesses: Guesses,
    /// When the row was made, seconds since 1970.
    pub created: i64,
    /// How the row came.
    pub origin: Origin,
    /// How many keys there are, the revoked ones not counted.
    pub keys: u32,
}

/// How a user's row came into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An administrator enrolled the user.
    Enrolled,
    /// The user registered.
    Registered,
    /// From a backup.
    Restored,
}

/// How much there is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Rows of users.
    pub users: u64,
    /// Keys, the revoked ones included.
    pub keys: u64,
    /// Public halves in the archive.
    pub archived: u64,
    /// Cards that are enrolled.
    pub cards: u64,
    /// Phones that are enrolled.
    pub phones: u64,
    /// The size of the database in bytes.
    pub bytes: u64,
}

impl Origin {
    /// Returns `enrolled`, `registered` or `restored`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrolled => "enrolled",
            Self::Registered => "registered",
            Self::Restored => "restored",
        }
    }

    /// Returns the origin of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Enrolled, Self::Registered, Self::Restored].into_iter().find(|origin| origin.name() == name)
    }
}

impl Store {
    pub(super) fn account(&self, uid: u32) -> Result<Option<Account>, TableError> {
        self.read(|connection| {
            let Some(user) = user(connection, sql::USER, uid)? else {
                return Ok(None);
            };
            let tokens = tokens::of_user(connection, uid)?;
            Ok(Some(Account { user, keys: keys::of_user(connection, uid, &tokens)?, tokens }))
        })
    }

    pub(super) fn user_by_name(&self, name: &str) -> Result<Option<User>, TableError> {
        self.read(|connection| user(connection, sql::USER_BY_NAME, name))
    }

    pub(super) fn users(&self, after: Option<u32>, limit: usize) -> Result<Vec<UserSummary>, TableError> {
        let first = after.map_or(0, |uid| i64::from(uid) + 1);
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::USERS_FROM)?;
            let mut found = statement.query([first])?;
            let mut users = Vec::new();
            while users.len() < limit
                && let Some(row) = found.next()?
            {
                match rows::summary(row) {
                    Ok(user) => users.push(user),
                    // One damaged row must not hide the others from the administrator.
                    Err(damage) => tracing::error!("{}", Fault::from(damage).at(self.path())),
                }
            }
            Ok(users)
        })
    }

    pub(super) fn enrol(&mut self, user: &User) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            if registration(transaction, user.uid)?.is_some() {
                return Err(TableError::AlreadyExists(Existing::User(user.uid)).into());
            }
            put(transaction, user, Origin::Enrolled)
        })
    }

    pub(super) fn register(&mut self, user: &User, keys: &[Key]) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| {
            let standing = registration(transaction, user.uid)?;
            match standing {
                None | Some(Registration::None | Registration::Revoked) => {}
                Some(state @ (Registration::Applied | Registration::Pending | Registration::Active)) => {
                    return Err(TableError::AlreadyExists(Existing::Registration(state)).into());
                }
            }
            replace(transaction, user, keys, Origin::Registered)
        })
    }

    pub(super) fn replace_account(&mut self, user: &User, keys: &[Key]) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| replace(transaction, user, keys, Origin::Restored))
    }

    pub(super) fn set_registration(
        &mut self,
        uid: u32,
        registration: Registration,
        slots: Option<&[u8]>,
    ) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| {
            update(transaction, uid, sql::SET_REGISTRATION, params![uid, registration.name(), slots])
        })
    }

    pub(super) fn add_local_store(
        &mut self,
        uid: u32,
        slots: &[u8],
        keys: &[Key],
        defaults: Option<&Defaults>,
    ) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| add_local_store(transaction, uid, slots, keys, defaults))
    }

    pub(super) fn set_guesses(&mut self, uid: u32, guesses: Guesses) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            update(transaction, uid, sql::SET_GUESSES, params![uid, guesses.failed, guesses.last])
        })
    }

    pub(super) fn set_login_guesses(&mut self, uid: u32, guesses: Guesses) -> Result<(), TableError> {
        let Guesses { failed, last } = guesses;
        self.write(Erasure::None, |transaction| {
            update(transaction, uid, sql::SET_LOGIN_GUESSES, params![uid, failed, last])
        })
    }

    pub(super) fn set_removal(&mut self, uid: u32, removal: Option<Action>) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            update(transaction, uid, sql::SET_REMOVAL, params![uid, removal.map(Action::name)])
        })
    }

    pub(super) fn set_location(&mut self, uid: u32, location: TokenKind) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            update(transaction, uid, sql::SET_LOCATION, params![uid, location.name()])
        })
    }

    pub(super) fn set_defaults(&mut self, uid: u32, defaults: &Defaults) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| put_defaults(transaction, uid, defaults))
    }

    pub(super) fn revoke_user(&mut self, uid: u32, now: i64) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| {
            let revoked = Registration::Revoked.name();
            update(transaction, uid, sql::SET_REGISTRATION, params![uid, revoked, None::<&[u8]>])?;
            put_defaults(transaction, uid, &Defaults::default())?;
            archive::keep_all(transaction, uid, End { time: now, ending: Ending::Revoked }, &[])?;
            transaction.prepare_cached(sql::DELETE_PLACEMENTS_OF_USER)?.execute([uid])?;
            transaction.prepare_cached(sql::REVOKE_KEYS_OF_USER)?.execute([uid])?;
            tokens::let_go(transaction, uid)
        })
    }

    pub(super) fn remove_user(&mut self, uid: u32, now: i64) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| {
            keys::clear(transaction, uid, End { time: now, ending: Ending::Removed }, &[])?;
            update(transaction, uid, sql::DELETE_USER, params![uid])
        })
    }

    pub(super) fn statistics(&mut self) -> Result<Statistics, TableError> {
        self.read(|connection| {
            let count = |statement: &str| -> Result<u64, Fault> {
                let count: i64 = connection.query_row(statement, [], |row| row.get(0))?;
                Ok(count.unsigned_abs())
            };
            Ok(Statistics {
                users: count(sql::COUNT_USERS)?,
                keys: count(sql::COUNT_ALL_KEYS)?,
                archived: count(sql::COUNT_ARCHIVE)?,
                cards: count(sql::COUNT_CARDS)?,
                phones: count(sql::COUNT_PHONES)?,
                bytes: count("PRAGMA page_count")? * count("PRAGMA page_size")?,
            })
        })
    }
}

/// Sets the defaults, which must be keys of the user.
pub(super) fn put_defaults(
    transaction: &Transaction<'_>,
    uid: u32,
    defaults: &Defaults,
) -> Result<(), Fault> {
    for key in defaults.by_name().into_iter().filter_map(|(_, key)| key) {
        keys::state(transaction, uid, key)?;
    }
    let Defaults { sign, decrypt, derive, authenticate } = defaults;
    let text = |key: &Option<KeyId>| key.map(|key| key.to_string());
    let values = params![uid, text(sign), text(decrypt), text(derive), text(authenticate)];
    update(transaction, uid, sql::SET_DEFAULTS, values)
}

/// Gives a user who has none a local store with keys in it; the registration stays what it is.
pub(super) fn add_local_store(
    transaction: &Transaction<'_>,
    uid: u32,
    slots: &[u8],
    keys: &[Key],
    defaults: Option<&Defaults>,
) -> Result<(), Fault> {
    let mut statement = transaction.prepare_cached(sql::HAS_SLOTS)?;
    match statement.query_row([uid], |row| row.get(0)).optional()? {
        None => return Err(TableError::NoSuchUser(uid).into()),
        // Other slots would not open the keys that stand in the store.
        Some(true) => return Err(TableError::AlreadyExists(Existing::LocalStore(uid)).into()),
        Some(false) => {}
    }
    update(transaction, uid, sql::SET_SLOTS, params![uid, slots])?;
    keys::put_all(transaction, uid, keys)?;
    defaults.map_or(Ok(()), |defaults| put_defaults(transaction, uid, defaults))
}

/// Checks that the user has a row.
pub(super) fn check_known(connection: &Connection, uid: u32) -> Result<(), Fault> {
    match connection.prepare_cached(sql::USER_STATE)?.exists([uid])? {
        true => Ok(()),
        false => Err(TableError::NoSuchUser(uid).into()),
    }
}

/// Makes the account exactly this; what was there before is archived.
fn replace(transaction: &Transaction<'_>, user: &User, keys: &[Key], origin: Origin) -> Result<(), Fault> {
    let end = End { time: store::now(), ending: Ending::Replaced };
    keys::clear(transaction, user.uid, end, keys)?;
    put(transaction, user, origin)?;
    keys::put_all(transaction, user.uid, keys)?;
    // Again, now that the keys are there: the defaults must be among them.
    put_defaults(transaction, user.uid, &user.defaults)
}

/// Writes the row; its origin is the first one that it had.
fn put(transaction: &Transaction<'_>, user: &User, origin: Origin) -> Result<(), Fault> {
    let User { uid, name, location, registration, defaults, guesses, login_guesses, removal, created, slots } =
        user;
    let holder: Option<u32> =
        transaction.prepare_cached(sql::USER_NAMED)?.query_row([name], |row| row.get(0)).optional()?;
    if holder.is_some_and(|holder| holder != *uid) {
        return Err(TableError::AlreadyExists(Existing::UserName(name.clone())).into());
    }
    let Defaults { sign, decrypt, derive, authenticate } = defaults;
    let text = |key: &Option<KeyId>| key.map(|key| key.to_string());
    transaction.prepare_cached(sql::PUT_USER)?.execute(params![
        uid,
        name,
        location.name(),
        registration.name(),
        text(sign),
        text(decrypt),
        text(derive),
        text(authenticate),
        guesses.failed,
        guesses.last,
        login_guesses.failed,
        login_guesses.last,
        removal.map(Action::name),
        created,
        slots.as_deref(),
        origin.name(),
    ])?;
    Ok(())
}

fn user(
    connection: &Connection,
    statement: &str,
    selector: impl rusqlite::ToSql,
) -> Result<Option<User>, Fault> {
    let mut statement = connection.prepare_cached(statement)?;
    let mut found = statement.query([selector])?;
    found.next()?.map(|row| rows::user(row).map_err(Fault::from)).transpose()
}

fn registration(connection: &Connection, uid: u32) -> Result<Option<Registration>, Fault> {
    let mut statement = connection.prepare_cached(sql::USER_STATE)?;
    let mut found = statement.query([uid])?;
    let state = |row: &_| rows::state("user", uid, row, Registration::from_name).map_err(Fault::from);
    found.next()?.map(state).transpose()
}

/// Changes the user's row, which must be there.
fn update(
    transaction: &Transaction<'_>,
    uid: u32,
    statement: &str,
    values: impl rusqlite::Params,
) -> Result<(), Fault> {
    match transaction.prepare_cached(statement)?.execute(values)? {
        0 => Err(TableError::NoSuchUser(uid).into()),
        _ => Ok(()),
    }
}
