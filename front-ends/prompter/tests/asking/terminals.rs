//! Questions on a terminal: by pinentry-curses, and by the prompter itself.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claviger_client::ErrorName;
use claviger_dbus::wire::NoOptions;
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, Termios, tcgetattr};
use tokio::sync::Notify;

use crate::scene::{Process, Running, Scene, pin, read, refusal, soon};

/// A pseudo terminal, and everything that was written to it.
struct Screen {
    person: File,
    terminal: OwnedFd,
    seen: Arc<(Mutex<Vec<u8>>, Notify)>,
}

impl Screen {
    fn open() -> Self {
        let person = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let person = person.expect("a pseudo terminal");
        rustix::pty::grantpt(&person).expect("a terminal");
        rustix::pty::unlockpt(&person).expect("a terminal");
        let name = rustix::pty::ptsname(&person, Vec::new()).expect("a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name.as_c_str(), flags, Mode::empty()).expect("a terminal");
        let size = rustix::termios::Winsize { ws_row: 40, ws_col: 150, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&terminal, size).expect("a size");
        let person = File::from(person);
        let seen = Arc::new((Mutex::new(Vec::new()), Notify::new()));
        let (mut reading, writing) = (person.try_clone().expect("a descriptor"), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // It ends with an error once nobody holds the terminal.
            while let Ok(count @ 1..) = reading.read(&mut bytes) {
                writing.0.lock().expect("no panic").extend_from_slice(&bytes[..count]);
                writing.1.notify_one();
            }
        });
        Self { person, terminal, seen }
    }

    /// Returns the terminal for a program.
    fn stdio(&self) -> Stdio {
        self.terminal.try_clone().expect("a descriptor").into()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().expect("no panic")).into_owned()
    }

    async fn shows(&self, text: &str) {
        let waiting = async {
            while !self.text().contains(text) {
                self.seen.1.notified().await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), waiting).await.is_err() {
            panic!("{text:?} is not shown: {:?}", self.text());
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).expect("a key");
    }

    fn setting(&self) -> Termios {
        tcgetattr(&self.terminal).expect("a terminal")
    }

    fn is_as(&self, before: &Termios) -> bool {
        let now = self.setting();
        (now.local_modes, now.input_modes) == (before.local_modes, before.input_modes)
    }
}

/// Starts the prompter with the terminal as its controlling one, asking there.
async fn on_terminal(
    scene: &mut Scene,
    screen: &Screen,
) -> (Running, claviger_dbus::proxy::AgentProxy<'static>) {
    let mut command = Command::new("setsid");
    let words = ["--ctty", env!("CARGO_BIN_EXE_claviger-prompter"), "--tty", "--session", "c7"];
    scene.prepare(&mut command, &words);
    command.stdin(screen.stdio()).stdout(screen.stdio()).stderr(screen.stdio());
    let running = Running::start(&mut command);
    (running, scene.agent().await)
}

#[tokio::test]
async fn a_secret_entered_on_the_terminal_is_not_shown() {
    let (mut scene, mut screen) = (Scene::set().await, Screen::open());
    let before = screen.setting();
    let (_running, agent) = on_terminal(&mut scene, &screen).await;
    let asking = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.request_secret(&pin("a")).await })
    };
    screen.shows("PIN: ").await;
    assert!(!screen.setting().local_modes.contains(LocalModes::ECHO));
    screen.type_in("1234x\u{7f}56\n");
    assert_eq!(read(soon(asking).await.expect("a task").expect("a secret")), "123456");
    assert!(screen.is_as(&before));
    assert!(!screen.text().contains("1234"), "{}", screen.text());
    assert!(screen.text().contains("The card \"work %0A\" asks for its PIN."), "{}", screen.text());

    // An empty line, and the end of input, give up.
    for (id, keys) in [("b", "\n"), ("c", "\u{4}")] {
        let asking = {
            let agent = agent.clone();
            tokio::spawn(async move { agent.request_secret(&pin(id)).await })
        };
        screen.seen.0.lock().expect("no panic").clear();
        screen.shows("PIN: ").await;
        screen.type_in(keys);
        assert_eq!(refusal(soon(asking).await.expect("a task")), ErrorName::Declined);
    }
}

#[tokio::test]
async fn a_yes_on_the_terminal_is_typed_and_nothing_that_was_typed_ahead_is_one() {
    let (mut scene, mut screen) = (Scene::set().await, Screen::open());
    let (_running, agent) = on_terminal(&mut scene, &screen).await;
    screen.type_in("y\n");
    for (id, keys, expected) in
        [("a", "yes\n", true), ("b", "Y\n", true), ("c", "\n", false), ("d", "yno\n", false)]
    {
        let asking = {
            let agent = agent.clone();
            tokio::spawn(async move { agent.confirm(&pin(id)).await })
        };
        screen.shows("[y/N] ").await;
        screen.seen.0.lock().expect("no panic").clear();
        screen.type_in(keys);
        assert_eq!(soon(asking).await.expect("a task").expect("an answer"), expected, "{keys:?}");
    }
}

#[tokio::test]
async fn a_question_that_is_taken_back_gives_the_terminal_back() {
    let (mut scene, mut screen) = (Scene::set().await, Screen::open());
    let before = screen.setting();
    let (running, agent) = on_terminal(&mut scene, &screen).await;
    let ask = |id: &'static str| {
        let agent = agent.clone();
        tokio::spawn(async move { agent.request_secret(&pin(id)).await })
    };
    let asking = ask("a");
    screen.shows("PIN: ").await;
    screen.type_in("123");
    soon(agent.cancel("a", &NoOptions {})).await.expect("taken back");
    assert_eq!(refusal(soon(asking).await.expect("a task")), ErrorName::Cancelled);
    screen.shows("The question was taken back.").await;
    assert!(screen.is_as(&before));

    // A person who ends the program has the terminal back too.
    screen.seen.0.lock().expect("no panic").clear();
    let asking = ask("b");
    screen.shows("PIN: ").await;
    screen.type_in("\u{3}");
    assert_eq!(running.ends().await.code(), Some(0));
    assert!(soon(asking).await.expect("a task").is_err());
    assert!(screen.is_as(&before));
}

#[tokio::test]
async fn without_a_terminal_it_does_not_start_to_ask_there() {
    let scene = Scene::set().await;
    let mut command = Command::new("setsid");
    scene.prepare(&mut command, &["--wait", env!("CARGO_BIN_EXE_claviger-prompter"), "--tty"]);
    assert_eq!(Running::start(&mut command).ends().await.code(), Some(2));
}

#[tokio::test]
async fn pinentry_curses_asks_and_its_window_goes_when_the_question_is_taken_back() {
    let (mut scene, mut screen) = (Scene::set().await, Screen::open());
    let before = screen.setting();
    let mut command = scene.prompter(&["--pinentry", "pinentry-curses"]);
    let running = Running::start(command.stdin(screen.stdio()));
    let agent = scene.agent().await;
    let ask = |id: &'static str| {
        let agent = agent.clone();
        tokio::spawn(async move { agent.request_secret(&pin(id)).await })
    };
    let asking = ask("a");
    screen.shows("work %0A").await;
    screen.shows("PIN:").await;
    screen.type_in("123456\r");
    assert_eq!(read(soon(asking).await.expect("a task").expect("a secret")), "123456");
    assert!(screen.is_as(&before));

    screen.seen.0.lock().expect("no panic").clear();
    let asking = ask("b");
    screen.shows("PIN:").await;
    let pinentry = child_of(running.0.id());
    soon(agent.cancel("b", &NoOptions {})).await.expect("taken back");
    pinentry.ends_within(Duration::from_millis(100)).await;
    assert_eq!(refusal(soon(asking).await.expect("a task")), ErrorName::Cancelled);
    assert!(screen.is_as(&before), "it gave the terminal back as it was");

    screen.seen.0.lock().expect("no panic").clear();
    let asking = {
        let agent = agent.clone();
        tokio::spawn(async move { agent.confirm(&pin("c")).await })
    };
    screen.shows("Refuse").await;
    // From "Allow" to "Refuse".
    screen.type_in("\t\r");
    assert!(!soon(asking).await.expect("a task").expect("an answer"));

    screen.seen.0.lock().expect("no panic").clear();
    let asking = ask("d");
    screen.shows("PIN:").await;
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.ends().await.code(), Some(0));
    assert!(soon(asking).await.expect("a task").is_err());
    assert!(screen.is_as(&before), "also where the prompter is ended");
}

/// Returns the one child of a process.
fn child_of(parent: u32) -> Process {
    let children =
        std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).expect("children");
    Process::of(children.trim().parse().expect("one child"))
}
