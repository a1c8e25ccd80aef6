//! Registration in two stages: apply and consent; and what an administrator does about it.

use std::sync::Arc;

use claviger_core::policy::{Caller, own_account};
use claviger_core::{
    Defaults, Guesses, Key, KeyState, Placement, PlacementState, Refusal, Registration, Step, User,
};
use claviger_soft::{ConsentSeal, DataKey, KeySlots, SlotError, consent_phrase, generate_with};
use claviger_token::{Algorithm, Binding, Generated, KeyId, KeyInfo, Secret, TokenId, TokenKind, Usage};

use super::guess::{guess, refusal};
use super::registered;
use crate::clock::now;
use crate::names;
use crate::service::Service;

/// Makes an account for the caller, sealed under the pass phrase, with its first keys. It is active, or waits
/// for consent, as configured; either way it is locked.
pub async fn register(
    service: &Arc<Service>,
    caller: &Caller,
    passphrase: Secret,
    first_keys: Vec<Algorithm>,
) -> Result<(), Refusal> {
    not_empty(&passphrase)?;
    let seat = service.accounts.seat(caller.uid);
    let account = seat.account(&service.table).await?;
    let row = account.as_ref().map(|account| &account.user);
    let step = if service.config.consent { Step::Apply } else { Step::Register };
    let registration = match row {
        Some(user) => {
            own_account(caller, user)?;
            user.registration.after(step)?
        }
        None => Registration::None.after(step)?,
    };
    let location = row.map_or(TokenKind::Local, |user| user.location);
    let derivation = service.derivation(caller.uid).await?;
    let caller = caller.clone();
    let (slots, keys) = derivation
        .run({
            let caller = caller.clone();
            move |cost| {
                // Not bound to the host yet: that comes with a recovery code (see `passphrase`).
                let (slots, data_key) = KeySlots::create(&passphrase, None, cost)?;
                let keys = first(&caller, &data_key, &first_keys)?;
                Ok::<_, SlotError>((slots, keys))
            }
        })
        .await?
        .map_err(refusal)?;
    let mut defaults = Defaults::default();
    keys.iter().for_each(|key| become_default(&mut defaults, key));
    let user = User {
        uid: caller.uid,
        name: caller.user_name.clone(),
        location,
        registration,
        defaults,
        guesses: Guesses::default(),
        created: now(),
        slots: Some(slots.to_bytes().into()),
    };
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        service.table.register(user, keys).await?;
        seat.reload(&service.table).await?;
        tracing::info!(uid = caller.uid, state = %registration, "an account was registered");
        Ok(())
    })
    .await
}

fn first(caller: &Caller, data_key: &DataKey, algorithms: &[Algorithm]) -> Result<Vec<Key>, SlotError> {
    algorithms
        .iter()
        .map(|algorithm| {
            let binding = new_binding(caller)?;
            let generated = generate_with(data_key, *algorithm, &binding)
                .map_err(|_| SlotError::Internal("a first key cannot be made"))?;
            Ok(local_key(generated, binding, String::new(), None))
        })
        .collect()
}

/// Returns what a new key of the caller is bound to: a fresh id.
pub fn new_binding(caller: &Caller) -> Result<Binding, SlotError> {
    let random = claviger_soft::random(16).map_err(|_| SlotError::Internal("no random bytes"))?;
    let id = random.expose().try_into().map_err(|_| SlotError::Internal("no random bytes"))?;
    let key = KeyId::from_bytes(id);
    Ok(Binding { uid: caller.uid, user_name: caller.user_name.clone(), key, created: now() })
}

/// Returns the row of a key that was just made in a local store.
pub fn local_key(generated: Generated, binding: Binding, label: String, usage: Option<Usage>) -> Key {
    let Generated { algorithm, public_key, reference, record } = generated;
    Key {
        info: Arc::new(KeyInfo {
            id: binding.key,
            algorithm,
            usage: usage.unwrap_or(algorithm.usage()),
            public_key: public_key.into(),
        }),
        label,
        state: KeyState::Current,
        last_used: None,
        placements: vec![Placement {
            token: TokenId::local(binding.uid),
            kind: TokenKind::Local,
            reference: reference.into(),
            state: PlacementState::Current,
            record: record.map(Into::into),
        }],
        binding: Arc::new(binding),
    }
}

/// Makes a key the default for every purpose that it serves and that has none yet.
pub fn become_default(defaults: &mut Defaults, key: &Key) {
    let Defaults { sign, decrypt, derive, authenticate } = defaults;
    let usage = key.info.usage;
    for (default, serves) in
        [(sign, usage.sign), (decrypt, usage.decrypt), (derive, usage.derive), (authenticate, usage.sign)]
    {
        if serves && default.is_none() {
            *default = Some(key.id());
        }
    }
}

/// Opens the seal that the administrator's consent put round the key slots: the account becomes active.
pub async fn consent(service: &Arc<Service>, caller: &Caller, phrase: Secret) -> Result<(), Refusal> {
    let seat = service.accounts.seat(caller.uid);
    let derivation = service.derivation(caller.uid).await?;
    let service = Arc::clone(service);
    let caller = caller.clone();
    service
        .clone()
        .to_its_end(async move {
            let _change = seat.change.lock().await;
            let account = seat.account(&service.table).await?;
            let user = registered(account.as_ref())?;
            own_account(&caller, user)?;
            let active = user.registration.after(Step::Consent)?;
            let sealed = slots_of(user)?;
            let opened =
                guess(&service, &seat, user, derivation, move |_| ConsentSeal::open(&sealed, &phrase))
                    .await
                    .map_err(|refusal| match refusal {
                        Refusal::WrongPassphrase => Refusal::WrongConsentPhrase,
                        other => other,
                    })?;
            service.table.set_slots(caller.uid, opened.expose().into(), active).await?;
            seat.reload(&service.table).await?;
            tracing::info!(uid = caller.uid, "a consent phrase was accepted");
            Ok(())
        })
        .await
}

/// Seals an application under a new consent phrase and returns the phrase; from here on nobody opens it
/// without. Issuing again voids the application: the phrase that was given out opens nothing any more.
pub async fn issue_consent(service: &Arc<Service>, uid: u32) -> Result<Secret, Refusal> {
    let seat = service.accounts.seat(uid);
    let derivation = service.derivation(uid).await?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.account(&service.table).await?;
        let user = account.as_ref().map(|account| &account.user).ok_or(Refusal::NoSuchUser)?;
        let next = user.registration.after(Step::IssueConsent)?;
        if next == Registration::None {
            service.table.set_registration(uid, next, None).await?;
            seat.reload(&service.table).await?;
            tracing::warn!(uid, "consent was issued a second time: the application is void");
            return Err(Refusal::InvalidArguments(
                "a consent phrase was issued before; the application is void now and the user must \
                 register again"
                    .into(),
            ));
        }
        let slots = slots_of(user)?;
        let (sealed, phrase) = derivation
            .run(move |cost| {
                let phrase = consent_phrase()?;
                Ok::<_, SlotError>((ConsentSeal::seal(&slots, &phrase, cost)?, phrase))
            })
            .await?
            .map_err(refusal)?;
        service.table.set_slots(uid, sealed.into(), next).await?;
        seat.reload(&service.table).await?;
        tracing::info!(uid, "a consent phrase was issued");
        Ok(phrase)
    })
    .await
}

/// Makes a row for a user who has none.
pub async fn enrol(service: &Arc<Service>, uid: u32, location: TokenKind) -> Result<(), Refusal> {
    let name = names::user_name(uid).await.map_err(|refusal| match refusal {
        Refusal::UnknownCaller(_) => Refusal::NoSuchUser,
        other => other,
    })?;
    let user = User {
        uid,
        name,
        location,
        registration: Registration::None,
        defaults: Defaults::default(),
        guesses: Guesses::default(),
        created: now(),
        slots: None,
    };
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let seat = service.accounts.seat(uid);
        let _change = seat.change.lock().await;
        service.table.enrol(user).await?;
        seat.reload(&service.table).await
    })
    .await
}

/// Sets where a user's new keys are made; those that exist stay where they are.
pub async fn set_location(service: &Arc<Service>, uid: u32, location: TokenKind) -> Result<(), Refusal> {
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let seat = service.accounts.seat(uid);
        let _change = seat.change.lock().await;
        service.table.set_location(uid, location).await?;
        seat.reload(&service.table).await
    })
    .await
}

/// Returns the slots of an account that has some.
pub fn slots_of(user: &User) -> Result<Arc<[u8]>, Refusal> {
    user.slots.clone().ok_or_else(|| Refusal::StoreCorrupt("the account has no key slots".into()))
}

/// Refuses an empty pass phrase: it would protect nothing.
pub fn not_empty(passphrase: &Secret) -> Result<(), Refusal> {
    if passphrase.is_empty() {
        return Err(Refusal::InvalidArguments("the pass phrase is empty".into()));
    }
    Ok(())
}
