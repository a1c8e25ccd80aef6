//! The harness itself: a guest has what the scenarios rest on.

use std::time::Instant;

use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;

#[tokio::test]
async fn a_guest_boots_with_logind_and_polkit() {
    let guest = Guest::boot().await;
    assert_eq!(guest.systemctl("is-system-running").await.ok().text(), "running");
    assert_eq!(guest.sessions().await, []);
    // Started by the first question to it.
    guest.run("pkcheck --action-id org.freedesktop.login1.lock-sessions --process $$").await.ok();
    let refused = "pkcheck --action-id org.freedesktop.login1.lock-sessions --process $$";
    assert_eq!(guest.run_as("alice", refused).await.code, Some(2));
}

#[tokio::test]
async fn nothing_of_a_guest_is_left_when_its_value_goes() {
    let guest = Guest::boot().await;
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", guest.leader())).unwrap();
    let group = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
    let machine = group.split('/').nth(1).unwrap().to_owned();
    let folders = || {
        let hierarchies = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
        hierarchies.map(|hierarchy| std::path::Path::new(hierarchy).join(&machine)).into_iter()
    };
    assert!(folders().any(|folder| folder.exists()), "no group of {machine}");
    let mut kept = guest.spawn(guest.shell("setsid sleep 1000 & echo here; cat"));
    kept.hear("here").await;
    drop(guest);
    kept.ended().await;
    assert!(!folders().any(|folder| folder.exists()), "a group of {machine} is left");
}

#[tokio::test]
async fn a_session_is_listed_and_terminated() {
    let guest = Guest::boot().await;
    let mut bob = guest.log_in("bob", Door::Service).await;
    for door in [Door::Service, Door::Seat, Door::Console, Door::Ssh] {
        let mut alice = guest.log_in("alice", door).await;
        let session = alice.session().await.unwrap();
        assert_eq!((session.user.as_str(), session.uid), ("alice", 1000), "{door:?}");
        assert_eq!(session.seat, if door == Door::Seat { "seat0" } else { "" }, "{door:?}");
        assert_eq!(session.remote, door == Door::Ssh, "{door:?}");
        assert_eq!(session.tty.is_empty(), door != Door::Console, "{door:?}: {session:?}");
        assert!(!session.locked_hint, "{door:?}");
        assert_eq!(alice.run("id -un; echo error >&2; exit 3").await.text(), "alice\nerror", "{door:?}");
        let left = alice.run("sleep 1000 >/dev/null & echo $!").await;
        guest.terminate_session(alice.id()).await;
        alice.ended().await;
        guest.until(&format!("! kill -0 {}", left.text())).await;
    }
    assert_eq!(bob.run("exit 3").await.code, Some(3));
    bob.log_out().await;
    assert_eq!(guest.sessions().await, []);
}

#[tokio::test]
async fn somebody_logs_in_at_a_terminal_by_password() {
    let guest = Guest::boot().await;
    let mut terminal = guest.terminal("login alice");
    terminal.hear("Password: ").await;
    terminal.say("bob-password");
    terminal.hear("Login incorrect").await;
    terminal.hear("login: ").await;
    terminal.say("alice");
    terminal.hear("Password: ").await;
    terminal.say("alice-password");
    terminal.hear("$ ").await;
    terminal.say("id -un; exit 7");
    terminal.hear("\nalice").await;
    terminal.ended().await;
}

#[tokio::test]
async fn a_card_is_seen_by_the_guests_pcscd_and_its_removal_too() {
    let guest = Guest::plan().readers(4).boot().await;
    let mut piv = guest.card(0, Kind::Piv);
    let mut openpgp = guest.card(3, Kind::OpenPgp);
    let present = async || {
        let readers = guest.run("opensc-tool --list-readers").await.ok();
        let rows = readers.text().lines().filter(|row| row.contains("Virtual PCD"));
        rows.map(|row| row.split_whitespace().nth(1).unwrap() == "Yes").collect::<Vec<_>>()
    };
    assert_eq!(present().await, [true, false, false, true]);
    piv.remove_noticed();
    assert_eq!(present().await, [false, false, false, true]);
    openpgp.remove_noticed();
    piv.put_back();
    assert_eq!(present().await, [true, false, false, false]);
}

#[tokio::test]
async fn the_service_starts_under_its_real_sandbox_and_answers() {
    let guest = Guest::with_claviger().await;
    assert_eq!(
        guest.systemctl("is-active clavigerd claviger-opensc.socket").await.ok().text(),
        "active\nactive"
    );
    let status = guest.run_as("alice", "claviger status").await;
    assert_eq!(status.code, Some(0), "{status:#?}");
    assert!(status.text().starts_with("user       alice (1000)\naccount    none"), "{status:#?}");
}

#[tokio::test]
async fn the_installed_service_works_with_a_card_and_sees_it_go() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    let mut alice = guest.log_in("alice", Door::Seat).await;
    alice.run("printf 123456 >pin; printf %s 'a pass phrase' >phrase").await.ok();
    alice.run("claviger register --passphrase-file phrase").await.ok();
    alice.run("claviger card enrol --pin-file pin").await.ok();
    let generate =
        "claviger key generate P-256 --location card --slot 9a --label mine --default-management-key";
    alice.run(generate).await.ok();
    alice.run("claviger sign --key mine -o signature /etc/passwd").await.ok();
    card.remove_noticed();
    assert_ne!(alice.run("claviger sign --key mine -o signature /etc/passwd").await.code, Some(0));
}

#[tokio::test]
async fn a_program_beside_the_shell_belongs_to_the_session_and_ends_with_it() {
    let guest = Guest::boot().await;
    for door in [Door::Seat, Door::Ssh] {
        let mut alice = guest.log_in("alice", door).await;
        let mut beside = alice.start("echo $$ $XDG_SESSION_ID; exec cat").await;
        let said = beside.hear("\n").await;
        let (pid, id) = said.trim().split_once(' ').unwrap();
        assert_eq!(id, alice.id());
        let shown = guest.run(&format!("ps -o lsession= -o user= {pid}")).await.ok();
        assert_eq!(shown.text().split_whitespace().collect::<Vec<_>>(), [id, "alice"]);
        beside.say("still here");
        beside.hear("still here").await;
        guest.terminate_session(alice.id()).await;
        beside.ended().await;
        alice.ended().await;
    }
}

#[tokio::test]
async fn a_guest_that_sleeps_waits_for_who_wants_a_moment_and_wakes() {
    let guest = Guest::plan().sleepy().boot().await;
    let inhibit =
        "exec systemd-inhibit --what=sleep --mode=delay sh -c 'echo ready; read -r line; echo last words'";
    let mut inhibitor = guest.spawn(guest.shell(inhibit));
    inhibitor.hear("ready\n").await;
    let mut listener =
        guest.spawn(guest.shell("exec dbus-monitor --system interface=org.freedesktop.login1.Manager"));
    listener.hear("NameLost").await;
    let asleep = async {
        guest.fall_asleep().await;
        Instant::now()
    };
    let let_go = async {
        listener.hear("PrepareForSleep\n   boolean true").await;
        let now = Instant::now();
        inhibitor.say("");
        inhibitor.hear("last words").await;
        now
    };
    let (asleep, let_go) = tokio::join!(asleep, let_go);
    assert!(asleep > let_go);
    guest.wake_up().await;
    listener.hear("PrepareForSleep\n   boolean false").await;
}
