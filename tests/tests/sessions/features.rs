//! Every feature under the sandboxes as installed, but that a system call which they forbid kills: what a feature would
//! need and has not is seen by that, whoever would have kept quiet about it.

use claviger_tests::lab::{Door, Guest, Login};
use claviger_tests::pcsc::Kind;
use claviger_tests::programs;

const STRICT: &str = "[Service]\nSystemCallErrorNumber=kill\n";
/// GLib, which OpenSC brings along, tries whether it could choose how threads are scheduled, and does without.
const STRICT_HELPER: &str = "[Service]\nSystemCallErrorNumber=kill\nSystemCallFilter=sched_setattr\n";

async fn strict_guest() -> Guest {
    let guest = Guest::plan().readers(4).sleepy().claviger().boot().await;
    for (unit, drop_in) in [("clavigerd", STRICT), ("claviger-opensc@", STRICT_HELPER)] {
        guest.write(&format!("/etc/systemd/system/{unit}.service.d/strict.conf"), 0o644, drop_in);
    }
    guest.systemctl("daemon-reload").await.ok();
    guest.systemctl("restart clavigerd").await.ok();
    guest
}

async fn all(session: &mut Login<'_>, lines: &[&str]) {
    for line in lines {
        let ran = session.run(line).await;
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.text());
    }
}

const LOCAL: [&str; 23] = [
    "printf 'a pass phrase' >phrase; printf another >new; head -c 3000000 /dev/urandom >big",
    "claviger register --passphrase-file phrase",
    "claviger unlock --passphrase-file phrase",
    "for kind in P-256 P-384 P-521 Ed25519 RSA-2048 X25519 ML-DSA-65 ML-KEM-768; do \
         claviger key generate $kind --label mine-$kind || exit; done",
    // What is hashed goes by descriptor, the rest by value.
    "for kind in P-256 P-384 P-521 RSA-2048; do claviger sign --key mine-$kind -o s big && \
         claviger verify --key mine-$kind --signature s big || exit; done",
    "for kind in Ed25519 ML-DSA-65; do claviger sign --key mine-$kind -o s phrase && \
         claviger verify --key mine-$kind --signature s phrase || exit; done",
    "claviger encrypt --key mine-RSA-2048 -o sealed phrase && claviger decrypt --key mine-RSA-2048 sealed",
    "claviger encrypt --key mine-ML-KEM-768 -m ML_KEM --secret-output secret -o sealed && \
         claviger decrypt --key mine-ML-KEM-768 -m ML_KEM -o opened sealed && cmp secret opened",
    "claviger key show mine-X25519 --public >peer && claviger derive --key mine-X25519 -o derived peer",
    "claviger digest big && claviger digest --hash SHA3-256 <big && claviger random 32 --hex",
    "claviger key list && claviger key show mine-P-256 && claviger key explain mine-P-256",
    "claviger key default mine-P-384 --purpose sign && claviger key label mine-P-521 other",
    "claviger key delete other --yes",
    "claviger recovery make && claviger backup -o backup",
    "claviger passphrase --passphrase-file phrase --new-passphrase-file new",
    "claviger lock && claviger unlock --passphrase-file new",
    "claviger passphrase --passphrase-file new --new-passphrase-file phrase",
    "claviger key confirm mine-P-256 always",
    "claviger status && claviger token list && claviger session list",
    "busctl introspect org.claviger.KeyStore1 /org/claviger/KeyStore1",
    "busctl call org.claviger.KeyStore1 /org/claviger/KeyStore1 org.claviger.KeyStore1.Keys \
         Sign 'ssaya{sv}' mine-P-384 '' 1 7 0",
    "for n in $(seq 20); do claviger sign --key mine-P-384 -o s$n big & done; wait",
    "! claviger unlock --passphrase-file big",
];

const CARDS: [&str; 8] = [
    "printf 123456 >pin; printf 12345678 >admin; printf 77777777 >cac-pin; printf 654321 >new-pin",
    "claviger key generate P-256 --location card --slot 9a --label piv --default-management-key",
    "claviger sign --key piv -o s big && claviger card show",
    "claviger card lock && ! claviger sign --key piv -o s big && claviger card unlock --pin-file pin",
    "claviger card pin change --pin-file pin --new-pin-file new-pin",
    "claviger card pin change --pin-file new-pin --new-pin-file pin",
    "claviger card unlock --pin-file pin && claviger sign --key piv -o s big",
    "claviger key certificate piv >/dev/null || true",
];

#[tokio::test]
async fn no_feature_needs_what_the_sandboxes_forbid() {
    let guest = strict_guest().await;
    let main_pid = "systemctl show --value --property MainPID clavigerd";
    let first = guest.run(main_pid).await.ok().text().to_owned();
    let mut alice = guest.log_in("alice", Door::Seat).await;
    let mut monitor = alice.start("exec claviger monitor").await;
    all(&mut alice, &LOCAL).await;
    monitor.hear("unlocked").await;

    let mut piv = guest.card(0, Kind::Piv);
    all(&mut alice, &CARDS[..1]).await;
    all(&mut alice, &["claviger card enrol --pin-file pin"]).await;
    all(&mut alice, &CARDS[1..]).await;
    let _openpgp = guest.card(1, Kind::OpenPgp);
    let on_openpgp = "claviger card enrol --pin-file pin && \
         claviger key generate Ed25519 --location card --slot sign --label pgp --admin-pin-file admin \
         --token \"$(claviger token list | grep --only-matching 'card:openpgp:[^ ]*')\"";
    all(&mut alice, &[on_openpgp, "claviger sign --key pgp -o s phrase"]).await;
    let _cac = guest.card(2, Kind::Cac);
    guest.until("claviger card list | grep opensc").await;
    let on_cac = "claviger card enrol --pin-file cac-pin >ids && \
         claviger sign --key \"$(head -n 1 ids)\" -m SHA256_RSA_PKCS -o s big";
    all(&mut alice, &[on_cac]).await;

    // A question, and a yes.
    let line = "exec script --quiet --return --flush --command 'claviger-prompter --tty' /dev/null";
    let mut prompter = alice.start(line).await;
    prompter.hear("the key store asks here").await;
    let answered = async {
        prompter.hear("Allow it?").await;
        prompter.say("y");
        prompter.hear("pass phrase: ").await;
        prompter.say("a pass phrase");
    };
    alice.run("claviger lock").await.ok();
    let (signed, ()) = tokio::join!(alice.run("claviger sign --key mine-P-256 -o s big"), answered);
    signed.ok();

    // A login, its session, and the end of that. The PIN is the card's in the first reader.
    guest.run("DEBIAN_FRONTEND=noninteractive pam-auth-update --enable claviger claviger-session").await.ok();
    let mut terminal = guest.terminal("login alice");
    terminal.hear("PIN of card").await;
    terminal.say("123456");
    terminal.hear("$ ").await;
    terminal.say("claviger session list; claviger removal");
    guest.fall_asleep().await;
    guest.wake_up().await;
    piv.remove_noticed();
    terminal.ended().await;
    piv.put_back();
    guest.run("claviger admin user list && claviger admin statistics && claviger doctor").await.ok();
    all(&mut alice, &["claviger unlock --passphrase-file phrase", "claviger doctor"]).await;
    guest.run("claviger admin user remove --yes alice").await.ok();

    assert_eq!(guest.run(main_pid).await.ok().text(), first, "it was started again");
    let complaints = guest.journal("--unit clavigerd --unit 'claviger-opensc@*' --priority warning").await;
    for word in ["not permitted", "denied", "SYS", "killed", "seccomp"] {
        assert!(!complaints.contains(word), "{word}: {complaints}");
    }
    the_control(&guest).await;
}

/// The probe does what is forbidden, and is killed for it.
async fn the_control(guest: &Guest) {
    guest.copy_in(&programs::folder().join("sandbox-probe"), "/usr/libexec/probe", 0o755);
    guest.run("systemctl stop clavigerd; mv /usr/libexec/probe /usr/libexec/clavigerd").await.ok();
    let drop_in = "[Service]\nType=oneshot\nRestart=no\nWatchdogSec=0\n";
    guest.write("/etc/systemd/system/clavigerd.service.d/probe.conf", 0o644, drop_in);
    guest.systemctl("daemon-reload").await.ok();
    assert_ne!(guest.systemctl("start clavigerd").await.code, Some(0));
    let status = guest.systemctl("show --value --property ExecMainStatus clavigerd").await.ok();
    assert_eq!(status.text(), "31", "SIGSYS");
}
