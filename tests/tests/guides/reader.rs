//! Alice at a terminal with a guide before her.

use claviger_tests::lab::{Guest, Running};
use claviger_tests::until;

use crate::guide::{blocks, section};

/// She types what the guide says, and answers what she is asked.
pub(crate) struct Reader<'g> {
    guest: &'g Guest,
    terminal: Running,
    /// The terminal's own name.
    device: String,
    typed: usize,
    /// The words that say where the next keys go.
    places: Vec<&'static str>,
}

/// What comes while she waits.
enum Event {
    Done,
    Failed,
    /// With what she answers.
    Asked(&'static str),
}

impl<'g> Reader<'g> {
    /// She logs in with her password.
    pub(crate) async fn at_terminal(guest: &'g Guest) -> Self {
        let mut terminal = guest.terminal("login alice");
        terminal.hear("Password: ").await;
        terminal.say(PASSWORD);
        terminal.hear("$ ").await;
        let said = terminal.does("echo =$(tty)=").await;
        let device = said.rsplit('=').nth(1).unwrap().to_owned();
        Self { guest, terminal, device, typed: 0, places: Vec::new() }
    }

    /// Does everything that a guide says, in its order, and returns what was said.
    pub(crate) async fn follow(&mut self, guide: &str) -> String {
        let blocks = blocks(guide);
        assert!(!blocks.is_empty(), "{guide}: there is nothing to do");
        let mut said = String::new();
        for (_, lines) in blocks {
            said += &self.types(&lines).await;
        }
        said
    }

    /// Has the keys made on a card that are made from now on. The card is a PIV card from the factory.
    pub(crate) fn makes_keys_on_cards(&mut self) {
        self.places = vec![
            "--location card --slot 83 --default-management-key",
            "--location card --slot 82 --default-management-key",
            "--location card --slot 9a --default-management-key",
        ];
    }

    /// Has the keys made on a phone that are made from now on.
    pub(crate) fn makes_keys_on_a_phone(&mut self) {
        self.places = vec!["--location phone"; 3];
    }

    /// Does what stands below one heading of a guide, and returns what was said.
    pub(crate) async fn follow_section(&mut self, guide: &str, heading: &str) -> String {
        let mut said = String::new();
        for lines in section(guide, heading) {
            said += &self.types(&lines).await;
        }
        said
    }

    /// Types lines, of which each must succeed, and returns what was said.
    pub(crate) async fn types(&mut self, lines: &str) -> String {
        self.typed += 1;
        let lines = self.placed(lines);
        let file = format!("/tmp/typed-{}", self.typed);
        self.guest.write(&file, 0o644, &lines);
        let began = self.terminal.said().len();
        // In this shell, as what is set stays set; the mark is written in two halves, as a terminal echoes the line itself.
        self.terminal.say(&format!("set -e; . {file}; set +e; echo CLAVI''GER-DONE"));
        let mut answered = began;
        loop {
            let mut event = None;
            let came = until(|| {
                event = self.event(answered);
                event.is_some()
            });
            assert!(came.await, "{lines}went on for ever: {}", &self.said()[began..]);
            match event {
                Some(Event::Done) => break,
                Some(Event::Asked(answer)) => {
                    // What is typed before it is hidden may be thrown away.
                    if answer != YES {
                        self.guest.until(&format!("stty -F {} | grep -q -- -echo", self.device)).await;
                    }
                    answered = self.said().len();
                    self.terminal.say(answer);
                }
                Some(Event::Failed) | None => panic!("{lines}failed: {}", &self.said()[began..]),
            }
        }
        let said = self.said();
        said[began..said.rfind(DONE).unwrap()].to_owned()
    }

    /// Has keys made where they are to be.
    fn placed(&mut self, lines: &str) -> String {
        let mut place = |line: &str| {
            let made = line.starts_with("claviger key generate").then(|| self.places.pop()).flatten();
            made.map_or_else(|| format!("{line}\n"), |place| format!("{line} {place}\n"))
        };
        lines.lines().map(&mut place).collect()
    }

    fn event(&mut self, answered: usize) -> Option<Event> {
        let (runs, said) = (self.terminal.runs(), self.terminal.said());
        let said = said[answered..].trim_end();
        if said.contains(DONE) {
            return Some(Event::Done);
        }
        let last = said.lines().last().unwrap_or_default();
        let asks = |question: &str| last.contains(question);
        if last.ends_with([':', '?']) {
            if asks("(yes/no") {
                return Some(Event::Asked(YES));
            }
            if asks("'s password:") || asks("[sudo] password") {
                return Some(Event::Asked(PASSWORD));
            }
            if asks("ass phrase") || asks("Once more") {
                return Some(Event::Asked(PASSPHRASE));
            }
            if ["PIN:", "PIN for", "Pin for", "PIN of"].into_iter().any(asks) {
                // Programs call the pass phrase of the local store so, too.
                let is_local = said.contains("local key store");
                return Some(Event::Asked(if is_local { PASSPHRASE } else { PIN }));
            }
        }
        (!runs).then_some(Event::Failed)
    }

    /// Returns everything that stands on the terminal.
    pub(crate) fn said(&self) -> String {
        self.terminal.said()
    }
}

const DONE: &str = "CLAVIGER-DONE";
const YES: &str = "yes";
const PASSWORD: &str = "alice-password";
const PASSPHRASE: &str = "correct horse";
const PIN: &str = "123456";
