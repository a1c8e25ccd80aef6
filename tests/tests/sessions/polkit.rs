//! The real polkitd: who administers, who changes what follows a removal, and what the service may ask of logind.

use claviger_tests::command::Ran;
use claviger_tests::lab::{Door, Guest, Login, Running};

/// The command that calls a method of the key store, as polkit's own tools would.
fn call(interactive: bool, method: &str) -> String {
    let (interface, rest) = method.split_once('.').unwrap();
    let interactive = if interactive { "yes" } else { "no" };
    format!(
        "busctl --allow-interactive-authorization={interactive} call org.claviger.KeyStore1 \
         /org/claviger/KeyStore1 org.claviger.KeyStore1.{interface} {rest}"
    )
}

/// Every method that is an administrator's.
const ADMINISTER: [&str; 8] = [
    "Admin.ListUsers 'a{sv}' 0",
    "Admin.GetUser 'ua{sv}' 1000 0",
    "Admin.EnrolUser 'usa{sv}' 1000 local 0",
    "Admin.SetLocation 'usa{sv}' 1000 local 0",
    "Admin.IssueConsent 'ua{sv}' 1000 0",
    "Admin.RevokeKey 'usa{sv}' 1000 mine 0",
    "Admin.RemoveUser 'ua{sv}' 1000 0",
    "Admin.Statistics 'a{sv}' 0",
];
const LIST_USERS: &str = ADMINISTER[0];
const SET_REMOVAL: &str = "Account.SetRemovalAction 'sa{sv}' terminate 0";

/// busctl says this of `AccessDenied`, whatever its text, and the text of every other error.
fn assert_denied(refused: &Ran) {
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    let said = format!("{}{}", refused.text(), refused.stderr);
    assert!(said.contains("Call failed: Access denied"), "{refused:#?}");
}

fn assert_may_not_ask(refused: &Ran) {
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    let said = format!("{}{}", refused.text(), refused.stderr);
    assert!(said.contains("this request may not ask"), "{refused:#?}");
}

/// A call of somebody's that goes when it is told to, and polkit's own agent for it, on a terminal.
pub(super) struct Asked<'g> {
    guest: &'g Guest,
    pub(super) call: Running,
    pub(super) agent: Running,
    terminal: String,
}

impl<'g> Asked<'g> {
    async fn prepare(guest: &'g Guest, session: &mut Login<'_>, method: &str) -> Self {
        Self::prepare_line(guest, session, &call(true, method)).await
    }

    /// With a program of its own that makes the call.
    pub(super) async fn prepare_line(guest: &'g Guest, session: &mut Login<'_>, line: &str) -> Self {
        let line = format!("echo $$; read -r go; exec {line}");
        let mut call = session.start(&line).await;
        let pid = call.hear("\n").await;
        let agent = format!(
            "tty; pkttyagent --process {} --notify-fd 3 3>&1 >/dev/tty 2>&1 | {{ cat; echo registered; cat; }}",
            pid.trim()
        );
        let line = format!("exec script --quiet --return --flush --command '{agent}' /dev/null");
        let mut agent = session.start(&line).await;
        let terminal = agent.hear("\n").await.trim().to_owned();
        agent.hear("registered").await;
        Self { guest, call, agent, terminal }
    }

    pub(super) fn go(&mut self) {
        self.call.say("go");
    }

    /// Answers a question of the agent's. It forgets what was typed before it had switched the echo off.
    pub(super) async fn type_after(&mut self, question: &str, answer: &str) {
        self.agent.hear(question).await;
        self.guest.until(&format!("stty --all --file {} | grep --quiet -e -echo\\ ", self.terminal)).await;
        self.agent.say(answer);
    }

    /// Returns the call's exit code.
    pub(super) async fn answered(&mut self, password: &str) -> Option<i32> {
        self.go();
        self.type_after("Password: ", password).await;
        self.call.ended().await
    }
}

#[tokio::test]
async fn nobody_administers_without_polkits_yes() {
    let guest = Guest::with_claviger().await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    let mut bob = guest.log_in("bob", Door::Ssh).await;
    for method in ADMINISTER {
        for session in [&mut alice, &mut bob] {
            assert_may_not_ask(&session.run(&call(false, method)).await);
            assert_denied(&session.run(&call(true, method)).await);
        }
        assert_denied(&guest.run_as("daemon", &call(true, method)).await);
    }
    guest.run(&call(false, LIST_USERS)).await.ok();
    let users = guest.run("claviger admin user list --json").await.ok();
    assert!(!users.text().contains("alice"), "{users:#?}");
}

#[tokio::test]
async fn an_administrator_who_gives_the_password_administers_and_a_wrong_one_does_not_help() {
    let guest = Guest::with_claviger().await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    let mut asked = Asked::prepare(&guest, &mut alice, ADMINISTER[2]).await;
    assert_eq!(asked.answered("bob-password").await, Some(1), "{}", asked.agent.said());
    let mut asked = Asked::prepare(&guest, &mut alice, ADMINISTER[2]).await;
    assert_eq!(asked.answered("alice-password").await, Some(0), "{}", asked.agent.said());
    assert!(guest.run("claviger admin user list --json").await.ok().text().contains("alice"));
    // Once is once.
    assert_may_not_ask(&alice.run(&call(false, LIST_USERS)).await);
}

#[tokio::test]
async fn a_rule_that_lets_bob_administer_lets_bob_and_nobody_else() {
    let guest = Guest::with_claviger().await;
    let rule = "polkit.addRule(function (action, subject) {
        if (action.id == 'org.claviger.keystore1.administer' && subject.user == 'bob') return polkit.Result.YES;
    });";
    guest.write("/etc/polkit-1/rules.d/10-bob.rules", 0o644, rule);
    let as_bob = format!("setpriv --reuid bob --regid bob --init-groups {}", call(false, LIST_USERS));
    // polkit notices by itself, after a while.
    guest.until(&as_bob).await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    for method in ADMINISTER {
        assert_may_not_ask(&alice.run(&call(false, method)).await);
        assert_denied(&guest.run_as("daemon", &call(true, method)).await);
    }
    guest.run_as("bob", "claviger admin user enrol alice").await.ok();
    guest.run_as("bob", "claviger admin user show alice").await.ok();
    guest.run_as("bob", "claviger admin user remove --yes alice").await.ok();
    // To administer is not to use: bob has no key of hers.
    assert_denied(&guest.run_as("bob", &call(true, "Login.CloseSession 'sa{sv}' 1 0")).await);
}

#[tokio::test]
async fn what_follows_a_removal_is_set_by_who_sits_there_and_gives_their_password() {
    let guest = Guest::with_claviger().await;
    let mut desk = guest.log_in("bob", Door::Seat).await;
    let mut remote = guest.log_in("bob", Door::Ssh).await;
    desk.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    assert_may_not_ask(&desk.run(&call(false, SET_REMOVAL)).await);
    assert_denied(&desk.run(&call(true, SET_REMOVAL)).await);
    // From elsewhere it is no question of passwords.
    for interactive in [false, true] {
        assert_denied(&remote.run(&call(interactive, SET_REMOVAL)).await);
        assert_denied(&guest.run_as("bob", &call(interactive, SET_REMOVAL)).await);
    }
    let mut asked = Asked::prepare(&guest, &mut desk, SET_REMOVAL).await;
    assert_eq!(asked.answered("alice-password").await, Some(1), "{}", asked.agent.said());
    let mut asked = Asked::prepare(&guest, &mut desk, SET_REMOVAL).await;
    assert_eq!(asked.answered("bob-password").await, Some(0), "{}", asked.agent.said());
    assert!(remote.run("claviger removal").await.ok().text().contains("terminate"));
}

#[tokio::test]
async fn a_polkit_that_is_not_there_or_does_not_answer_is_a_no_and_holds_nobody_up() {
    let guest = Guest::with_claviger().await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    alice.run("printf phrase >phrase; claviger register --passphrase-file phrase").await.ok();
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    // It is started by the first question, and stands still.
    alice.run(&call(false, LIST_USERS)).await;
    guest.run("pkill -STOP polkitd").await.ok();
    let mut waiting = alice.start(&format!("{}; echo code $?.", call(false, LIST_USERS))).await;
    let mut leaving = alice.start(&format!("exec {}", call(true, LIST_USERS))).await;
    for _ in 0..3 {
        alice.run("claviger sign -o signature /etc/passwd").await.ok();
        guest.run("claviger admin user list").await.ok();
    }
    assert!(waiting.runs() && leaving.runs());
    guest.run("pkill --newest busctl").await.ok();
    leaving.ended().await;
    guest.run("pkill -CONT polkitd").await.ok();
    waiting.hear("code 1.").await;

    guest.systemctl("mask --runtime --now polkit").await.ok();
    for interactive in [false, true] {
        assert_denied(&alice.run(&call(interactive, LIST_USERS)).await);
        assert_denied(&alice.run(&call(interactive, SET_REMOVAL)).await);
    }
    alice.run("claviger sign -o signature /etc/passwd").await.ok();
    guest.run("claviger admin user list").await.ok();
    guest.systemctl("unmask --runtime polkit").await.ok();
    guest.until("systemctl start polkit").await;
    assert_may_not_ask(&alice.run(&call(false, LIST_USERS)).await);
}

#[tokio::test]
async fn a_question_goes_with_the_call_that_wants_it() {
    let guest = Guest::with_claviger().await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    let mut asked = Asked::prepare(&guest, &mut alice, LIST_USERS).await;
    let mut monitor = guest.spawn(guest.shell("exec dbus-monitor --system member=CancelAuthentication"));
    monitor.hear("NameLost").await;
    asked.go();
    asked.agent.hear("Password: ").await;
    guest.run("pkill busctl").await.ok();
    asked.call.ended().await;
    // pkttyagent itself would read on.
    monitor.hear("member=CancelAuthentication").await;
}

#[tokio::test]
async fn polkits_agent_may_log_in_through_our_module_while_polkit_decides() {
    let guest = Guest::with_claviger().await;
    guest.run("DEBIAN_FRONTEND=noninteractive pam-auth-update --enable claviger").await.ok();
    let mut alice = guest.log_in("alice", Door::Seat).await;
    alice.run("printf 'a pass phrase' >phrase; claviger register --passphrase-file phrase").await.ok();
    let mut asked = Asked::prepare(&guest, &mut alice, LIST_USERS).await;
    asked.go();
    asked.type_after("Pass phrase of your key store: ", "a pass phrase").await;
    assert_eq!(asked.call.ended().await, Some(0), "{}", asked.agent.said());
    // It was a login like any other.
    assert!(alice.run("claviger status").await.ok().text().contains("unlocked"));

    let mut asked = Asked::prepare(&guest, &mut alice, LIST_USERS).await;
    asked.go();
    asked.type_after("Pass phrase of your key store: ", "").await;
    asked.type_after("Password: ", "alice-password").await;
    assert_eq!(asked.call.ended().await, Some(0), "{}", asked.agent.said());
}

#[tokio::test]
async fn the_service_may_lock_and_end_sessions_and_no_other_system_user_may() {
    let guest = Guest::with_claviger().await;
    let mut alice = guest.log_in("alice", Door::Seat).await;
    let login1 = |user: &str, method: &str| {
        format!(
            "setpriv --reuid {user} --clear-groups busctl --allow-interactive-authorization=no call \
             org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager {method} s {}",
            alice.id()
        )
    };
    for user in ["daemon", "nobody", "messagebus", "bob"] {
        for method in ["LockSession", "TerminateSession"] {
            let refused = guest.run(&login1(user, method)).await;
            assert_eq!(refused.code, Some(1), "{user} {method}: {refused:#?}");
        }
    }
    assert!(alice.session().await.is_some());
    guest.run(&login1("claviger", "LockSession")).await.ok();
    guest.run(&login1("claviger", "TerminateSession")).await.ok();
    alice.ended().await;
    // And nothing else of the machine's.
    for action in ["org.freedesktop.login1.power-off", "org.freedesktop.systemd1.manage-units"] {
        let check = format!(
            "setpriv --reuid claviger --clear-groups sh -c 'pkcheck --action-id {action} --process $$'"
        );
        assert_ne!(guest.run(&check).await.code, Some(0), "{action}");
    }
}
