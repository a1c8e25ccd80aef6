//! People log in with a yes on their phone, by the programs that people log in with.

use std::time::{Duration, Instant};

use claviger_tests::lab::{Bound, Door, Guest, Phone, Running};
use claviger_tests::until;

use super::{SIGN, alices};
use crate::login::session;

/// A guest with the module in every stack, and alice's phone.
async fn guest(config: &str) -> Guest {
    let guest = super::guest().await;
    guest.write("/etc/claviger/claviger.d/test.toml", 0o644, config);
    guest.systemctl("restart clavigerd").await.ok();
    guest.enable_module().await;
    guest
}

/// What the module says before the phone asks.
const APPROVE: &str = "Approve the login on your phone \u{201c}Pixel\u{201d}.";

/// A login at a terminal, while the phone asks for it; returns the question as well.
async fn at_the_phone(guest: &Guest, phone: &mut Phone<'_>) -> (Running, String) {
    let mut terminal = guest.terminal("login alice");
    terminal.hear(APPROVE).await;
    let asked = phone.asks().await;
    (terminal, asked)
}

/// Says no, and comes in by the password.
async fn no_then_password(terminal: &mut Running, phone: &mut Phone<'_>) {
    phone.no();
    password(terminal).await;
}

async fn password(terminal: &mut Running) {
    terminal.hear("Password: ").await;
    terminal.say("alice-password");
    terminal.hear("$ ").await;
}

fn by_login(session: &str, token: &str) -> Bound {
    Bound { session: session.to_owned(), uid: 1000, token: token.to_owned(), how: "login".to_owned() }
}

#[tokio::test]
async fn a_yes_on_the_phone_lets_its_owner_in_by_every_program_and_binds_what_opens_a_session() {
    let guest = guest("").await;
    let (mut phone, token) = alices(&guest).await;
    guest.let_sshd_ask().await;

    let (mut console, asked) = at_the_phone(&guest, &mut phone).await;
    for part in [
        "Sign: \"pocket\"",
        "Computer          claviger-lab",
        "User, it says     alice",
        "Program, it says  login, on /dev/pts/",
        "For, it says      login",
    ] {
        assert!(asked.contains(part), "no {part} in {asked}");
    }
    phone.yes();
    console.hear("$ ").await;
    let at_console = session(&mut console).await;
    assert_eq!(guest.bound().await, [by_login(&at_console, &token)]);
    let answered = async {
        let asked = phone.asks().await;
        assert!(asked.contains("Program, it says  claviger (process ") && asked.contains("sign"), "{asked}");
        phone.yes();
    };
    tokio::join!(console.does(SIGN), answered);

    let mut ssh = guest.ssh("alice");
    let asked = phone.asks().await;
    assert!(asked.contains("sshd, from "), "{asked}");
    phone.yes();
    ssh.hear("$ ").await;
    let over_ssh = session(&mut ssh).await;
    let mut both = [by_login(&at_console, &token), by_login(&over_ssh, &token)];
    both.sort_by(|one, other| one.session.cmp(&other.session));
    assert_eq!(guest.bound().await, both);

    // sudo asks who she is, and opens no session of hers. It has modules be silent.
    console.say("sudo -k id -un; echo ne''xt");
    assert!(phone.asks().await.contains("sudo"));
    phone.yes();
    let said = console.hear("next").await;
    assert!(said.contains("root"), "{said}");
    assert_eq!(guest.bound().await, both);

    // Somebody else becomes her: her phone says who wants that.
    let mut bob = guest.terminal("login bob");
    bob.hear("Password: ").await;
    bob.say("bob-password");
    bob.hear("$ ").await;
    bob.say("su alice");
    bob.hear(APPROVE).await;
    let asked = phone.asks().await;
    assert!(asked.contains("su, on ") && asked.contains("asked by bob"), "{asked}");
    phone.yes();
    bob.hear("alice@").await;
    bob.does("cd; test $(id -un) = alice").await;
    assert_eq!(guest.bound().await, both);

    // The phone has all of it in its list, as it was shown.
    let log = phone.log().await;
    let logins: Vec<_> = log.iter().filter(|entry| entry["purpose"] == "login").collect();
    assert_eq!(logins.len(), 4, "{logins:#?}");
    assert!(logins.iter().all(|entry| entry["outcome"] == "approved" && entry["user"] == "alice"));

    phone.switch_off().await;
    console.ended().await;
    guest.session_gone(&at_console).await;
    guest.session_gone(&over_ssh).await;
    bob.does("true").await;
}

#[tokio::test]
async fn a_no_on_the_phone_lets_nobody_in_and_the_password_still_does() {
    let guest = guest("[login]\nphone-pause = \"1s\"\n").await;
    let (mut phone, _) = alices(&guest).await;
    let alone = "auth required pam_claviger.so location=phone\naccount required pam_permit.so\n";
    guest.write("/etc/pam.d/mine", 0o644, alone);
    let mut alone = guest.terminal("pamtester mine alice authenticate");
    alone.hear(APPROVE).await;
    phone.asks().await;
    phone.no();
    assert_eq!(alone.ended().await, Some(1), "{}", alone.said());
    assert_eq!(phone.log().await.last().unwrap()["outcome"], "refused");

    let refused = Instant::now();
    assert!(until(|| refused.elapsed() > Duration::from_secs(1)).await);
    let (mut terminal, _) = at_the_phone(&guest, &mut phone).await;
    phone.no();
    let said = terminal.hear("Password: ").await;
    assert!(said.contains("the answer on the phone was no"), "it is told: {said}");
    terminal.say("alice-password");
    terminal.hear("$ ").await;
    assert_eq!(guest.bound().await, [], "a password is no phone");
}

#[tokio::test]
async fn nobody_who_answers_is_waited_for_and_then_the_password_decides() {
    let guest = guest("[phones]\nrequest-timeout = \"5s\"\n").await;
    let (mut phone, _) = alices(&guest).await;
    let (mut terminal, _) = at_the_phone(&guest, &mut phone).await;
    // It is taken off the screen: who says yes now says it to nobody.
    phone.takes_back().await;
    password(&mut terminal).await;
    assert_eq!(guest.bound().await, []);
}

#[tokio::test]
async fn a_phone_that_the_computer_locked_is_asked_once_and_is_unlocked_by_the_login() {
    let guest = guest("").await;
    let (mut phone, token) = alices(&guest).await;
    guest.run_as("alice", &format!("claviger phone lock {token}")).await.ok();
    let asked = phone.questions();
    let (mut terminal, question) = at_the_phone(&guest, &mut phone).await;
    assert!(question.contains("Sign: \"pocket\"") && question.contains("it was locked"), "{question}");
    phone.yes();
    terminal.hear("$ ").await;
    assert_eq!(phone.questions(), asked + 1);
    let log = phone.log().await;
    assert_eq!(
        (&log.last().unwrap()["operation"], &log.last().unwrap()["purpose"]),
        (&"sign".into(), &"login".into())
    );
    // Its owner may use it as if it had not been locked: one question.
    phone.agree_to(guest.run_as("alice", &format!("cd; {SIGN}"))).await.ok();
    assert_eq!(phone.questions(), asked + 2);
}

#[tokio::test]
async fn a_phone_that_is_away_is_not_waited_for() {
    let guest = guest("").await;
    let (mut phone, _) = alices(&guest).await;
    phone.switch_off().await;
    phone.until_it_is("removed").await;
    let began = Instant::now();
    let mut terminal = guest.terminal("login alice");
    let said = terminal.hear("Password: ").await;
    assert!(!said.contains("Approve"), "{said}");
    // It is dialled for two seconds; the rest is the machine's.
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    terminal.say("alice-password");
    terminal.hear("$ ").await;
    assert_eq!(guest.bound().await, []);
}

#[tokio::test]
async fn a_screen_locker_that_runs_as_the_user_lets_them_back_with_their_phone() {
    let guest = guest("").await;
    let (mut phone, _) = alices(&guest).await;
    guest.write(
        "/etc/pam.d/locker",
        0o644,
        "auth required pam_claviger.so\naccount required pam_permit.so\n",
    );
    let mut seat = guest.log_in("alice", Door::Seat).await;
    let hint = "busctl --system call org.freedesktop.login1 /org/freedesktop/login1/session/auto \
                org.freedesktop.login1.Session SetLockedHint b true";
    seat.run(hint).await.ok();
    guest.until("claviger --json session list | tr -d ' \\n' | grep -q '\"locked\":true'").await;
    // Her keys are frozen, and this is what thaws them.
    let frozen = seat.run(&SIGN.replace("claviger", "claviger --json")).await;
    assert!(frozen.text().contains("SessionLocked"), "{frozen:#?}");
    let mut locker = seat.start("pamtester locker alice authenticate").await;
    phone.asks().await;
    phone.yes();
    assert_eq!(locker.ended().await, Some(0), "{}", locker.said());
    // Nobody but herself and root.
    let mut bob = guest.log_in("bob", Door::Service).await;
    let asked = phone.questions();
    assert_ne!(bob.run("pamtester locker alice authenticate").await.code, Some(0));
    assert_eq!(phone.questions(), asked, "it was asked for bob");
}

#[tokio::test]
async fn where_the_administrator_says_so_a_phone_is_no_way_in_from_another_machine() {
    let guest = guest("[login]\nremote-phones = false\n").await;
    let (mut phone, token) = alices(&guest).await;
    guest.let_sshd_ask().await;
    let asked = phone.questions();
    let mut ssh = guest.ssh("alice");
    password(&mut ssh).await;
    // What is started from afar is afar: su knows of no remote host, but where it runs tells.
    ssh.say("su alice");
    let said = ssh.hear("Password: ").await;
    assert!(!said.contains("Approve"), "{said}");
    ssh.say("not hers");
    ssh.hear("$ ").await;
    assert_eq!(phone.questions(), asked);
    assert_eq!(guest.bound().await, []);
    // The control: at the machine itself it is one.
    let (mut terminal, _) = at_the_phone(&guest, &mut phone).await;
    phone.yes();
    terminal.hear("$ ").await;
    let id = session(&mut terminal).await;
    assert_eq!(guest.bound().await, [by_login(&id, &token)]);
}

#[tokio::test]
async fn su_from_afar_asks_the_phone_where_phones_serve_from_afar() {
    let guest = guest("").await;
    let (mut phone, _) = alices(&guest).await;
    guest.let_sshd_ask().await;
    let mut ssh = guest.ssh("alice");
    phone.asks().await;
    no_then_password(&mut ssh, &mut phone).await;
    guest.write("/etc/claviger/claviger.d/pause.toml", 0o644, "[login]\nphone-pause = \"1s\"\n");
    guest.systemctl("restart clavigerd").await.ok();
    phone.until_it_is("present").await;
    ssh.say("su alice");
    ssh.hear(APPROVE).await;
    phone.asks().await;
    phone.yes();
    ssh.hear("alice@").await;
    ssh.does("cd; test $(id -un) = alice").await;
}
