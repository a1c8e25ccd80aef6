//! The keys on a phone: taken in when they prove themselves, erased when their owner gives them up.

use std::sync::Arc;

use claviger_core::policy::Caller;
use claviger_core::{Defaults, Key, KeyState, Placement, PlacementState, Refusal, check_label};
use claviger_phone_token::{KeyEntry, PhoneToken};
use claviger_soft as soft;
use claviger_token::{KeyId, KeyInfo, Token, TokenError, TokenId, TokenKind, TokenOp};

use super::phones::{named_if_absent, of_phone, own_token};
use super::possession::{Candidate, prove};
use super::registration::{become_default, new_binding};
use super::{Seat, certificates, guess};
use crate::callers::Visit;
use crate::errand::own_errand;
use crate::service::Service;
use crate::signals::Event;
use crate::table::Account;

/// What the keys of a phone become.
pub struct Enrolment {
    /// A name for them; what the phone calls them unless told.
    pub label: String,
    /// They become the defaults for what they can.
    pub default: bool,
}

/// Takes in what is new on one of the caller's phones and returns the ids of all keys of the caller's on it.
pub async fn enrol(
    service: &Arc<Service>,
    visit: &Visit,
    id: &TokenId,
    enrolment: Enrolment,
) -> Result<Vec<KeyId>, Refusal> {
    check_label(&enrolment.label)?;
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    let phone = own_token(&seat, &account, id)?;
    named_if_absent(service, &account, &phone).await?;
    let found = find(&seat, id).await?;
    take_in(service, &visit.caller, (id, found), enrolment).await
}

/// Returns what the phone says of its keys; of those that cannot be what it says, nothing.
pub(super) async fn find(seat: &Seat, token: &TokenId) -> Result<Vec<KeyEntry>, Refusal> {
    let mut found = seat.phone(token)?.keys().await.map_err(of_phone)?;
    found.retain(|key| {
        let sound = soft::algorithm_of(&key.public_key) == Ok(key.algorithm)
            && key.usage.is_within(key.algorithm.usage())
            && !key.usage.is_empty();
        if !sound {
            tracing::warn!(%token, reference = key.reference, "a phone says of a key what cannot be");
        }
        sound
    });
    Ok(found)
}

/// Has each key that is new prove itself, which asks the phone's person, and takes in those that do. One of which the
/// person says no is left out.
///
/// # Errors
/// Where not one of the new keys proved itself: why the first did not.
pub(super) async fn take_in(
    service: &Arc<Service>,
    caller: &Arc<Caller>,
    (token, found): (&TokenId, Vec<KeyEntry>),
    enrolment: Enrolment,
) -> Result<Vec<KeyId>, Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let account = seat.own(&service.table, caller).await?;
    if account.keys.len() + found.len() > service.config.caps.keys as usize {
        return Err(Refusal::LimitsExceeded("keys"));
    }
    let phone = seat.phone(token)?;
    let (mut proven, mut refused) = (Vec::new(), None);
    for key in found.into_iter().filter(|key| !is_known(&account, token, key)) {
        match examine(&phone, caller, key).await {
            Ok(key) => proven.push(key),
            Err(refusal @ (Refusal::TokenAbsent(_) | Refusal::TokenRemoved)) => return Err(refusal),
            Err(refusal) => {
                tracing::warn!(uid = seat.uid, %token, "a key on a phone is left out: {refusal}");
                refused.get_or_insert(refusal);
            }
        }
    }
    if let (Some(refusal), true) = (refused, proven.is_empty()) {
        return Err(refusal);
    }
    let (held, service, caller, token) = (service, Arc::clone(service), Arc::clone(caller), token.clone());
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.own(&service.table, &caller).await?;
        let enrolled = account.tokens.iter().find(|enrolled| enrolled.id == token).cloned();
        // It may have been taken out of the account meanwhile.
        let enrolled = enrolled.ok_or(Refusal::NoSuchToken)?;
        let Rows { new, placed, defaults } = Rows::new(&caller, &account, (&token, proven), &enrolment)?;
        let table = &service.table;
        seat.apply(table, table.enrol_token(seat.uid, enrolled, new, placed, Some(defaults))).await?;
        service.subscribers.announce(seat.uid, &Event::KeysChanged);
        let account = seat.own(table, &caller).await?;
        let is_there = |key: &&Key| key.placements.iter().any(|place| place.token == token);
        Ok(account.keys.iter().filter(is_there).map(Key::id).collect())
    })
    .await
}

/// Returns true where the table has that very key at that very place.
fn is_known(account: &Account, token: &TokenId, found: &KeyEntry) -> bool {
    let there = |place: &Placement| place.token == *token && *place.reference == *found.reference;
    account
        .keys
        .iter()
        .any(|key| *key.info.public_key == *found.public_key && key.placements.iter().any(there))
}

/// A key that proved itself, and what certifies it.
struct Proven {
    key: KeyEntry,
    public_key: Arc<[u8]>,
    certificates: Vec<Vec<u8>>,
}

async fn examine(phone: &Arc<PhoneToken>, caller: &Caller, key: KeyEntry) -> Result<Proven, Refusal> {
    let errand = own_errand(&caller.user_name, "clavigerd", "enrolment");
    let view = Arc::clone(phone).on_behalf_of(errand);
    let public_key: Arc<[u8]> = key.public_key.as_slice().into();
    let candidate = Candidate {
        reference: &key.reference,
        algorithm: key.algorithm,
        usage: key.usage,
        public_key: &public_key,
    };
    prove(&*view, candidate, caller.uid).await?;
    // A phone that keeps no certificates says so; the key is none the worse.
    let certificates = phone.certificates(&key.reference).await.unwrap_or_default();
    let certificates = certificates::fitting(&certificates, &public_key);
    Ok(Proven { key, public_key, certificates })
}

/// What an enrolment writes.
struct Rows {
    new: Vec<Key>,
    placed: Vec<(KeyId, Placement)>,
    defaults: Defaults,
}

impl Rows {
    fn new(
        caller: &Caller,
        account: &Account,
        (token, proven): (&TokenId, Vec<Proven>),
        enrolment: &Enrolment,
    ) -> Result<Self, Refusal> {
        let mut rows = Self { new: Vec::new(), placed: Vec::new(), defaults: account.user.defaults };
        let mut preferred = Defaults::default();
        let count = proven.len();
        for Proven { key: found, public_key, certificates } in proven {
            let place = placement(token, &found.reference);
            match account.keys.iter().find(|key| key.info.public_key == public_key) {
                Some(key) if key.state == KeyState::Revoked => {}
                Some(key) => {
                    rows.placed.push((key.id(), place));
                    become_default(&mut preferred, key);
                }
                None => {
                    let taken = |label: &str| {
                        let mut all = account.keys.iter().chain(&rows.new);
                        all.any(|key| key.state == KeyState::Current && key.label == label)
                    };
                    let label = label(enrolment, &found, count, taken)?;
                    let binding = new_binding(caller).map_err(guess::refusal)?;
                    let key = Key {
                        info: Arc::new(KeyInfo {
                            id: binding.key,
                            algorithm: found.algorithm,
                            usage: found.usage,
                            public_key,
                        }),
                        binding: Arc::new(binding),
                        label,
                        state: KeyState::Current,
                        last_used: None,
                        placements: vec![place],
                        certificates,
                        attestation: Vec::new(),
                        confirm: claviger_core::Confirm::Never,
                    };
                    become_default(&mut preferred, &key);
                    rows.new.push(key);
                }
            }
        }
        rows.defaults.prefer(preferred, enrolment.default);
        Ok(rows)
    }
}

/// Returns the label of a key on a phone: the one that was asked for, with its place where there are several; else what the
/// phone calls it, where that is a label and no other key has it.
fn label(
    enrolment: &Enrolment,
    found: &KeyEntry,
    count: usize,
    taken: impl Fn(&str) -> bool,
) -> Result<String, Refusal> {
    let label = match (enrolment.label.as_str(), count) {
        ("", _) if check_label(&found.label).is_err() || taken(&found.label) => String::new(),
        ("", _) => found.label.clone(),
        (label, 1) => label.to_owned(),
        (label, _) => format!("{label} {}", found.reference),
    };
    check_label(&label).map(|()| label)
}

fn placement(token: &TokenId, reference: &str) -> Placement {
    Placement {
        token: token.clone(),
        kind: TokenKind::Phone,
        reference: reference.into(),
        state: PlacementState::Current,
        record: None,
    }
}

/// Asks the phones on which a key stood to erase it. It is the owner's no more, whatever they answer: a phone that is away,
/// or whose person says no, keeps it.
pub(super) async fn erase(seat: &Seat, key: &Key) {
    for place in key.placements.iter().filter(|place| place.kind == TokenKind::Phone) {
        let Ok(phone) = seat.phone(&place.token) else { continue };
        if !phone.capabilities().erases {
            continue;
        }
        let errand = own_errand(&key.binding.user_name, "clavigerd", "delete");
        let outcome = phone.on_behalf_of(errand).perform(TokenOp::Delete { key: key.handle(place) }).await;
        match outcome {
            Ok(_) | Err(TokenError::NoSuchKey) => {}
            Err(error) => {
                tracing::info!(key = %key.id(), token = %place.token, "the phone keeps a key: {error}");
            }
        }
    }
}
