//! The keys of an account: made, taken in, named, deleted, revoked.

use std::sync::Arc;

use claviger_core::{Defaults, Key, KeyState, Refusal, Selector, Step, check_label};
use claviger_token::{Algorithm, KeyId, Secret, Site, Token, TokenKind, TokenOp, TokenOutput, Usage};

use super::passphrase::wipe;
use super::registration::{become_default, local_key, new_binding};
use super::{Seat, guess};
use crate::callers::Visit;
use crate::clock::now;
use crate::pipeline::perform;
use crate::service::Service;
use crate::signals::Event;
use crate::table::{Account, TableError};

/// What a caller wants of a new key.
pub struct NewKey {
    /// A name for people; empty for none.
    pub label: String,
    /// What it may be used for; all that the algorithm can do unless told.
    pub usage: Option<Usage>,
    /// Where it is made; the user's location unless told.
    pub location: Option<TokenKind>,
}

/// Where a new key comes from.
pub enum Origin {
    /// It is made.
    Generate(Algorithm),
    /// It was made elsewhere: DER PKCS#8.
    Import(Secret),
}

/// Makes or takes a key and returns its id.
pub async fn create(
    service: &Arc<Service>,
    visit: Visit,
    origin: Origin,
    wanted: NewKey,
) -> Result<KeyId, Refusal> {
    check_label(&wanted.label)?;
    let seat = service.accounts.seat(visit.caller.uid);
    // Asked now, before a computation that may be long, and again when it counts.
    let account = seat.unlocked(&service.table, &visit.caller).await?;
    let most = service.config.caps.keys as usize;
    check_room(&account, &wanted.label, most)?;
    match wanted.location.unwrap_or(account.user.location) {
        TokenKind::Local => {}
        other => return Err(Refusal::NotSupported(format!("making a key on a {}", other.name()).into())),
    }
    if let Origin::Generate(algorithm) = &origin {
        check_usage(wanted.usage, *algorithm)?;
    }
    let binding = new_binding(&visit.caller).map_err(guess::refusal)?;
    let operation = match origin {
        Origin::Generate(algorithm) => {
            TokenOp::Generate { algorithm, binding: binding.clone(), site: Site::default() }
        }
        Origin::Import(private_key) => {
            TokenOp::Import { private_key, binding: binding.clone(), site: Site::default() }
        }
    };
    let token = Arc::clone(&seat.token) as Arc<dyn Token>;
    let TokenOutput::Generated(generated) = perform(service, seat.uid, token, operation).await? else {
        return Err(Refusal::Internal("the token made no key".into()));
    };
    check_usage(wanted.usage, generated.algorithm)?;
    let key = local_key(generated, binding, wanted.label, wanted.usage);
    let (held, service, id) = (service, Arc::clone(service), key.id());
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let now = seat.unlocked(&service.table, &visit.caller).await?;
        // An account that was registered anew meanwhile has other slots, under which this key never opens.
        if now.user.created != account.user.created {
            return Err(Refusal::Cancelled);
        }
        check_room(&now, &key.label, most)?;
        if now.keys.iter().any(|other| other.info.public_key == key.info.public_key) {
            return Err(Refusal::AlreadyExists("this very key".into()));
        }
        let mut defaults = now.user.defaults;
        become_default(&mut defaults, &key);
        change_table(&service, &seat, service.table.insert_key(key, Some(defaults))).await
    })
    .await?;
    Ok(id)
}

/// What an owner changes of a key.
pub enum Change {
    /// Deletes it for good: its sealed record is erased.
    Delete,
    /// Gives it another label; an empty one takes it away.
    Label(String),
    /// Makes it the default for a purpose.
    DefaultFor(String),
}

/// Changes one of the caller's keys while the account is unlocked.
pub async fn change(
    service: &Arc<Service>,
    visit: Visit,
    selector: Selector,
    change: Change,
) -> Result<(), Refusal> {
    if let Change::Label(label) = &change {
        check_label(label)?;
    }
    let seat = service.accounts.seat(visit.caller.uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.unlocked(&service.table, &visit.caller).await?;
        let (uid, table, user) = (seat.uid, &service.table, &account.user);
        let find = || selector.find(&account.keys, &user.defaults, None);
        match (change, &selector) {
            (Change::Delete, _) => {
                let key = find()?;
                change_table(&service, &seat, table.delete_key(uid, key.id())).await?;
                forget(&seat, key).await
            }
            (Change::Label(label), _) => {
                change_table(&service, &seat, table.set_label(uid, find()?.id(), &label)).await
            }
            (Change::DefaultFor(purpose), selector) => {
                let key = if *selector == Selector::Default { None } else { Some(find()?) };
                let defaults = with_default(user.defaults, &purpose, key)?;
                change_table(&service, &seat, table.set_defaults(uid, defaults)).await
            }
        }
    })
    .await
}

fn with_default(mut defaults: Defaults, purpose: &str, key: Option<&Key>) -> Result<Defaults, Refusal> {
    defaults.set(purpose, key.map(Key::id)).map_err(|unknown| {
        Refusal::InvalidArguments(
            format!("{unknown:?} is no purpose; there are sign, decrypt, derive, authenticate").into(),
        )
    })?;
    let Some(key) = key else { return Ok(defaults) };
    let usage = key.info.usage;
    let (serves, verb) = match purpose {
        "decrypt" => (usage.decrypt, "decrypt"),
        "derive" => (usage.derive, "derive"),
        _ => (usage.sign, "sign"),
    };
    match key.state {
        KeyState::Revoked => Err(Refusal::KeyRevoked),
        KeyState::Current | KeyState::Retired if serves => Ok(defaults),
        KeyState::Current | KeyState::Retired => Err(Refusal::UsageNotAllowed(verb)),
    }
}

/// Erases the private half of another's key; the public half stays with the time. For administrators. Revoking
/// again changes nothing.
pub async fn revoke(
    service: &Arc<Service>,
    visit: Visit,
    uid: u32,
    selector: Selector,
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _visit = visit;
        let _change = seat.change.lock().await;
        let account = seat.account(&service.table).await?.ok_or(Refusal::NoSuchUser)?;
        let key = selector.find(&account.keys, &account.user.defaults, None)?;
        forget(&seat, key).await?;
        change_table(&service, &seat, service.table.revoke_key(uid, key.id(), now())).await?;
        tracing::info!(uid, key = %key.id(), "a key was revoked");
        Ok(())
    })
    .await
}

/// What an administrator ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every key is revoked and the account with them; the row stays.
    Revoke,
    /// The row goes too.
    Remove,
}

/// Ends the account of another: first nothing of it is usable, then the table is changed.
pub async fn end_account(service: &Arc<Service>, visit: Visit, uid: u32, end: End) -> Result<(), Refusal> {
    let seat = service.accounts.seat(uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _visit = visit;
        let _change = seat.change.lock().await;
        let account = seat.account(&service.table).await?.ok_or(Refusal::NoSuchUser)?;
        wipe(&service, &seat);
        match end {
            End::Revoke => {
                account.user.registration.after(Step::Revoke)?;
                change_table(&service, &seat, service.table.revoke_user(uid, now())).await?;
            }
            End::Remove => change_table(&service, &seat, service.table.remove_user(uid, now())).await?,
        }
        tracing::info!(uid, "an account was ended: {end:?}");
        Ok(())
    })
    .await
}

/// Carries a change of the keys out and tells the user.
async fn change_table(
    service: &Service,
    seat: &Seat,
    change: impl Future<Output = Result<(), TableError>>,
) -> Result<(), Refusal> {
    seat.apply(&service.table, change).await?;
    service.subscribers.announce(seat.uid, &Event::KeysChanged);
    Ok(())
}

/// Lets the tokens forget a key whose row is gone.
async fn forget(seat: &Seat, key: &Key) -> Result<(), Refusal> {
    for placement in &key.placements {
        let token = seat.token(placement)?;
        match token.perform(TokenOp::Delete { key: key.handle(placement) }).await {
            Ok(_) | Err(claviger_token::TokenError::NoSuchKey | claviger_token::TokenError::Locked) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Refuses one key too many, and a label that a current key has.
fn check_room(account: &Account, label: &str, most: usize) -> Result<(), Refusal> {
    let kept = |key: &&Key| key.state != KeyState::Revoked;
    if account.keys.iter().filter(kept).count() >= most {
        return Err(Refusal::LimitsExceeded("keys"));
    }
    let same = |key: &Key| key.state == KeyState::Current && key.label == label;
    if !label.is_empty() && account.keys.iter().any(same) {
        return Err(Refusal::AlreadyExists(format!("a key with the label {label:?}").into()));
    }
    Ok(())
}

fn check_usage(usage: Option<Usage>, algorithm: Algorithm) -> Result<(), Refusal> {
    match usage {
        Some(usage) if usage.is_empty() => Err(Refusal::InvalidArguments("the usage is empty".into())),
        Some(usage) if !usage.is_within(algorithm.usage()) => {
            let can: Vec<&str> = algorithm.usage().names().collect();
            Err(Refusal::InvalidArguments(format!("a {algorithm} key can only {}", can.join(", ")).into()))
        }
        _ => Ok(()),
    }
}
