//! Tokens as callers see them.

use std::sync::Arc;

use claviger_card::{CardKey, CardState, CardToken, Contents, Inside, Kind};
use claviger_core::policy::own_account;
use claviger_core::{EnrolledToken, Refusal};
use claviger_dbus::ByteBuf;
use claviger_dbus::wire::{TokenKeyRow, TokenRow};
use claviger_token::{Capabilities, Presence, Token, TokenId, TokenKind};

use crate::accounts::Seat;
use crate::callers::Visit;
use crate::service::Service;
use crate::table::Account;

/// Returns the caller's tokens; with `all` the other cards in the readers too.
pub(super) async fn list(
    service: &Service,
    visit: &Visit,
    all: bool,
) -> Result<Vec<(String, TokenRow)>, Refusal> {
    let (seat, account) = own(service, visit).await?;
    let mut rows = Vec::new();
    if let Some(account) = &account {
        if account.user.slots.is_some() {
            rows.push((seat.token.id().to_string(), local_row(&seat)));
        }
        for enrolled in &account.tokens {
            rows.push((enrolled.id.to_string(), enrolled_row(service, &seat, enrolled).await?));
        }
    }
    if all {
        for state in service.cards.snapshot() {
            rows.extend(other_rows(service, account.as_deref(), &state).await?);
        }
    }
    Ok(rows)
}

/// Returns one token of the caller's, or one card in a reader, with the keys on it.
pub(super) async fn one(service: &Service, visit: &Visit, id: &TokenId) -> Result<TokenRow, Refusal> {
    let (seat, account) = own(service, visit).await?;
    let enrolled = account.iter().flat_map(|account| &account.tokens).find(|enrolled| enrolled.id == *id);
    if id == seat.token.id() && account.as_ref().is_some_and(|account| account.user.slots.is_some()) {
        return Ok(TokenRow { keys: Some(Vec::new()), ..local_row(&seat) });
    }
    let row = match enrolled {
        Some(enrolled) if enrolled.kind == TokenKind::Phone => {
            return Ok(TokenRow { keys: Some(Vec::new()), ..phone_row(service, enrolled).await? });
        }
        Some(enrolled) => enrolled_row(service, &seat, enrolled).await?,
        None => {
            let contents = service.cards.contents(id).ok_or(Refusal::NoSuchToken)?;
            other_row(service, &contents).await?
        }
    };
    let contents = if row.taken { None } else { seat.card(id)?.contents() };
    let keys = contents.iter().flat_map(|contents| &contents.keys);
    let keys = keys.map(|key| key_row(account.as_deref(), key)).collect();
    Ok(TokenRow { keys: Some(keys), ..row })
}

/// Returns the caller's account, if there is one that is the caller's.
async fn own(service: &Service, visit: &Visit) -> Result<(Arc<Seat>, Option<Arc<Account>>), Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.account(&service.table).await?;
    let own = account.filter(|account| own_account(&visit.caller, &account.user).is_ok());
    Ok((seat, own))
}

fn local_row(seat: &Seat) -> TokenRow {
    let row = TokenRow {
        kind: TokenKind::Local.name().to_owned(),
        name: "local key store".to_owned(),
        presence: Presence::Present.name().to_owned(),
        enrolled: true,
        locked: !seat.token.is_unlocked(),
        ..TokenRow::default()
    };
    with_capabilities(row, &seat.token.capabilities())
}

async fn enrolled_row(service: &Service, seat: &Seat, enrolled: &EnrolledToken) -> Result<TokenRow, Refusal> {
    if enrolled.kind == TokenKind::Phone {
        return phone_row(service, enrolled).await;
    }
    let token = seat.card(&enrolled.id)?;
    let row = TokenRow {
        name: enrolled.name.clone(),
        enrolled: true,
        locked: !token.is_unlocked(),
        created: Some(enrolled.created),
        ..card_row(&enrolled.id, &token)
    };
    Ok(with_capabilities(row, &token.capabilities()))
}

/// Returns a phone as it was paired, and as it is now.
async fn phone_row(service: &Service, enrolled: &EnrolledToken) -> Result<TokenRow, Refusal> {
    let token = service.phones.token(&enrolled.id);
    let (model, links) = service.table.phone_ways(&enrolled.id).await?.unwrap_or_default();
    let state = service.phones.snapshot().into_iter().find(|phone| phone.token == enrolled.id);
    let (link, faults) = state.map_or((None, Vec::new()), |phone| (phone.link, phone.faults));
    let row = TokenRow {
        kind: TokenKind::Phone.name().to_owned(),
        name: enrolled.name.clone(),
        presence: token.presence().name().to_owned(),
        enrolled: true,
        locked: !token.is_unlocked(),
        created: Some(enrolled.created),
        model: Some(model),
        links: Some(links),
        link: link.map(|link| link.to_string()),
        faults: Some(faults.into_iter().map(|(link, fault)| format!("{link}: {fault}")).collect()),
        ..TokenRow::default()
    };
    Ok(with_capabilities(row, &token.capabilities()))
}

/// Returns the cards in a reader that are not the caller's; a card that is no token has no id.
async fn other_rows(
    service: &Service,
    account: Option<&Account>,
    state: &CardState,
) -> Result<Vec<(String, TokenRow)>, Refusal> {
    let nameless = |name: String| {
        let row = TokenRow {
            kind: TokenKind::Card.name().to_owned(),
            name,
            reader: state.reader.clone(),
            presence: Presence::Present.name().to_owned(),
            pin_pad: state.pin_pad,
            ..TokenRow::default()
        };
        Ok(vec![(String::new(), row)])
    };
    let applications = match &state.inside {
        Inside::Empty => return Ok(Vec::new()),
        Inside::Reading => return nameless("a card that is being read".to_owned()),
        Inside::Unknown => return nameless("an unknown card".to_owned()),
        Inside::Unreadable(error) => return nameless(format!("a card that cannot be read: {error}")),
        Inside::Applications(applications) => applications,
    };
    let mut rows = Vec::new();
    for contents in applications {
        let id = contents.token();
        if !account.is_some_and(|account| account.tokens.iter().any(|enrolled| enrolled.id == id)) {
            rows.push((id.to_string(), other_row(service, contents).await?));
        }
    }
    Ok(rows)
}

/// Returns what the caller may know of a card that is not theirs.
async fn other_row(service: &Service, contents: &Contents) -> Result<TokenRow, Refusal> {
    let id = contents.token();
    let row = card_row(&id, &service.cards.token(&id));
    if service.table.token_owner(id).await?.is_some() {
        let TokenRow { kind, application, reader, presence, .. } = row;
        return Ok(TokenRow { kind, application, reader, presence, taken: true, ..TokenRow::default() });
    }
    let row = TokenRow { name: contents.name.clone(), locked: true, ..row };
    Ok(with_capabilities(row, &contents.capabilities))
}

/// Returns what is seen of a card from outside, and its counters.
fn card_row(id: &TokenId, token: &CardToken) -> TokenRow {
    let application = Kind::of_token(id).map(|(kind, _)| kind.name()).unwrap_or_default();
    let row = TokenRow {
        kind: TokenKind::Card.name().to_owned(),
        application: application.to_owned(),
        reader: token.reader().unwrap_or_default(),
        presence: token.presence().name().to_owned(),
        pin_pad: token.has_pin_pad(),
        ..TokenRow::default()
    };
    let Some(contents) = token.contents() else { return row };
    let Contents { pin, tries_left, puk_tries_left, .. } = &*contents;
    TokenRow {
        tries_left: *tries_left,
        puk_tries_left: *puk_tries_left,
        pin_shortest: u32::try_from(pin.shortest).ok(),
        pin_longest: u32::try_from(pin.longest).ok(),
        ..row
    }
}

fn with_capabilities(row: TokenRow, capabilities: &Capabilities) -> TokenRow {
    let Capabilities { mechanisms, generates, imports, .. } = capabilities;
    TokenRow {
        mechanisms: mechanisms.iter().map(|mechanism| mechanism.name().to_owned()).collect(),
        generates: generates.iter().map(|algorithm| algorithm.name().to_owned()).collect(),
        imports: imports.iter().map(|algorithm| algorithm.name().to_owned()).collect(),
        ..row
    }
}

fn key_row(account: Option<&Account>, key: &CardKey) -> TokenKeyRow {
    let CardKey { reference, algorithm, usage, public_key, pin_policy, touch_policy, certificates } = key;
    let own = account.and_then(|account| account.keys.iter().find(|own| own.info.public_key == *public_key));
    TokenKeyRow {
        slot: reference.clone(),
        algorithm: algorithm.name().to_owned(),
        usage: usage.names().map(String::from).collect(),
        public_key: ByteBuf::from(public_key.to_vec()),
        certificates: certificates.iter().cloned().map(ByteBuf::from).collect(),
        pin_policy: pin_policy.name().to_owned(),
        touch_policy: touch_policy.name().to_owned(),
        key: own.map(|own| own.id().to_string()).unwrap_or_default(),
    }
}
