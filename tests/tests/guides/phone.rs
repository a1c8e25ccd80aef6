//! The guides with keys on a phone, whose person says yes to each use.

use claviger_tests::lab::Guest;

use crate::reader::Reader;
use crate::{ssh, www};

#[tokio::test]
async fn the_guides_for_openssh_and_git_hold_with_a_key_on_a_phone_which_says_what_for() {
    let guest = Guest::plan().phones().claviger().boot().await;
    ssh::begin(&guest).await;
    let mut phone = guest.phone("alice", "pixel").await;
    phone.pair_with_key().await;
    let mut alice = Reader::at_terminal(&guest).await;
    phone.agree_to(alice.follow_section("openssh", "Switch the agent on")).await;
    phone.agree_to(alice.follow_section("openssh", "Log in")).await;
    phone.agree_to(alice.follow_section("git", "Set up")).await;
    let signed = phone.agree_to(alice.follow_section("git", "Sign")).await;
    assert_eq!(signed.matches("Good \"git\" signature for alice@example.org").count(), 2, "{signed}");
    let asked = phone.said();
    assert!(asked.contains("log in as 'alice' at host SHA256:"), "{asked}");
    assert!(asked.contains("sign with namespace git"), "{asked}");
}

#[tokio::test]
async fn the_guides_for_curl_and_gnutls_hold_with_a_key_on_a_phone_and_nothing_is_typed() {
    let guest = Guest::plan().phones().claviger().boot().await;
    www::begin(&guest).await;
    let mut phone = guest.phone("alice", "pixel").await;
    phone.pair().await;
    let mut alice = Reader::at_terminal(&guest).await;
    alice.makes_keys_on_a_phone();
    phone.agree_to(alice.follow_section("README", "Ask for one")).await;
    www::certify(&guest).await;
    phone.agree_to(alice.follow_section("README", "Put it in")).await;
    let mut said = phone.agree_to(alice.follow("curl")).await;
    said += &phone.agree_to(alice.follow_section("gnutls", "Log in to a server")).await;
    www::until_seen(&guest, 3).await;
    assert!(!said.contains("Enter"), "nobody asks for a PIN: {said}");
    let asked = phone.said();
    assert!(asked.contains("Sign: \"tls\""), "{asked}");
}
