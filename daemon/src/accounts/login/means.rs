//! With what a user logs in: which token, and which of its keys. Pure.

use claviger_core::{Defaults, Key, KeyState, Placement, PlacementState, Refusal};
use claviger_token::{TokenId, TokenKind};

use super::token_name;
use crate::table::Account;

/// Which tokens may serve a login.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only this kind.
    pub location: Option<TokenKind>,
    /// Only this one.
    pub token: Option<TokenId>,
    /// A card in a reader of this machine is out of the question: the person is elsewhere.
    pub no_cards: bool,
    /// A phone is out of the question: the administrator does not want it for a person who is elsewhere, or it was asked
    /// just now and nobody said yes.
    pub no_phones: bool,
    /// The person is at another machine.
    pub remote: bool,
    /// A PIN pad is out of the question: whoever asks is another user's program, and the person at the reader would not
    /// know for whom they type.
    pub no_pin_pads: bool,
}

/// What a login is made with.
#[derive(Debug)]
pub(super) enum Means {
    /// The pass phrase of the local store, and a signature of this key where there is one.
    Store(Option<(Key, Placement)>),
    /// The PIN of a card, and a signature of this key on it.
    Card(Key, Placement),
    /// The yes of a phone's person, and a signature of this key on it.
    Phone(Key, Placement),
}

/// Returns what a login is made with: a card that is there, then a phone that is there, then the local store. Whoever put a
/// card in has said with what they want to log in; a phone is near most of the time, and asks for less than a pass phrase.
///
/// # Errors
/// [`Refusal::TokenAbsent`] where no token may serve that is there, [`Refusal::InvalidArguments`] where the one that was
/// named is none of the account's.
pub(super) fn choose(
    account: &Account,
    wish: &Wish,
    is_there: impl Fn(&TokenId) -> bool,
) -> Result<Means, Refusal> {
    let Account { user, keys, tokens } = account;
    let store = TokenId::local(user.uid);
    if let Some(token) = &wish.token
        && *token != store
        && !tokens.iter().any(|enrolled| enrolled.id == *token)
    {
        return Err(Refusal::InvalidArguments("the user has no such token".into()));
    }
    let on = |kind| {
        let may = |place: &Placement| {
            place.kind == kind && wish.may_serve(kind, &place.token) && is_there(&place.token)
        };
        best(keys, &user.defaults, may)
    };
    if let Some((key, place)) = on(TokenKind::Card) {
        return Ok(Means::Card(key, place));
    }
    if let Some((key, place)) = on(TokenKind::Phone) {
        return Ok(Means::Phone(key, place));
    }
    if user.slots.is_some() && wish.may_serve(TokenKind::Local, &store) {
        return Ok(Means::Store(best(keys, &user.defaults, |place| place.kind == TokenKind::Local)));
    }
    Err(absent(account, wish))
}

impl Wish {
    /// Returns true where that token may serve.
    pub(super) fn may_serve(&self, kind: TokenKind, token: &TokenId) -> bool {
        self.location.is_none_or(|location| location == kind)
            && self.token.as_ref().is_none_or(|wanted| wanted == token)
            && !(self.no_cards && kind == TokenKind::Card)
            && !(self.no_phones && kind == TokenKind::Phone)
    }
}

/// Returns the key that signs a login on one of those places: the default for logins, the default for signatures, PIV's
/// place for logins, any other.
fn best(keys: &[Key], defaults: &Defaults, may: impl Fn(&Placement) -> bool) -> Option<(Key, Placement)> {
    let signing = keys.iter().filter(|key| key.state == KeyState::Current && key.info.usage.sign);
    let places = signing.flat_map(|key| key.placements.iter().map(move |place| (key, place)));
    let usable = places.filter(|(_, place)| place.state == PlacementState::Current && may(place));
    let best = usable.min_by_key(|(key, place)| match Some(key.id()) {
        id if id == defaults.authenticate => 0,
        id if id == defaults.sign => 1,
        _ if place.token.as_str().starts_with("card:piv:") && &*place.reference == "9a" => 2,
        _ => 3,
    });
    best.map(|(key, place)| (key.clone(), place.clone()))
}

/// Says what would have to be there.
fn absent(account: &Account, wish: &Wish) -> Refusal {
    let wanted = Wish { no_cards: false, no_phones: false, ..wish.clone() };
    let cards = account.tokens.iter().filter(|token| wanted.may_serve(token.kind, &token.id));
    let names: Vec<String> = cards.map(|token| token_name(account, &token.id)).collect();
    let text = match names.as_slice() {
        [] => "a token that serves this login".to_owned(),
        _ if wish.no_cards || wish.no_phones => "a token that serves a login from another machine".to_owned(),
        names => names.join(" or "),
    };
    Refusal::TokenAbsent(text.into())
}

#[cfg(test)]
mod tests;
