use claviger_core::{Binding, Place, SessionId};
use claviger_token::TokenId;
use rusqlite::{Transaction, params};

use super::error::{Fault, TableError};
use super::rows;
use super::sql;
use super::store::{Erasure, Store};
use super::{tokens, users};

impl Store {
    pub(super) fn bindings(&self) -> Result<Vec<Binding>, TableError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(sql::BINDINGS)?;
            let mut found = statement.query([])?;
            let mut bindings = Vec::new();
            while let Some(row) = found.next()? {
                match rows::binding(row) {
                    Ok(binding) => bindings.push(binding),
                    // One session that nobody watches must not keep all others from being watched.
                    Err(damage) => tracing::error!("{}", Fault::from(damage).at(self.path())),
                }
            }
            Ok(bindings)
        })
    }

    pub(super) fn put_binding(&mut self, binding: &Binding) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| put(transaction, binding))
    }

    pub(super) fn forget_binding(&mut self, session: &SessionId) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            transaction.prepare_cached(sql::DELETE_BINDING)?.execute([session.as_str()])?;
            Ok(())
        })
    }
}

fn put(transaction: &Transaction<'_>, binding: &Binding) -> Result<(), Fault> {
    let Binding { session, started, boot, uid, token, how, place, bound } = binding;
    let Place { seat, tty, remote_host } = place;
    users::check_known(transaction, *uid)?;
    if *token != TokenId::local(*uid) {
        tokens::check_own(transaction, *uid, token)?;
    }
    // SQLite knows no unsigned numbers; the bits are the same.
    let started = started.cast_signed();
    let (session, token, how) = (session.as_str(), token.as_str(), how.name());
    let values = params![session, started, boot, uid, token, how, seat, tty, remote_host, bound];
    transaction.prepare_cached(sql::PUT_BINDING)?.execute(values)?;
    Ok(())
}

/// Releases the user's sessions from a token, and returns which they are.
pub(super) fn release(
    transaction: &Transaction<'_>,
    uid: u32,
    token: &TokenId,
) -> Result<Vec<SessionId>, Fault> {
    let mut statement = transaction.prepare_cached(sql::DELETE_BINDINGS_TO_TOKEN)?;
    let sessions = statement.query_map(params![uid, token.as_str()], |row| row.get::<_, String>(0))?;
    Ok(sessions.map(|session| session.map(SessionId::new)).collect::<Result<_, _>>()?)
}

/// Releases all sessions of a user.
pub(super) fn release_all(transaction: &Transaction<'_>, uid: u32) -> Result<(), Fault> {
    transaction.prepare_cached(sql::DELETE_BINDINGS_OF_USER)?.execute([uid])?;
    Ok(())
}

/// Binds to `new` what the user bound to `old`: it is the same token under another id.
pub(super) fn move_to(
    transaction: &Transaction<'_>,
    uid: u32,
    old: &TokenId,
    new: &TokenId,
) -> Result<(), Fault> {
    let values = params![uid, old.as_str(), new.as_str()];
    transaction.prepare_cached(sql::MOVE_BINDINGS)?.execute(values)?;
    Ok(())
}
