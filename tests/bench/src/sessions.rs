//! Sessions: how soon a pulled card ends one, and what the PAM module adds to a login; in a guest of their own.
//!
//! systemd, logind, polkit, pcscd and the service are as installed; the guest has the same two processors as its cards.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use claviger_tests::lab::{Door, Guest, Running};
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::programs;

use crate::error::{Doing, Error};
use crate::figures::Figures;

/// How many times a card is pulled: so many that there is a p99.
pub(crate) const PULLS: usize = 100;
/// How many logins of each kind there are in a round.
const LOGINS: usize = 8;

/// Measures all of it. Where the scene cannot be set it panics, as the scenarios do.
pub(crate) fn measure(rounds: usize, figures: &mut Figures) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.doing("start a runtime")?.block_on(async {
        let guest = Guest::plan().readers(2).claviger().boot().await;
        let config = "[removal]\nlocal = \"terminate\"\n";
        guest.write("/etc/claviger/claviger.d/bench.toml", 0o644, config);
        guest.systemctl("restart clavigerd").await.ok();
        let mut card = guest.card(0, Kind::Piv);
        // With a session that stays, so that nothing but the one session ends.
        let mut alice = guest.log_in("alice", Door::Service).await;
        alice.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
        alice
            .run("claviger key generate P-256 --location card --slot 9a --default-management-key")
            .await
            .ok();
        note_exposure(&guest, figures).await;
        note_logins(&guest, rounds, figures).await;
        note_pulls(&guest, &mut card, figures).await;
        alice.run("true").await.ok();
        Ok(())
    })
}

async fn note_exposure(guest: &Guest, figures: &mut Figures) {
    let line = "systemd-analyze security --offline=true --no-pager /usr/lib/systemd/system/clavigerd.service";
    let said = guest.run(line).await.ok();
    let level =
        said.text().lines().find_map(|line| line.split_once("Overall exposure level")?.1.split_once(": "));
    let level = level.and_then(|(_, level)| level.split_whitespace().next()?.parse().ok());
    figures.note("exposure", level.expect("an exposure level"));
}

/// Logs in with the card by the module, by a module that does nothing, and by the one call, in turn.
async fn note_logins(guest: &Guest, rounds: usize, figures: &mut Figures) {
    let stack = |name: &str, module: &str| {
        let lines = format!("auth required {module}\naccount required pam_permit.so\n");
        guest.write(&format!("/etc/pam.d/{name}"), 0o644, lines);
    };
    stack("bench-claviger", "pam_claviger.so");
    stack("bench-permit", "pam_permit.so");
    guest.copy_in(&programs::folder().join("timed-login"), "/usr/local/bin/timed-login", 0o755);
    let mut call = guest.spawn(guest.shell("exec timed-login 1000"));
    call.hear("ready").await;
    for round in 1..=rounds {
        eprintln!("logins, round {round} of {rounds}");
        for _ in 0..LOGINS {
            let module = pamtester(guest, "bench-claviger").await;
            let nothing = pamtester(guest, "bench-permit").await;
            let called = timed_call(&mut call).await;
            figures.note("login-module", module);
            figures.note("login-nothing", nothing);
            figures.note("login-call", called);
        }
    }
}

/// Returns how long it took, in milliseconds.
async fn pamtester(guest: &Guest, service: &str) -> f64 {
    let began = Instant::now();
    guest.run_with(&format!("exec pamtester {service} alice authenticate"), b"123456\n").await.ok();
    millis(began.elapsed())
}

async fn timed_call(call: &mut Running) -> f64 {
    call.say("123456");
    let said = call.hear(" us\n").await;
    let micros = said.split_whitespace().rev().nth(1).and_then(|micros| micros.parse().ok());
    millis(Duration::from_micros(micros.expect("a time")))
}

/// Pulls the card under one session after the other.
async fn note_pulls(guest: &Guest, card: &mut Card, figures: &mut Figures) {
    let mut gone = HashMap::new();
    for pull in 1..=PULLS {
        if pull % 10 == 0 {
            eprintln!("pulls, {pull} of {PULLS}");
        }
        let mut session = guest.log_in("alice", Door::Service).await;
        session.run("claviger card unlock --pin-file pin").await.ok();
        session.run("claviger session bind \"$XDG_SESSION_ID\"").await.ok();
        let mut work = session.start("echo begun; exec cat").await;
        work.hear("begun").await;
        card.remove();
        work.ended().await;
        gone.insert(session.id().to_owned(), SystemTime::now());
        session.ended().await;
        card.put_back();
        guest.until("runuser -u alice -- claviger --json card list | grep -q '\"present\"'").await;
    }
    let entries = guest.run(&format!("journalctl --quiet --output export MESSAGE_ID={ENDS}")).await.ok();
    let (mut sent, mut ended) = (Vec::new(), Vec::new());
    for entry in entries.text().split("\n\n") {
        let entry: HashMap<_, _> = entry.lines().filter_map(|line| line.split_once('=')).collect();
        let micros = |name: &str| Duration::from_micros(entry[name].parse().expect("microseconds"));
        let elapsed = micros("ELAPSED_USEC");
        let report = UNIX_EPOCH + micros("_SOURCE_REALTIME_TIMESTAMP") - elapsed;
        sent.push(millis(elapsed));
        ended.push(millis(gone[entry["SESSION"]].duration_since(report).unwrap_or_default()));
    }
    assert_eq!(sent.len(), PULLS, "every pull ended its session, and nothing else did");
    for (name, mut figure) in [("session-sent", sent), ("session-ended", ended)] {
        figure.sort_by(f64::total_cmp);
        figures.note(format!("{name}/p50"), figure[PULLS / 2]);
        figures.note(format!("{name}/p99"), figure[PULLS * 99 / 100 - 1]);
        figures.note(format!("{name}/most"), figure[PULLS - 1]);
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The journal's entries of sessions that end.
const ENDS: &str = "fa600038ee9c47aab282b6a51ae3bc86";
