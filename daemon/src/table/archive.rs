use std::collections::HashSet;

use claviger_core::Key;
use claviger_token::KeyInfo;
use rusqlite::{Transaction, params};

use super::error::{Fault, TableError};
use super::rows;
use super::sql;
use super::store::Store;

/// The public half of a key that is gone: it still verifies what the key once signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Id, algorithm, usage and public key.
    pub info: KeyInfo,
    /// Whose it was.
    pub uid: u32,
    /// The user's name at that time.
    pub user_name: String,
    /// What it was called.
    pub label: String,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// When it ended, seconds since 1970.
    pub ended: i64,
    /// Why it ended.
    pub ending: Ending,
}

/// Why a key's private half is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The key or its user was revoked.
    Revoked,
    /// A new registration or a restored backup took the account's place.
    Replaced,
    /// The user was removed from the table.
    Removed,
    /// The only token that it stood on was taken out of the account, or has another key in its place.
    Forgotten,
}

impl Ending {
    /// Returns `revoked`, `replaced`, `removed` or `forgotten`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Forgotten => "forgotten",
        }
    }

    /// Returns the ending of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Revoked, Self::Replaced, Self::Removed, Self::Forgotten]
            .into_iter()
            .find(|ending| ending.name() == name)
    }
}

impl Store {
    pub(super) fn archived(&self, uid: u32) -> Result<Vec<Archived>, TableError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::ARCHIVED_OF_USER)?;
            let mut found = statement.query([uid])?;
            let mut archived = Vec::new();
            while let Some(row) = found.next()? {
                archived.push(rows::archived(row)?);
            }
            Ok(archived)
        })
    }
}

/// When and why keys end.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// Seconds since 1970.
    pub(super) time: i64,
    /// Why.
    pub(super) ending: Ending,
}

/// Keeps the public half of the key of that id.
pub(super) fn keep(transaction: &Transaction<'_>, key: &str, end: End) -> Result<(), Fault> {
    let End { time, ending } = end;
    transaction.prepare_cached(sql::ARCHIVE_KEY)?.execute(params![key, time, ending.name()])?;
    Ok(())
}

/// Keeps the public halves of a user's keys, but for those that are kept already and for those that stay.
///
/// Ids are not parsed here: a damaged row must not stand in the way of what replaces it.
pub(super) fn keep_all(
    transaction: &Transaction<'_>,
    uid: u32,
    end: End,
    staying: &[Key],
) -> Result<(), Fault> {
    let staying: HashSet<String> = staying.iter().map(|key| key.id().to_string()).collect();
    let mut statement = transaction.prepare_cached(sql::KEYS_TO_ARCHIVE)?;
    let ids = statement.query_map([uid], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    ids.iter().filter(|id| !staying.contains(*id)).try_for_each(|id| keep(transaction, id, end))
}
