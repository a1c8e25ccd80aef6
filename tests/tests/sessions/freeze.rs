//! Keys and the screen: what is locked, and what sleeps.

use claviger_tests::lab::{Door, Guest, Login};
use claviger_tests::pcsc::Kind;

const SIGN: &str = "claviger sign -o signature /etc/passwd";

async fn register(session: &mut Login<'_>) {
    session.run("printf %s 'a pass phrase' >phrase").await.ok();
    session.run("claviger register --passphrase-file phrase").await.ok();
    session.run("claviger unlock --passphrase-file phrase").await.ok();
    session.run(SIGN).await.ok();
}

/// Says of a session what a screen locker says of it.
async fn lock(session: &mut Login<'_>, locked: bool) {
    let object = "busctl --system call org.freedesktop.login1 /org/freedesktop/login1/session/auto";
    session.run(&format!("{object} org.freedesktop.login1.Session SetLockedHint b {locked}")).await.ok();
}

#[tokio::test]
async fn keys_freeze_while_the_only_screen_is_locked_and_thaw_with_it() {
    let guest = Guest::plan().claviger().boot().await;
    let mut seat = guest.log_in("alice", Door::Seat).await;
    register(&mut seat).await;
    lock(&mut seat, true).await;
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":true'").await;
    let refused = seat.run(SIGN).await;
    assert_ne!(refused.code, Some(0));
    assert!(refused.text().contains("session is locked"), "{refused:#?}");
    // She is at work elsewhere: that screen is another matter.
    let mut elsewhere = guest.log_in("alice", Door::Ssh).await;
    elsewhere.run(SIGN).await.ok();
    elsewhere.log_out().await;
    guest.until("[ $(claviger --json session list | grep -o '\"uid\"' | wc -l) = 1 ]").await;
    assert_ne!(seat.run(SIGN).await.code, Some(0));
    lock(&mut seat, false).await;
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":false'").await;
    seat.run(SIGN).await.ok();
}

#[tokio::test]
async fn secrets_are_wiped_before_the_machine_sleeps_and_sleep_ends_no_session() {
    let guest = Guest::plan().readers(2).claviger().sleepy().boot().await;
    let _card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Ssh).await;
    register(&mut alice).await;
    alice.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
    alice.run("claviger card unlock --pin-file pin").await.ok();
    alice.run(&format!("claviger session bind {}", alice.id().to_owned())).await.ok();
    guest.until("systemd-inhibit --list --no-legend | grep -q claviger").await;
    guest.fall_asleep().await;
    guest.wake_up().await;
    assert_ne!(alice.run(SIGN).await.code, Some(0), "the store was not locked");
    guest.until("systemd-inhibit --list --no-legend | grep -q claviger").await;
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"presence\":\"present\"'").await;
    assert_eq!(alice.run("echo here").await.text(), "here");
}

#[tokio::test]
async fn keys_do_not_freeze_where_the_administrator_says_so() {
    let guest = Guest::plan().claviger().boot().await;
    guest.write("/etc/claviger/claviger.d/scene.toml", 0o644, "[sessions]\nfreeze = false\n");
    guest.systemctl("restart clavigerd").await.ok();
    let mut seat = guest.log_in("alice", Door::Seat).await;
    register(&mut seat).await;
    lock(&mut seat, true).await;
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":true'").await;
    seat.run(SIGN).await.ok();
}

#[tokio::test]
async fn nobody_elses_screen_freezes_or_thaws_a_users_keys() {
    let guest = Guest::plan().claviger().boot().await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    let mut bob = guest.log_in("bob", Door::Seat).await;
    register(&mut alice).await;
    register(&mut bob).await;
    lock(&mut alice, true).await;
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":true'").await;
    bob.run(SIGN).await.ok();
    assert_ne!(alice.run(SIGN).await.code, Some(0), "bob's open screen is not hers");
    // Nor is she whoever runs outside of all sessions.
    let outside = guest.run_as("alice", "claviger sign -o /tmp/signature /etc/passwd").await;
    assert_ne!(outside.code, Some(0), "{outside:#?}");
    lock(&mut alice, false).await;
    guest.until("! claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":true'").await;
    alice.run(SIGN).await.ok();
}
