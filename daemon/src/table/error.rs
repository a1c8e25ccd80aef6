use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use claviger_core::Registration;
use claviger_token::{KeyId, TokenId};
use rusqlite::ffi::{self, ErrorCode};

use super::der::Misfit;

/// Why the table did not do what it was asked, sorted by who can mend it.
#[derive(Debug)]
pub enum TableError {
    // The caller asked for something that cannot be.
    /// There is no row for that uid.
    NoSuchUser(u32),
    /// The user has no key of that id.
    NoSuchKey(KeyId),
    /// The user has not enrolled that token.
    NoSuchToken(TokenId),
    /// The key was revoked, so it stands nowhere.
    KeyRevoked(KeyId),
    /// A certificate or attestation of the key is not one that is kept.
    UnfitCertificate {
        /// The key.
        key: KeyId,
        /// What is wrong with it.
        misfit: Misfit,
    },
    /// Something of that name is there already.
    AlreadyExists(Existing),
    /// The key is bound to another user, or to another id, than it was given for.
    NotTheUsersKey(KeyId),

    // The administrator can mend these.
    /// Another daemon works on this folder.
    InUse {
        /// What it holds.
        path: PathBuf,
    },
    /// A file or folder is not the daemon's own, so it is not trusted.
    Unsafe {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it: "it is a symbolic link".
        reason: &'static str,
    },
    /// The file system is read-only, or the folder may not be written.
    ReadOnly {
        /// What could not be written.
        path: PathBuf,
    },
    /// The disk is full; nothing was changed.
    StoreFull {
        /// The database.
        path: PathBuf,
    },
    /// A newer version of Claviger wrote the table.
    TooNew {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version of the schema that is known here.
        known: i64,
    },
    /// The file is a database of another program.
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// What is stored is damaged.
    StoreCorrupt {
        /// The database.
        path: PathBuf,
        /// What in it.
        damage: Damage,
    },

    // Nobody in particular.
    /// A file could not be used.
    Io {
        /// What was to be done with it: "open".
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite failed in some other way.
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The table was closed.
    Stopped,
}

/// What is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Existing {
    /// A row for the uid.
    User(u32),
    /// A row for the user name.
    UserName(String),
    /// A registration that was not revoked.
    Registration(Registration),
    /// A key of the id.
    Key(KeyId),
    /// A current key of the user with the label.
    Label(String),
    /// Somebody's token of the id.
    Token(TokenId),
    /// A local store of the user.
    LocalStore(u32),
}

/// What in the table is damaged.
#[derive(Debug)]
pub enum Damage {
    /// The file itself.
    File(rusqlite::Error),
    /// One row: other rows are not touched by it.
    Row {
        /// The table it stands in.
        table: &'static str,
        /// The row's name: a uid, a key id or a token id.
        row: String,
        /// What is wrong: "the state `fly` is none".
        problem: String,
    },
}

/// Why an operation inside the database failed, before it is known which database.
#[derive(Debug)]
pub(super) enum Fault {
    Table(TableError),
    Row(Damage),
    Sqlite(rusqlite::Error),
}

impl Fault {
    /// Returns the error, which names the database.
    pub(super) fn at(self, path: &Path) -> TableError {
        match self {
            Self::Table(error) => error,
            Self::Row(damage) => TableError::StoreCorrupt { path: path.to_owned(), damage },
            Self::Sqlite(source) => TableError::sqlite(path, source),
        }
    }
}

impl From<TableError> for Fault {
    fn from(error: TableError) -> Self {
        Self::Table(error)
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Row(damage)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl TableError {
    /// Returns the error for what the system said of `path`.
    pub(super) fn io(verb: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::ReadOnly { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StoreFull { path },
            _ => Self::Io { verb, path, source },
        }
    }

    /// Returns the error for what SQLite said of the database.
    fn sqlite(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        // On a read-only file system SQLite cannot lock and says so with an I/O error.
        if source.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_LOCK) {
            return Self::ReadOnly { path };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::StoreCorrupt { path, damage: Damage::File(source) }
            }
            Some(ErrorCode::DiskFull) => Self::StoreFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse { path },
            _ => Self::Sqlite { path, source },
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchUser(uid) => {
                write!(
                    formatter,
                    "there is no user {uid} in the user info table: enrol or register them first"
                )
            }
            Self::NoSuchKey(key) => write!(formatter, "the user has no key {key}: list the keys there are"),
            Self::NoSuchToken(token) => {
                write!(formatter, "the user has not enrolled `{token}`: list the tokens there are")
            }
            Self::KeyRevoked(key) => {
                write!(formatter, "the key {key} was revoked and stands nowhere: make a new one")
            }
            Self::UnfitCertificate { key, misfit } => {
                write!(formatter, "cannot keep the certificates of the key {key}: {misfit}: give them as DER")
            }
            Self::AlreadyExists(existing) => existing.fmt(formatter),
            Self::NotTheUsersKey(key) => {
                write!(
                    formatter,
                    "the key {key} is bound to another user or id: give it to the one it is bound to"
                )
            }
            Self::InUse { path } => write!(
                formatter,
                "cannot use {}: another clavigerd (or an open sqlite3) works on it: stop that one, or choose another \
                 --state-dir",
                path.display()
            ),
            Self::Unsafe { path, reason } => write!(
                formatter,
                "cannot trust {}: {reason}: make it a plain file or folder of the daemon's user that nobody else can \
                 write",
                path.display()
            ),
            Self::ReadOnly { path } => write!(
                formatter,
                "cannot write {}: the file system is read-only or the permission is missing: mount it writable and \
                 give it to the daemon's user",
                path.display()
            ),
            Self::StoreFull { path } => write!(
                formatter,
                "cannot write {}: the disk is full, and nothing was changed: make room and try again",
                path.display()
            ),
            Self::TooNew { path, found, known } => write!(
                formatter,
                "cannot read {}: a newer Claviger wrote it (schema {found}, known here up to {known}): install that \
                 version again, or restore the older file",
                path.display()
            ),
            Self::Foreign { path } => write!(
                formatter,
                "cannot read {}: it is the database of another program: choose another --state-dir, or move the \
                 file away",
                path.display()
            ),
            Self::StoreCorrupt { path, damage } => write!(
                formatter,
                "cannot read {}: {damage}: stop the daemon, keep a copy of the file, and restore a backup",
                path.display()
            ),
            Self::Io { verb, path, source } => {
                write!(formatter, "cannot {verb} {}: {source}: mend that and try again", path.display())
            }
            Self::Sqlite { path, source } => write!(
                formatter,
                "cannot work on {}: {source}: try again; if it stays so, look into the system's log for disk errors",
                path.display()
            ),
            Self::Stopped => {
                formatter.write_str("the user info table is closed: the daemon is stopping, try again")
            }
        }
    }
}

impl fmt::Display for Existing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => write!(formatter, "the user {uid} is enrolled already: remove that row first"),
            Self::UserName(name) => {
                write!(formatter, "another row has the user name `{name}`: remove that user first")
            }
            Self::Registration(state) => {
                write!(formatter, "a registration stands already ({state}): it must be revoked first")
            }
            Self::Key(key) => write!(formatter, "there is a key {key} already: delete that one first"),
            Self::Label(label) => {
                write!(formatter, "another key has the label `{label}`: choose another, or rename that key")
            }
            Self::Token(token) => {
                write!(formatter, "`{token}` is enrolled already: its user must forget it first")
            }
            Self::LocalStore(uid) => {
                write!(formatter, "the user {uid} has a local store already: make the keys in that one")
            }
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(source) => write!(formatter, "the file is damaged ({source})"),
            Self::Row { table, row, problem } => {
                write!(formatter, "in table {table} the row of {row} is damaged ({problem})")
            }
        }
    }
}

impl std::error::Error for TableError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Sqlite { source, .. } | Self::StoreCorrupt { damage: Damage::File(source), .. } => {
                Some(source)
            }
            Self::NoSuchUser(_)
            | Self::NoSuchKey(_)
            | Self::NoSuchToken(_)
            | Self::KeyRevoked(_)
            | Self::UnfitCertificate { .. }
            | Self::AlreadyExists(_)
            | Self::NotTheUsersKey(_)
            | Self::InUse { .. }
            | Self::Unsafe { .. }
            | Self::ReadOnly { .. }
            | Self::StoreFull { .. }
            | Self::TooNew { .. }
            | Self::Foreign { .. }
            | Self::StoreCorrupt { .. }
            | Self::Stopped => None,
        }
    }
}
