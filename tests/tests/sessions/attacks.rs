//! What must not get anybody in, or keep anybody out.

use std::collections::HashMap;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use claviger_tests::accounts::Person;
use claviger_tests::lab::{Door, Guest};
use claviger_tests::pcsc::Kind;
use claviger_tests::peer::{NAME, Options, Outcome, PATH, Peer, none};
use claviger_tests::{secret, until};
use zbus::{OwnedFd, Variant};

const PHRASE: &str = "a pass phrase";
const SIGN: &str = "claviger sign -o signature /etc/passwd";

/// The module alone.
const ALONE: &str = "auth required pam_claviger.so\naccount required pam_permit.so\n";

/// The module, and who decides after it.
const FIRST: &str = "auth [success=done default=ignore] pam_claviger.so\n\
                     auth required pam_unix.so\naccount required pam_permit.so\n";

/// Guesses at pass phrases cost as little as is allowed.
const CHEAP: &str = "[kdf]\nmemory-kib = 19456\npasses = 2\nlanes = 1\n";

/// A guest in which alice has a local store, and what is written into the stack of the service `mine`.
async fn guest(stack: &str, config: &str) -> Guest {
    let guest = Guest::with_claviger().await;
    guest.write("/etc/claviger/claviger.d/test.toml", 0o644, format!("{config}{CHEAP}"));
    guest.systemctl("restart clavigerd").await.ok();
    guest.write("/etc/pam.d/mine", 0o644, stack);
    let register = format!("cd; printf %s '{PHRASE}' >phrase; claviger register --passphrase-file phrase");
    guest.run_as("alice", &register).await.ok();
    guest
}

fn alice() -> Person {
    Person { name: "alice".to_owned(), uid: 1000, gid: 1000 }
}

fn bob() -> Person {
    Person { name: "bob".to_owned(), uid: 1001, gid: 1001 }
}

#[tokio::test]
async fn twenty_guesses_at_the_login_prompt_leave_two_tries_and_the_owner_as_she_was() {
    let guest = Guest::plan().readers(2).claviger().boot().await;
    guest.enable_module().await;
    let card = guest.card(0, Kind::Piv);
    guest.card_seen("alice", &card).await;
    let mut alice = guest.log_in("alice", Door::Service).await;
    alice.run("printf 123456 >pin; claviger card enrol --pin-file pin").await.ok();
    alice.run("claviger key generate P-256 --location card --slot 9a --default-management-key").await.ok();
    alice.run(SIGN).await.ok();

    let mut asked = 0;
    for guess in 0..20 {
        let mut terminal = guest.terminal("login alice");
        // Where no more is tried nobody is asked for a PIN: the password is next, and wrong.
        terminal.hear(": ").await;
        if terminal.said().contains("PIN of card") {
            asked += 1;
            terminal.say(&format!("{:06}", 900_000 + guess));
        }
        if !terminal.said().contains("Password: ") {
            terminal.hear("Password: ").await;
        }
        terminal.say("a guess");
    }
    assert!((1..20).contains(&asked), "{asked}");
    let cards = guest.run_as("alice", "claviger --json card list").await.ok();
    let cards: serde_json::Value = serde_json::from_slice(&cards.stdout).unwrap();
    assert_eq!(cards[0]["tries-left"], 2, "{cards}");
    alice.run(SIGN).await.ok();
    alice.run("claviger card lock && claviger card unlock --pin-file pin").await.ok();
    alice.run(SIGN).await.ok();
}

#[tokio::test]
async fn guesses_at_a_pass_phrase_slow_down_logins_and_not_the_owner() {
    let guest = guest(ALONE, "").await;
    let mut alice = guest.log_in("alice", Door::Service).await;
    alice.run("claviger unlock --passphrase-file phrase").await.ok();
    let mut last = String::new();
    for guess in 0..20 {
        let line = format!("echo 'guess {guess}' | pamtester mine alice authenticate 2>&1");
        let ran = guest.run(&line).await;
        assert_eq!(ran.code, Some(1), "{ran:#?}");
        last = ran.text().to_owned();
    }
    assert!(!last.contains("Pass phrase"), "nobody is asked for what would not be looked at: {last}");
    let right =
        guest.run_with("pamtester mine alice authenticate 2>&1", format!("{PHRASE}\n").as_bytes()).await;
    assert_eq!(right.code, Some(1), "the prompt waits: {right:#?}");
    alice.run(SIGN).await.ok();
    alice.run("claviger lock && claviger unlock --passphrase-file phrase").await.ok();
    alice.run(SIGN).await.ok();
}

#[tokio::test]
async fn whoever_hangs_after_the_question_is_given_up_in_time_and_the_next_module_decides() {
    let guest =
        guest(&FIRST.replace("so\nauth required pam_unix", "so timeout=3\nauth required pam_unix"), "").await;
    let bus = "$(systemctl show --property MainPID --value dbus.service)";
    let faults = [
        ("kill -STOP $(pidof clavigerd)", "kill -CONT $(pidof clavigerd)"),
        (&*format!("echo {bus} >/tmp/bus; kill -STOP $(cat /tmp/bus)"), "kill -CONT $(cat /tmp/bus)"),
        (
            "systemctl stop dbus.socket dbus.service",
            "systemctl start dbus.socket dbus.service clavigerd.service",
        ),
    ];
    for (fault, mend) in faults {
        let mut terminal = guest.terminal("pamtester mine alice authenticate");
        terminal.hear("Pass phrase of your key store: ").await;
        guest.run(fault).await.ok();
        let start = Instant::now();
        terminal.say(PHRASE);
        terminal.hear("Password: ").await;
        // Its own limits are 2 s for the bus, and 3 s and 1 s; the rest is the machine's.
        assert!(start.elapsed().as_secs() < 15, "{fault}: {:?}", start.elapsed());
        terminal.say("alice-password");
        assert_eq!(terminal.ended().await, Some(0), "{fault}: {}", terminal.said());
        guest.run(mend).await.ok();
        guest.until("runuser -u alice -- claviger status").await;
    }
}

#[tokio::test]
async fn without_a_bus_or_a_daemon_people_come_in_by_their_passwords() {
    let guest = guest(ALONE, "").await;
    guest.enable_module().await;
    let faults = ["systemctl mask --runtime --now clavigerd", "systemctl stop dbus.socket dbus.service"];
    for fault in faults {
        guest.run(fault).await.ok();
        let mut terminal = guest.terminal("login alice");
        let asked = terminal.hear("Password: ").await;
        assert!(!asked.contains("key store"), "{fault}: {asked}");
        terminal.say("alice-password");
        terminal.hear("$ ").await;
        terminal.does("test $(id -un) = alice").await;
    }
}

#[tokio::test]
async fn what_stands_in_the_environment_of_su_is_not_connected_to() {
    let guest = guest(ALONE, "").await;
    guest.enable_module().await;
    let hostile = UnixListener::bind(guest.path("/tmp/hostile")).unwrap();
    hostile.set_nonblocking(true).unwrap();
    let connected = || hostile.accept().is_ok();
    guest.run("chmod 777 /tmp/hostile").await.ok();
    let mut bob = guest.log_in("bob", Door::Service).await;
    let variables =
        ["DBUS_SYSTEM_BUS_ADDRESS", "DBUS_STARTER_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "CLAVIGER_BUS"];
    let environment = variables.map(|name| format!("{name}=unix:path=/tmp/hostile"));
    let environment = format!("env {} XDG_SESSION_ID=1", environment.join(" "));
    let su = |answer: &str| format!("printf '{answer}\\n' | {environment} su alice -c 'id -un'");
    let refused = bob.run(&su("whatever\\nwhatever")).await;
    assert_ne!(refused.code, Some(0), "{refused:#?}");
    let right = bob.run(&su(PHRASE)).await.ok();
    assert!(right.text().ends_with("alice"), "{right:#?}");
    assert!(!connected(), "it looked at the environment");
    // The control: others do look, and would wait for an answer.
    bob.run(&format!("{environment} timeout 2 busctl --system list")).await;
    assert!(connected());
}

/// Says yes to everybody.
struct Impostor;

#[zbus::interface(name = "org.claviger.KeyStore1.Authentication")]
impl Impostor {
    #[zbus(out_args("means"))]
    fn prepare(
        &self,
        _uid: u32,
        _options: HashMap<String, zbus::OwnedVariant>,
    ) -> HashMap<String, Variant<'static>> {
        let text = |text: &'static str| Variant::from(text);
        HashMap::from([
            ("token".to_owned(), text("local:1000")),
            ("kind".to_owned(), text("local")),
            ("name".to_owned(), text("local key store")),
            ("pin-pad".to_owned(), Variant::from(false)),
        ])
    }

    #[zbus(out_args("authentication"))]
    fn authenticate(
        &self,
        _uid: u32,
        _secret: OwnedFd,
        _options: HashMap<String, zbus::OwnedVariant>,
    ) -> String {
        "0123456789abcdef0123456789abcdef".to_owned()
    }
}

#[tokio::test]
async fn a_name_owner_who_is_not_the_service_s_user_is_not_believed() {
    let guest = guest(ALONE, "").await;
    let policy = "<busconfig><policy context=\"mandatory\"><allow own=\"org.claviger.KeyStore1\"/>\
                  <allow send_destination=\"org.claviger.KeyStore1\"/></policy></busconfig>";
    guest.write("/etc/dbus-1/system.d/zz-test.conf", 0o644, policy);
    guest.run("systemctl mask --runtime --now clavigerd && systemctl reload dbus").await.ok();
    let peer = guest.peer(&Person::root()).await;
    peer.connection().object_server().at(PATH, Impostor).await.unwrap();
    peer.connection().request_name(NAME).await.unwrap();
    // It does answer.
    let means = format!("busctl --system call {NAME} {PATH} {NAME}.Authentication Prepare 'ua{{sv}}' 1000 0");
    assert!(guest.run(&means).await.ok().text().contains("local:1000"));
    let ran = guest.run_with("pamtester mine alice authenticate 2>&1", b"whatever\n").await;
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    assert!(!ran.text().contains("Pass phrase"), "it was asked for a secret: {ran:#?}");
    let journal = guest.journal("--identifier pamtester").await;
    assert!(journal.contains("cannot trust the key store"), "{journal}");
}

/// Logs alice in as a PAM module would.
async fn authenticate(peer: &Peer) -> Result<String, claviger_tests::peer::Refusal> {
    peer.call("Authentication", "Authenticate", &(1000u32, secret::pipe(PHRASE), none())).await
}

async fn open(peer: &Peer, uid: u32, session: &str, id: &str) -> Result<(), claviger_tests::peer::Refusal> {
    let options: Options = none();
    peer.call("Login", "OpenSession", &(uid, session, id, options)).await
}

#[tokio::test]
async fn an_authentication_serves_once_and_for_its_user_and_at_the_hands_of_root() {
    let guest = guest(ALONE, "").await;
    let first = guest.log_in("alice", Door::Service).await;
    let second = guest.log_in("alice", Door::Service).await;
    let bobs = guest.log_in("bob", Door::Service).await;
    let (root, own, other) =
        (guest.peer(&Person::root()).await, guest.peer(&alice()).await, guest.peer(&bob()).await);
    authenticate(&other).await.refused("AccessDenied");

    let id = authenticate(&own).await.unwrap();
    open(&own, 1000, first.id(), &id).await.refused("AccessDenied");
    open(&other, 1000, first.id(), &id).await.refused("AccessDenied");
    open(&root, 1001, bobs.id(), &id).await.refused("AccessDenied");
    assert_eq!(guest.bound().await, []);
    open(&root, 1000, first.id(), &id).await.unwrap();
    open(&root, 1000, second.id(), &id).await.refused("AccessDenied");
    let bound = guest.bound().await;
    assert_eq!(bound.iter().map(|one| one.session.as_str()).collect::<Vec<_>>(), [first.id()]);

    // It is used up by another's session, too, and that is not bound.
    let id = authenticate(&root).await.unwrap();
    open(&root, 1000, bobs.id(), &id).await.refused("InvalidArgs");
    open(&root, 1000, second.id(), &id).await.refused("AccessDenied");
    open(&root, 1000, second.id(), "").await.refused("AccessDenied");
    assert_eq!(guest.bound().await, bound);
}

#[tokio::test]
async fn an_authentication_does_not_survive_its_time_or_the_service() {
    let guest = guest(ALONE, "[login]\nauthentication-lifetime = \"1s\"\n").await;
    let session = guest.log_in("alice", Door::Service).await;
    let root = guest.peer(&Person::root()).await;
    let id = authenticate(&root).await.unwrap();
    let granted = Instant::now();
    assert!(until(|| granted.elapsed() > Duration::from_secs(1)).await);
    open(&root, 1000, session.id(), &id).await.refused("AccessDenied");
    let id = authenticate(&root).await.unwrap();
    guest.systemctl("restart clavigerd").await.ok();
    open(&root, 1000, session.id(), &id).await.refused("AccessDenied");
    assert_eq!(guest.bound().await, []);
}
