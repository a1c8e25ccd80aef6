//! The installed service under the real systemd: how it starts, what it is bound to, what the doctor says of it.

use claviger_tests::lab::{Door, Guest};

#[tokio::test]
async fn the_first_call_starts_the_service() {
    let guest = Guest::with_claviger().await;
    guest.systemctl("stop clavigerd").await.ok();
    assert_eq!(guest.systemctl("is-active clavigerd").await.text(), "inactive");
    guest.run_as("alice", "claviger status").await.ok();
    assert_eq!(guest.systemctl("is-active clavigerd").await.text(), "active");
}

#[tokio::test]
async fn a_killed_service_and_a_restarted_bus_are_followed_by_a_new_start() {
    let guest = Guest::with_claviger().await;
    for line in ["systemctl kill --signal KILL clavigerd", "systemctl restart dbus"] {
        let pid = "systemctl show --value --property MainPID clavigerd";
        let before = guest.run(pid).await.ok();
        guest.run(line).await.ok();
        let old = before.text();
        guest.until(&format!("new=$({pid}) && [ \"$new\" != 0 ] && [ \"$new\" != {old} ]")).await;
        guest.until("systemctl is-active clavigerd").await;
        guest.run_as("alice", "claviger status").await.ok();
    }
}

/// As docs/install.md says it.
const MAKE_HOST_SECRET: &str = "mkdir -p -m 700 /etc/credstore.encrypted && head -c 32 /dev/urandom | \
     systemd-creds encrypt --with-key=host --name=claviger.host - /etc/credstore.encrypted/claviger.host";

#[tokio::test]
async fn a_pass_phrase_is_bound_to_the_host_secret_once_there_is_a_recovery_code() {
    let guest = Guest::with_claviger().await;
    guest.run(MAKE_HOST_SECRET).await.ok();
    guest.systemctl("restart clavigerd").await.ok();
    let alice = async |line: &str| guest.run_as("alice", line).await.ok().text().to_owned();
    alice("printf phrase >/tmp/phrase").await;
    alice("claviger register --passphrase-file /tmp/phrase").await;
    alice("claviger unlock --passphrase-file /tmp/phrase").await;
    let is_bound = async || {
        let status: serde_json::Value = serde_json::from_str(&alice("claviger status --json").await).unwrap();
        status["host-bound"].as_bool().unwrap()
    };
    assert!(!is_bound().await, "without a recovery code the keys would be lost with the machine");
    alice("claviger recovery make").await;
    alice("claviger lock && claviger unlock --passphrase-file /tmp/phrase").await;
    assert!(is_bound().await);

    // Another host: the same table and pass phrase, another secret.
    guest.run(MAKE_HOST_SECRET).await.ok();
    guest.systemctl("restart clavigerd").await.ok();
    let elsewhere = guest.run_as("alice", "claviger unlock --passphrase-file /tmp/phrase").await;
    assert_ne!(elsewhere.code, Some(0), "{elsewhere:#?}");
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_with_the_installation() {
    let guest = Guest::with_claviger().await;
    guest.systemctl("enable clavigerd").await.ok();
    let well = guest.run("claviger doctor").await.ok();
    assert!(well.text().contains("may lock and end them"), "{well:#?}");

    let rule = "/usr/share/polkit-1/rules.d/50-claviger.rules";
    guest.run(&format!("mv {rule} /root/rule && chmod 755 /var/lib/claviger")).await.ok();
    // polkit notices by itself, after a while.
    guest.until("claviger doctor | grep 'may not lock and end sessions'").await;
    let ill = guest.run("claviger doctor").await;
    assert_eq!(ill.code, Some(1), "{ill:#?}");
    assert!(ill.text().contains("chmod 700 /var/lib/claviger"), "{ill:#?}");

    guest.run(&format!("mv /root/rule {rule} && chmod 700 /var/lib/claviger")).await.ok();
    guest.until("claviger doctor").await;
    guest.systemctl("mask --runtime --now clavigerd").await.ok();
    let masked = guest.run("claviger doctor").await;
    assert_eq!(masked.code, Some(1), "{masked:#?}");
    assert!(masked.text().contains("systemctl unmask clavigerd"), "{masked:#?}");
}

#[tokio::test]
async fn the_module_is_found_by_p11_kit_but_not_by_what_runs_for_the_login_screen() {
    let guest = Guest::with_claviger().await;
    let modules = guest.run_as("alice", "p11-kit list-modules").await.ok();
    assert!(modules.text().contains("claviger: libclaviger_pkcs11.so"), "{modules:#?}");
    assert!(!modules.text().contains("local key store"), "who has no keys has no slots: {modules:#?}");
    guest.run("install /usr/bin/p11-kit /usr/local/bin/gsd-smartcard").await.ok();
    let modules = guest.run_as("alice", "gsd-smartcard list-modules").await.ok();
    assert!(modules.text().contains("p11-kit-trust"), "{modules:#?}");
    assert!(!modules.text().contains("claviger"), "{modules:#?}");

    // As docs/install.md says it.
    guest.write("/etc/pkcs11/modules/claviger.module", 0o644, "disable-in: p11-kit\n");
    let modules = guest.run_as("alice", "p11-kit list-modules").await.ok();
    assert!(!modules.text().contains("claviger"), "{modules:#?}");
    let modules = guest.run_as("alice", "gsd-smartcard list-modules").await.ok();
    assert!(modules.text().contains("claviger: libclaviger_pkcs11.so"), "{modules:#?}");
}

#[tokio::test]
async fn the_ssh_agent_starts_with_the_first_question_where_its_socket_is_switched_on() {
    let guest = Guest::with_claviger().await;
    let mut alice = guest.log_in("alice", Door::Console).await;
    let is_active = "systemctl --user is-active claviger-ssh-agent.socket claviger-ssh-agent.service";
    assert_eq!(alice.run(is_active).await.text(), "inactive\ninactive", "nobody asked for it");
    alice.run("systemctl --user enable --now claviger-ssh-agent.socket").await.ok();
    let socket = "$XDG_RUNTIME_DIR/claviger/ssh-agent.sock";
    let mode = alice.run(&format!("stat -c %a {socket} $(dirname {socket})")).await.ok();
    assert_eq!(mode.text(), "600\n700");
    let listed = alice.run(&format!("SSH_AUTH_SOCK={socket} ssh-add -l")).await;
    assert_eq!((listed.code, listed.text()), (Some(1), "The agent has no identities."));
    assert_eq!(alice.run(is_active).await.text(), "active\nactive");
}
