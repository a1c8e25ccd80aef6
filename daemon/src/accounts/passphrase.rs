//! Unlocking and locking, and the secrets that unlock: pass phrase and recovery code.
//!
//! Where the host has a secret, a pass phrase is bound to it as well, so that a stolen database alone cannot be
//! guessed at. That happens as soon as there is a recovery code, at the next unlock or change: before, a host
//! that loses its secret would lose the keys.

use std::sync::Arc;
use std::time::Duration;

use claviger_core::{Refusal, Registration};
use claviger_soft::{Cost, DataKey, HostSecret, KeySlots, SlotError};
use claviger_token::{Secret, Token};

use super::guess::{guess, refusal};
use super::registration::slots_of;
use super::{Seat, cards, phones};
use crate::callers::Visit;
use crate::service::Service;
use crate::signals::Event;

/// Opens the caller's local store with the pass phrase, until it is locked or `idle` passes without use.
pub async fn unlock(
    service: &Arc<Service>,
    visit: Visit,
    passphrase: Secret,
    idle: Option<Duration>,
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    seat.own(&service.table, &visit.caller).await?;
    let derivation = service.derivation(seat.uid).await?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.own(&service.table, &visit.caller).await?;
        let (slots, host) = (slots_of(&account.user)?, service.accounts.host().cloned());
        let open = move |cost| Opened::by_passphrase(&slots, &passphrase, host.as_deref(), cost);
        let opened = guess(&service, &seat, derivation, open).await?;
        admit(&service, &seat, opened, idle).await
    })
    .await
}

/// What a pass phrase opened.
pub(super) struct Opened {
    /// The key of all records.
    pub(super) data_key: DataKey,
    /// The slots, bound to this host now; `None` where they stay as they are.
    bound: Option<KeySlots>,
}

impl Opened {
    /// Opens the slots of a local store; it takes long.
    pub(super) fn by_passphrase(
        slots: &[u8],
        passphrase: &Secret,
        host: Option<&HostSecret>,
        cost: Cost,
    ) -> Result<Self, SlotError> {
        let slots = KeySlots::from_bytes(slots)?;
        let data_key = slots.open(passphrase, host)?;
        let bound = match binding(&slots, host) {
            Some(host) if slots.host_id().is_none() => {
                Some(slots.change_passphrase(&data_key, passphrase, Some(host), cost)?)
            }
            _ => None,
        };
        Ok(Self { data_key, bound })
    }
}

/// Unlocks the local store with what was opened, until it is locked or `idle` passes without use. The account's slots
/// are still those that were opened: its change is held.
pub(super) async fn admit(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    opened: Opened,
    idle: Option<Duration>,
) -> Result<(), Refusal> {
    let Opened { data_key, bound } = opened;
    if let Some(slots) = bound {
        store(service, seat, &slots).await?;
        tracing::info!(uid = seat.uid, "the pass phrase is bound to this host now");
    }
    seat.token.admit(data_key);
    let unlock = seat.idle(seat.token.id()).start(idle);
    drop(service.runtime.spawn(lock_when_idle(Arc::clone(service), Arc::clone(seat), unlock)));
    service.subscribers.announce(seat.uid, &Event::LockedChanged(false));
    tracing::info!(uid = seat.uid, "the local store was unlocked");
    Ok(())
}

/// Returns the host secret that a pass phrase of these slots is bound to from now on.
fn binding<'a>(slots: &KeySlots, host: Option<&'a HostSecret>) -> Option<&'a HostSecret> {
    host.filter(|_| slots.has_recovery_code())
}

/// Locks the local store, and every card and phone of the account.
pub async fn lock_everything(service: &Service, seat: &Seat) {
    if let Ok(Some(account)) = seat.account(&service.table).await {
        cards::lock_all(service, seat, &account);
        phones::lock_all(service, seat, &account);
    }
    lock(service, seat).await;
}

/// Wipes what was opened in the local store. Locking what is locked changes nothing.
pub async fn lock(service: &Service, seat: &Seat) {
    wipe(service, seat);
    let uses = seat.take_uses();
    if !uses.is_empty() {
        // When a key was last used is for people to look at: nothing depends on it.
        if let Err(error) = seat.apply(&service.table, service.table.touch(uses)).await {
            tracing::warn!(uid = seat.uid, "cannot note when keys were last used: {error}");
        }
    }
}

/// Wipes what was opened and tells the user; returns true where anything was.
pub(super) fn wipe(service: &Service, seat: &Seat) -> bool {
    let was_unlocked = seat.token.is_unlocked();
    seat.token.lock();
    if was_unlocked {
        service.subscribers.announce(seat.uid, &Event::LockedChanged(true));
        tracing::info!(uid = seat.uid, "the local store was locked");
    }
    was_unlocked
}

async fn lock_when_idle(service: Arc<Service>, seat: Arc<Seat>, unlock: u64) {
    let idle = seat.idle(seat.token.id());
    while idle.over(unlock).await {
        // An unlock that is under way holds this: it is either before us or starts another watch.
        let _change = seat.change.lock().await;
        if idle.is_over(unlock) {
            return lock(&service, &seat).await;
        }
    }
}

/// Replaces the pass phrase; the old one is a guess like any other. The keys stay as they are.
pub async fn change(service: &Arc<Service>, visit: Visit, old: Secret, new: Secret) -> Result<(), Refusal> {
    replace(service, visit, new, move |slots, host| slots.open(&old, host)).await
}

/// Sets a new pass phrase with the recovery code, where the old one is forgotten or bound to another host.
pub async fn recover(service: &Arc<Service>, visit: Visit, code: Secret, new: Secret) -> Result<(), Refusal> {
    replace(service, visit, new, move |slots, _| slots.open_with_recovery_code(&code)).await
}

async fn replace(
    service: &Arc<Service>,
    visit: Visit,
    new: Secret,
    open: impl FnOnce(&KeySlots, Option<&HostSecret>) -> Result<DataKey, SlotError> + Send + 'static,
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    seat.own(&service.table, &visit.caller).await?;
    let derivation = service.derivation(seat.uid).await?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.own(&service.table, &visit.caller).await?;
        let (bytes, host) = (slots_of(&account.user)?, service.accounts.host().cloned());
        let slots = guess(&service, &seat, derivation, move |cost| {
            let slots = KeySlots::from_bytes(&bytes)?;
            let data_key = open(&slots, host.as_deref())?;
            slots.change_passphrase(&data_key, &new, binding(&slots, host.as_deref()), cost)
        })
        .await?;
        store(&service, &seat, &slots).await?;
        tracing::info!(uid = seat.uid, "the pass phrase was changed");
        Ok(())
    })
    .await
}

/// Makes a recovery code and returns it, once. An earlier code opens nothing any more.
pub async fn make_recovery_code(service: &Arc<Service>, visit: Visit) -> Result<Secret, Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    seat.unlocked(&service.table, &visit.caller).await?;
    let derivation = service.derivation(seat.uid).await?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.unlocked(&service.table, &visit.caller).await?;
        let (bytes, data_key) = (slots_of(&account.user)?, seat.token.data_key()?);
        let (slots, code) = derivation
            .run(move |cost| KeySlots::from_bytes(&bytes)?.with_recovery_code(&data_key, cost))
            .await?
            .map_err(refusal)?;
        store(&service, &seat, &slots).await?;
        tracing::info!(uid = seat.uid, "a recovery code was made");
        Ok(code)
    })
    .await
}

async fn store(service: &Service, seat: &Seat, slots: &KeySlots) -> Result<(), Refusal> {
    let table = &service.table;
    seat.apply(table, table.set_slots(seat.uid, slots.to_bytes().into(), Registration::Active)).await
}
