//! Questions on the terminal.

use std::io;
use std::os::fd::OwnedFd;

use claviger_client::{NoAnswer, Secret};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, QueueSelector, Termios};
use tokio::io::unix::AsyncFd;
use zeroize::{Zeroize as _, Zeroizing};

use crate::text::Texts;
use crate::{Problem, ffi};

/// The terminal that the program was started in.
pub(crate) struct Terminal {
    /// Opened for this program: what is set on it is set for nobody else.
    device: AsyncFd<OwnedFd>,
}

impl Terminal {
    /// Opens the controlling terminal.
    pub(crate) fn open() -> Result<Self, Problem> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open("/dev/tty", flags, Mode::empty()).map_err(io::Error::from);
        let device = opened.and_then(ffi::watch).map_err(Problem::NoTerminal)?;
        Ok(Self { device })
    }

    /// Asks for a secret, with echo off. Nothing entered means that the person gave up.
    pub(crate) async fn secret(&self, texts: &Texts) -> Result<Secret, NoAnswer> {
        let question = format!("{}{}: ", paragraphs(texts), texts.field);
        let line = self.ask(&question, Echo::Off).await.map_err(impossible)?;
        if line.is_empty() {
            return Err(NoAnswer::Declined);
        }
        Ok(Secret::from(line))
    }

    /// Asks for a yes.
    pub(crate) async fn confirm(&self, texts: &Texts) -> Result<bool, NoAnswer> {
        let question = format!("{}Allow it? [y/N] ", paragraphs(texts));
        let line = self.ask(&question, Echo::On).await.map_err(impossible)?;
        Ok(matches!(line.to_ascii_lowercase().as_slice(), b"y" | b"yes"))
    }

    /// Writes something that is no question.
    pub(crate) async fn tell(&self, text: &str) -> io::Result<()> {
        self.write(format!("\n{text}\n").as_bytes()).await
    }

    /// Asks, and returns the line that the person enters. The terminal is given back as it was also where this is dropped.
    async fn ask(&self, question: &str, echo: Echo) -> io::Result<Zeroizing<Vec<u8>>> {
        let device = self.device.get_ref();
        if rustix::termios::tcgetpgrp(device)? != rustix::process::getpgrp() {
            return Err(io::Error::other("claviger-prompter is in the background of its terminal"));
        }
        // From here on: what was typed ahead is no answer to a question that was not yet seen.
        let mut setting = Setting::new(device, echo)?;
        self.write(question.as_bytes()).await?;
        let line = self.line().await?;
        setting.is_answered = true;
        Ok(line)
    }

    /// Reads to the end of a line, which is not part of it. At the end of input it is empty.
    async fn line(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut line = Zeroizing::new(vec![0; LINE_LIMIT]);
        let mut filled = 0;
        loop {
            let mut ready = self.device.readable().await?;
            let read = ready.try_io(|device| Ok(rustix::io::read(device.get_ref(), &mut line[filled..])?));
            filled += match read {
                Ok(Ok(0)) => 0,
                Ok(Ok(count)) if line[filled..filled + count].contains(&b'\n') => count - 1,
                Ok(Ok(count)) => {
                    filled += count;
                    continue;
                }
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => continue,
            };
            // The room was wide enough from the start: nothing is copied, and what is not used was never filled.
            line[filled..].zeroize();
            line.truncate(filled);
            return Ok(line);
        }
    }

    async fn write(&self, mut text: &[u8]) -> io::Result<()> {
        while !text.is_empty() {
            let mut ready = self.device.writable().await?;
            match ready.try_io(|device| Ok(rustix::io::write(device.get_ref(), text)?)) {
                Ok(count) => text = &text[count?..],
                Err(_would_block) => {}
            }
        }
        Ok(())
    }
}

fn paragraphs(texts: &Texts) -> String {
    let Texts { description, error, .. } = texts;
    let lines = description.iter().chain(error).map(|line| format!("{line}\n"));
    std::iter::once("\n".to_owned()).chain(lines).collect()
}

fn impossible(error: io::Error) -> NoAnswer {
    NoAnswer::Impossible(format!("cannot ask on the terminal: {error}"))
}

/// Whether the person sees what they enter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

/// The terminal as a question has it; it is as it was before once this value goes.
struct Setting<'a> {
    device: &'a OwnedFd,
    before: Termios,
    is_answered: bool,
}

impl<'a> Setting<'a> {
    fn new(device: &'a OwnedFd, echo: Echo) -> Result<Self, Errno> {
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
            let _ = rustix::termios::tcflush(&**device, QueueSelector::IFlush);
            let _ = rustix::io::write(&**device, TAKEN_BACK);
        }
        let _ = rustix::termios::tcsetattr(&**device, OptionalActions::Now, before);
    }
}

const TAKEN_BACK: &[u8] = b"\nThe question was taken back.\n";

/// The longest line that a terminal gives.
const LINE_LIMIT: usize = 4096;
