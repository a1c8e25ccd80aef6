//! The user and the administrator hear why a session ends, and what else is over with it.

use claviger_tests::lab::{Door, Guest, Login};
use claviger_tests::pcsc::Kind;
use claviger_tests::programs;

use super::scene::{ENDS, FAILED, about, bind, configure, enrol, nothing_about};

#[tokio::test]
async fn the_user_hears_why_a_session_ends_and_nobody_else_does() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    guest.run("journalctl --update-catalog").await.ok();
    let mut card = guest.card(0, Kind::Piv);
    let mut other = guest.log_in("alice", Door::Service).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    bob.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut bound).await;
    bind(&mut bound).await;
    let mut hers = other.start("exec claviger monitor --json").await;
    let mut his = bob.start("exec claviger monitor").await;
    his.hear("watching").await;
    guest.until("claviger admin statistics | grep -q 'subscriptions *2'").await;

    card.remove_noticed();
    hers.hear("\"SessionEnding\"").await;
    hers.hear("\n").await;
    let said = hers.said();
    let event = said.lines().find(|line| line.contains("SessionEnding")).unwrap();
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    let event = &event["event"];
    assert_eq!(event["session"], bound.id());
    assert_eq!((&event["action"], &event["reason"]), (&"terminate".into(), &"removed".into()));
    assert!(!event["token-name"].as_str().unwrap().is_empty());
    bound.ended().await;

    let entry = about(&guest, ENDS, bound.id()).await.remove(0);
    let fields =
        ["UID", "TOKEN", "REASON", "ACTION", "_SYSTEMD_UNIT"].map(|field| entry[field].as_str().unwrap());
    assert_eq!(
        fields,
        ["1000", event["token"].as_str().unwrap(), "removed", "terminate", "clavigerd.service"]
    );
    let explained = guest.journal(&format!("--catalog MESSAGE_ID={ENDS}")).await;
    assert!(
        explained.contains(&format!("Session {} was ended because its token is gone", bound.id())),
        "{explained}"
    );
    assert!(explained.contains("claviger removal"), "{explained}");

    // Bob's own is told to him, and nothing of hers was before it.
    bob.run("claviger unlock --passphrase-file phrase").await.ok();
    let heard = his.hear("unlocked").await;
    assert!(!heard.contains("session"), "{heard}");
    assert!(!heard.contains("card:"), "{heard}");
}

#[tokio::test]
async fn a_session_ends_as_soon_as_polkit_is_there_to_allow_it() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    guest.systemctl("mask --runtime --now polkit").await.ok();
    card.remove_noticed();
    let failed = about(&guest, FAILED, alice.id()).await;
    assert_eq!(failed[0]["ACTION"], "terminate", "{failed:#?}");
    assert_eq!(alice.run("echo here").await.text(), "here");
    // A card that is back in time does not change what was begun.
    card.put_back();
    guest.systemctl("unmask --runtime polkit").await.ok();
    alice.ended().await;
}

#[tokio::test]
async fn a_session_ends_as_soon_as_logind_is_there_to_do_it() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut alice).await;
    bind(&mut alice).await;
    guest.systemctl("mask --runtime systemd-logind").await.ok();
    guest.systemctl("kill --signal KILL systemd-logind").await.ok();
    guest.until("systemctl is-failed systemd-logind || ! systemctl is-active systemd-logind").await;
    card.remove_noticed();
    about(&guest, FAILED, alice.id()).await;
    guest.systemctl("unmask --runtime systemd-logind").await.ok();
    guest.run("systemctl reset-failed systemd-logind; systemctl start systemd-logind").await.ok();
    alice.ended().await;
}

#[tokio::test]
async fn a_channel_is_closed_with_its_session_though_its_program_lives_on() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    guest.copy_in(&programs::folder().join("channel-user"), "/usr/local/bin/channel-user", 0o755);
    let mut card = guest.card(0, Kind::Piv);
    let mut stays = guest.log_in("alice", Door::Ssh).await;
    let mut ends = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut ends).await;
    bind(&mut ends).await;
    // What a session is ended with at first, it does not heed.
    let line = "trap '' TERM HUP; exec channel-user";
    let mut other = stays.start(line).await;
    let mut lives_on = ends.start(line).await;
    for program in [&mut other, &mut lives_on] {
        program.say("work");
        program.hear("after true\n").await;
    }
    let channels = |count: u8| format!("claviger admin statistics | grep -qx 'channels *{count}'");
    guest.run(&channels(2)).await.ok();
    card.remove_noticed();
    about(&guest, ENDS, ends.id()).await;
    guest.until(&channels(1)).await;
    assert!(lives_on.runs(), "{}", lives_on.said());
    other.say("work");
    other.hear("before true, after true\n").await;
}

async fn register(session: &mut Login<'_>) {
    session.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    session.run("claviger unlock --passphrase-file phrase").await.ok();
}

const UNLOCKED: &str = "claviger --json status | tr -d ' ' | grep -q '\"locked\":false'";

#[tokio::test]
async fn the_end_of_a_users_last_session_locks_their_keys_and_that_of_another_does_not() {
    let guest = Guest::with_claviger().await;
    let mut first = guest.log_in("alice", Door::Ssh).await;
    let second = guest.log_in("alice", Door::Service).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    register(&mut first).await;
    register(&mut bob).await;
    let gone = second.id().to_owned();
    second.log_out().await;
    guest.until(&format!("! claviger --json session list | grep -q '\"{gone}\"'")).await;
    first.run(UNLOCKED).await.ok();
    first.log_out().await;
    guest.until(&format!("! runuser -u alice -- sh -c {UNLOCKED:?}",)).await;
    bob.run(UNLOCKED).await.ok();
}

#[tokio::test]
async fn keys_stay_unlocked_after_the_last_session_where_the_administrator_says_so() {
    let guest = Guest::with_claviger().await;
    configure(&guest, "[sessions]\nlock-after-last-session = false").await;
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    register(&mut alice).await;
    let gone = alice.id().to_owned();
    alice.log_out().await;
    guest.until(&format!("! claviger --json session list | grep -q '\"{gone}\"'")).await;
    guest.run_as("alice", UNLOCKED).await.ok();
    assert!(nothing_about(&guest, ENDS, &gone).await, "nothing was removed");
}
