//! People log in with their tokens, by the programs that people log in with.

use claviger_tests::lab::{Bound, Guest, Plan, Running};
use claviger_tests::pcsc::card::{Depth, Logged};
use claviger_tests::pcsc::{Card, Kind};

pub(super) const PHRASE: &str = "a pass phrase";
pub(super) const SIGN: &str = "claviger sign -o signature /etc/passwd";
const MAKE_KEY: &str = "claviger key generate P-256 --location card --slot 9a --default-management-key";

/// Guesses at pass phrases cost as little as is allowed.
const CHEAP: &str = "[kdf]\nmemory-kib = 19456\npasses = 2\nlanes = 1\n";

/// A guest with the module in every stack.
pub(super) async fn guest(plan: Plan, config: &str) -> Guest {
    let guest = plan.claviger().boot().await;
    guest.write("/etc/claviger/claviger.d/test.toml", 0o644, format!("{CHEAP}{config}"));
    guest.systemctl("restart clavigerd").await.ok();
    guest.enable_module().await;
    guest
}

/// Gives alice the card that is there, with a key on it that is her default, and returns its token.
pub(super) async fn enrol(guest: &Guest, card: &Card) -> String {
    let token = guest.card_seen("alice", card).await;
    let enrol = format!(
        "cd; printf 123456 >pin; claviger card enrol {token} --pin-file pin; \
         key=$({MAKE_KEY} --token {token}) && claviger key default $key --purpose authenticate"
    );
    guest.run_as("alice", &enrol).await.ok();
    token
}

/// Gives alice a local store, locked.
pub(super) async fn register(guest: &Guest) {
    let register = format!("cd; printf %s '{PHRASE}' >phrase; claviger register --passphrase-file phrase");
    guest.run_as("alice", &register).await.ok();
    assert_ne!(guest.run_as("alice", &format!("cd; {SIGN}")).await.code, Some(0), "it is locked");
}

/// A login at a terminal that has asked for the PIN.
pub(super) async fn at_the_pin(guest: &Guest) -> Running {
    let mut terminal = guest.terminal("login alice");
    terminal.hear("PIN of card").await;
    terminal
}

/// Returns the session of a shell on a terminal.
pub(super) async fn session(terminal: &mut Running) -> String {
    let said = terminal.does("echo ,$XDG_SESSION_ID,").await;
    said.rsplit(',').nth(1).unwrap().to_owned()
}

/// What a login of alice's with that token binds.
fn by_login(session: &str, token: &str) -> Bound {
    Bound { session: session.to_owned(), uid: 1000, token: token.to_owned(), how: "login".to_owned() }
}

#[tokio::test]
async fn a_card_lets_its_user_in_by_every_program_and_what_opened_a_session_is_bound() {
    let guest = guest(Guest::plan().readers(2), "[login]\nremote-cards = true\n").await;
    let card = guest.card(0, Kind::Piv);
    let token = enrol(&guest, &card).await;
    guest.let_sshd_ask().await;

    let mut console = at_the_pin(&guest).await;
    console.say("123456");
    console.hear("$ ").await;
    let at_console = session(&mut console).await;
    console.does(SIGN).await;
    assert_eq!(guest.bound().await, [by_login(&at_console, &token)]);

    let mut ssh = guest.ssh("alice");
    ssh.hear("PIN of card").await;
    ssh.say("123456");
    ssh.hear("$ ").await;
    let over_ssh = session(&mut ssh).await;
    ssh.does(SIGN).await;
    let mut both = [by_login(&at_console, &token), by_login(&over_ssh, &token)];
    both.sort_by(|one, other| one.session.cmp(&other.session));
    assert_eq!(guest.bound().await, both);

    // sudo asks who she is, and opens no session of hers.
    console.say("sudo -k id -un; echo ne''xt");
    console.hear("PIN of card").await;
    console.say("123456");
    let said = console.hear("next").await;
    assert!(said.contains("root"), "{said}");
    assert_eq!(guest.bound().await, both);

    // Somebody else becomes her with her card, in a session that stays theirs.
    let mut bob = guest.terminal("login bob");
    bob.hear("Password: ").await;
    bob.say("bob-password");
    bob.hear("$ ").await;
    bob.say("su alice");
    bob.hear("PIN of card").await;
    bob.say("123456");
    bob.hear("alice@").await;
    bob.does("cd; test $(id -un) = alice").await;
    assert_eq!(guest.bound().await, both);

    // The end of a session is the end of its binding.
    console.say("exit");
    console.ended().await;
    guest.session_gone(&at_console).await;
    assert_eq!(guest.bound().await, [by_login(&over_ssh, &token)]);
}

#[tokio::test]
async fn a_card_of_this_machine_is_no_way_in_from_another_unless_the_administrator_says_so() {
    let guest = guest(Guest::plan().readers(2), "").await;
    let card = guest.card(0, Kind::Piv);
    let token = enrol(&guest, &card).await;
    guest.let_sshd_ask().await;
    let mut ssh = guest.ssh("alice");
    let asked = ssh.hear("Password: ").await;
    assert!(!asked.contains("card"), "{asked}");
    ssh.say("alice-password");
    ssh.hear("$ ").await;
    assert_eq!(guest.bound().await, []);
    // What is started from afar is afar: su knows of no remote host, but where it runs tells.
    for start in ["su alice", "systemd-run --user --pty --quiet su alice"] {
        ssh.say(start);
        let asked = ssh.hear("Password: ").await;
        assert!(!asked.contains("PIN"), "{start}: {asked}");
        ssh.say("not hers");
        ssh.hear("$ ").await;
    }

    guest.write("/etc/claviger/claviger.d/remote.toml", 0o644, "[login]\nremote-cards = true\n");
    guest.systemctl("restart clavigerd").await.ok();
    guest.card_seen("alice", &card).await;
    let mut ssh = guest.ssh("alice");
    ssh.hear("PIN of card").await;
    ssh.say("123456");
    ssh.hear("$ ").await;
    let id = session(&mut ssh).await;
    assert_eq!(guest.bound().await, [by_login(&id, &token)]);
}

#[tokio::test]
async fn a_pass_phrase_typed_at_login_unlocks_the_store_and_binds_the_session_to_it() {
    let guest = guest(Guest::plan(), "").await;
    register(&guest).await;
    let mut terminal = guest.terminal("login alice");
    terminal.hear("Pass phrase of your key store: ").await;
    terminal.say(PHRASE);
    terminal.hear("$ ").await;
    terminal.does("claviger status --json | tr -d ' ' | grep '\"locked\":false'").await;
    terminal.does(SIGN).await;
    let id = session(&mut terminal).await;
    assert_eq!(guest.bound().await, [by_login(&id, "local:1000")]);
}

#[tokio::test]
async fn a_password_that_is_also_the_pass_phrase_opens_the_store_without_a_question() {
    let guest = Guest::with_claviger().await;
    register(&guest).await;
    for argument in ["use_first_pass", "try_first_pass"] {
        // As docs/pam.md has it, each line after the `common-…` that it belongs to.
        let lines = format!(
            "/^@include common-auth/a auth optional pam_claviger.so {argument}\n\
             /^@include common-session/a session optional pam_claviger.so"
        );
        guest.write("/tmp/lines", 0o644, lines);
        guest
            .run("cp -n /etc/pam.d/login /tmp/login; sed -f /tmp/lines /tmp/login >/etc/pam.d/login")
            .await
            .ok();
        guest.run(&format!("echo 'alice:{PHRASE}' | chpasswd")).await.ok();
        let mut terminal = guest.terminal("login alice");
        terminal.hear("Password: ").await;
        terminal.say(PHRASE);
        let said = terminal.hear("$ ").await;
        assert!(!said.contains("key store"), "{argument}: {said}");
        terminal.does(SIGN).await;
        let id = session(&mut terminal).await;
        assert_eq!(guest.bound().await, [by_login(&id, "local:1000")], "{argument}");
        terminal.does("claviger lock").await;
        terminal.say("exit");
        terminal.ended().await;
    }
    // Where they differ she comes in all the same, and is asked where that is wanted.
    guest.run("echo 'alice:alice-password' | chpasswd").await.ok();
    let mut terminal = guest.terminal("login alice");
    terminal.hear("Password: ").await;
    terminal.say("alice-password");
    terminal.hear("Pass phrase of your key store: ").await;
    terminal.say(PHRASE);
    terminal.hear("$ ").await;
    terminal.does(SIGN).await;
}

#[tokio::test]
async fn after_a_wrong_pin_the_password_decides_and_nothing_is_bound() {
    let guest = guest(Guest::plan().readers(2), "").await;
    let card = guest.card(0, Kind::Piv);
    enrol(&guest, &card).await;
    let mut terminal = at_the_pin(&guest).await;
    terminal.say("000000");
    let said = terminal.hear("Password: ").await;
    assert!(said.contains("2 tries left"), "it is told: {said}");
    terminal.say("alice-password");
    terminal.hear("$ ").await;
    assert_eq!(guest.bound().await, []);
}

#[tokio::test]
async fn a_password_is_never_tried_as_a_pin() {
    let guest = guest(Guest::plan().readers(2), "").await;
    let mut card = guest.card(0, Kind::Piv);
    enrol(&guest, &card).await;
    guest.run("echo 'alice:00000000' | chpasswd").await.ok();
    let stack = "auth required pam_unix.so\nauth required pam_claviger.so location=card FIRST\naccount required pam_permit.so\n";
    guest.run_as("alice", "claviger card lock").await.ok();
    card.log(Depth::Full);
    for first in ["try_first_pass", "use_first_pass"] {
        guest.write("/etc/pam.d/mine", 0o644, stack.replace("FIRST", first));
        let ran = guest.run_with("pamtester mine alice authenticate 2>&1", b"00000000\n\n").await;
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        assert_eq!(ran.text().contains("PIN of card"), first == "try_first_pass", "{ran:#?}");
    }
    let verified = |logged: &Logged| {
        logged.command().is_some_and(|command| command.get(1) == Some(&0x20) && command.len() > 5)
    };
    assert!(!card.drain_log().iter().any(verified), "a password went to the card");
    // The control.
    guest.write("/etc/pam.d/mine", 0o644, stack.replace("FIRST", "try_first_pass"));
    guest.run_with("pamtester mine alice authenticate", b"00000000\n123456\n").await.ok();
    assert!(card.drain_log().iter().any(verified));
}

#[tokio::test]
async fn two_logins_at_once_with_two_cards_are_not_swapped() {
    let guest = guest(Guest::plan().readers(2), "").await;
    let mut first = guest.card(0, Kind::Piv);
    let first_token = enrol(&guest, &first).await;
    first.remove_noticed();
    let mut second = guest.card(1, Kind::Piv);
    let second_token = enrol(&guest, &second).await;
    assert_ne!(first_token, second_token);

    // Where both are there, the second is asked for.
    second.remove_noticed();
    first.put_back();
    guest.card_seen("alice", &first).await;
    let mut with_first = at_the_pin(&guest).await;
    second.put_back();
    guest.card_seen("alice", &second).await;
    let mut with_second = at_the_pin(&guest).await;
    with_second.say("123456");
    with_first.say("123456");
    with_first.hear("$ ").await;
    with_second.hear("$ ").await;
    let (one, other) = (session(&mut with_first).await, session(&mut with_second).await);
    let mut bound = [by_login(&one, &first_token), by_login(&other, &second_token)];
    bound.sort_by(|one, other| one.session.cmp(&other.session));
    assert_eq!(guest.bound().await, bound);

    first.remove_noticed();
    with_first.ended().await;
    guest.session_gone(&one).await;
    with_second.does("true").await;
    assert_eq!(guest.bound().await, [by_login(&other, &second_token)]);
}

#[tokio::test]
async fn a_card_and_a_pass_phrase_at_once_are_not_swapped() {
    let guest = guest(Guest::plan().readers(2), "").await;
    register(&guest).await;
    let mut card = guest.card(0, Kind::Piv);
    let token = enrol(&guest, &card).await;
    guest.let_sshd_ask().await;
    let mut console = at_the_pin(&guest).await;
    let mut ssh = guest.ssh("alice");
    ssh.hear("Pass phrase of your key store: ").await;
    console.say("123456");
    ssh.say(PHRASE);
    console.hear("$ ").await;
    ssh.hear("$ ").await;
    let (by_card, by_phrase) = (session(&mut console).await, session(&mut ssh).await);
    let mut bound = [by_login(&by_card, &token), by_login(&by_phrase, "local:1000")];
    bound.sort_by(|one, other| one.session.cmp(&other.session));
    assert_eq!(guest.bound().await, bound);
    card.remove_noticed();
    console.ended().await;
    ssh.does("true").await;
}
