//! Phones of an account: kept, unpaired, unlocked, locked.

use std::sync::Arc;
use std::time::Duration;

use claviger_core::Refusal;
use claviger_phone_token::{Link, Pairing, PairingId, PhoneToken, PublicKey, StaticKey, info_text};
use claviger_token::{Errand, Presence, Secret, Token, TokenError, TokenId, TokenKind};

use super::{Seat, token_name};
use crate::callers::Visit;
use crate::clock::now;
use crate::service::Service;
use crate::signals::Event;
use crate::table::{Account, Phone, TableError};

/// Connects to the phones that users have paired, for as long as the service runs.
pub(crate) async fn keep_all(service: &Service) -> Result<(), TableError> {
    let mut unreadable = Vec::new();
    for phone in service.table.phones().await? {
        let info = phone.info.as_deref().and_then(info_text::parse);
        let token = phone.token.id.clone();
        match pairing(phone) {
            Some(pairing) => service.phones.keep(pairing, info),
            None => {
                tracing::error!(%token, "a phone in the table is none that can be reached");
                unreadable.push(token);
            }
        }
    }
    // Whoever else is missed is not paired: see `Phones::expect`.
    service.phones.kept_all_but(&unreadable);
    Ok(())
}

/// Returns what a row says; `None` where somebody's hand was in it.
fn pairing(row: Phone) -> Option<Pairing> {
    let Phone { uid, token, model: _, host_key, phone_key, links, info: _ } = row;
    let id: PairingId = token.id.as_str().strip_prefix("phone:")?.parse().ok()?;
    let links = links.iter().map(|link| link.parse()).collect::<Result<Vec<Link>, _>>().ok()?;
    let host_key = StaticKey::from_bytes(host_key.expose().try_into().ok()?);
    Some(Pairing { id, uid, name: token.name, host_key, phone_key: PublicKey::from_bytes(phone_key), links })
}

/// Takes a phone out of the caller's account, with the keys that stand nowhere else, and tells the phone if it is there.
pub async fn unpair(service: &Arc<Service>, visit: Visit, id: TokenId) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.own(&service.table, &visit.caller).await?;
        let phone = own_token(&seat, &account, &id)?;
        let id = phone.id().clone();
        seat.apply(&service.table, service.table.forget_token(seat.uid, &id, now())).await?;
        // Before it is let go, which counts as removed.
        service.sessions.forget_token(id.clone()).await;
        service.phones.forget(&id).await;
        service.subscribers.announce(seat.uid, &Event::KeysChanged);
        announce(&service, &phone, seat.uid);
        tracing::info!(uid = seat.uid, token = %id, "a phone was taken out of an account");
        Ok(())
    })
    .await
}

/// Has one of the caller's phones ask its person to unlock it.
pub async fn unlock(
    service: &Arc<Service>,
    visit: &Visit,
    id: &TokenId,
    (errand, idle): (Errand, Option<Duration>),
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    let phone = own_token(&seat, &account, id)?;
    named_if_absent(service, &account, &phone).await?;
    log_in(service, &seat, &phone, (errand, idle)).await
}

/// Has a phone ask its person to unlock it, and locks it again when `idle` passes without use.
pub(crate) async fn log_in(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    phone: &Arc<PhoneToken>,
    (errand, idle): (Errand, Option<Duration>),
) -> Result<(), Refusal> {
    phone.login(errand).await.map_err(of_phone)?;
    follow_unlocked(service, seat, phone, idle);
    Ok(())
}

/// Tells that a phone was unlocked, and locks it again when `idle` passes without use.
pub(super) fn follow_unlocked(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    phone: &Arc<PhoneToken>,
    idle: Option<Duration>,
) {
    let unlock = seat.idle(phone.id()).start(idle);
    let watch = lock_when_idle(Arc::clone(service), Arc::clone(seat), Arc::clone(phone), unlock);
    drop(service.runtime.spawn(watch));
    announce(service, phone, seat.uid);
    tracing::info!(uid = seat.uid, token = %phone.id(), "a phone was unlocked");
}

async fn lock_when_idle(service: Arc<Service>, seat: Arc<Seat>, phone: Arc<PhoneToken>, unlock: u64) {
    if seat.idle(phone.id()).over(unlock).await {
        wipe(&service, &seat, &phone);
    }
}

/// Logs this computer out of one of the caller's phones. Locking what is locked changes nothing.
pub async fn lock(service: &Service, visit: &Visit, id: &TokenId) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    wipe(service, &seat, &*own_token(&seat, &account, id)?);
    Ok(())
}

/// Logs this computer out of all phones of an account.
pub(super) fn lock_all(service: &Service, seat: &Seat, account: &Account) {
    for enrolled in account.tokens.iter().filter(|enrolled| enrolled.kind == TokenKind::Phone) {
        if let Ok(phone) = seat.phone(&enrolled.id) {
            wipe(service, seat, &phone);
        }
    }
}

fn wipe(service: &Service, seat: &Seat, phone: &PhoneToken) {
    let was_unlocked = phone.is_unlocked();
    phone.lock();
    if was_unlocked {
        announce(service, phone, seat.uid);
        tracing::info!(uid = seat.uid, token = %phone.id(), "a phone was locked");
    }
}

/// Returns one of the account's phones; an empty id means the only one, or the only one that is there.
pub(super) fn own_token(seat: &Seat, account: &Account, id: &TokenId) -> Result<Arc<PhoneToken>, Refusal> {
    let own = || account.tokens.iter().filter(|enrolled| enrolled.kind == TokenKind::Phone);
    if !id.as_str().is_empty() {
        let enrolled = own().find(|enrolled| enrolled.id == *id).ok_or(Refusal::NoSuchToken)?;
        return seat.phone(&enrolled.id);
    }
    let phones = own().map(|enrolled| seat.phone(&enrolled.id)).collect::<Result<Vec<_>, _>>()?;
    let mut there = phones.iter().filter(|phone| phone.presence() == Presence::Present);
    match (phones.as_slice(), there.next(), there.next()) {
        ([only], _, _) => Ok(Arc::clone(only)),
        (_, Some(only), None) => Ok(Arc::clone(only)),
        _ => Err(Refusal::NoSuchToken),
    }
}

/// Refuses one of the account's phones that cannot be reached now, with what people call it. It is dialled first.
pub(super) async fn named_if_absent(
    service: &Service,
    account: &Account,
    phone: &PhoneToken,
) -> Result<(), Refusal> {
    match service.phones.reach(phone.id(), PATIENCE).await {
        Presence::Present => Ok(()),
        Presence::Removed | Presence::Unreachable => {
            Err(Refusal::TokenAbsent(token_name(account, phone.id()).into()))
        }
    }
}

/// Returns random bytes of one of the caller's phones.
pub async fn random(service: &Service, visit: &Visit, id: &TokenId, length: u32) -> Result<Secret, Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.own(&service.table, &visit.caller).await?;
    let own = account.tokens.iter().find(|enrolled| enrolled.id == *id).map(|enrolled| enrolled.kind);
    match own {
        _ if *id == *seat.token.id() => Err(Refusal::NotSupported("random bytes of a local store".into())),
        None => Err(Refusal::NoSuchToken),
        Some(TokenKind::Local | TokenKind::Card) => {
            Err(Refusal::NotSupported("random bytes of a card".into()))
        }
        Some(TokenKind::Phone) => {
            let phone = seat.phone(id)?;
            named_if_absent(service, &account, &phone).await?;
            phone.random(length).await.map_err(of_phone)
        }
    }
}

/// Tells the owner how the phone stands.
pub(crate) fn announce(service: &Service, phone: &PhoneToken, uid: u32) {
    let event = Event::TokenChanged {
        token: phone.id().clone(),
        presence: phone.presence(),
        locked: !phone.is_unlocked(),
    };
    service.subscribers.announce(uid, &event);
}

pub(super) fn of_phone(error: TokenError) -> Refusal {
    Refusal::of_token(TokenKind::Phone, error)
}

/// How long a phone that is away is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
