//! The keys of an account: made, taken in, named, deleted, revoked.

use std::sync::Arc;

use claviger_core::{Confirm, Defaults, Key, KeyState, Placement, Refusal, Selector, Step, check_label};
use claviger_phone_token::PhoneToken;
use claviger_soft as soft;
use claviger_token::{
    Algorithm, Generated, KeyId, Secret, Site, Token, TokenError, TokenId, TokenKind, TokenOp, TokenOutput,
    Usage,
};

use super::asked::Asked;
use super::passphrase::wipe;
use super::phones::named_if_absent;
use super::registration::{become_default, new_binding, new_row};
use super::{Holder, Seat, cards, guess, phone_keys, phones};
use crate::callers::Visit;
use crate::clock::now;
use crate::errand::own_errand;
use crate::operation::Thread;
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
    /// On which token it is made.
    pub place: Place,
    /// Where on that token.
    pub site: Site,
    /// The program that asks for it, as a phone shows it.
    pub application: String,
    /// Nobody is asked, so that no phone can be the place.
    pub no_prompt: bool,
}

/// On which token a new key is made.
#[derive(Default)]
pub struct Place {
    /// The kind of place; the user's location unless told.
    pub location: Option<TokenKind>,
    /// The very token; the only one of that kind unless told.
    pub token: Option<TokenId>,
}

/// Where a new key comes from.
pub enum Origin {
    /// It is made.
    Generate(Algorithm),
    /// It was made elsewhere: DER PKCS#8.
    Import(Secret),
}

impl Origin {
    /// Returns the word for it in an errand.
    const fn purpose(&self) -> &'static str {
        match self {
            Self::Generate(_) => "generate",
            Self::Import(_) => "import",
        }
    }
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
    let account = seat.own(&service.table, &visit.caller).await?;
    let most = service.config.caps.keys as usize;
    check_room(&account, &wanted.label, most)?;
    if let Origin::Generate(algorithm) = &origin {
        check_usage(wanted.usage, *algorithm)?;
    }
    let NewKey { label, usage, place, site, application, no_prompt } = wanted;
    let token = match target(&seat, &account, &place, &site)? {
        Target::Here(token) if token.is_unlocked() => token,
        Target::Here(token) => return Err(Refusal::of_token(token.kind(), TokenError::Locked)),
        // It would ask its person; it is not even dialled for that.
        Target::Phone(_) if no_prompt => return Err(Refusal::MayNotAsk),
        // It asks its own person, unless it was locked from here, and says so then.
        Target::Phone(phone) => {
            named_if_absent(service, &account, &phone).await?;
            let errand = own_errand(&visit.caller.user_name, application, origin.purpose());
            phone.making(errand, &label)
        }
    };
    let binding = new_binding(&visit.caller).map_err(guess::refusal)?;
    let asked = Asked::of(&origin, &binding, token.kind())?;
    let operation = match origin {
        Origin::Generate(algorithm) => TokenOp::Generate { algorithm, binding: binding.clone(), site },
        Origin::Import(private_key) => TokenOp::Import { private_key, binding: binding.clone(), site },
    };
    // Not begun.
    let uid = seat.uid;
    let mut making = Box::pin({
        let (service, token) = (Arc::clone(service), Arc::clone(&token));
        async move { perform(&service, uid, Thread::Shared, token, operation).await }
    });
    let made = match token.kind() {
        // It asks its person for as long as somebody waits for it, and no longer. A key that it made in that very moment
        // stands on it and can be taken in.
        TokenKind::Phone => Some((&mut making).await?),
        TokenKind::Local | TokenKind::Card => None,
    };
    // From here on it is carried to its end: what a card made is not left without its row.
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let made = match made {
            Some(made) => made,
            None => making.await?,
        };
        let TokenOutput::Generated(generated) = made else {
            return Err(Refusal::Internal("the token made no key".into()));
        };
        if soft::algorithm_of(&generated.public_key) != Ok(generated.algorithm) {
            return Err(Refusal::WrongToken("the public key is none of that algorithm".into()));
        }
        asked.check(&generated)?;
        check_usage(usage, generated.algorithm)?;
        check_place(usage, &generated)?;
        let key = new_row(generated, binding, &*token, (label, usage));
        let id = key.id();
        let _change = seat.change.lock().await;
        let now = seat.own(&service.table, &visit.caller).await?;
        // An account that was registered anew meanwhile has other slots, under which this key never opens.
        if now.user.created != account.user.created {
            return Err(Refusal::Cancelled);
        }
        // What a card made stands there, locked or not.
        if token.kind() == TokenKind::Local && !token.is_unlocked() {
            return Err(Refusal::of_token(token.kind(), TokenError::Locked));
        }
        check_room(&now, &key.label, most)?;
        if now.keys.iter().any(|other| other.info.public_key == key.info.public_key) {
            return Err(Refusal::AlreadyExists("this very key".into()));
        }
        let displaced = displaced(&now.keys, &key);
        let mut defaults = now.user.defaults;
        displaced.iter().filter(|old| old.placements.len() == 1).for_each(|old| defaults.forget(old.id()));
        become_default(&mut defaults, &key);
        change_table(&service, &seat, service.table.insert_key(key, Some(defaults))).await?;
        for old in displaced {
            let displaced = service.table.displace_key(seat.uid, old.id(), token.id(), crate::clock::now());
            change_table(&service, &seat, displaced).await?;
        }
        Ok(id)
    })
    .await
}

/// Returns the keys at whose place on a card the new one stands now.
fn displaced<'a>(keys: &'a [Key], new: &Key) -> Vec<&'a Key> {
    let taken = |place: &Placement| {
        place.kind == TokenKind::Card
            && new.placements.iter().any(|now| now.token == place.token && now.reference == place.reference)
    };
    keys.iter().filter(|key| key.placements.iter().any(taken)).collect()
}

/// Where a new key is made.
enum Target {
    /// On a token that stands at this machine.
    Here(Arc<dyn Token>),
    /// On a phone.
    Phone(Arc<PhoneToken>),
}

/// Returns the token on which a new key is made.
fn target(seat: &Seat, account: &Account, place: &Place, site: &Site) -> Result<Target, Refusal> {
    let of_id = |id: &TokenId| match Holder::of(id) {
        _ if id == seat.token.id() => TokenKind::Local,
        Holder::Phone => TokenKind::Phone,
        Holder::Card | Holder::Store => TokenKind::Card,
    };
    let on_card_only = |what: &str| {
        let Site { slot, authority, pin_policy, touch_policy } = site;
        if slot.is_some() || authority.is_some() || pin_policy.is_some() || touch_policy.is_some() {
            let text =
                format!("slot, authority, pin-policy and touch-policy are of cards; this key is {what}");
            return Err(Refusal::InvalidArguments(text.into()));
        }
        Ok(())
    };
    let id = || place.token.clone().unwrap_or_else(|| TokenId::new(""));
    let kind = match (&place.token, place.location) {
        (Some(id), None) => of_id(id),
        (Some(id), Some(kind)) if of_id(id) != kind => {
            return Err(Refusal::InvalidArguments(format!("{id} is not {}", kind.name()).into()));
        }
        (_, Some(kind)) => kind,
        (None, None) => account.user.location,
    };
    match kind {
        TokenKind::Local => {
            on_card_only("local")?;
            Ok(Target::Here(Arc::clone(&seat.token) as Arc<dyn Token>))
        }
        TokenKind::Card => Ok(Target::Here(cards::own_token(seat, account, &id())? as Arc<dyn Token>)),
        TokenKind::Phone => {
            on_card_only("on a phone")?;
            phones::own_token(seat, account, &id()).map(Target::Phone)
        }
    }
}

/// What an owner changes of a key.
pub enum Change {
    /// Deletes it for good: its sealed record is erased.
    Delete,
    /// Gives it another label; an empty one takes it away.
    Label(String),
    /// Makes it the default for a purpose.
    DefaultFor(String),
    /// Sets how often its owner is asked before it is used.
    Confirm(Confirm),
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
    let (held, service, own) = (service, Arc::clone(service), Arc::clone(&seat));
    let deleted = held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let account = seat.opened(&service.table, &visit.caller).await?;
        let (uid, table, user) = (seat.uid, &service.table, &account.user);
        let find = || selector.find(&account.keys, &user.defaults, None);
        match (change, &selector) {
            (Change::Delete, _) => {
                let key = find()?;
                change_table(&service, &seat, table.delete_key(uid, key.id())).await?;
                forget(&seat, key).await?;
                return Ok(Some(key.clone()));
            }
            (Change::Label(label), _) => {
                change_table(&service, &seat, table.set_label(uid, find()?.id(), &label)).await?;
            }
            (Change::Confirm(confirm), _) => {
                let id = find()?.id();
                change_table(&service, &seat, table.set_confirm(uid, id, confirm)).await?;
                service.agents.forget_yeses(id);
            }
            (Change::DefaultFor(purpose), selector) => {
                let key = if *selector == Selector::Default { None } else { Some(find()?) };
                let defaults = with_default(user.defaults, &purpose, key)?;
                change_table(&service, &seat, table.set_defaults(uid, defaults)).await?;
            }
        }
        Ok(None)
    });
    if let Some(key) = deleted.await? {
        // Phones ask their person, for as long as somebody waits for it.
        phone_keys::erase(&own, &key).await;
    }
    Ok(())
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
        // No phone's person holds a revocation up.
        let (seat, key) = (Arc::clone(&seat), key.clone());
        drop(service.runtime.clone().spawn(async move { phone_keys::erase(&seat, &key).await }));
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
        cards::lock_all(&service, &seat, &account);
        match end {
            End::Revoke => {
                account.user.registration.after(Step::Revoke)?;
                change_table(&service, &seat, service.table.revoke_user(uid, now())).await?;
            }
            End::Remove => change_table(&service, &seat, service.table.remove_user(uid, now())).await?,
        }
        // Before the phones are let go, which count as removed then.
        service.sessions.forget_user(uid).await;
        seat.let_go(&service.table).await;
        // Once more, for an unlock that began before.
        cards::lock_all(&service, &seat, &account);
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

/// Lets the tokens at this machine forget a key whose row is gone.
async fn forget(seat: &Seat, key: &Key) -> Result<(), Refusal> {
    for placement in key.placements.iter().filter(|placement| placement.kind != TokenKind::Phone) {
        let token = seat.token(placement)?;
        // A card that cannot erase a key, or is not there, keeps it; it is the caller's key no more.
        if !token.capabilities().erases {
            continue;
        }
        match token.perform(TokenOp::Delete { key: key.handle(placement) }).await {
            Ok(_) | Err(TokenError::NoSuchKey | TokenError::Locked | TokenError::Absent) => {}
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

/// Refuses a key that may not be used for anything that its place on a card is for.
fn check_place(usage: Option<Usage>, made: &Generated) -> Result<(), Refusal> {
    if usage.is_none_or(|usage| !usage.within(made.usage).is_empty()) {
        return Ok(());
    }
    let can: Vec<&str> = made.usage.names().collect();
    Err(Refusal::InvalidArguments(format!("a key at {} can only {}", made.reference, can.join(", ")).into()))
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
