use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::error::{Fault, TableError};
use super::folder;
use super::lock::Lock;
use super::schema::{self, Misfit};
use super::sql;

/// The open database. Its operations block, and stand in `users`, `keys` and `archive`.
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    /// Bytes that were erased may still stand in the write-ahead log.
    unfinished_erasure: bool,
    /// Dropped last: the folder is held until the database is closed.
    _lock: Lock,
}

/// Whether a transaction took away bytes that must not be found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Erasure {
    /// It took away nothing secret.
    None,
    /// It took away a sealed record or key slots.
    Secret,
}

impl Store {
    /// Opens the table in that folder, and makes what is missing.
    pub(super) fn open(folder: &Path) -> Result<Self, TableError> {
        let folder = folder::prepare(folder)?;
        let lock = Lock::take(&folder)?;
        let path = folder.join(DATABASE);
        for suffix in ["-wal", "-shm", "-journal"] {
            folder::check_private_file(&folder.join(format!("{DATABASE}{suffix}")))?;
        }
        // Made here and not by SQLite, which would let the umask decide who may read it.
        drop(folder::open_private_file(&path)?);
        let mut connection = connect(&path).map_err(|fault| fault.at(&path))?;
        match schema::migrate(&mut connection, schema::STEPS).map_err(|fault| fault.at(&path))? {
            Ok(()) => Ok(Self { connection, path, unfinished_erasure: false, _lock: lock }),
            Err(Misfit::Foreign) => Err(TableError::Foreign { path }),
            Err(Misfit::TooNew { found }) => {
                let known = i64::try_from(schema::STEPS.len()).unwrap_or(i64::MAX);
                Err(TableError::TooNew { path, found, known })
            }
        }
    }

    /// Returns the folder that the table stands in.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Returns the database's file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, TableError> {
        work(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Writes in one transaction, durably: all of `work` or, where it fails, nothing.
    pub(super) fn write<T>(
        &mut self,
        erasure: Erasure,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, TableError> {
        let done = self.transact(work).map_err(|fault| fault.at(&self.path))?;
        self.unfinished_erasure |= erasure == Erasure::Secret;
        self.finish_erasure();
        Ok(done)
    }

    fn transact<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        // Immediate: it fails before the work if it cannot write, and never in the middle for want of a lock.
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Overwrites erased bytes in the database and empties the log, where they would stand until some later
    /// checkpoint.
    ///
    /// The deletion itself is done and durable. Should this fail (a full disk, say), it is logged, and tried
    /// again after the next write and at closing.
    fn finish_erasure(&mut self) {
        if !self.unfinished_erasure {
            return;
        }
        match checkpoint(&self.connection) {
            Ok(true) => self.unfinished_erasure = false,
            Ok(false) => {
                tracing::warn!("erased records stay in {}-wal for now: it is in use", self.path.display());
            }
            Err(error) => {
                tracing::warn!("erased records stay in {}-wal for now: {error}", self.path.display());
            }
        }
    }
}

/// Opens the database with the settings that `keys-and-accounts` asks for.
fn connect(path: &Path) -> Result<Connection, Fault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(sql::ALL.len());
    // Before the schema is first read: what stands in the file is data, it brings no code.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Exclusive before WAL: then there is no shared-memory file.
    connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    // SQLite does not fail where it cannot have the mode, it says which one it took instead.
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        let source = io::Error::new(io::ErrorKind::Unsupported, "the file system does not do what it needs");
        return Err(TableError::io("keep a write-ahead log beside", path, source).into());
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Writes the log back and cuts it to nothing; returns false where something kept it from that.
fn checkpoint(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

/// Returns the seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The database's name in the state folder.
pub(super) const DATABASE: &str = "table.db";
/// How long an administrator's open `sqlite3` may hold the start up.
const PATIENCE: Duration = Duration::from_secs(1);
