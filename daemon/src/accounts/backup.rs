//! Backup and restore: the account and its sealed records, still sealed, as JSON.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use claviger_core::policy::Caller;
use claviger_core::{
    Confirm, Defaults, Key, KeyState, Placement, PlacementState, Refusal, Registration, check_label,
};
use claviger_soft::{KeySlots, algorithm_of};
use claviger_token::{Binding, KeyInfo, TokenId, TokenKind, Usage};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::registration::{application, new_user, slots_of};
use crate::callers::Visit;
use crate::clock::now;
use crate::files;
use crate::service::Service;
use crate::table::{Account, Ending};

/// The document. Nothing in it is in clear but what the owner may know anyway; it opens with the pass phrase on
/// the host where it was made, and with the recovery code anywhere.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    claviger_backup: u32,
    uid: u32,
    user_name: String,
    made: i64,
    slots: String,
    keys: Vec<KeyDocument>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyDocument {
    id: String,
    label: String,
    usage: Vec<String>,
    retired: bool,
    created: i64,
    public_key: String,
    record: String,
    default_for: Vec<String>,
    /// Left out where the key never asks, as in backups of before there was such a thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirm: Option<String>,
}

/// Returns the reading end of a pipe that gives the backup of the caller's account.
pub async fn backup(service: &Service, visit: &Visit) -> Result<OwnedFd, Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    files::write_out(&service.permits, seat.uid, move || write(&account))
}

fn write(account: &Account) -> Result<Vec<u8>, Refusal> {
    let Account { user, keys, tokens: _ } = account;
    let document = Document {
        claviger_backup: VERSION,
        uid: user.uid,
        user_name: user.name.clone(),
        made: now(),
        slots: BASE64.encode(&slots_of(user)?),
        keys: keys.iter().filter_map(|key| key_document(key, &user.defaults)).collect(),
    };
    serde_json::to_vec_pretty(&document).map_err(|error| Refusal::Internal(error.to_string().into()))
}

/// Returns a local key's document; keys elsewhere and revoked ones have no record to back up.
fn key_document(key: &Key, defaults: &Defaults) -> Option<KeyDocument> {
    let record = key.placements.iter().find_map(|placement| placement.record.as_ref())?;
    let default_for = defaults.by_name().into_iter().filter(|(_, id)| *id == Some(key.id()));
    Some(KeyDocument {
        id: key.id().to_string(),
        label: key.label.clone(),
        usage: key.info.usage.names().map(String::from).collect(),
        retired: key.state == KeyState::Retired,
        created: key.binding.created,
        public_key: BASE64.encode(&key.info.public_key),
        record: BASE64.encode(record),
        default_for: default_for.map(|(name, _)| name.to_owned()).collect(),
        confirm: (key.confirm != Confirm::Never).then(|| key.confirm.name().to_owned()),
    })
}

/// Takes a backup in as the caller's account, where the caller has none. Keys that an administrator revoked stay
/// revoked: they are left out.
pub async fn restore(service: &Arc<Service>, visit: Visit, backup: OwnedFd) -> Result<(), Refusal> {
    let (caller, most) = (Arc::clone(&visit.caller), service.config.caps.keys as usize);
    let parse = move |bytes: Vec<u8>| read(&caller, &bytes, most);
    let restored = files::read_as(&service.permits, visit.caller.uid, backup, BACKUP_LIMIT, parse).await?;
    let seat = service.accounts.seat(visit.caller.uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let Account { mut user, mut keys, tokens: _ } = restored;
        let (table, caller) = (&service.table, &visit.caller);
        (user.registration, user.location) = application(table, &seat, caller, service.application()).await?;
        for archived in table.archived(seat.uid).await? {
            if archived.ending == Ending::Revoked {
                keys.retain(|key| key.id() != archived.info.id);
                user.defaults.forget(archived.info.id);
            }
        }
        seat.token.lock();
        seat.apply(table, table.replace_account(user, keys)).await?;
        service.sessions.forget_user(seat.uid).await;
        seat.let_go(table).await;
        tracing::info!(uid = seat.uid, "an account was restored from a backup");
        Ok(())
    })
    .await
}

/// Reads a backup that may be anything.
pub fn read(caller: &Caller, bytes: &[u8], most: usize) -> Result<Account, Refusal> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| invalid(&format!("it is no backup: {error}")))?;
    if document.claviger_backup != VERSION {
        return Err(invalid(&format!("it is of version {}", document.claviger_backup)));
    }
    if (document.uid, &document.user_name) != (caller.uid, &caller.user_name) {
        return Err(invalid(&format!(
            "it is of user {:?} with uid {}, and sealed for them alone",
            document.user_name, document.uid
        )));
    }
    if document.keys.len() > most {
        return Err(Refusal::LimitsExceeded("keys"));
    }
    let slots = decoded(&document.slots)?;
    KeySlots::from_bytes(&slots).map_err(|error| invalid(&error.to_string()))?;
    let mut defaults = Defaults::default();
    let keys = document
        .keys
        .iter()
        .map(|key| read_key(caller, key, &mut defaults))
        .collect::<Result<Vec<Key>, Refusal>>()?;
    let mut user = new_user(caller, TokenKind::Local, Registration::None);
    (user.defaults, user.slots) = (defaults, Some(slots.into()));
    Ok(Account { user, keys, tokens: Vec::new() })
}

fn read_key(caller: &Caller, document: &KeyDocument, defaults: &mut Defaults) -> Result<Key, Refusal> {
    check_label(&document.label)?;
    let id = document.id.parse().map_err(|_| invalid("a key id is none"))?;
    let public_key = decoded(&document.public_key)?;
    let algorithm = algorithm_of(&public_key).map_err(|error| invalid(&error.to_string()))?;
    let usage = Usage::from_names(document.usage.iter().map(String::as_str))
        .ok()
        .filter(|usage| usage.is_within(algorithm.usage()))
        .ok_or_else(|| invalid("a key's usage is none of its algorithm"))?;
    for purpose in &document.default_for {
        defaults.set(purpose, Some(id)).map_err(|_| invalid("a default is for no purpose"))?;
    }
    let confirm = document.confirm.as_deref().map_or(Some(Confirm::Never), Confirm::from_name);
    let confirm = confirm.ok_or_else(|| invalid("a key asks in a way that there is none"))?;
    let record = decoded(&document.record)?;
    if !(1..=RECORD_LIMIT).contains(&record.len()) {
        return Err(invalid("a record has no size that a record can have"));
    }
    Ok(Key {
        info: Arc::new(KeyInfo { id, algorithm, usage, public_key: public_key.into() }),
        binding: Arc::new(Binding {
            uid: caller.uid,
            user_name: caller.user_name.clone(),
            key: id,
            created: document.created,
        }),
        label: document.label.clone(),
        state: if document.retired { KeyState::Retired } else { KeyState::Current },
        last_used: None,
        certificates: Vec::new(),
        attestation: Vec::new(),
        confirm,
        placements: vec![Placement {
            token: TokenId::local(caller.uid),
            kind: TokenKind::Local,
            reference: Arc::from(""),
            state: PlacementState::Current,
            record: Some(record.into()),
        }],
    })
}

fn decoded(text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64.decode(text.as_bytes()).map_err(|_| invalid("a value is no base64"))
}

fn invalid(why: &str) -> Refusal {
    Refusal::DataInvalid(format!("the backup cannot be taken: {why}").into())
}

/// The version of the document.
const VERSION: u32 = 1;
/// The most that a backup may have, in bytes: ten thousand RSA-4096 keys.
const BACKUP_LIMIT: usize = 64 * 1024 * 1024;
/// The most that one sealed record may have, in bytes.
const RECORD_LIMIT: usize = 64 * 1024;
