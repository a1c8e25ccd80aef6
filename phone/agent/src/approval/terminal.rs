use std::io;
use std::path::Path;

use claviger_token::Secret;
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios};
use zeroize::{Zeroize as _, Zeroizing};

use super::{A_WHILE, Approver, Asking, Unlocking, Verdict};
use crate::descriptor::Descriptor;
use crate::question::Question;

/// Asks on a terminal.
#[derive(Debug)]
pub struct Terminal {
    /// Opened for this program: what is set on it is set for nobody else.
    device: Descriptor,
}

impl Terminal {
    /// Opens the controlling terminal.
    ///
    /// # Errors
    /// Where there is none.
    pub fn open() -> io::Result<Self> {
        Self::at(Path::new("/dev/tty"))
    }

    /// Opens the terminal of that path.
    ///
    /// # Errors
    /// Those of the system.
    pub fn at(path: &Path) -> io::Result<Self> {
        Descriptor::open(path).map(|device| Self { device })
    }

    async fn ask_for_a_yes(&self, question: &Question) -> io::Result<Verdict> {
        let is_everyday = question.operation.may_be_allowed_for_a_while();
        let choices = if is_everyday { "[y: yes, m: yes for 10 minutes, N: no]" } else { "[y/N]" };
        let line = self.ask(&format!("{}Approve? {choices} ", paragraphs(question)), Echo::On).await?;
        Ok(match line.to_ascii_lowercase().as_slice() {
            b"y" | b"yes" => Verdict::Approved,
            b"m" if is_everyday => Verdict::ApprovedFor(A_WHILE),
            _ => Verdict::Refused,
        })
    }

    async fn ask_for_a_secret(
        &self,
        question: &Question,
        wanted: &str,
        hint: Option<&str>,
    ) -> io::Result<Unlocking> {
        let hint = hint.map(|hint| format!("{hint}\n")).unwrap_or_default();
        let text =
            format!("{}{hint}Enter the {wanted} to allow it (nothing: refuse): ", paragraphs(question));
        let line = self.ask(&text, Echo::Off).await?;
        if line.is_empty() {
            return Ok(Unlocking::Refused);
        }
        Ok(Unlocking::Secret(Secret::new(line.to_vec())))
    }

    /// Asks, and returns the line that the person enters. The terminal is given back as it was also where this is dropped.
    async fn ask(&self, question: &str, echo: Echo) -> io::Result<Zeroizing<Vec<u8>>> {
        if let Ok(group) = rustix::termios::tcgetpgrp(&self.device)
            && group != rustix::process::getpgrp()
        {
            return Err(io::Error::other("claviger-phone is in the background of its terminal"));
        }
        // From here on: what was typed ahead is no answer to a question that was not yet seen.
        let mut setting = Setting::new(&self.device, echo)?;
        self.device.write(question.as_bytes()).await?;
        let line = self.line().await?;
        setting.is_answered = true;
        Ok(line)
    }

    /// Reads to the end of a line, which is not part of it. At the end of input it is empty.
    async fn line(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(vec![0; LINE_LIMIT]);
        let mut filled = 0;
        loop {
            let count = self.device.read(&mut line[filled..]).await?;
            filled += count;
            let is_whole = line[..filled].ends_with(b"\n");
            if count == 0 || is_whole {
                // The room was wide enough from the start: nothing is copied.
                let end = filled - usize::from(is_whole);
                line[end..].zeroize();
                line.truncate(end);
                return Ok(line);
            }
        }
    }
}

impl Approver for Terminal {
    fn has_screen(&self) -> bool {
        true
    }

    fn approve<'a>(&'a self, question: &'a Question) -> Asking<'a, Verdict> {
        Box::pin(async move {
            self.ask_for_a_yes(question).await.unwrap_or_else(|error| Verdict::Impossible(error.to_string()))
        })
    }

    fn unlock<'a>(
        &'a self,
        question: &'a Question,
        wanted: &'a str,
        hint: Option<&'a str>,
    ) -> Asking<'a, Unlocking> {
        Box::pin(async move {
            let answer = self.ask_for_a_secret(question, wanted, hint).await;
            answer.unwrap_or_else(|error| Unlocking::Impossible(error.to_string()))
        })
    }
}

/// Returns the question as it stands on the screen.
fn paragraphs(question: &Question) -> String {
    let lines = question.lines();
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = lines.iter().map(|(name, text)| format!("  {name:width$}  {text}\n"));
    std::iter::once(format!("\n{}\n", question.title())).chain(lines).collect()
}

/// Whether the person sees what they enter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

/// The terminal as a question has it; it is as it was before once this value goes.
struct Setting<'a> {
    device: &'a Descriptor,
    before: Termios,
    is_answered: bool,
}

impl<'a> Setting<'a> {
    fn new(device: &'a Descriptor, echo: Echo) -> Result<Self, Errno> {
        let before = rustix::termios::tcgetattr(device)?;
        let mut during = before.clone();
        during.local_modes |= LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHONL | LocalModes::ECHO;
        if echo == Echo::Off {
            during.local_modes -= LocalModes::ECHO;
        }
        rustix::termios::tcsetattr(device, OptionalActions::Flush, &during)?;
        Ok(Self { device, before, is_answered: false })
    }
}

impl Drop for Setting<'_> {
    fn drop(&mut self) {
        let Self { device, before, is_answered } = self;
        if !*is_answered {
            // What was entered so far of a secret is for nobody else to read.
            let _ = rustix::termios::tcflush(*device, QueueSelector::IFlush);
            let _ = rustix::io::write(*device, TAKEN_BACK);
        }
        let _ = rustix::termios::tcsetattr(*device, OptionalActions::Now, before);
    }
}

const TAKEN_BACK: &[u8] = b"\nThe question was taken back.\n";

/// The longest line that a terminal gives.
const LINE_LIMIT: usize = 4096;
