//! `pam_claviger.so` in the processes of others: who is let in, who is left to the next module, and what is left behind.

mod programs;

use std::time::Instant;

use claviger_tests::command::Ran;
use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;

const PHRASE: &str = "a pass phrase";

/// A guest in which alice has an account with local keys, and bob has none.
async fn guest() -> Guest {
    let guest = Guest::with_claviger().await;
    let register =
        format!("printf %s '{PHRASE}' >/tmp/phrase; claviger register --passphrase-file /tmp/phrase");
    guest.run_as("alice", &register).await.ok();
    guest
}

/// Writes the stack of the service `mine`.
fn stack(guest: &Guest, lines: &str) {
    guest.write("/etc/pam.d/mine", 0o644, format!("{lines}\n"));
}

/// This module alone.
const ALONE: &str = "auth required pam_claviger.so\naccount required pam_permit.so";

/// The module as Debian's profile has it, before the password.
const FIRST: &str = "auth [success=2 default=ignore] pam_claviger.so\n\
                     auth [success=1 default=ignore] pam_unix.so\n\
                     auth requisite pam_deny.so\n\
                     auth required pam_permit.so";

/// Has somebody do something with the service `mine`, and answers what is asked, a line each.
async fn tried(guest: &Guest, user: &str, doing: &str, answers: &str) -> Ran {
    guest.run_with(&format!("pamtester mine {user} {doing} 2>&1"), answers.as_bytes()).await
}

async fn lets_in(guest: &Guest, user: &str, answers: &str) -> String {
    let ran = tried(guest, user, "authenticate", answers).await;
    assert_eq!(ran.code, Some(0), "{user} {answers:?}: {ran:#?}");
    ran.text().to_owned()
}

async fn keeps_out(guest: &Guest, user: &str, answers: &str) -> String {
    let ran = tried(guest, user, "authenticate", answers).await;
    assert_eq!(ran.code, Some(1), "{user} {answers:?}: {ran:#?}");
    ran.text().to_owned()
}

#[tokio::test]
async fn the_pass_phrase_lets_its_user_in_and_unlocks_the_keys() {
    let guest = guest().await;
    stack(&guest, ALONE);
    let sign = "claviger sign -o /tmp/signature /etc/passwd";
    let said = keeps_out(&guest, "alice", "another pass phrase\n").await;
    assert!(said.contains("Pass phrase of your key store: "), "{said}");
    keeps_out(&guest, "alice", "\n").await;
    assert_ne!(guest.run_as("alice", sign).await.code, Some(0), "the keys are locked");
    lets_in(&guest, "alice", &format!("{PHRASE}\n")).await;
    guest.run_as("alice", sign).await.ok();
    let journal = guest.journal("--identifier pamtester").await;
    assert!(journal.contains("pam_claviger(mine:auth): authenticated alice"), "{journal}");
    assert!(!journal.contains(PHRASE), "{journal}");
}

#[tokio::test]
async fn users_who_are_not_claviger_s_are_left_to_the_next_module() {
    let guest = guest().await;
    stack(&guest, FIRST);
    assert!(!lets_in(&guest, "bob", "bob-password\n").await.contains("key store"));
    keeps_out(&guest, "bob", "alice-password\n").await;
    assert!(!keeps_out(&guest, "root", "anything\n").await.contains("key store"));
    assert!(!keeps_out(&guest, "nobody-of-that-name", "anything\n").await.contains("key store"));
    // And whoever is, and has no token at hand or forgot the pass phrase, too.
    lets_in(&guest, "alice", "forgotten\nalice-password\n").await;
    lets_in(&guest, "alice", "\nalice-password\n").await;
    keeps_out(&guest, "alice", "forgotten\nbob-password\n").await;
}

#[tokio::test]
async fn alone_it_lets_nobody_in_who_is_not_claviger_s() {
    let guest = guest().await;
    stack(&guest, ALONE);
    for user in ["bob", "root", "nobody-of-that-name"] {
        keeps_out(&guest, user, "bob-password\n").await;
    }
}

#[tokio::test]
async fn a_password_that_was_typed_for_another_module_opens_the_local_store() {
    let guest = guest().await;
    guest.run(&format!("echo 'alice:{PHRASE}' | chpasswd")).await.ok();
    stack(&guest, "auth required pam_unix.so\nauth required pam_claviger.so use_first_pass");
    let said = lets_in(&guest, "alice", &format!("{PHRASE}\n")).await;
    assert!(!said.contains("key store"), "nobody is asked twice: {said}");
    guest.run_as("alice", "claviger sign -o /tmp/signature /etc/passwd").await.ok();
    guest.run("echo 'alice:something else' | chpasswd").await.ok();
    keeps_out(&guest, "alice", "something else\n").await;
}

#[tokio::test]
async fn whoever_hangs_or_is_not_there_is_given_up_in_time_and_the_next_module_decides() {
    let guest = guest().await;
    stack(&guest, FIRST);
    let bus = "systemctl show --property MainPID --value dbus.service";
    let faults = [
        ("kill -STOP $(pidof clavigerd)", "kill -CONT $(pidof clavigerd)"),
        (&format!("{bus} >/tmp/bus; kill -STOP $(cat /tmp/bus)"), "kill -CONT $(cat /tmp/bus)"),
        ("mv /run/dbus/system_bus_socket /run/dbus/away", "mv /run/dbus/away /run/dbus/system_bus_socket"),
        (
            "systemctl mask --quiet --runtime --now clavigerd.service",
            "systemctl unmask --quiet --runtime clavigerd.service",
        ),
    ];
    for (fault, mend) in faults {
        guest.run(fault).await.ok();
        let start = Instant::now();
        let said = lets_in(&guest, "alice", "alice-password\n").await;
        // Its own limits are 2 s and 5 s; the rest is the machine's.
        assert!(start.elapsed().as_secs() < 15, "{fault}: {:?}", start.elapsed());
        assert!(!said.contains("key store"), "{fault}: {said}");
        guest.run(mend).await.ok();
    }
    // The control: without the faults it is asked first.
    guest.systemctl("restart clavigerd").await.ok();
    assert!(lets_in(&guest, "alice", &format!("{PHRASE}\n")).await.contains("key store"));
}

#[tokio::test]
async fn the_environment_chooses_no_other_bus() {
    let guest = guest().await;
    stack(&guest, ALONE);
    let hostile = "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/hostile DBUS_STARTER_ADDRESS=unix:path=/tmp/hostile \
                   CLAVIGER_BUS=unix:path=/tmp/hostile XDG_RUNTIME_DIR=/tmp XDG_SESSION_ID=1";
    let line = format!("env {hostile} pamtester mine alice authenticate 2>&1");
    let ran = guest.run_with(&line, format!("{PHRASE}\n").as_bytes()).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    // The control: others do look at it.
    assert_ne!(guest.run(&format!("env {hostile} claviger status")).await.code, Some(0));
}

#[tokio::test]
async fn nothing_is_left_in_the_host_program() {
    let guest = guest().await;
    let look = "#!/bin/sh\n{ ls -l /proc/$PPID/fd | awk '{ $6 = $7 = $8 = \"\"; print }' | grep -v 'pipe:'\n\
                ls /proc/$PPID/task\nreadlink /proc/$PPID/cwd\n\
                grep -E '^(Sig(Blk|Ign|Cgt)|Umask|Threads)' /proc/$PPID/status; } >/tmp/$1\n";
    guest.write("/usr/local/bin/look", 0o755, look);
    let module = "auth required pam_claviger.so\n";
    let exec = |name: &str| format!("auth optional pam_exec.so quiet /usr/local/bin/look {name}\n");
    // pam_warn writes to the log, whose socket is the C library's from then on.
    let lines = format!("auth optional pam_warn.so\n{}{module}{module}{}", exec("before"), exec("after"));
    stack(&guest, &lines);
    lets_in(&guest, "alice", &format!("{PHRASE}\n{PHRASE}\n")).await;
    let before = guest.run("cat /tmp/before").await.ok().text().to_owned();
    let after = guest.run("cat /tmp/after").await.ok().text().to_owned();
    assert!(before.contains("Threads:\t1"), "{before}");
    assert_eq!(before, after);
}

#[tokio::test]
async fn the_proof_of_a_login_never_reaches_the_programs_of_the_session() {
    let guest = guest().await;
    guest.write(
        "/usr/local/bin/keep",
        0o755,
        "#!/bin/sh\n[ \"$PAM_TYPE\" = close_session ] || env >/tmp/$1\n",
    );
    stack(
        &guest,
        "auth required pam_claviger.so\n\
         account required pam_claviger.so\n\
         session optional pam_exec.so /usr/local/bin/keep before\n\
         session required pam_claviger.so\n\
         session optional pam_exec.so /usr/local/bin/keep after",
    );
    let doing = "authenticate acct_mgmt 'setcred(PAM_ESTABLISH_CRED)' open_session close_session";
    let ran = tried(&guest, "alice", doing, &format!("{PHRASE}\n")).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let before = guest.run("cat /tmp/before").await.ok().text().to_owned();
    assert!(before.contains("CLAVIGER_AUTHENTICATION=1000:"), "{before}");
    let after = guest.run("cat /tmp/after").await.ok().text().to_owned();
    assert!(!after.contains("CLAVIGER_AUTHENTICATION"), "{after}");
}

#[tokio::test]
async fn a_login_that_logind_gave_no_session_is_told_and_kept_out_by_require() {
    let guest = guest().await;
    let lines = format!("{FIRST}\nsession required pam_claviger.so");
    stack(&guest, &lines);
    let doing = "authenticate open_session";
    let phrase = format!("{PHRASE}\n");
    let ran = tried(&guest, "alice", doing, &phrase).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let journal = guest.journal("--identifier pamtester --priority warning").await;
    assert!(journal.contains("cannot bind the session of alice: logind has given it none"), "{journal}");
    stack(&guest, &format!("{lines} require"));
    let ran = tried(&guest, "alice", doing, &phrase).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    // Nothing is to be bound of who comes by password.
    for (user, answers) in [("alice", "forgotten\nalice-password\n"), ("bob", "bob-password\n")] {
        let ran = tried(&guest, user, doing, answers).await;
        assert_eq!(ran.code, Some(0), "{user}: {ran:#?}");
    }
}

#[tokio::test]
async fn the_pass_phrase_is_changed_by_the_stack_of_passwd() {
    let guest = guest().await;
    stack(&guest, "auth required pam_claviger.so\npassword required pam_claviger.so");
    let change = |old: &str| format!("{old}\nthe next one\nthe next one\n");
    let ran = tried(&guest, "alice", "chauthtok", &change("not this")).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let ran = tried(&guest, "alice", "chauthtok", &format!("{PHRASE}\nthe next one\nanother one\n")).await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let ran = tried(&guest, "alice", "chauthtok", &change(PHRASE)).await;
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    lets_in(&guest, "alice", "the next one\n").await;
}

/// Gives alice the card that is there, with a key, and the whole machine the profiles of the module.
async fn enrol(guest: &Guest) {
    let mut alice = guest.log_in("alice", Door::Service).await;
    alice.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
    alice.run("claviger key generate P-256 --location card --slot 9a --default-management-key").await.ok();
    alice.log_out().await;
    guest.run(PROFILES).await.ok();
}

#[tokio::test]
async fn somebody_logs_in_at_a_terminal_with_a_card_and_is_out_when_it_is_pulled() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let mut card = guest.card(0, Kind::Piv);
    enrol(&guest).await;
    let mut terminal = guest.terminal("login alice");
    // Nothing entered goes on to the password.
    terminal.hear("PIN of card").await;
    terminal.say("");
    terminal.hear("Password: ").await;
    terminal.say("bob-password");
    terminal.hear("login: ").await;
    terminal.say("alice");
    terminal.hear("PIN of card").await;
    terminal.say("123456");
    terminal.hear("$ ").await;
    terminal.say("env | grep -c CLAVI''GER; echo li''sted");
    let listed = terminal.hear("listed").await;
    assert!(listed.contains("\n0\r"), "{listed}");
    card.remove_noticed();
    terminal.ended().await;
    guest.until("test -z \"$(loginctl --no-legend list-sessions)\"").await;
}

#[tokio::test]
async fn a_stranger_who_guesses_leaves_the_card_its_last_two_tries() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    let _card = guest.card(0, Kind::Piv);
    enrol(&guest).await;
    stack(&guest, ALONE);
    for pin in ["000000\n", "000001\n", "000002\n", "000003\n"] {
        keeps_out(&guest, "alice", pin).await;
    }
    // A password of another module is never a PIN.
    stack(&guest, "auth optional pam_unix.so\nauth required pam_claviger.so use_first_pass location=card");
    keeps_out(&guest, "alice", "alice-password\n").await;
    let cards = guest.run_as("alice", "claviger --json card list").await.ok().text().replace(' ', "");
    assert!(cards.contains("\"tries-left\":2"), "{cards}");
    guest.run_as("alice", "printf 123456 >/tmp/pin; claviger card unlock --pin-file /tmp/pin").await.ok();
}

#[tokio::test]
async fn over_ssh_the_proof_comes_back_from_the_process_that_authenticated() {
    let guest = guest().await;
    guest.run(PROFILES).await.ok();
    guest.write("/etc/ssh/sshd_config.d/ask.conf", 0o644, "KbdInteractiveAuthentication yes\n");
    guest.systemctl("start ssh").await.ok();
    let ssh = "ssh -o PreferredAuthentications=keyboard-interactive alice@localhost";
    let mut terminal = guest.terminal(ssh);
    terminal.hear("Pass phrase of your key store: ").await;
    terminal.say(PHRASE);
    terminal.hear("$ ").await;
    terminal.say("claviger --json session list; env | grep -c CLAVI''GER; echo li''sted");
    let listed = terminal.hear("listed").await.replace(' ', "");
    assert!(listed.contains("\"how\":\"login\""), "{listed}");
    assert!(listed.contains("\n0\r"), "{listed}");
    terminal.say("exit");
    terminal.ended().await;
}

#[tokio::test]
async fn su_asks_for_the_token_of_whom_one_becomes_and_binds_nothing_of_the_invoker_s() {
    let guest = guest().await;
    guest.run(PROFILES).await.ok();
    let mut bob = guest.log_in("bob", Door::Service).await;
    let su = format!("echo '{PHRASE}' | su alice -c 'id -un; env | grep -c CLAVIGER'");
    let ran = bob.run(&su).await;
    assert!(ran.text().contains("Pass phrase of your key store: "), "{ran:#?}");
    assert!(ran.text().ends_with("alice\n0"), "{ran:#?}");
    // Bob's session is his all the same.
    assert_eq!(bob.run("echo here").await.text(), "here");
    let sessions = guest.run("claviger --json session list").await.ok().text().replace(' ', "");
    assert!(!sessions.contains("\"how\":\"login\""), "{sessions}");
}

const PROFILES: &str = "DEBIAN_FRONTEND=noninteractive pam-auth-update --enable claviger claviger-session";
