//! The guide for sudo.

use claviger_tests::lab::Guest;

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
