//! Alice with a certificate for TLS and one for mail, whose keys are in one place.

use claviger_tests::lab::Guest;
use claviger_tests::pcsc::{Card, Kind};

use crate::reader::Reader;
use crate::www;

/// Where she makes her keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the local store, as the guides say it.
    Local,
    /// On a card: `--location card` is added where a key is made.
    Card,
}

/// A guest with a server in it.
pub(crate) async fn guest() -> Guest {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    www::begin(&guest).await;
    guest
}

/// Gives alice both certificates, as the index says it.
pub(crate) async fn certified(guest: &Guest, location: Location) -> (Reader<'_>, Option<Card>) {
    let card = (location == Location::Card).then(|| guest.card(0, Kind::Piv));
    let mut alice = Reader::at_terminal(guest).await;
    match &card {
        None => drop(alice.follow_section("README", "In the local store").await),
        Some(card) => {
            guest.card_seen("alice", card).await;
            alice.types("claviger card enrol").await;
            alice.makes_keys_on_cards();
        }
    }
    alice.follow_section("README", "Ask for one").await;
    www::certify(guest).await;
    alice.follow_section("README", "Put it in").await;
    (alice, card)
}
