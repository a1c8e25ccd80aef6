use claviger_core::{Defaults, EnrolledToken, Key, KeyState, Placement, SessionId};
use claviger_token::{KeyId, TokenId, TokenKind};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::archive::{End, Ending};
use super::bindings;
use super::error::{Damage, Existing, Fault, TableError};
use super::keys;
use super::rows;
use super::sql;
use super::store::{Erasure, Store};
use super::users;

/// What an enrolment writes.
pub(super) struct Enrolment {
    /// The card or phone.
    pub(super) token: EnrolledToken,
    /// Keys that the user has not had.
    pub(super) new_keys: Vec<Key>,
    /// Keys that the user has, and where on the token they stand too.
    pub(super) placements: Vec<(KeyId, Placement)>,
    /// The defaults from now on; `None` leaves them.
    pub(super) defaults: Option<Defaults>,
}

impl Store {
    pub(super) fn enrol_token(&mut self, uid: u32, enrolment: &Enrolment) -> Result<(), TableError> {
        // A placement may take the place of one with a record.
        self.write(Erasure::Secret, |transaction| enrol(transaction, uid, enrolment))
    }

    pub(super) fn forget_token(
        &mut self,
        uid: u32,
        token: &TokenId,
        now: i64,
    ) -> Result<Vec<SessionId>, TableError> {
        self.write(Erasure::Secret, |transaction| forget(transaction, uid, token, now))
    }

    pub(super) fn rename_token(
        &mut self,
        uid: u32,
        old: &TokenId,
        new: &EnrolledToken,
    ) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| rename(transaction, uid, old, new))
    }

    pub(super) fn add_placement(
        &mut self,
        uid: u32,
        key: KeyId,
        placement: &Placement,
    ) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| add_placement(transaction, uid, key, placement))
    }

    pub(super) fn remove_placement(
        &mut self,
        uid: u32,
        key: KeyId,
        token: &TokenId,
    ) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| remove_placement(transaction, uid, key, token))
    }

    pub(super) fn displace_key(
        &mut self,
        uid: u32,
        key: KeyId,
        token: &TokenId,
        now: i64,
    ) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| displace(transaction, uid, key, token, now))
    }

    pub(super) fn token_owner(&self, token: &TokenId) -> Result<Option<u32>, TableError> {
        self.read(|connection| owner(connection, token))
    }
}

/// Returns the tokens that a user enrolled, in the order of their enrolment.
pub(super) fn of_user(connection: &Connection, uid: u32) -> Result<Vec<EnrolledToken>, Fault> {
    let mut statement = connection.prepare_cached(sql::TOKENS_OF_USER)?;
    let mut found = statement.query([uid])?;
    let mut tokens = Vec::new();
    while let Some(row) = found.next()? {
        tokens.push(rows::token(row)?);
    }
    Ok(tokens)
}

/// Checks that a key stands nowhere but in the local store and on tokens that its user enrolled: on another it
/// could be used by whoever enrolled that one.
pub(super) fn check_standing(key: &Key, tokens: &[EnrolledToken]) -> Result<(), Damage> {
    let is_known = |placement: &Placement| {
        let Placement { token, kind, .. } = placement;
        *kind == TokenKind::Local || tokens.iter().any(|known| known.id == *token && known.kind == *kind)
    };
    match key.placements.iter().find(|placement| !is_known(placement)) {
        None => Ok(()),
        Some(Placement { token, .. }) => {
            let problem =
                format!("it stands on `{}`, which its user has not enrolled", rows::shorten(token.as_str()));
            Err(Damage::Row { table: "placement", row: key.id().to_string(), problem })
        }
    }
}

/// Checks that a placement is in the user's own store, or on a token that they enrolled.
pub(super) fn check_placement(connection: &Connection, uid: u32, placement: &Placement) -> Result<(), Fault> {
    let Placement { token, kind, .. } = placement;
    let is_own = match kind {
        TokenKind::Local => *token == TokenId::local(uid),
        TokenKind::Card | TokenKind::Phone => connection
            .prepare_cached(sql::TOKEN_OF_KIND)?
            .exists(params![token.as_str(), uid, kind.name()])?,
    };
    if is_own { Ok(()) } else { Err(TableError::NoSuchToken(token.clone()).into()) }
}

pub(super) fn enrol(transaction: &Transaction<'_>, uid: u32, enrolment: &Enrolment) -> Result<(), Fault> {
    let Enrolment { token, new_keys, placements, defaults } = enrolment;
    users::check_known(transaction, uid)?;
    let EnrolledToken { id, kind, name, created } = token;
    match owner(transaction, id)? {
        Some(holder) if holder != uid => {
            return Err(TableError::AlreadyExists(Existing::Token(id.clone())).into());
        }
        None | Some(_) => {}
    }
    let values = params![id.as_str(), uid, kind.name(), name, created];
    transaction.prepare_cached(sql::PUT_TOKEN)?.execute(values)?;
    keys::put_all(transaction, uid, new_keys)?;
    for (key, placement) in placements {
        add_placement(transaction, uid, *key, placement)?;
    }
    defaults.as_ref().map_or(Ok(()), |defaults| users::put_defaults(transaction, uid, defaults))
}

pub(super) fn forget(
    transaction: &Transaction<'_>,
    uid: u32,
    token: &TokenId,
    now: i64,
) -> Result<Vec<SessionId>, Fault> {
    check_own(transaction, uid, token)?;
    let mut statement = transaction.prepare_cached(sql::KEYS_ONLY_ON_TOKEN)?;
    let only_there = statement.query_map(params![uid, token.as_str()], |row| row.get(0))?;
    for key in only_there.collect::<Result<Vec<String>, _>>()? {
        keys::take_out(transaction, uid, &key, End { time: now, ending: Ending::Forgotten })?;
    }
    transaction.prepare_cached(sql::DELETE_PLACEMENTS_ON_TOKEN)?.execute(params![uid, token.as_str()])?;
    transaction.prepare_cached(sql::DELETE_PHONE)?.execute([token.as_str()])?;
    transaction.prepare_cached(sql::DELETE_TOKEN)?.execute([token.as_str()])?;
    bindings::release(transaction, uid, token)
}

pub(super) fn rename(
    transaction: &Transaction<'_>,
    uid: u32,
    old: &TokenId,
    new: &EnrolledToken,
) -> Result<(), Fault> {
    check_own(transaction, uid, old)?;
    let EnrolledToken { id, kind, name, created } = new;
    if id != old && owner(transaction, id)?.is_some() {
        return Err(TableError::AlreadyExists(Existing::Token(id.clone())).into());
    }
    let values = params![old.as_str(), id.as_str(), kind.name(), name, created];
    transaction.prepare_cached(sql::RENAME_TOKEN)?.execute(values)?;
    let values = params![uid, old.as_str(), id.as_str(), kind.name()];
    transaction.prepare_cached(sql::MOVE_PLACEMENTS)?.execute(values)?;
    bindings::move_to(transaction, uid, old, id)
}

pub(super) fn add_placement(
    transaction: &Transaction<'_>,
    uid: u32,
    key: KeyId,
    placement: &Placement,
) -> Result<(), Fault> {
    match keys::state(transaction, uid, key)? {
        KeyState::Current | KeyState::Retired => keys::place(transaction, uid, key, placement),
        KeyState::Revoked => Err(TableError::KeyRevoked(key).into()),
    }
}

pub(super) fn remove_placement(
    transaction: &Transaction<'_>,
    uid: u32,
    key: KeyId,
    token: &TokenId,
) -> Result<(), Fault> {
    keys::state(transaction, uid, key)?;
    transaction.prepare_cached(sql::DELETE_PLACEMENT)?.execute(params![key.to_string(), token.as_str()])?;
    Ok(())
}

pub(super) fn displace(
    transaction: &Transaction<'_>,
    uid: u32,
    key: KeyId,
    token: &TokenId,
    now: i64,
) -> Result<(), Fault> {
    remove_placement(transaction, uid, key, token)?;
    if transaction.prepare_cached(sql::IS_PLACED)?.exists([key.to_string()])? {
        return Ok(());
    }
    keys::take_out(transaction, uid, &key.to_string(), End { time: now, ending: Ending::Forgotten })
}

/// Lets go of all tokens of a user, so that anybody may enrol them; no session is bound to any of them any more, nor to
/// the local store.
pub(super) fn let_go(transaction: &Transaction<'_>, uid: u32) -> Result<(), Fault> {
    bindings::release_all(transaction, uid)?;
    transaction.prepare_cached(sql::DELETE_PHONES_OF_USER)?.execute([uid])?;
    transaction.prepare_cached(sql::DELETE_TOKENS_OF_USER)?.execute([uid])?;
    Ok(())
}

fn owner(connection: &Connection, token: &TokenId) -> Result<Option<u32>, Fault> {
    let mut statement = connection.prepare_cached(sql::TOKEN_OWNER)?;
    Ok(statement.query_row([token.as_str()], |row| row.get(0)).optional()?)
}

pub(super) fn check_own(connection: &Connection, uid: u32, token: &TokenId) -> Result<(), Fault> {
    match owner(connection, token)? {
        Some(owner) if owner == uid => Ok(()),
        None | Some(_) => Err(TableError::NoSuchToken(token.clone()).into()),
    }
}
