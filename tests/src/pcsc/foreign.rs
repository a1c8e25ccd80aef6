//! Another program at the same reader: holds it, resets it, asks it.
//!
//! libpcsclite reads `PCSCLITE_CSOCK_NAME` once in the life of a process, so every foreign user is a process of its
//! own: `foreign-card-user`, driven line by line.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use data_encoding::HEXUPPER;

use crate::pcsc::pcscd::Pcscd;
use crate::pcsc::talk::Talk;
use crate::programs::Program;

/// A program that uses cards as it likes. It is killed with the value.
pub struct ForeignUser(Talk);

/// What pcscd answered in place of success, by the name that crate `pcsc` gives it, for example `SharingViolation`.
pub type Refused = String;

impl ForeignUser {
    /// Starts a program that uses this pcscd.
    pub fn start(pcscd: &Pcscd) -> Self {
        Self::at(&pcscd.socket())
    }

    /// Starts a program that uses the pcscd of this socket.
    pub fn at(socket: &Path) -> Self {
        Self::run(at_socket(socket))
    }

    /// Starts a program by a command of one's own that runs `foreign-card-user`.
    pub(crate) fn run(command: Command) -> Self {
        Self(Talk::start(command))
    }

    /// Returns the names of all readers.
    pub fn readers(&mut self) -> Result<Vec<String>, Refused> {
        let answer = self.0.ask("list")?;
        let names = answer.strip_prefix("ok").expect("an answer");
        Ok(names.split('|').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Waits until there is a card in the reader.
    pub fn wait_until_present(&mut self, reader: &str) {
        self.0.ask(&format!("await-present {reader}")).unwrap();
    }

    /// Waits until there is none.
    pub fn wait_until_absent(&mut self, reader: &str) {
        self.0.ask(&format!("await-absent {reader}")).unwrap();
    }

    /// Connects and lets others do so too.
    pub fn connect_shared(&mut self, reader: &str) -> Result<(), Refused> {
        self.0.ask(&format!("connect shared {reader}")).map(drop)
    }

    /// Connects and lets nobody else.
    pub fn connect_exclusive(&mut self, reader: &str) -> Result<(), Refused> {
        self.0.ask(&format!("connect exclusive {reader}")).map(drop)
    }

    /// Begins a transaction: whoever else wants to speak to the card waits until [`ForeignUser::end`].
    pub fn begin(&mut self) -> Result<(), Refused> {
        self.0.ask("begin").map(drop)
    }

    /// Ends it.
    pub fn end(&mut self) -> Result<(), Refused> {
        self.0.ask("end").map(drop)
    }

    /// Ends it and resets the card.
    pub fn end_with_reset(&mut self) -> Result<(), Refused> {
        self.0.ask("end-reset").map(drop)
    }

    /// Sends a command and returns the answer, status and all.
    pub fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Refused> {
        decoded(self.0.ask(&format!("transmit {}", HEXUPPER.encode(command))))
    }

    /// Sends the reader itself something.
    pub fn control(&mut self, code: u32, input: &[u8]) -> Result<Vec<u8>, Refused> {
        decoded(self.0.ask(&format!("control {code:08X} {}", HEXUPPER.encode(input))))
    }

    /// Connects anew and resets the card: all others are told so at their next word.
    pub fn reset(&mut self) -> Result<(), Refused> {
        self.0.ask("reset").map(drop)
    }

    /// Connects anew and takes the card's power away for a moment.
    pub fn unpower(&mut self) -> Result<(), Refused> {
        self.0.ask("unpower").map(drop)
    }

    /// Connects anew, as one must after somebody else's reset.
    pub fn reconnect(&mut self) -> Result<(), Refused> {
        self.0.ask("reconnect").map(drop)
    }

    /// Disconnects and leaves the card as it is.
    pub fn disconnect(&mut self) -> Result<(), Refused> {
        self.0.ask("disconnect").map(drop)
    }

    /// Asks whether the connection still holds.
    pub fn status(&mut self) -> Result<(), Refused> {
        self.0.ask("status").map(drop)
    }

    /// Gives an order whose answer may be long in coming: `begin`, `connect shared READER`, `transmit DIGITS` and so
    /// on, see `foreign-card-user`.
    pub fn tell(&mut self, order: &str) {
        self.0.tell(order);
    }

    /// Returns true if the answer comes so soon; it is kept.
    pub fn answers_within(&self, time: Duration) -> bool {
        self.0.answers_within(time)
    }

    /// Waits for the answer, keeping the thread busy.
    pub fn answer(&mut self) -> Result<String, Refused> {
        self.0.answer()
    }

    /// Waits for the answer, letting other tasks run.
    pub async fn answered(&mut self) -> Result<String, Refused> {
        self.0.answered().await
    }

    /// Returns true if the answer has come; it is kept.
    pub fn has_answered(&self) -> bool {
        self.0.answers_within(Duration::ZERO)
    }
}

/// Returns a command that uses the pcscd of this socket.
pub(super) fn at_socket(socket: &Path) -> Command {
    let mut command = Command::new(Program::ForeignCardUser.path());
    command.env("PCSCLITE_CSOCK_NAME", socket);
    command
}

fn decoded(answer: Result<String, Refused>) -> Result<Vec<u8>, Refused> {
    let answer = answer?;
    let digits = answer.strip_prefix("ok").expect("an answer").trim();
    Ok(HEXUPPER.decode(digits.as_bytes()).unwrap())
}
