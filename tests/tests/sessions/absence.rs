//! A card that was pulled while nobody looked: when that counts, and what a service that comes back does about it.

use std::time::{Duration, Instant};

use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;

use super::scene::{ENDS, LOCKS, about, bind, enrol, entries, nothing_about, until_all_are};

#[tokio::test]
async fn a_card_that_is_back_within_ten_seconds_of_a_start_was_not_gone_and_after_them_it_was() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    guest.systemctl("stop clavigerd").await.ok();
    card.remove_noticed();
    guest.systemctl("start clavigerd").await.ok();
    until_all_are(&guest, "unreachable").await;
    card.put_back();
    until_all_are(&guest, "present").await;

    guest.systemctl("stop clavigerd").await.ok();
    card.remove_noticed();
    assert_eq!(entries(&guest, ENDS).await.len(), 0);
    assert_eq!(alice.run("echo here").await.text(), "here");
    let began = Instant::now();
    guest.systemctl("start clavigerd").await.ok();
    alice.ended().await;
    assert!(began.elapsed() >= Duration::from_secs(10), "after {:?} of pcscd answering", began.elapsed());
}

#[tokio::test]
async fn a_service_that_is_killed_while_it_waits_for_a_screen_to_lock_begins_anew() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Seat).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    card.remove_noticed();
    assert_eq!(about(&guest, LOCKS, alice.id()).await.len(), 1);
    guest.systemctl("kill --signal KILL clavigerd").await.ok();
    // What ignores the wish to lock ends, who ever asks.
    alice.ended().await;
    assert_eq!(about(&guest, LOCKS, alice.id()).await.len(), 2);
    assert_eq!(about(&guest, ENDS, alice.id()).await.len(), 1);
}

#[tokio::test]
async fn a_binding_that_its_user_gave_up_ends_nothing() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut released = guest.log_in("alice", Door::Ssh).await;
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut released).await;
    bind(&mut released).await;
    bind(&mut bound).await;
    released.run("claviger session release \"$XDG_SESSION_ID\"").await.ok();
    // Nobody else gives hers up.
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    bob.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    let refused = bob.run(&format!("claviger session release {}", bound.id())).await;
    assert_ne!(refused.code, Some(0), "{refused:#?}");
    guest.systemctl("restart clavigerd").await.ok();
    until_all_are(&guest, "present").await;
    card.remove_noticed();
    bound.ended().await;
    assert_eq!(released.run("echo here").await.text(), "here");
    assert!(nothing_about(&guest, ENDS, released.id()).await);
}
