//! The machine sleeps: what is wiped before, and what counts after.

use claviger_tests::lab::{Door, Guest, Login};
use claviger_tests::pcsc::Kind;

use super::scene::{ENDS, about, bind, configure, enrol, nothing_about, until_all_are};

const SIGN: &str = "claviger sign -o signature /etc/passwd";
const HELD: &str = "systemd-inhibit --list --no-legend | grep -q 'claviger.*sleep.*delay'";

/// An account with a key on the card and one in the local store, both unlocked, and the session bound to the card.
async fn prepare(alice: &mut Login<'_>) {
    alice.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    enrol(alice).await;
    alice.run("claviger key generate P-256 --location card --slot 9a --default-management-key").await.ok();
    bind(alice).await;
}

/// Returns how many tokens of hers are unlocked.
async fn unlocked(guest: &Guest) -> usize {
    let listed = guest.run_as("alice", "claviger --json token list").await.ok();
    listed.text().replace(' ', "").matches("\"locked\":false").count()
}

#[tokio::test]
async fn pins_and_keys_are_wiped_before_the_machine_sleeps_and_nobody_waits_for_it() {
    let guest = Guest::plan().readers(2).claviger().sleepy().boot().await;
    let _card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    prepare(&mut alice).await;
    assert_eq!(unlocked(&guest).await, 2);
    for _ in 0..2 {
        guest.until(HELD).await;
        guest.fall_asleep().await;
        assert_eq!(unlocked(&guest).await, 0);
        assert_ne!(guest.run(HELD).await.code, Some(0), "it is asleep");
        guest.wake_up().await;
        until_all_are(&guest, "present").await;
    }
    guest.until(HELD).await;
    assert_eq!(alice.run("echo here").await.text(), "here");
    let logind = guest.journal("--unit systemd-logind").await;
    assert!(!logind.contains("inhibitor timeout is reached"), "{logind}");
    // And both can be used again, with PIN and pass phrase.
    alice.run("claviger card unlock --pin-file pin; claviger unlock --passphrase-file phrase").await.ok();
    alice.run(SIGN).await.ok();
    assert_eq!(unlocked(&guest).await, 2);
}

#[tokio::test]
async fn a_card_that_was_pulled_while_the_machine_slept_counts_once_it_is_awake() {
    let guest = Guest::plan().readers(4).claviger().sleepy().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let other = guest.card(1, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    bob.run("printf 123456 >pin").await.ok();
    guest
        .until("runuser -u alice -- claviger --json card list | tr -d ' ' | grep -c present | grep -qx 2")
        .await;
    let list = guest.run_as("alice", "claviger --json card list").await.ok();
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let id = |reader: &str| {
        let rows = list.as_array().unwrap();
        let row =
            rows.iter().find(|row| row["reader"] == reader).unwrap_or_else(|| panic!("{reader}: {list:#}"));
        row["id"].as_str().unwrap().to_owned()
    };
    alice
        .run(&format!("printf 123456 >pin; claviger card enrol {} --pin-file pin", id(card.reader())))
        .await
        .ok();
    alice.run("claviger card unlock --pin-file pin").await.ok();
    bind(&mut alice).await;
    bob.run(&format!("claviger card enrol {} --pin-file pin", id(other.reader()))).await.ok();
    bob.run("claviger card unlock --pin-file pin").await.ok();
    bind(&mut bob).await;
    guest.fall_asleep().await;
    card.remove_noticed();
    assert!(nothing_about(&guest, ENDS, alice.id()).await);
    assert_eq!(alice.run("echo here").await.text(), "here", "nothing ends in the machine's sleep");
    guest.wake_up().await;
    alice.ended().await;
    assert_eq!(about(&guest, ENDS, alice.id()).await[0]["REASON"], "removed");
    assert_eq!(bob.run("echo here").await.text(), "here");
}

#[tokio::test]
async fn where_the_administrator_says_so_nothing_is_wiped() {
    let guest = Guest::plan().readers(2).claviger().sleepy().boot().await;
    configure(&guest, "[sessions]\nwipe-on-sleep = false").await;
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    alice.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    guest.until(HELD).await;
    guest.fall_asleep().await;
    assert_eq!(unlocked(&guest).await, 1);
    guest.wake_up().await;
    alice.run(SIGN).await.ok();
}

#[tokio::test]
async fn a_logind_that_was_restarted_is_asked_for_the_delay_again() {
    let guest = Guest::plan().claviger().sleepy().boot().await;
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    alice.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    for unit in ["systemd-logind", "clavigerd"] {
        guest.systemctl(&format!("restart {unit}")).await.ok();
        guest.until(HELD).await;
    }
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    guest.fall_asleep().await;
    assert_eq!(unlocked(&guest).await, 0);
    guest.wake_up().await;
}
