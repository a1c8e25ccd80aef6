//! Cards of an account: enrolled, forgotten, unlocked, locked.

use std::sync::Arc;
use std::time::Duration;

use claviger_card::{CardKey, CardToken, Contents};
use claviger_core::policy::Caller;
use claviger_core::{
    Defaults, EnrolledToken, Key, KeyState, Placement, PlacementState, Refusal, Registration, check_label,
};
use claviger_token::{KeyId, KeyInfo, Presence, Secret, Spare, Token, TokenId, TokenKind, TokenOp};

use super::card_care::here;
use super::possession::{Candidate, prove};
use super::registration::{become_default, may_add_token, new_binding, new_user};
use super::{Seat, certificates, guess, token_name};
use crate::callers::Visit;
use crate::clock::now;
use crate::operation::Thread;
use crate::pipeline::perform;
use crate::service::Service;
use crate::signals::Event;
use crate::table::Account;

/// A PIN that came with a request.
pub struct Given {
    /// The PIN; without one the reader's pin pad must ask.
    pub pin: Option<Secret>,
    /// The tries that are not spent on it.
    pub spare: Spare,
    /// How long the card stays unlocked without use; `None` for ever.
    pub idle: Option<Duration>,
}

/// What the keys of a card become.
pub struct Enrolment {
    /// A name for them; empty for none.
    pub label: String,
    /// They become the defaults for what they can.
    pub default: bool,
}

/// Binds a card and its public keys to the caller and returns the ids of the keys that stand on it. Each key must
/// prove itself on a challenge. A caller without an account gets one, where no consent is asked for.
pub async fn enrol(
    service: &Arc<Service>,
    visit: Visit,
    id: TokenId,
    given: Given,
    enrolment: Enrolment,
) -> Result<Vec<KeyId>, Refusal> {
    check_label(&enrolment.label)?;
    let seat = service.accounts.seat(visit.caller.uid);
    let account = may_enrol(service, &seat, &visit.caller, &id).await?;
    let own = account.is_some_and(|account| account.tokens.iter().any(|enrolled| enrolled.id == id));
    let token = if own { seat.card(&id)? } else { here(service, &id)? };
    present(&token)?;
    // Another program may have put keys on it since it was put in.
    let contents = service.cards.reread(&id).await.map_err(of_card)?;
    // However this ends before the card is the caller's, and if nobody waits for it any more.
    let loan = Loan(Some(Arc::clone(&token)).filter(|_| !own));
    // A PIN that somebody else gave this card before is no leave for this caller.
    if !own && given.pin.is_none() {
        if !token.has_pin_pad() {
            return Err(Refusal::PinNeeded);
        }
        token.verify_on_pad(given.spare).await.map_err(of_card)?;
    }
    open(service, &seat, &token, given).await?;
    for key in &contents.keys {
        let CardKey { reference, algorithm, usage, public_key, .. } = key;
        let candidate = Candidate { reference, algorithm: *algorithm, usage: *usage, public_key };
        prove(&*token, candidate, seat.uid).await?;
    }
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = may_enrol(&service, &seat, &visit.caller, &id).await?;
        if account.is_none() {
            let user = new_user(&visit.caller, TokenKind::Card, Registration::Active);
            seat.apply(&service.table, service.table.register(user, Vec::new())).await?;
            tracing::info!(uid = seat.uid, "an account was made for a card");
        }
        let account = seat.own(&service.table, &visit.caller).await?;
        let rows = Rows::new(&visit.caller, &account, &contents, &enrolment)?;
        if account.keys.len() + rows.new.len() > service.config.caps.keys as usize {
            return Err(Refusal::LimitsExceeded("keys"));
        }
        let (row, ids) = (enrolled(&contents), rows.ids());
        let table = &service.table;
        let Rows { new, placed, defaults } = rows;
        seat.apply(table, table.enrol_token(seat.uid, row, new, placed, Some(defaults))).await?;
        loan.keep();
        // A key that stood there and stands there no more: another took its place meanwhile.
        for key in gone(&account, &contents) {
            seat.apply(table, table.displace_key(seat.uid, key.id(), &id, now())).await?;
        }
        service.subscribers.announce(seat.uid, &Event::KeysChanged);
        announce(&service, &seat, &token);
        tracing::info!(uid = seat.uid, token = %id, keys = ids.len(), "a card was enrolled");
        Ok(ids)
    })
    .await
}

/// A card that keeps a PIN although it is not the caller's yet: it is locked when this is dropped.
struct Loan(Option<Arc<CardToken>>);

impl Loan {
    /// The card is the caller's now, and stays as it is.
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(token) = &self.0 {
            token.lock();
        }
    }
}

/// Returns the caller's account, if there is one, and refuses a card that is another's.
async fn may_enrol(
    service: &Service,
    seat: &Seat,
    caller: &Caller,
    id: &TokenId,
) -> Result<Option<Arc<Account>>, Refusal> {
    match service.table.token_owner(id.clone()).await? {
        Some(owner) if owner != seat.uid => {
            return Err(Refusal::AccessDenied("the card is enrolled by another user".into()));
        }
        _ => {}
    }
    may_add_token(service, seat, caller).await
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
        contents: &Contents,
        enrolment: &Enrolment,
    ) -> Result<Self, Refusal> {
        let mut rows = Self { new: Vec::new(), placed: Vec::new(), defaults: account.user.defaults };
        let lost = gone(account, contents).into_iter().filter(|key| key.placements.len() == 1);
        lost.for_each(|key| rows.defaults.forget(key.id()));
        let mut preferred = Defaults::default();
        for card_key in &contents.keys {
            let place = placement(contents, &card_key.reference);
            let known = account.keys.iter().find(|key| key.info.public_key == card_key.public_key);
            match known {
                Some(key) if key.state == KeyState::Revoked => {}
                Some(key) => {
                    rows.placed.push((key.id(), place));
                    become_default(&mut preferred, key);
                }
                None => {
                    let label = label(enrolment, contents, &card_key.reference);
                    check_label(&label)?;
                    let key = card_row(caller, card_key, place, label)?;
                    become_default(&mut preferred, &key);
                    rows.new.push(key);
                }
            }
        }
        rows.defaults.prefer(preferred, enrolment.default);
        Ok(rows)
    }

    fn ids(&self) -> Vec<KeyId> {
        self.placed.iter().map(|(id, _)| *id).chain(self.new.iter().map(Key::id)).collect()
    }
}

/// Returns the keys at whose place on the card another key stands now, and that stand nowhere else on it. A place that
/// looks empty tells nothing: some cards show a key only beside its certificate.
fn gone<'a>(account: &'a Account, contents: &Contents) -> Vec<&'a Key> {
    let token = contents.token();
    let elsewhere = |key: &Key| contents.keys.iter().any(|there| there.public_key == key.info.public_key);
    let replaced = |key: &&Key| {
        let places = key.placements.iter().filter(|place| place.token == token);
        let mut others = places.filter_map(|place| contents.key(&place.reference));
        others.any(|other| other.public_key != key.info.public_key)
    };
    account.keys.iter().filter(replaced).filter(|key| !elsewhere(key)).collect()
}

fn card_row(caller: &Caller, card_key: &CardKey, place: Placement, label: String) -> Result<Key, Refusal> {
    let binding = new_binding(caller).map_err(guess::refusal)?;
    let CardKey { algorithm, usage, public_key, certificates, .. } = card_key;
    Ok(Key {
        info: Arc::new(KeyInfo {
            id: binding.key,
            algorithm: *algorithm,
            usage: *usage,
            public_key: Arc::clone(public_key),
        }),
        binding: Arc::new(binding),
        label,
        state: KeyState::Current,
        last_used: None,
        placements: vec![place],
        certificates: certificates::fitting(certificates, public_key),
        attestation: Vec::new(),
        confirm: claviger_core::Confirm::Never,
    })
}

/// Returns the label of a card's key: the one that was asked for, with its place where the card has several.
fn label(enrolment: &Enrolment, contents: &Contents, reference: &str) -> String {
    match (enrolment.label.as_str(), contents.keys.len()) {
        ("", _) => String::new(),
        (label, 1) => label.to_owned(),
        (label, _) => format!("{label} {reference}"),
    }
}

pub(super) fn placement(contents: &Contents, reference: &str) -> Placement {
    Placement {
        token: contents.token(),
        kind: TokenKind::Card,
        reference: reference.into(),
        state: PlacementState::Current,
        record: None,
    }
}

pub(super) fn enrolled(contents: &Contents) -> EnrolledToken {
    let Contents { name, .. } = contents;
    EnrolledToken { id: contents.token(), kind: TokenKind::Card, name: name.clone(), created: now() }
}

/// Takes a card out of the caller's account, with the keys that stand nowhere else.
pub async fn forget(service: &Arc<Service>, visit: Visit, id: TokenId) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.own(&service.table, &visit.caller).await?;
        let token = own_token(&seat, &account, &id)?;
        let id = token.id().clone();
        token.lock();
        seat.apply(&service.table, service.table.forget_token(seat.uid, &id, now())).await?;
        service.sessions.forget_token(id.clone()).await;
        // Once more, for an unlock that began before; and no clock of this caller's locks it for its next owner.
        token.lock();
        seat.idle(&id).start(None);
        service.subscribers.announce(seat.uid, &Event::KeysChanged);
        announce(&service, &seat, &token);
        tracing::info!(uid = seat.uid, token = %id, "a card was taken out of an account");
        Ok(())
    })
    .await
}

/// Checks the PIN with the card and keeps it until the card is locked, leaves, or is not used for long.
pub async fn unlock(service: &Arc<Service>, visit: Visit, id: TokenId, given: Given) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    let token = own_token(&seat, &account, &id)?;
    named_if_absent(&account, &token)?;
    open(service, &seat, &token, given).await?;
    announce(service, &seat, &token);
    Ok(())
}

/// Gives the card its PIN, where there is one to give.
async fn open(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    token: &Arc<CardToken>,
    given: Given,
) -> Result<(), Refusal> {
    let Given { pin, spare, idle } = given;
    let Some(secret) = pin else {
        if spare == Spare::Nothing && token.has_pin_pad() {
            // Without this the last try could never be spent at the reader: no use of a key spends it.
            return token.verify_on_pad(spare).await.map_err(of_card);
        }
        return if token.has_pin_pad() || token.is_unlocked() { Ok(()) } else { Err(Refusal::PinNeeded) };
    };
    let operation = TokenOp::Unlock { secret, slots: None, spare };
    perform(service, seat.uid, Thread::Shared, Arc::clone(token) as Arc<dyn Token>, operation).await?;
    unlocked(service, seat, token, idle);
    Ok(())
}

/// Has a card that took its PIN lock itself when `idle` passes without use.
pub(super) fn unlocked(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    token: &Arc<CardToken>,
    idle: Option<Duration>,
) {
    let unlock = seat.idle(token.id()).start(idle);
    let watch = lock_when_idle(Arc::clone(service), Arc::clone(seat), Arc::clone(token), unlock);
    drop(service.runtime.spawn(watch));
    tracing::info!(uid = seat.uid, token = %token.id(), "a card was unlocked");
}

async fn lock_when_idle(service: Arc<Service>, seat: Arc<Seat>, token: Arc<CardToken>, unlock: u64) {
    if seat.idle(token.id()).over(unlock).await {
        wipe(&service, &seat, &token);
    }
}

/// Forgets the PIN of one of the caller's cards. Locking what is locked changes nothing.
pub async fn lock(service: &Service, visit: &Visit, id: &TokenId) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    let token = own_token(&seat, &account, id)?;
    wipe(service, &seat, &token);
    Ok(())
}

/// Forgets the PINs of all cards of an account.
pub(super) fn lock_all(service: &Service, seat: &Seat, account: &Account) {
    for enrolled in &account.tokens {
        if let Ok(token) = seat.card(&enrolled.id) {
            wipe(service, seat, &token);
        }
    }
}

/// Forgets the PIN of a card, and tells its owner where there was one.
pub(super) fn wipe(service: &Service, seat: &Seat, token: &CardToken) {
    let was_unlocked = token.is_unlocked();
    token.lock();
    if was_unlocked {
        announce(service, seat, token);
        tracing::info!(uid = seat.uid, token = %token.id(), "a card was locked");
    }
}

/// Returns one of the account's cards; an empty id means the only one.
pub(super) fn own_token(seat: &Seat, account: &Account, id: &TokenId) -> Result<Arc<CardToken>, Refusal> {
    if id.as_str().is_empty() {
        return seat.card(&only_card(seat, account)?);
    }
    let own = account.tokens.iter().any(|enrolled| enrolled.id == *id);
    if own { seat.card(id) } else { Err(Refusal::NoSuchToken) }
}

/// Returns the account's card, where it has exactly one, or exactly one that is there.
pub(super) fn only_card(seat: &Seat, account: &Account) -> Result<TokenId, Refusal> {
    let cards = || account.tokens.iter().filter(|enrolled| enrolled.kind == TokenKind::Card);
    let here = |enrolled: &&EnrolledToken| {
        seat.card(&enrolled.id).is_ok_and(|token| token.presence() == Presence::Present)
    };
    let only = |cards: Vec<&EnrolledToken>| match cards.as_slice() {
        [card] => Some(card.id.clone()),
        _ => None,
    };
    only(cards().collect()).or_else(|| only(cards().filter(here).collect())).ok_or(Refusal::NoSuchToken)
}

/// Returns what stands on a card that is there.
pub(super) fn present(token: &CardToken) -> Result<Arc<Contents>, Refusal> {
    match (token.presence(), token.contents()) {
        (Presence::Present, Some(contents)) => Ok(contents),
        (_, Some(contents)) => {
            Err(Refusal::TokenAbsent(format!("card {:?} ({})", contents.name, token.id()).into()))
        }
        (_, None) => Err(Refusal::TokenAbsent(token.id().to_string().into())),
    }
}

/// Refuses one of the account's cards that is not there, with what people call it.
pub(super) fn named_if_absent(account: &Account, token: &CardToken) -> Result<(), Refusal> {
    match token.presence() {
        Presence::Present => Ok(()),
        Presence::Removed | Presence::Unreachable => {
            Err(Refusal::TokenAbsent(token_name(account, token.id()).into()))
        }
    }
}

/// Tells the owner how the card stands.
pub(super) fn announce(service: &Service, seat: &Seat, token: &CardToken) {
    let event = Event::TokenChanged {
        token: token.id().clone(),
        presence: token.presence(),
        locked: !token.is_unlocked(),
    };
    service.subscribers.announce(seat.uid, &event);
}

pub(super) fn of_card(error: claviger_token::TokenError) -> Refusal {
    Refusal::of_token(TokenKind::Card, error)
}
