//! Registration in two stages: apply and consent; and what an administrator does about it.

use std::sync::Arc;

use claviger_core::policy::{Caller, own_account};
use claviger_core::{
    Defaults, Guesses, Key, KeyState, Placement, PlacementState, Refusal, Registration, Step, User,
};
use claviger_soft::{ConsentSeal, DataKey, KeySlots, SlotError, consent_phrase, generate_with};
use claviger_token::{
    Algorithm, Binding, Generated, KeyId, KeyInfo, Secret, Token, TokenId, TokenKind, Usage,
};

use super::guess::{guess, refusal};
use super::{Seat, registered};
use crate::callers::Visit;
use crate::clock::now;
use crate::service::Service;
use crate::signals::Event;
use crate::table::{Account, Table};

/// Makes an account for the caller, sealed under the pass phrase, with its first keys. It is active, or waits
/// for consent, as configured; either way it is locked.
pub async fn register(
    service: &Arc<Service>,
    visit: Visit,
    passphrase: Secret,
    first_keys: Vec<Algorithm>,
) -> Result<(), Refusal> {
    if first_keys.len() > FIRST_KEYS.min(service.config.caps.keys as usize) {
        return Err(Refusal::InvalidArguments(
            format!("a registration makes at most {FIRST_KEYS} keys").into(),
        ));
    }
    let (seat, step) = (service.accounts.seat(visit.caller.uid), service.application());
    // Asked now, before the long computation, and again when it counts.
    stage(&service.table, &seat, &visit.caller, step).await?;
    let derivation = service.derivation(seat.uid).await?;
    // Not bound to the host yet: that comes with a recovery code (see `passphrase`).
    let (slots, data_key) =
        derivation.run(move |cost| KeySlots::create(&passphrase, None, cost)).await?.map_err(refusal)?;
    let caller = Arc::clone(&visit.caller);
    let keys = service.workers.run(seat.uid, move || first(&caller, &data_key, &first_keys)).await?;
    let keys = keys.map_err(refusal)?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let (table, slots) = (&service.table, slots.to_bytes().into());
        match stage(table, &seat, &visit.caller, step).await? {
            Stage::Account(registration, location) => {
                let mut user = new_user(&visit.caller, location, registration);
                keys.iter().for_each(|key| become_default(&mut user.defaults, key));
                user.slots = Some(slots);
                seat.apply(table, table.register(user, keys)).await?;
                tracing::info!(uid = seat.uid, state = %registration, "an account was registered");
            }
            Stage::Store(mut defaults) => {
                keys.iter().for_each(|key| become_default(&mut defaults, key));
                seat.apply(table, table.add_local_store(seat.uid, slots, keys, Some(defaults))).await?;
                service.subscribers.announce(seat.uid, &Event::KeysChanged);
                tracing::info!(uid = seat.uid, "a local store was added to an account");
            }
        }
        Ok(())
    })
    .await
}

/// What a registration makes.
enum Stage {
    /// An account, as far as that, whose new keys are made there.
    Account(Registration, TokenKind),
    /// The local store of an account that had keys on cards only, with these defaults.
    Store(Defaults),
}

async fn stage(table: &Table, seat: &Seat, caller: &Caller, step: Step) -> Result<Stage, Refusal> {
    if let Some(account) = seat.account(table).await? {
        let user = &account.user;
        if user.registration == Registration::Active && user.slots.is_none() {
            own_account(caller, user)?;
            return Ok(Stage::Store(user.defaults));
        }
    }
    let (registration, location) = application(table, seat, caller, step).await?;
    Ok(Stage::Account(registration, location))
}

/// Returns what an application makes of the account, and where its new keys will be made; or why there can be
/// none now.
pub(super) async fn application(
    table: &Table,
    seat: &Seat,
    caller: &Caller,
    step: Step,
) -> Result<(Registration, TokenKind), Refusal> {
    match seat.account(table).await? {
        Some(account) => {
            own_account(caller, &account.user)?;
            Ok((account.user.registration.after(step)?, account.user.location))
        }
        None => Ok((Registration::None.after(step)?, TokenKind::Local)),
    }
}

/// Returns a row in which nothing is stored yet.
pub(super) fn new_user(caller: &Caller, location: TokenKind, registration: Registration) -> User {
    User {
        uid: caller.uid,
        name: caller.user_name.clone(),
        location,
        registration,
        defaults: Defaults::default(),
        guesses: Guesses::default(),
        login_guesses: Guesses::default(),
        removal: None,
        created: now(),
        slots: None,
    }
}

fn first(caller: &Caller, data_key: &DataKey, algorithms: &[Algorithm]) -> Result<Vec<Key>, SlotError> {
    algorithms
        .iter()
        .map(|algorithm| {
            let binding = new_binding(caller)?;
            let generated = generate_with(data_key, *algorithm, &binding)
                .map_err(|_| SlotError::Internal("a first key cannot be made"))?;
            let place = (TokenId::local(binding.uid), TokenKind::Local);
            Ok(row(generated, binding, place, (String::new(), None)))
        })
        .collect()
}

/// Returns what a new key of the caller is bound to: a fresh id.
pub(super) fn new_binding(caller: &Caller) -> Result<Binding, SlotError> {
    let random = claviger_soft::random(16).map_err(|_| SlotError::Internal("no random bytes"))?;
    let id = random.expose().try_into().map_err(|_| SlotError::Internal("no random bytes"))?;
    let key = KeyId::from_bytes(id);
    Ok(Binding { uid: caller.uid, user_name: caller.user_name.clone(), key, created: now() })
}

/// Returns the row of a key that was just made on a token: its name for people, and what it may be used for.
pub(super) fn new_row(
    generated: Generated,
    binding: Binding,
    token: &dyn Token,
    (label, usage): (String, Option<Usage>),
) -> Key {
    let place = (token.id().clone(), token.kind());
    row(generated, binding, place, (label, usage))
}

fn row(
    generated: Generated,
    binding: Binding,
    (token, kind): (TokenId, TokenKind),
    (label, usage): (String, Option<Usage>),
) -> Key {
    let Generated { algorithm, usage: can, public_key, reference, record, attestation } = generated;
    Key {
        info: Arc::new(KeyInfo {
            id: binding.key,
            algorithm,
            usage: usage.map_or(can, |wanted| wanted.within(can)),
            public_key: public_key.into(),
        }),
        label,
        state: KeyState::Current,
        last_used: None,
        placements: vec![Placement {
            token,
            kind,
            reference: reference.into(),
            state: PlacementState::Current,
            record: record.map(Into::into),
        }],
        certificates: Vec::new(),
        attestation,
        binding: Arc::new(binding),
        confirm: claviger_core::Confirm::Never,
    }
}

/// Returns the caller's account, if there is one, to which a card or phone may be added; where there is none, whether that
/// may make one.
pub(super) async fn may_add_token(
    service: &Service,
    seat: &Seat,
    caller: &Caller,
) -> Result<Option<Arc<Account>>, Refusal> {
    let account = seat.account(&service.table).await?;
    let state = account.as_ref().map_or(Registration::None, |account| account.user.registration);
    match (state, service.application()) {
        (Registration::Active, _) => seat.own(&service.table, caller).await.map(Some),
        (Registration::None, Step::Register) if account.is_none() => Ok(None),
        (Registration::None | Registration::Revoked, Step::Register) => {
            seat.callers(&service.table, caller).await?;
            Ok(None)
        }
        (Registration::Applied | Registration::Pending, _) => Err(Refusal::RegistrationPending(state)),
        (Registration::None | Registration::Revoked, _) => Err(Refusal::NotRegistered(state)),
    }
}

/// Makes a key the default for every purpose that it serves and that has none yet.
pub(super) fn become_default(defaults: &mut Defaults, key: &Key) {
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
pub async fn consent(service: &Arc<Service>, visit: Visit, phrase: Secret) -> Result<(), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    registered(seat.account(&service.table).await?.as_ref())?.registration.after(Step::Consent)?;
    let derivation = service.derivation(seat.uid).await?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.callers(&service.table, &visit.caller).await?;
        let user = &account.user;
        let active = user.registration.after(Step::Consent)?;
        let sealed = slots_of(user)?;
        let opened = guess(&service, &seat, derivation, move |_| ConsentSeal::open(&sealed, &phrase))
            .await
            .map_err(|refusal| match refusal {
            Refusal::WrongPassphrase => Refusal::WrongConsentPhrase,
            other => other,
        })?;
        let table = &service.table;
        seat.apply(table, table.set_slots(seat.uid, opened.expose().into(), active)).await?;
        tracing::info!(uid = seat.uid, "a consent phrase was accepted");
        Ok(())
    })
    .await
}

/// Seals an application under a new consent phrase and returns the phrase; from here on nobody opens it
/// without. Issuing again voids the application: the phrase that was given out opens nothing any more.
pub async fn issue_consent(service: &Arc<Service>, visit: Visit, uid: u32) -> Result<Secret, Refusal> {
    let seat = service.accounts.seat(uid);
    applicant(&service.table, &seat).await?;
    let derivation = service.derivation(uid).await?;
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _visit = visit;
        let _change = seat.change.lock().await;
        let (user, next) = applicant(&service.table, &seat).await?;
        if next == Registration::None {
            seat.apply(&service.table, service.table.set_registration(uid, next, None)).await?;
            tracing::warn!(uid, "consent was issued a second time: the application is void");
            return Err(Refusal::InvalidArguments(
                "a consent phrase was issued before; the application is void now and the user must \
                 register again"
                    .into(),
            ));
        }
        let slots = slots_of(&user)?;
        let (sealed, phrase) = derivation
            .run(move |cost| {
                let phrase = consent_phrase()?;
                Ok::<_, SlotError>((ConsentSeal::seal(&slots, &phrase, cost)?, phrase))
            })
            .await?
            .map_err(refusal)?;
        seat.apply(&service.table, service.table.set_slots(uid, sealed.into(), next)).await?;
        tracing::info!(uid, "a consent phrase was issued");
        Ok(phrase)
    })
    .await
}

/// Returns the user who applied, and what issuing consent makes of the application.
async fn applicant(table: &Table, seat: &Seat) -> Result<(User, Registration), Refusal> {
    let account = seat.account(table).await?.ok_or(Refusal::NoSuchUser)?;
    let next = account.user.registration.after(Step::IssueConsent)?;
    Ok((account.user.clone(), next))
}

/// Makes a row for a user who has none.
pub async fn enrol(
    service: &Arc<Service>,
    visit: Visit,
    uid: u32,
    location: TokenKind,
) -> Result<(), Refusal> {
    let user_name = service.names.user_name(uid).await?;
    let user = new_user(&Caller { uid, user_name }, location, Registration::None);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _visit = visit;
        let seat = service.accounts.seat(uid);
        let _change = seat.change.lock().await;
        seat.apply(&service.table, service.table.enrol(user)).await
    })
    .await
}

/// Sets where a user's new keys are made; those that exist stay where they are.
pub async fn set_location(
    service: &Arc<Service>,
    visit: Visit,
    uid: u32,
    location: TokenKind,
) -> Result<(), Refusal> {
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _visit = visit;
        let seat = service.accounts.seat(uid);
        let _change = seat.change.lock().await;
        seat.apply(&service.table, service.table.set_location(uid, location)).await
    })
    .await
}

/// Returns the slots of an account that has some.
pub(super) fn slots_of(user: &User) -> Result<Arc<[u8]>, Refusal> {
    user.slots.clone().ok_or(Refusal::NoLocalStore)
}

/// The most keys that a registration makes.
const FIRST_KEYS: usize = 16;
