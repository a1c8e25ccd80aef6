//! A binding is about one session of one boot: whatever else has that id later is bound to nothing.

use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;

use super::scene::{ENDS, bind, enrol, entries, until_all_are};

/// Returns how many sessions are bound.
async fn bound(guest: &Guest) -> usize {
    let listed = guest.run("claviger --json session list").await.ok();
    listed.text().replace(' ', "").matches("\"token\":\"card:").count()
}

#[tokio::test]
async fn a_binding_of_another_boot_is_void_and_its_card_ends_nothing() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    // The control: with the same boot it is bound as before.
    guest.systemctl("restart clavigerd").await.ok();
    until_all_are(&guest, "present").await;
    assert_eq!(bound(&guest).await, 1);

    let other = "[Service]\nEnvironment=CLAVIGER_BOOT_ID=00000000000000000000000000000001\n";
    guest.write("/etc/systemd/system/clavigerd.service.d/boot.conf", 0o644, other);
    guest.run("systemctl daemon-reload && systemctl restart clavigerd").await.ok();
    assert_eq!(bound(&guest).await, 0);
    let mut witness = guest.log_in("alice", Door::Ssh).await;
    guest.until("runuser -u alice -- claviger --json card list | grep -q '\"present\"'").await;
    witness.run("printf 123456 >pin; claviger card unlock --pin-file pin").await.ok();
    bind(&mut witness).await;
    card.remove_noticed();
    witness.ended().await;
    assert_eq!(alice.run("echo here").await.text(), "here");
    let ended = entries(&guest, ENDS).await;
    assert!(ended.iter().all(|entry| entry["SESSION"] != alice.id()), "{ended:#?}");

    // And it was forgotten: the boot that it was of does not bring it back.
    card.put_back();
    guest.run("rm /etc/systemd/system/clavigerd.service.d/boot.conf && systemctl daemon-reload").await.ok();
    guest.systemctl("restart clavigerd").await.ok();
    assert_eq!(bound(&guest).await, 0);
}

#[tokio::test]
async fn a_session_that_ended_while_the_service_was_down_leaves_no_binding_to_the_next() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    let mut other = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    bind(&mut other).await;
    assert_eq!(bound(&guest).await, 2);
    guest.systemctl("stop clavigerd").await.ok();
    alice.log_out().await;
    let mut next = guest.log_in("alice", Door::Ssh).await;
    guest.systemctl("start clavigerd").await.ok();
    until_all_are(&guest, "present").await;
    assert_eq!(bound(&guest).await, 1);
    card.remove_noticed();
    other.ended().await;
    assert_eq!(next.run("echo here").await.text(), "here");
}
