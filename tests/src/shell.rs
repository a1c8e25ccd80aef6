//! The command line as a person uses it: in a folder of their own, on the test's bus.

use std::path::PathBuf;
use std::process::Command;

use crate::accounts::Person;
use crate::bus::Bus;
use crate::command::{Ran, as_person, run};
use crate::place::{Place, give};
use crate::programs::Program;

/// A person's shell.
pub struct Shell {
    person: Person,
    folder: PathBuf,
    address: String,
    // Removed with the shell.
    _place: Place,
}

impl Shell {
    /// Opens one.
    pub fn new(bus: &Bus, person: &Person) -> Self {
        let place = Place::new();
        let folder = place.folder("home", person);
        Self { person: person.clone(), folder, address: bus.address(), _place: place }
    }

    /// Writes a file into the person's folder.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.folder.join(name);
        std::fs::write(&path, content).unwrap();
        give(&path, &self.person, 0o600);
        self
    }

    /// Returns what a file of the person's has.
    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Prepares `claviger` with these words, split at spaces.
    pub fn command(&self, words: &str) -> Command {
        let mut command = self.other(&Program::CommandLine.path().to_string_lossy(), words);
        command.env("CLAVIGER_BUS", &self.address);
        command
    }

    /// Runs `claviger`.
    pub async fn claviger(&self, words: &str) -> Ran {
        self.claviger_with(words, b"").await
    }

    /// Runs `claviger` with this standard input.
    pub async fn claviger_with(&self, words: &str, input: &[u8]) -> Ran {
        run(self.command(words), input).await
    }

    /// Runs another program.
    pub async fn run(&self, program: &str, words: &str) -> Ran {
        run(self.other(program, words), b"").await
    }

    fn other(&self, program: &str, words: &str) -> Command {
        let mut command = as_person(&self.person, program);
        command.current_dir(&self.folder).args(words.split(' ').filter(|word| !word.is_empty()));
        command
    }
}
