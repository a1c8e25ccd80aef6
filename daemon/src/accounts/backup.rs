//! Backup and restore: the account and its sealed records, still sealed, as JSON.

use std::sync::Arc;

use claviger_core::policy::{Caller, active, own_account};
use claviger_core::{
    Defaults, Guesses, Key, KeyState, Placement, PlacementState, Refusal, Registration, Step, User,
    check_label,
};
use claviger_soft::{KeySlots, algorithm_of};
use claviger_token::{Binding, KeyInfo, TokenId, TokenKind, Usage};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::registered;
use crate::clock::now;
use crate::service::Service;
use crate::table::Account;

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
}

/// Returns the backup of the caller's account.
pub async fn backup(service: &Service, caller: &Caller) -> Result<Vec<u8>, Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let account = seat.account(&service.table).await?;
    let user = registered(account.as_ref())?;
    own_account(caller, user)?;
    active(user)?;
    let account = account.as_ref().ok_or(Refusal::NotRegistered(Registration::None))?;
    let document = Document {
        claviger_backup: VERSION,
        uid: user.uid,
        user_name: user.name.clone(),
        made: now(),
        slots: BASE64.encode(&super::registration::slots_of(user)?),
        keys: account.keys.iter().filter_map(|key| key_document(key, &user.defaults)).collect(),
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
    })
}

/// Takes a backup in as the caller's account, where the caller has none.
pub async fn restore(service: &Arc<Service>, caller: &Caller, bytes: &[u8]) -> Result<(), Refusal> {
    let restored = read(caller, bytes)?;
    let seat = service.accounts.seat(caller.uid);
    let step = if service.config.consent { Step::Apply } else { Step::Register };
    let service = Arc::clone(service);
    let caller = caller.clone();
    service
        .clone()
        .to_its_end(async move {
            let _change = seat.change.lock().await;
            let Account { mut user, keys } = restored;
            user.registration = match seat.account(&service.table).await?.map(|account| account.user.clone())
            {
                Some(row) => {
                    own_account(&caller, &row)?;
                    user.location = row.location;
                    row.registration.after(step)?
                }
                None => Registration::None.after(step)?,
            };
            service.table.replace_account(user, keys).await?;
            seat.reload(&service.table).await?;
            tracing::info!(uid = caller.uid, "an account was restored from a backup");
            Ok(())
        })
        .await
}

/// Reads a backup that may be anything.
fn read(caller: &Caller, bytes: &[u8]) -> Result<Account, Refusal> {
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
    let slots = decoded(&document.slots)?;
    KeySlots::from_bytes(&slots).map_err(|error| invalid(&error.to_string()))?;
    let mut defaults = Defaults::default();
    let keys = document
        .keys
        .iter()
        .map(|key| read_key(caller, key, &mut defaults))
        .collect::<Result<Vec<Key>, Refusal>>()?;
    let user = User {
        uid: caller.uid,
        name: caller.user_name.clone(),
        location: TokenKind::Local,
        registration: Registration::None,
        defaults,
        guesses: Guesses::default(),
        created: now(),
        slots: Some(slots.into()),
    };
    Ok(Account { user, keys })
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
        placements: vec![Placement {
            token: TokenId::local(caller.uid),
            kind: TokenKind::Local,
            reference: Arc::from(""),
            state: PlacementState::Current,
            record: Some(decoded(&document.record)?.into()),
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
pub const BACKUP_LIMIT: usize = 64 * 1024 * 1024;
