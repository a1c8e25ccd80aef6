//! The proof by card: it takes this PIN, and its key signs, in one transaction.

use claviger_core::{Key, Placement, Refusal};
use claviger_token::{Secret, Spare, Token, TokenError, TokenId};

use super::Claim;
use crate::accounts::cards;
use crate::accounts::guess::{Attempt, Counter, Outcome};
use crate::accounts::statement::Statement;

/// Has the card check this PIN, and no other, and sign with the key as the table has it; the card is unlocked for its user
/// then. Without a PIN it is typed at the reader.
pub(super) async fn prove(
    claim: &Claim,
    key: &Key,
    place: &Placement,
    pin: Option<Secret>,
) -> Result<TokenId, Refusal> {
    let Claim { service, seat, .. } = claim;
    let card = seat.card(&place.token)?;
    if pin.is_none() && !card.has_pin_pad() {
        return Err(Refusal::InvalidArguments("the card's reader has no pin pad".into()));
    }
    let (statement, typed) = (Statement::of_login(seat.uid)?, pin.is_none());
    let operation = statement.ask(&key.handle(place), &card.capabilities()).map_err(of_card)?;
    let attempt = Attempt::begin(service, seat, Counter::Login).await?;
    let answer = card.authenticate(pin, Spare::Two, operation).await;
    attempt.end(service, seat, outcome(&answer)).await?;
    let output = answer.map_err(of_card)?;
    if !statement.is_signed(&key.info, &output).map_err(of_card)? {
        // It is not the user's card, whatever it says of itself; what was given to it is not kept for it.
        cards::wipe(service, seat, &card);
        return Err(Refusal::WrongToken(
            "the card has another private key than the one that was enrolled".into(),
        ));
    }
    if !typed && card.is_unlocked() {
        cards::unlocked(service, seat, &card, service.config.idle);
        cards::announce(service, seat, &card);
    }
    Ok(place.token.clone())
}

/// Returns what became of the guess. What never reached the card, and what the card was not asked, is none.
const fn outcome<T>(answer: &Result<T, TokenError>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Right,
        Err(TokenError::WrongSecret { .. }) => Outcome::Wrong,
        Err(_) => Outcome::Unchecked,
    }
}

fn of_card(error: TokenError) -> Refusal {
    match error {
        TokenError::NoSuchKey => Refusal::WrongToken("the card has no key where one was enrolled".into()),
        other => cards::of_card(other),
    }
}
