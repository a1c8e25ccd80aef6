//! Phones of an account: paired, unpaired, unlocked, locked.

use std::sync::Arc;
use std::time::Duration;

use claviger_core::policy::Caller;
use claviger_core::{EnrolledToken, Refusal, Registration, Resource, Step};
use claviger_dbus::steers;
use claviger_phone_token::{
    Bluetooth, Link, Method, PairError, PairStep, Paired, Pairing, PairingId, PhoneToken, Proposal,
    PublicKey, StaticKey, info_text,
};
use claviger_token::{Errand, KeyId, Presence, Secret, Token, TokenError, TokenId, TokenKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::phone_keys::{self, Enrolment};
use super::registration::new_user;
use super::{Seat, token_name};
use crate::callers::Visit;
use crate::clock::now;
use crate::conversation::Conversation;
use crate::service::Service;
use crate::signals::Event;
use crate::table::{Account, Phone, TableError};

/// What is wanted of a pairing.
pub struct Wanted {
    /// The way to the phone; any unless told.
    pub link: Option<Link>,
    /// How both sides know that they talk to each other.
    pub method: Method,
    /// What the phone is called here; what it calls itself unless told.
    pub name: Option<String>,
    /// Its keys become the defaults for what they can.
    pub default: bool,
    /// When the call ends, whatever is under way.
    pub until: Instant,
}

/// Connects to the phones that users have paired, for as long as the service runs.
pub(crate) async fn keep_all(service: &Service) -> Result<(), TableError> {
    for phone in service.table.phones().await? {
        let info = phone.info.as_deref().and_then(info_text::parse);
        let token = phone.token.id.clone();
        match pairing(phone) {
            Some(pairing) => service.phones.keep(pairing, info),
            None => tracing::error!(%token, "a phone in the table is none that can be reached"),
        }
    }
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

/// Pairs a phone with the caller's account and takes its keys in. What people must see and say goes over
/// `conversation`; at its end, or if nobody waits any more, the pairing is given up.
pub async fn pair(
    service: &Arc<Service>,
    visit: Visit,
    wanted: Wanted,
    mut conversation: Conversation,
) -> Result<TokenId, Refusal> {
    check_name(wanted.name.as_deref())?;
    check_link(service, wanted.link.as_ref())?;
    let seat = service.accounts.seat(visit.caller.uid);
    may_pair(service, &seat, &visit.caller).await?;
    let _one = service.permits.take(seat.uid, Resource::Pairings)?;
    let paired = converse(service, &visit.caller, &wanted, &mut conversation).await?;
    let caller = Arc::clone(&visit.caller);
    let token = enter(service, &seat, visit, paired).await?;
    // The phone is paired now, whatever comes of its keys: those that are missing can be taken in later.
    let take_in = take_in(service, &seat, &caller, (&token, wanted.default), &conversation);
    match timeout_at(wanted.until, take_in).await {
        Ok(Ok(keys)) => {
            tracing::info!(uid = seat.uid, %token, keys = keys.len(), "a phone's keys were taken in")
        }
        Ok(Err(refusal)) => {
            tracing::warn!(uid = seat.uid, %token, "a phone's keys were not taken in: {refusal}")
        }
        Err(_) => tracing::warn!(uid = seat.uid, %token, "a phone's keys were not taken in in time"),
    }
    Ok(token)
}

async fn take_in(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    caller: &Arc<Caller>,
    (token, default): (&TokenId, bool),
    conversation: &Conversation,
) -> Result<Vec<KeyId>, Refusal> {
    // The stream on which it was paired becomes its line in a moment.
    service.phones.reach(token, PATIENCE).await;
    let found = phone_keys::find(seat, token).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    conversation.say(&format!("keys {}", found.len())).await?;
    phone_keys::take_in(service, caller, (token, found), Enrolment { label: String::new(), default }).await
}

/// Pairs, and shows the steps.
async fn converse(
    service: &Service,
    caller: &Caller,
    wanted: &Wanted,
    conversation: &mut Conversation,
) -> Result<Paired, Refusal> {
    let (tell, mut steps) = mpsc::unbounded_channel();
    let proposal = Proposal {
        uid: caller.uid,
        user: caller.user_name.clone(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        method: wanted.method,
        link: wanted.link.clone(),
        name: wanted.name.clone(),
    };
    let mut pairing = std::pin::pin!(service.phones.pair(proposal, tell));
    let mut same: Option<oneshot::Sender<bool>> = None;
    loop {
        tokio::select! {
            // The steps first: whoever hears of the end has seen what was before it.
            biased;
            Some(step) = steps.recv() => same = show(conversation, step).await?.or(same),
            outcome = &mut pairing => return outcome.map_err(of_pairing),
            line = conversation.line() => match (line?.as_deref(), same.take()) {
                // Who asked for the answer may have given up meanwhile, and says so itself.
                (Some("yes"), Some(asked)) => drop(asked.send(true)),
                (Some("no"), Some(asked)) => drop(asked.send(false)),
                (None, _) => return Err(Refusal::Cancelled),
                (Some(_), _) => return Err(Refusal::InvalidArguments(
                    "an answer in the conversation is neither yes nor no, or to no question".into(),
                )),
            },
        }
    }
}

/// Shows a step, and returns where the answer to it goes.
async fn show(conversation: &Conversation, step: PairStep) -> Result<Option<oneshot::Sender<bool>>, Refusal> {
    match step {
        PairStep::Uri(uri) => conversation.say(&zeroize::Zeroizing::new(format!("uri {}", *uri))).await?,
        PairStep::Compare { code, same } => {
            conversation.say(&format!("code {code}")).await?;
            return Ok(Some(same));
        }
        PairStep::Asked => conversation.say("asked").await?,
        PairStep::Trying(link, fault) => {
            let text: String =
                format!("trying {link}: {fault}").chars().filter(|letter| !steers(*letter)).collect();
            conversation.say(&text).await?;
        }
    }
    Ok(None)
}

/// Writes the phone down, and connects to it from now on.
async fn enter(
    service: &Arc<Service>,
    seat: &Arc<Seat>,
    visit: Visit,
    paired: Paired,
) -> Result<TokenId, Refusal> {
    let (held, service, seat) = (service, Arc::clone(service), Arc::clone(seat));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        if may_pair(&service, &seat, &visit.caller).await?.is_none() {
            let user = new_user(&visit.caller, TokenKind::Phone, Registration::Active);
            seat.apply(&service.table, service.table.register(user, Vec::new())).await?;
            tracing::info!(uid = seat.uid, "an account was made for a phone");
        }
        let row = row(&paired);
        let token = row.token.id.clone();
        let enrolled = service.table.enrol_phone(row, Vec::new(), Vec::new(), None);
        seat.apply(&service.table, enrolled).await?;
        service.phones.adopt(paired);
        service.subscribers.announce(seat.uid, &Event::KeysChanged);
        announce(&service, &*seat.phone(&token)?, seat.uid);
        tracing::info!(uid = seat.uid, %token, "a phone was paired");
        Ok(token)
    })
    .await
}

fn row(paired: &Paired) -> Phone {
    let Pairing { id: _, uid, name, host_key, phone_key, links } = &paired.pairing;
    let name = harmless(name);
    let token = paired.pairing.token();
    // A phone that calls itself nothing is called by the beginning of its id.
    let name = if name.is_empty() { token.as_str().chars().take(14).collect() } else { name };
    Phone {
        uid: *uid,
        token: EnrolledToken { id: token, kind: TokenKind::Phone, name, created: now() },
        model: harmless(&paired.model),
        host_key: Secret::new(host_key.expose().to_vec()),
        phone_key: *phone_key.as_bytes(),
        links: links.iter().map(ToString::to_string).collect(),
        info: None,
    }
}

/// Returns what a phone calls itself as it may stand before people.
fn harmless(text: &str) -> String {
    text.chars().filter(|letter| !steers(*letter)).take(LONGEST_NAME).collect::<String>().trim().to_owned()
}

fn check_name(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        Some(name) if name.is_empty() || name != harmless(name) => {
            let text = format!("a phone's name has 1 to {LONGEST_NAME} characters, none of them for control");
            Err(Refusal::InvalidArguments(text.into()))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_link(service: &Service, link: Option<&Link>) -> Result<(), Refusal> {
    let phones = &service.config.phones;
    match link {
        Some(Link::Rfcomm { .. }) if phones.bluetooth == Bluetooth::Off => Err(Refusal::NotSupported(
            "Bluetooth, which the administrator switched off ([phones] bluetooth),".into(),
        )),
        Some(Link::Serial { .. }) if !phones.serial => Err(Refusal::NotSupported(
            "a serial link, which the administrator switched off ([phones] serial),".into(),
        )),
        Some(Link::Rfcomm { .. } | Link::Serial { .. } | Link::Socket) | None => Ok(()),
    }
}

/// Returns the caller's account, if there is one, and refuses where there may be none.
async fn may_pair(service: &Service, seat: &Seat, caller: &Caller) -> Result<Option<Arc<Account>>, Refusal> {
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
        service.sessions.forget_token(id.clone());
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
    let unlock = seat.idle(phone.id()).start(idle);
    let watch = lock_when_idle(Arc::clone(service), Arc::clone(seat), Arc::clone(phone), unlock);
    drop(service.runtime.spawn(watch));
    announce(service, phone, seat.uid);
    tracing::info!(uid = seat.uid, token = %phone.id(), "a phone was unlocked");
    Ok(())
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

/// The one mapping of this border.
fn of_pairing(error: PairError) -> Refusal {
    match error {
        PairError::Busy => Refusal::DeviceBusy("another pairing".into()),
        PairError::GivenUp => Refusal::Cancelled,
        PairError::TimedOut(None) => Refusal::TokenAbsent("a phone that is ready to be paired".into()),
        PairError::TimedOut(Some(fault)) => {
            Refusal::TokenAbsent(format!("a phone that is ready to be paired ({fault})").into())
        }
        PairError::Declined => Refusal::PhoneDeclined,
        PairError::NumbersDiffer => Refusal::WrongToken(
            "the numbers differ: somebody else may stand between this computer and the phone".into(),
        ),
        PairError::WrongSecret => {
            Refusal::WrongToken("whoever answered did not know the secret of the pairing".into())
        }
        PairError::Phone(closed) => Refusal::DeviceError(closed.to_string().into()),
        PairError::Lost => Refusal::TokenRemoved,
        PairError::Internal(cause) => Refusal::Internal(cause.into()),
    }
}

/// The most characters of a phone's name.
const LONGEST_NAME: usize = 64;
/// How long a phone that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::{check_name, harmless};

    #[test]
    fn a_phone_that_calls_itself_something_wild_is_called_something_harmless() {
        assert_eq!(harmless(" Pixel\u{1b}[31m\n\u{202e} 9 "), "Pixel[31m 9");
        assert_eq!(harmless(&"x".repeat(1000)).len(), 64);
        assert_eq!(harmless("\n"), "");
    }

    #[test]
    fn a_name_that_somebody_gives_is_taken_as_it_is_or_not_at_all() {
        assert!(check_name(None).is_ok() && check_name(Some("work phone")).is_ok());
        for wrong in ["", " x", "a\nb", "a\u{202e}b"] {
            assert!(check_name(Some(wrong)).is_err(), "{wrong:?}");
        }
        assert!(check_name(Some(&"x".repeat(65))).is_err());
    }
}
