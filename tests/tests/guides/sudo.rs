//! The guide for sudo.

use claviger_tests::lab::Guest;
use claviger_tests::pcsc::Kind;

use crate::reader::Reader;

#[tokio::test]
async fn the_guide_for_sudo_holds_with_a_key_in_the_local_store() {
    let guest = Guest::with_claviger().await;
    let mut alice = Reader::at_terminal(&guest).await;
    alice.follow_section("README", "In the local store").await;
    let said = alice.follow("sudo").await;
    let (before, after) =
        said.split_once("Pass phrase of your key store:").expect("it asks for the pass phrase");
    assert!(before.contains("[sudo] password for alice:"), "at first it does not know: {said}");
    assert!(!after.contains("password"), "{said}");
}

#[tokio::test]
async fn the_guide_for_sudo_asks_for_the_pin_of_a_card_that_is_there_and_without_it_for_the_pass_phrase() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    guest.card_seen("alice", &card).await;
    let mut alice = Reader::at_terminal(&guest).await;
    alice.follow_section("README", "In the local store").await;
    alice.follow_section("README", "On a card").await;
    let said = alice.follow("sudo").await;
    assert!(said.contains("PIN of card"), "{said}");
    card.remove_noticed();
    let said = alice.types("sudo --reset-timestamp; sudo true").await;
    assert!(said.contains("Pass phrase of your key store:") && !said.contains("PIN"), "{said}");
}
