//! pcscd is killed, hangs, or is not there, and nobody saw the card go: nothing ends, unless the administrator says so.

use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;

use super::scene::{ENDS, about, bind, configure, enrol, nothing_about, until_all_are};

/// pcscd is gone, and nothing starts it.
const AWAY: &str = "systemctl mask --runtime --now pcscd.socket pcscd.service";
const BACK: &str = "systemctl unmask --runtime pcscd.socket pcscd.service && systemctl start pcscd.service";

#[tokio::test]
async fn a_card_that_cannot_be_reached_ends_no_session_and_one_that_is_pulled_then_does() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    for (fault, mend) in [(AWAY, BACK), ("systemctl kill --signal KILL pcscd", "systemctl restart pcscd")] {
        guest.run(fault).await.ok();
        if fault == AWAY {
            until_all_are(&guest, "unreachable").await;
            assert_ne!(alice.run("claviger card unlock --pin-file pin").await.code, Some(0));
        }
        guest.run(mend).await.ok();
        until_all_are(&guest, "present").await;
        assert_eq!(alice.run("echo here").await.text(), "here", "{fault}");
    }
    assert!(nothing_about(&guest, ENDS, alice.id()).await);
    // It was pulled while pcscd was away: that shows when pcscd is back.
    guest.run(AWAY).await.ok();
    until_all_are(&guest, "unreachable").await;
    card.remove();
    guest.run(BACK).await.ok();
    alice.ended().await;
    assert_eq!(about(&guest, ENDS, alice.id()).await[0]["REASON"], "removed");
}

#[tokio::test]
async fn where_the_administrator_says_so_a_card_that_cannot_be_reached_for_too_long_is_gone() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    configure(&guest, "[removal]\nunreachable = \"2s\"").await;
    let _card = guest.card(0, Kind::Piv);
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    // A restart is shorter than that.
    guest.systemctl("restart pcscd").await.ok();
    until_all_are(&guest, "present").await;
    assert_eq!(alice.run("echo here").await.text(), "here");
    guest.run(AWAY).await.ok();
    alice.ended().await;
    assert_eq!(about(&guest, ENDS, alice.id()).await[0]["REASON"], "unreachable");
    assert_eq!(bob.run("echo here").await.text(), "here");
}

#[tokio::test]
async fn a_pcscd_that_hangs_ends_no_session_and_what_went_meanwhile_shows_when_it_goes_on() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    configure(&guest, "[cards]\ndeadline = \"2s\"").await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    guest.systemctl("kill --signal STOP pcscd").await.ok();
    assert_ne!(alice.run("claviger card unlock --pin-file pin").await.code, Some(0), "nobody answers");
    guest.systemctl("kill --signal CONT pcscd").await.ok();
    until_all_are(&guest, "present").await;
    alice.run("claviger card unlock --pin-file pin").await.ok();
    guest.systemctl("kill --signal STOP pcscd").await.ok();
    card.remove();
    assert_ne!(alice.run("claviger card unlock --pin-file pin").await.code, Some(0), "nobody answers");
    assert!(nothing_about(&guest, ENDS, alice.id()).await);
    guest.systemctl("kill --signal CONT pcscd").await.ok();
    alice.ended().await;
    assert_eq!(about(&guest, ENDS, alice.id()).await[0]["REASON"], "removed");
}
