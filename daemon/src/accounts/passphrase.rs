//! Unlocking and locking, and the secrets that unlock: pass phrase and recovery code.
//!
//! Where the host has a secret, a pass phrase is bound to it as well, so that a stolen database alone cannot be
//! guessed at. That happens as soon as there is a recovery code, at the next unlock or change: before, a host
//! that loses its secret would lose the keys.

use std::sync::Arc;
use std::time::Duration;

use claviger_core::policy::{Caller, active, own_account};
use claviger_core::{Refusal, Registration};
use claviger_soft::{DataKey, HostSecret, KeySlots, SlotError};
use claviger_token::{Secret, Token, TokenOp};

use super::guess::{guess, refusal};
use super::registration::{not_empty, slots_of};
use super::{Seat, registered};
use crate::service::Service;
use crate::signals::Event;

/// Opens the caller's local store with the pass phrase, until it is locked or `idle` passes without use.
pub async fn unlock(
    service: &Arc<Service>,
    caller: &Caller,
    passphrase: Secret,
    idle: Option<Duration>,
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let derivation = service.derivation(caller.uid).await?;
    let (service, caller) = (Arc::clone(service), caller.clone());
    service
        .clone()
        .to_its_end(async move {
            let _change = seat.change.lock().await;
            let account = seat.account(&service.table).await?;
            let user = registered(account.as_ref())?;
            own_account(&caller, user)?;
            active(user)?;
            let (slots, host) = (slots_of(user)?, service.accounts.host().cloned());
            let data_key = guess(&service, &seat, user, derivation, move |_| {
                KeySlots::from_bytes(&slots)?.open(&passphrase, host.as_deref())
            })
            .await?;
            seat.token.admit(data_key);
            let generation = seat.start_idle(idle);
            drop(service.runtime.spawn(lock_when_idle(Arc::clone(&service), Arc::clone(&seat), generation)));
            service.subscribers.announce(caller.uid, &Event::LockedChanged(false));
            tracing::info!(uid = caller.uid, "the local store was unlocked");
            Ok(())
        })
        .await
}

/// Returns the host secret that a pass phrase of these slots is bound to from now on.
fn binding<'a>(slots: &KeySlots, host: Option<&'a HostSecret>) -> Option<&'a HostSecret> {
    host.filter(|_| slots.has_recovery_code())
}

/// Wipes what was opened. Locking what is locked is no error.
pub async fn lock(service: &Service, seat: &Seat) -> Result<(), Refusal> {
    if !seat.token.is_unlocked() {
        return Ok(());
    }
    seat.token.perform(TokenOp::Lock).await?;
    service.subscribers.announce(seat.uid, &Event::LockedChanged(true));
    tracing::info!(uid = seat.uid, "the local store was locked");
    let uses = seat.take_uses();
    if !uses.is_empty() {
        // When a key was last used is for people to look at: nothing depends on it.
        if let Err(error) = service.table.touch(uses).await {
            tracing::warn!(uid = seat.uid, "cannot note when keys were last used: {error}");
        }
        seat.reload(&service.table).await?;
    }
    Ok(())
}

async fn lock_when_idle(service: Arc<Service>, seat: Arc<Seat>, generation: u64) {
    while seat.is_generation(generation) {
        let Some(until) = seat.idle_until() else { return };
        if until <= tokio::time::Instant::now() {
            if let Err(refusal) = lock(&service, &seat).await {
                tracing::error!(uid = seat.uid, "cannot read the account after locking: {refusal}");
            }
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}

/// Replaces the pass phrase; the old one is a guess like any other. The keys stay as they are.
pub async fn change(
    service: &Arc<Service>,
    caller: &Caller,
    old: Secret,
    new: Secret,
) -> Result<(), Refusal> {
    not_empty(&new)?;
    replace(service, caller, new, move |slots, host| slots.open(&old, host)).await
}

/// Sets a new pass phrase with the recovery code, where the old one is forgotten or bound to another host.
pub async fn recover(
    service: &Arc<Service>,
    caller: &Caller,
    code: Secret,
    new: Secret,
) -> Result<(), Refusal> {
    not_empty(&new)?;
    replace(service, caller, new, move |slots, _| slots.open_with_recovery_code(&code)).await
}

async fn replace(
    service: &Arc<Service>,
    caller: &Caller,
    new: Secret,
    open: impl FnOnce(&KeySlots, Option<&HostSecret>) -> Result<DataKey, SlotError> + Send + 'static,
) -> Result<(), Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let derivation = service.derivation(caller.uid).await?;
    let (service, caller) = (Arc::clone(service), caller.clone());
    service
        .clone()
        .to_its_end(async move {
            let _change = seat.change.lock().await;
            let account = seat.account(&service.table).await?;
            let user = registered(account.as_ref())?;
            own_account(&caller, user)?;
            active(user)?;
            let (bytes, host) = (slots_of(user)?, service.accounts.host().cloned());
            let slots = guess(&service, &seat, user, derivation, move |cost| {
                let slots = KeySlots::from_bytes(&bytes)?;
                let data_key = open(&slots, host.as_deref())?;
                slots.change_passphrase(&data_key, &new, binding(&slots, host.as_deref()), cost)
            })
            .await?;
            service.table.set_slots(caller.uid, slots.to_bytes().into(), Registration::Active).await?;
            seat.reload(&service.table).await?;
            tracing::info!(uid = caller.uid, "the pass phrase was changed");
            Ok(())
        })
        .await
}

/// Makes a recovery code and returns it, once. An earlier code opens nothing any more.
pub async fn make_recovery_code(service: &Arc<Service>, caller: &Caller) -> Result<Secret, Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let derivation = service.derivation(caller.uid).await?;
    let (service, caller) = (Arc::clone(service), caller.clone());
    service
        .clone()
        .to_its_end(async move {
            let _change = seat.change.lock().await;
            let account = seat.account(&service.table).await?;
            let user = registered(account.as_ref())?;
            own_account(&caller, user)?;
            active(user)?;
            let (bytes, data_key) = (slots_of(user)?, seat.token.data_key()?);
            let (slots, code) = derivation
                .run(move |cost| KeySlots::from_bytes(&bytes)?.with_recovery_code(&data_key, cost))
                .await?
                .map_err(refusal)?;
            service.table.set_slots(caller.uid, slots.to_bytes().into(), Registration::Active).await?;
            seat.reload(&service.table).await?;
            tracing::info!(uid = caller.uid, "a recovery code was made");
            Ok(code)
        })
        .await
}
