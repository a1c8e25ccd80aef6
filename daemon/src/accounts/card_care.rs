//! What is done to a card before it is anybody's, and to one's own: its PIN, its identity.

use std::sync::Arc;

use claviger_card::{CardToken, Kind};
use claviger_core::{EnrolledToken, Refusal};
use claviger_token::{Secret, Spare, Token, TokenId};

use super::cards::{named_if_absent, of_card, only_card, present};
use crate::callers::Visit;
use crate::service::Service;
use crate::signals::Event;

/// Replaces the PIN of a card that is the caller's, or nobody's.
pub async fn change_pin(
    service: &Service,
    visit: &Visit,
    id: TokenId,
    (old, new): (Secret, Secret),
    spare: Spare,
) -> Result<(), Refusal> {
    let token = free_or_own(service, visit, &id).await?;
    token.change_pin(old, new, spare).await.map_err(of_card)?;
    tracing::info!(uid = visit.caller.uid, token = %id, "a card's PIN was changed");
    Ok(())
}

/// Sets a new PIN with the PUK on a card that is the caller's, or nobody's.
pub async fn unblock_pin(
    service: &Service,
    visit: &Visit,
    id: TokenId,
    (puk, new): (Secret, Secret),
) -> Result<(), Refusal> {
    let token = free_or_own(service, visit, &id).await?;
    token.unblock_pin(puk, new).await.map_err(of_puk)?;
    tracing::info!(uid = visit.caller.uid, token = %id, "a card's PIN was unblocked");
    Ok(())
}

/// Gives a card that is the caller's, or nobody's, a fresh identity, and returns its new id.
pub async fn initialize(
    service: &Arc<Service>,
    visit: Visit,
    id: TokenId,
    authority: Option<Secret>,
) -> Result<TokenId, Refusal> {
    let token = free_or_own(service, &visit, &id).await?;
    let seat = service.accounts.seat(visit.caller.uid);
    let (held, service) = (service, Arc::clone(service));
    held.to_its_end(async move {
        let _change = seat.change.lock().await;
        let new = token.initialize(authority).await.map_err(of_card)?;
        let enrolled = seat
            .account(&service.table)
            .await?
            .and_then(|account| account.tokens.iter().find(|enrolled| enrolled.id == *token.id()).cloned());
        if let Some(row) = enrolled {
            let name = present(&*seat.card(&new)?).map_or(row.name, |contents| contents.name.clone());
            let row = EnrolledToken { id: new.clone(), name, ..row };
            let table = &service.table;
            seat.apply(table, table.rename_token(seat.uid, token.id(), row)).await?;
            service.sessions.rename_token(token.id().clone(), new.clone());
            service.subscribers.announce(seat.uid, &Event::KeysChanged);
        }
        tracing::info!(uid = seat.uid, old = %token.id(), token = %new, "a card was given a fresh identity");
        Ok(new)
    })
    .await
}

/// Returns a card that the caller may prepare: an enrolled one, or one that is nobody's.
async fn free_or_own(service: &Service, visit: &Visit, id: &TokenId) -> Result<Arc<CardToken>, Refusal> {
    let seat = service.accounts.seat(visit.caller.uid);
    let account = seat.account(&service.table).await?;
    let id = match (&account, id.as_str()) {
        (Some(account), "") => only_card(&seat, account)?,
        _ => id.clone(),
    };
    match service.table.token_owner(id.clone()).await? {
        Some(owner) if owner == seat.uid => {
            let token = seat.card(&id)?;
            named_if_absent(&*seat.own(&service.table, &visit.caller).await?, &token)?;
            Ok(token)
        }
        Some(_) => Err(Refusal::NoSuchToken),
        None => here(service, &id).map_err(|_| Refusal::NoSuchToken),
    }
}

/// Returns a card that is in a reader. A token that was asked for is remembered for good, so ids that callers
/// invent must not get that far.
pub(super) fn here(service: &Service, id: &TokenId) -> Result<Arc<CardToken>, Refusal> {
    if Kind::of_token(id).is_none() {
        return Err(Refusal::NoSuchToken);
    }
    match service.cards.contents(id) {
        Some(_) => Ok(service.cards.token(id)),
        None => Err(Refusal::TokenAbsent(id.to_string().into())),
    }
}

/// A wrong PUK is no wrong PIN.
fn of_puk(error: claviger_token::TokenError) -> Refusal {
    use claviger_token::TokenError;
    match error {
        TokenError::WrongSecret { tries_left: Some(tries) } => {
            Refusal::AccessDenied(format!("the PUK is wrong, {tries} tries left").into())
        }
        TokenError::WrongSecret { tries_left: None } => Refusal::AccessDenied("the PUK is wrong".into()),
        TokenError::Blocked => Refusal::AccessDenied("the card has blocked its PUK too".into()),
        other => of_card(other),
    }
}
