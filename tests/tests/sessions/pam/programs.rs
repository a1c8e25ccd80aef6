//! The programs that `docs/pam.md` names: sudo, su and passwd.

use claviger_tests::lab::{Door, Guest, Running};
use claviger_tests::programs;

use super::{ALONE, PHRASE, guest, lets_in, stack};

/// Adds a line to what `passwd` does.
fn passwd_does(guest: &Guest, line: &str) {
    guest.write("/etc/pam.d/passwd", 0o644, format!("@include common-password\n{line}\n"));
}

/// Starts a program of a user's on a terminal of its own.
fn terminal_of(guest: &Guest, user: &str, line: &str) -> Running {
    guest.terminal(&format!("setpriv --reuid {user} --regid {user} --init-groups {line}"))
}

/// What the module asks after that.
fn pass_phrase<'a>(old: &'a str, new: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("Current pass phrase of your key store: ", old),
        ("New pass phrase of your key store: ", new),
        ("New pass phrase once more: ", new),
    ]
}

/// Hears each prompt, and answers it.
async fn talk(terminal: &mut Running, prompts_and_answers: &[(&str, &str)]) {
    for (prompt, answer) in prompts_and_answers {
        terminal.hear(prompt).await;
        terminal.say(answer);
    }
}

#[tokio::test]
async fn sudo_asks_for_the_invoker_s_token_binds_nothing_and_works_with_require() {
    let guest = guest().await;
    guest.enable_module().await;
    guest.run("echo 'session required pam_claviger.so require' >>/etc/pam.d/sudo").await.ok();
    let mut alice = guest.log_in("alice", Door::Service).await;
    let sudo =
        |answers: &str| format!("printf '{answers}' | sudo --reset-timestamp --stdin sh -c 'id -un; env'");
    let ran = alice.run(&sudo(&format!("{PHRASE}\\n"))).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.text().contains("Pass phrase of your key store: "), "{ran:#?}");
    assert!(ran.text().contains("root\n") && !ran.text().contains("CLAVIGER"), "{ran:#?}");
    // To bob too, who is no more the one who authenticated.
    let own = format!("printf '{PHRASE}\\n' | sudo --reset-timestamp --stdin --user bob id -un");
    assert!(alice.run(&own).await.ok().text().ends_with("bob"));
    // The password is asked for next, and nothing else does.
    assert_eq!(alice.run(&sudo("forgotten\\nalice-password\\n")).await.code, Some(0));
    assert_ne!(alice.run(&sudo("forgotten\\nforgotten\\n")).await.code, Some(0));
    assert_eq!(guest.bound().await, []);
    assert_eq!(alice.run("echo here").await.text(), "here");
}

#[tokio::test]
async fn passwd_asks_for_the_pass_phrase_of_its_own_after_the_password() {
    let guest = guest().await;
    passwd_does(&guest, "password optional pam_claviger.so");
    let mut passwd = terminal_of(&guest, "alice", "passwd");
    talk(&mut passwd, &[("Current password: ", "alice-password")]).await;
    talk(&mut passwd, &NEW).await;
    talk(&mut passwd, &pass_phrase(PHRASE, "the next one")).await;
    assert_eq!(passwd.ended().await, Some(0), "{}", passwd.said());
    stack(&guest, ALONE);
    lets_in(&guest, "alice", "the next one\n").await;
    // Root, who does not know the old one, changes the password and nothing else.
    let mut passwd = guest.terminal("passwd alice");
    talk(&mut passwd, &NEW).await;
    talk(&mut passwd, &pass_phrase("a guess of root's", "of root's choice")).await;
    passwd.ended().await;
    lets_in(&guest, "alice", "the next one\n").await;
}

#[tokio::test]
async fn root_s_passwd_leaves_the_pass_phrase_where_nobody_is_to_be_asked_for_it() {
    let guest = guest().await;
    passwd_does(&guest, "password optional pam_claviger.so use_authtok");
    let mut passwd = guest.terminal("passwd alice");
    talk(&mut passwd, &NEW).await;
    passwd.hear("The pass phrase of the key store of alice stays as it is.").await;
    assert_eq!(passwd.ended().await, Some(0), "{}", passwd.said());
    stack(&guest, ALONE);
    lets_in(&guest, "alice", &format!("{PHRASE}\n")).await;
}

#[tokio::test]
async fn a_bus_of_bob_s_in_the_environment_of_su_is_never_asked() {
    let guest = guest().await;
    guest.enable_module().await;
    guest.copy_in(&programs::folder().join("false-friend"), "/usr/local/bin/false-friend", 0o755);
    let mut friend = guest.spawn(guest.shell_as("bob", "exec false-friend /tmp/friend"));
    friend.hear("ready\n").await;
    let address = "unix:path=/tmp/friend";
    let hostile = format!(
        "env DBUS_SYSTEM_BUS_ADDRESS={address} DBUS_SESSION_BUS_ADDRESS={address} DBUS_STARTER_ADDRESS={address} \
         DBUS_STARTER_BUS_TYPE=system CLAVIGER_BUS={address}"
    );
    let su = format!("printf '0000\\n0000\\n' | {hostile} su alice -c 'id -un' 2>&1");
    let ran = guest.run_as("bob", &su).await;
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    assert!(ran.text().contains("Pass phrase of your key store: "), "{ran:#?}");
    assert_eq!(friend.said(), "ready\n");
    // The control: at the place of the system's own bus, where only root could put it, it would be believed.
    let place = "/run/dbus/system_bus_socket";
    guest.run(&format!("mv {place} {place}.away; ln -s /tmp/friend {place}")).await.ok();
    let ran = guest.run_as("bob", &su).await;
    guest.run(&format!("mv {place}.away {place}")).await.ok();
    assert!(ran.text().contains("PIN of card “false friend”: ") && ran.text().ends_with("alice"), "{ran:#?}");
}

/// What `passwd` asks about the password from now on.
const NEW: [(&str, &str); 2] =
    [("New password: ", "another-Password-1"), ("Retype new password: ", "another-Password-1")];
