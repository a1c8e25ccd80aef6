//! `claviger doctor` in a whole machine: nothing but praise for a good one, and each thing that breaks by its name.

use std::collections::BTreeMap;

use claviger_tests::command::Ran;
use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;
use serde_json::Value;

/// What was said of each check: the state, and the rest of it.
type Checks = BTreeMap<String, (String, String)>;

fn checks(ran: &Ran) -> Checks {
    let all: Vec<Value> =
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"));
    let text = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    let entry = |check: &Value| {
        let told = format!("{} -> {}", text(check, "seen"), text(check, "advice"));
        (text(check, "check"), (text(check, "state"), told))
    };
    all.iter().map(entry).collect()
}

async fn doctor(guest: &Guest) -> Checks {
    checks(&guest.run("claviger doctor --json").await)
}

/// Breaks something, and has the doctor say that, with what mends it.
async fn broken(guest: &Guest, line: &str, check: &str, state: &str, mend: &str) {
    guest.run(line).await.ok();
    let found = doctor(guest).await;
    let (found_state, told) = &found[check];
    assert_eq!(found_state, state, "{line}: {found:#?}");
    assert!(told.contains(mend), "{line}: {told}");
}

#[tokio::test]
async fn a_good_installation_is_well_for_root_and_for_its_user() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let _card = guest.card(0, Kind::Piv);
    guest.run("systemctl enable clavigerd claviger-opensc.socket").await.ok();
    guest.run("DEBIAN_FRONTEND=noninteractive pam-auth-update --enable claviger claviger-session").await.ok();
    let root = doctor(&guest).await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    alice.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    alice.run("claviger unlock --passphrase-file phrase; claviger recovery make").await.ok();
    alice.run("systemctl --user start claviger-prompter").await.ok();
    let user = checks(&alice.run("claviger doctor --json").await);
    let not_well = |checks: &Checks| {
        let not_well = checks.iter().filter(|(_, (state, _))| state != "well");
        not_well.map(|(check, _)| check.clone()).collect::<Vec<_>>()
    };
    // root has no account and no session bus, and nobody made a host secret.
    assert_eq!(not_well(&root), ["account", "host secret", "prompter"], "{root:#?}");
    assert_eq!(not_well(&user), [""; 0], "{user:#?}");
    for check in ["bus", "cards", "login", "polkit", "polkit rule", "service", "sessions", "state", "user"] {
        assert!(root.contains_key(check) && user.contains_key(check), "{check}: {root:#?}");
    }
    assert!(user["prompter"].1.contains("is active"), "{user:#?}");
}

#[tokio::test]
async fn whatever_is_missing_is_named_with_what_mends_it() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    guest.run("DEBIAN_FRONTEND=noninteractive pam-auth-update --enable claviger").await.ok();
    let mask = "systemctl mask --runtime --now";
    broken(&guest, &format!("{mask} pcscd.socket pcscd.service"), "cards", "notice", "unmask pcscd").await;
    let unmask = "systemctl unmask --runtime pcscd.socket pcscd.service; systemctl start pcscd.socket";
    broken(&guest, unmask, "cards", "well", "none in the readers").await;
    broken(&guest, &format!("{mask} polkit"), "polkit", "broken", "systemctl unmask polkit").await;
    guest.run("systemctl unmask --runtime polkit; systemctl start polkit").await.ok();
    let actions = "/usr/share/polkit-1/actions/org.claviger.policy";
    guest.run(&format!("mv {actions} /root/policy; systemctl restart polkit")).await.ok();
    broken(&guest, "true", "polkit", "broken", "org.claviger.policy").await;
    guest.run(&format!("mv /root/policy {actions}; systemctl restart polkit")).await.ok();
    let module = "rm /usr/lib/*/security/pam_claviger.so";
    broken(&guest, module, "login", "broken", "/etc/pam.d names it").await;
    let away = "DEBIAN_FRONTEND=noninteractive pam-auth-update --disable claviger";
    broken(&guest, away, "login", "notice", "is not installed").await;
    broken(&guest, "systemctl stop claviger-opensc.socket", "other cards", "notice", "enable --now").await;
    broken(&guest, &format!("{mask} clavigerd"), "service", "broken", "systemctl unmask clavigerd").await;
    let user = checks(&guest.run_as("alice", "claviger doctor --json").await);
    assert_eq!(user["service"].0, "broken", "{user:#?}");
    assert_eq!(user["key store"].0, "broken", "{user:#?}");
}
