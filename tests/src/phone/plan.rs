use std::path::{Path, PathBuf};

use super::{Relay, Wire};
use crate::accounts::Person;

/// How a phone is set up.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The account that it runs under.
    pub person: Person,
    /// What it calls itself.
    pub name: String,
    /// The ways to it, as words for `claviger-phone run`.
    pub links: Vec<String>,
    /// How its person is asked.
    pub approval: Approval,
    /// Where its keys are.
    pub module: Module,
    /// Whether its keys are unlocked at the start.
    pub unlocked: bool,
    /// The address of its system bus, where it has one.
    pub bus: Option<String>,
}

/// How the phone's person is asked.
#[derive(Clone, Debug)]
pub enum Approval {
    /// By these rules.
    Rules(String),
    /// On a screen that the test looks at.
    Screen,
}

/// Where the phone's keys are.
#[derive(Clone, Debug)]
pub enum Module {
    /// In its sealed store.
    Soft,
    /// On a card that its pcscd has; its PIN.
    Card {
        /// The socket of pcscd.
        pcscd: PathBuf,
        /// The card's PIN.
        pin: String,
    },
}

impl Plan {
    /// Plans a phone with keys in its store that says yes to everything.
    pub fn new() -> Self {
        Self {
            person: Person::alice(),
            name: NAME.to_owned(),
            links: Vec::new(),
            approval: Approval::Rules(YES.to_owned()),
            module: Module::Soft,
            unlocked: true,
            bus: None,
        }
    }

    /// Puts it at the end of a wire.
    #[must_use]
    pub fn at(self, wire: &Wire) -> Self {
        self.link(&["--serial", &wire.phone().display().to_string()])
    }

    /// Has it connect to a relay.
    #[must_use]
    pub fn over(self, relay: &Relay) -> Self {
        self.connecting(relay.socket())
    }

    /// Has it connect to a socket.
    #[must_use]
    pub fn connecting(self, socket: &Path) -> Self {
        self.link(&["--connect", &format!("unix:{}", socket.display())])
    }

    /// Gives it one more way.
    #[must_use]
    pub fn link(mut self, words: &[&str]) -> Self {
        self.links.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// Gives it rules.
    #[must_use]
    pub fn rules(self, rules: &str) -> Self {
        Self { approval: Approval::Rules(rules.to_owned()), ..self }
    }

    /// Gives it a screen.
    #[must_use]
    pub fn screen(self) -> Self {
        Self { approval: Approval::Screen, ..self }
    }

    /// Gives it another name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Gives it a system bus, and what is on that.
    #[must_use]
    pub fn on_bus(self, address: &str) -> Self {
        Self { bus: Some(address.to_owned()), ..self }
    }

    /// Leaves its keys locked.
    #[must_use]
    pub fn locked(self) -> Self {
        Self { unlocked: false, ..self }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self::new()
    }
}

const NAME: &str = "Alice's phone";

/// Every question is answered with yes.
pub const YES: &str = "[[rule]]\nanswer = 'approve'\n";
