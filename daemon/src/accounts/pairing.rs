//! Pairing a phone with an account.

use std::sync::Arc;

use claviger_core::policy::Caller;
use claviger_core::{EnrolledToken, Refusal, Registration, Resource};
use claviger_dbus::steers;
use claviger_phone_token::{Bluetooth, Link, Method, PairError, PairStep, Paired, Pairing, Proposal};
use claviger_token::{KeyId, Secret, TokenId, TokenKind};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Seat;
use super::phone_keys::{self, Enrolment};
use super::phones::{PATIENCE, announce};
use super::registration::{may_add_token, new_user};
use crate::callers::Visit;
use crate::clock::now;
use crate::conversation::Conversation;
use crate::service::Service;
use crate::signals::Event;
use crate::table::{Account, Phone};

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
            tracing::info!(uid = seat.uid, %token, keys = keys.len(), "a phone's keys were taken in");
        }
        Ok(Err(refusal)) => {
            tracing::warn!(uid = seat.uid, %token, "a phone's keys were not taken in: {refusal}");
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

/// Returns the caller's account, if there is one, and refuses where there may be none or it has phones enough.
async fn may_pair(service: &Service, seat: &Seat, caller: &Caller) -> Result<Option<Arc<Account>>, Refusal> {
    let account = may_add_token(service, seat, caller).await?;
    let tokens = account.iter().flat_map(|account| &account.tokens);
    if tokens.filter(|token| token.kind == TokenKind::Phone).count() >= MOST {
        return Err(Refusal::LimitsExceeded("phones"));
    }
    Ok(account)
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

/// The most phones of one user: each is dialled for as long as it is away.
const MOST: usize = 16;
/// The most characters of a phone's name.
const LONGEST_NAME: usize = 64;

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
