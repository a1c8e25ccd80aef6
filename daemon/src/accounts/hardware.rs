use std::sync::Arc;
use std::time::Duration;

use claviger_card::{CardToken, Cards, Contents, Kind};
use claviger_core::EnrolledToken;
use claviger_phone_token::{PhoneToken, Phones};
use claviger_token::TokenId;
use tokio::runtime::Handle;
use tokio::time::Instant;

/// The cards and phones that tokens are, whoever's.
#[derive(Clone)]
pub struct Hardware {
    cards: Arc<Cards>,
    phones: Arc<Phones>,
    runtime: Handle,
}

/// What holds a token, by the token's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The local store of a user.
    Store,
    /// A card.
    Card,
    /// A phone.
    Phone,
}

impl Holder {
    /// Returns what holds the token of that id. What is neither a card's id nor a phone's is a local store's.
    pub fn of(token: &TokenId) -> Self {
        match Kind::of_token(token) {
            Some(_) => Self::Card,
            None if token.as_str().starts_with("phone:") => Self::Phone,
            None => Self::Store,
        }
    }
}

impl Hardware {
    /// Returns the hardware of this machine.
    pub fn new(cards: Arc<Cards>, phones: Arc<Phones>) -> Self {
        Self { cards, phones, runtime: Handle::current() }
    }

    /// Returns the card of that id; `None` where it is no card's id.
    pub(super) fn card(&self, token: &TokenId) -> Option<Arc<CardToken>> {
        (Holder::of(token) == Holder::Card).then(|| self.cards.token(token))
    }

    /// Returns what stands on a card that is there.
    pub(super) fn contents(&self, token: &TokenId) -> Option<Arc<Contents>> {
        self.cards.contents(token)
    }

    /// Returns the phone of that id; `None` where it is no phone's id.
    pub(super) fn phone(&self, token: &TokenId) -> Option<Arc<PhoneToken>> {
        (Holder::of(token) == Holder::Phone).then(|| self.phones.token(token))
    }

    /// Dials those phones now, and waits until one of them is there, but not for long.
    pub(super) async fn reach(&self, tokens: impl Iterator<Item = &TokenId>) {
        let until = Instant::now() + PATIENCE;
        let tokens: Vec<_> = tokens.collect();
        tokens.iter().for_each(|token| self.phones.nudge(token));
        for token in tokens {
            let left = until.saturating_duration_since(Instant::now());
            if self.phones.reach(token, left).await == claviger_token::Presence::Present {
                return;
            }
        }
    }

    /// Forgets the phones of a user that are not among their tokens any more. Each is told if it can be; nobody waits.
    pub(super) fn keep_only(&self, uid: u32, tokens: &[EnrolledToken]) {
        let own = self.phones.snapshot().into_iter().filter(|phone| phone.uid == uid);
        for phone in own.filter(|phone| !tokens.iter().any(|token| token.id == phone.token)) {
            let phones = Arc::clone(&self.phones);
            drop(self.runtime.spawn(async move { phones.forget(&phone.token).await }));
        }
    }
}

/// How long somebody who wants to use a phone that is away waits for it: a phone that is near is back sooner.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::Holder;
    use claviger_token::TokenId;

    #[test]
    fn an_id_says_what_holds_the_token() {
        for (id, holder) in [
            ("local:1000", Holder::Store),
            ("card:piv:00ff", Holder::Card),
            ("card:openpgp:00ff", Holder::Card),
            ("phone:0123", Holder::Phone),
            ("", Holder::Store),
        ] {
            assert_eq!(Holder::of(&TokenId::new(id)), holder, "{id}");
        }
    }
}
