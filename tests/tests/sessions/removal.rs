//! A token is pulled: the sessions bound to it lock or end, and no other.

use claviger_tests::lab::{Door, Guest, Login};
use claviger_tests::pcsc::Kind;

/// Gives the user of the session an account whose only key stands on the card that is there, unlocked.
async fn enrol(session: &mut Login<'_>) {
    session.run("printf 123456 >pin").await.ok();
    session.run("claviger card enrol --pin-file pin").await.ok();
    session.run("claviger card unlock --pin-file pin").await.ok();
}

#[tokio::test]
async fn a_bound_session_ends_when_its_card_is_pulled_and_no_other_does() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut unbound = guest.log_in("alice", Door::Service).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut bound).await;
    bound.run(&format!("claviger session bind {}", bound.id().to_owned())).await.ok();
    let mut work = bound.start("echo begun; exec cat").await;
    work.hear("begun").await;
    card.remove_noticed();
    bound.ended().await;
    work.ended().await;
    assert_eq!(unbound.run("echo here").await.text(), "here");
    assert_eq!(bob.run("echo here").await.text(), "here");
    let entry = guest.journal("MESSAGE_ID=fa600038ee9c47aab282b6a51ae3bc86 --output verbose").await;
    for field in [&format!("SESSION={}", bound.id()), "UID=1000", "REASON=removed", "ACTION=terminate"] {
        assert!(entry.contains(field), "no {field} in {entry}");
    }
    let elapsed = entry.lines().find_map(|line| line.trim().strip_prefix("ELAPSED_USEC=")).unwrap();
    // The figure is in docs/figures.md; on a machine that does much else it is only seen to wait for nothing.
    assert!(elapsed.parse::<u64>().unwrap() <= 1_000_000, "{elapsed} us from pcscd's report to logind");
}

#[tokio::test]
async fn a_card_pulled_while_the_service_is_down_ends_its_session_and_a_restart_ends_none() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut bound = guest.log_in("alice", Door::Ssh).await;
    enrol(&mut bound).await;
    bound.run(&format!("claviger session bind {}", bound.id().to_owned())).await.ok();
    for unit in ["clavigerd", "pcscd", "systemd-logind", "clavigerd"] {
        guest.systemctl(&format!("kill --signal KILL {unit}")).await.ok();
        guest.systemctl(&format!("restart {unit}")).await.ok();
        // The binding is there again, and the card is seen again.
        let bound_and_there =
            "claviger --json session list | tr -d ' \\n' | grep -q '\"presence\":\"present\"'";
        guest.until(bound_and_there).await;
        assert_eq!(bound.run("echo here").await.text(), "here", "after {unit} was killed");
    }
    guest.systemctl("stop clavigerd").await.ok();
    card.remove_noticed();
    guest.systemctl("start clavigerd").await.ok();
    bound.ended().await;
}
