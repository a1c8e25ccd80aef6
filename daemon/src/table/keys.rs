use std::collections::HashMap;

use claviger_core::{Confirm, Defaults, EnrolledToken, Key, KeyState, Placement};
use claviger_token::KeyId;
use rusqlite::{Connection, Transaction, params};

use super::archive::{self, End, Ending};
use super::der;
use super::error::{Damage, Existing, Fault, TableError};
use super::rows;
use super::sql;
use super::store::{Erasure, Store};
use super::tokens;
use super::users;

impl Store {
    pub(super) fn insert_key(&mut self, key: &Key, defaults: Option<&Defaults>) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            put(transaction, key)?;
            defaults.map_or(Ok(()), |defaults| users::put_defaults(transaction, key.binding.uid, defaults))
        })
    }

    pub(super) fn count(&self, uid: u32) -> Result<u32, TableError> {
        self.read(|connection| {
            Ok(connection.prepare_cached(sql::COUNT_KEYS)?.query_row([uid], |row| row.get(0))?)
        })
    }

    pub(super) fn set_label(&mut self, uid: u32, key: KeyId, label: &str) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            if state(transaction, uid, key)? == KeyState::Current {
                check_label(transaction, uid, key, label)?;
            }
            transaction.prepare_cached(sql::SET_LABEL)?.execute(params![key.to_string(), uid, label])?;
            Ok(())
        })
    }

    pub(super) fn delete_key(&mut self, uid: u32, key: KeyId) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| {
            state(transaction, uid, key)?;
            delete(transaction, uid, &key.to_string())
        })
    }

    pub(super) fn revoke_key(&mut self, uid: u32, key: KeyId, now: i64) -> Result<(), TableError> {
        self.write(Erasure::Secret, |transaction| {
            match state(transaction, uid, key)? {
                KeyState::Revoked => return Ok(()),
                KeyState::Current | KeyState::Retired => {}
            }
            let id = key.to_string();
            archive::keep(transaction, &id, End { time: now, ending: Ending::Revoked })?;
            transaction.prepare_cached(sql::FORGET_DEFAULT)?.execute(params![uid, id])?;
            transaction.prepare_cached(sql::DELETE_PLACEMENTS)?.execute([&id])?;
            transaction.prepare_cached(sql::REVOKE_KEY)?.execute([&id])?;
            Ok(())
        })
    }

    pub(super) fn set_certificates(
        &mut self,
        uid: u32,
        key: KeyId,
        certificates: &[Vec<u8>],
    ) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| set_certificates(transaction, uid, key, certificates))
    }

    pub(super) fn set_confirm(&mut self, uid: u32, key: KeyId, confirm: Confirm) -> Result<(), TableError> {
        self.write(Erasure::None, |transaction| {
            let values = params![key.to_string(), uid, confirm.name()];
            match transaction.prepare_cached(sql::SET_CONFIRM)?.execute(values)? {
                0 => Err(TableError::NoSuchKey(key).into()),
                _ => Ok(()),
            }
        })
    }

    pub(super) fn touch(&mut self, uses: &[(KeyId, i64)]) -> Result<(), TableError> {
        if uses.is_empty() {
            return Ok(());
        }
        self.write(Erasure::None, |transaction| {
            let mut statement = transaction.prepare_cached(sql::TOUCH)?;
            for (key, time) in uses {
                statement.execute(params![key.to_string(), time])?;
            }
            Ok(())
        })
    }
}

/// Returns all keys of a user with their placements, in two statements however many there are. `tokens` are those
/// that the user enrolled.
pub(super) fn of_user(
    connection: &Connection,
    uid: u32,
    tokens: &[EnrolledToken],
) -> Result<Vec<Key>, Fault> {
    let mut placements = placements_of_user(connection, uid)?;
    let mut statement = connection.prepare_cached(sql::KEYS_OF_USER)?;
    let mut found = statement.query([uid])?;
    let mut keys = Vec::new();
    while let Some(row) = found.next()? {
        let mut key = rows::key(row)?;
        key.placements = placements.remove(&key.id()).unwrap_or_default();
        if key.state == KeyState::Revoked && !key.placements.is_empty() {
            let problem = "it is revoked and yet stands somewhere".to_owned();
            return Err(Damage::Row { table: "key", row: key.id().to_string(), problem }.into());
        }
        tokens::check_standing(&key, tokens)?;
        keys.push(key);
    }
    Ok(keys)
}

fn placements_of_user(connection: &Connection, uid: u32) -> Result<HashMap<KeyId, Vec<Placement>>, Fault> {
    let mut statement = connection.prepare_cached(sql::PLACEMENTS_OF_USER)?;
    let mut found = statement.query([uid])?;
    let mut placements: HashMap<KeyId, Vec<Placement>> = HashMap::new();
    while let Some(row) = found.next()? {
        let (key, placement) = rows::placement(row)?;
        placements.entry(key).or_default().push(placement);
    }
    Ok(placements)
}

/// Returns the state of a key, which must be that user's.
pub(super) fn state(connection: &Connection, uid: u32, key: KeyId) -> Result<KeyState, Fault> {
    let mut statement = connection.prepare_cached(sql::KEY_STATE)?;
    let mut found = statement.query(params![key.to_string(), uid])?;
    let row = found.next()?.ok_or(TableError::NoSuchKey(key))?;
    Ok(rows::state("key", key, row, KeyState::from_name)?)
}

/// Writes a new key and where it stands.
pub(super) fn put(transaction: &Transaction<'_>, key: &Key) -> Result<(), Fault> {
    let Key { info, binding, label, state, last_used, placements, certificates, attestation, confirm } = key;
    check_new(transaction, key)?;
    let id = info.id.to_string();
    transaction.prepare_cached(sql::PUT_KEY)?.execute(params![
        id,
        binding.uid,
        binding.user_name,
        label,
        info.algorithm.name(),
        rows::usage_text(info.usage),
        &*info.public_key,
        state.name(),
        binding.created,
        last_used,
        column(info.id, certificates)?,
        column(info.id, attestation)?,
        confirm.name(),
    ])?;
    // Placements without a key: a damaged row left them behind.
    transaction.prepare_cached(sql::DELETE_PLACEMENTS)?.execute([&id])?;
    placements.iter().try_for_each(|placement| place(transaction, binding.uid, info.id, placement))
}

/// Writes new keys, which must be bound to that user.
pub(super) fn put_all(transaction: &Transaction<'_>, uid: u32, keys: &[Key]) -> Result<(), Fault> {
    for key in keys {
        if key.binding.uid != uid {
            return Err(TableError::NotTheUsersKey(key.id()).into());
        }
        put(transaction, key)?;
    }
    Ok(())
}

/// Writes where a key of the user stands.
pub(super) fn place(
    transaction: &Transaction<'_>,
    uid: u32,
    key: KeyId,
    placement: &Placement,
) -> Result<(), Fault> {
    tokens::check_placement(transaction, uid, placement)?;
    let Placement { token, kind, reference, state, record } = placement;
    let (key, record) = (key.to_string(), record.as_deref());
    let values = params![key, token.as_str(), kind.name(), &**reference, state.name(), record];
    transaction.prepare_cached(sql::PUT_PLACEMENT)?.execute(values)?;
    Ok(())
}

pub(super) fn set_certificates(
    transaction: &Transaction<'_>,
    uid: u32,
    key: KeyId,
    certificates: &[Vec<u8>],
) -> Result<(), Fault> {
    let values = params![key.to_string(), uid, column(key, certificates)?];
    match transaction.prepare_cached(sql::SET_CERTIFICATES)?.execute(values)? {
        0 => Err(TableError::NoSuchKey(key).into()),
        _ => Ok(()),
    }
}

/// Takes one key of a user out of the table; its public half is archived.
pub(super) fn take_out(transaction: &Transaction<'_>, uid: u32, key: &str, end: End) -> Result<(), Fault> {
    archive::keep(transaction, key, end)?;
    delete(transaction, uid, key)
}

fn delete(transaction: &Transaction<'_>, uid: u32, key: &str) -> Result<(), Fault> {
    transaction.prepare_cached(sql::FORGET_DEFAULT)?.execute(params![uid, key])?;
    transaction.prepare_cached(sql::DELETE_PLACEMENTS)?.execute([key])?;
    transaction.prepare_cached(sql::DELETE_KEY)?.execute([key])?;
    Ok(())
}

fn column(key: KeyId, certificates: &[Vec<u8>]) -> Result<Option<Vec<u8>>, TableError> {
    der::join(certificates).map_err(|misfit| TableError::UnfitCertificate { key, misfit })
}

/// Takes all keys and tokens of a user out of the table; the public halves of keys that do not stay are archived.
pub(super) fn clear(transaction: &Transaction<'_>, uid: u32, end: End, staying: &[Key]) -> Result<(), Fault> {
    archive::keep_all(transaction, uid, end, staying)?;
    transaction.prepare_cached(sql::DELETE_PLACEMENTS_OF_USER)?.execute([uid])?;
    transaction.prepare_cached(sql::DELETE_KEYS_OF_USER)?.execute([uid])?;
    tokens::let_go(transaction, uid)
}

/// Checks that nothing stands in the way of a new key: SQLite would only say that some constraint failed.
fn check_new(transaction: &Transaction<'_>, key: &Key) -> Result<(), Fault> {
    let (id, uid) = (key.id(), key.binding.uid);
    if key.binding.key != id {
        return Err(TableError::NotTheUsersKey(id).into());
    }
    users::check_known(transaction, uid)?;
    if transaction.prepare_cached(sql::KEY_EXISTS)?.exists([id.to_string()])? {
        return Err(TableError::AlreadyExists(Existing::Key(id)).into());
    }
    match key.state {
        KeyState::Current => check_label(transaction, uid, id, &key.label),
        KeyState::Retired | KeyState::Revoked => Ok(()),
    }
}

fn check_label(transaction: &Transaction<'_>, uid: u32, key: KeyId, label: &str) -> Result<(), Fault> {
    match transaction.prepare_cached(sql::LABEL_TAKEN)?.exists(params![uid, label, key.to_string()])? {
        true => Err(TableError::AlreadyExists(Existing::Label(label.to_owned())).into()),
        false => Ok(()),
    }
}
