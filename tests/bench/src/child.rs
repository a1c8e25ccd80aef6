//! Child processes: started, waited for until they are ready, ended by their own handle.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::error::{Doing, Error};
use crate::role::Role;

/// What a child says once it can be used.
pub(crate) const READY: &str = "ready";

/// Somebody to run a client process as: uid and gid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunAs(pub(crate) u32, pub(crate) u32);

/// A child process that takes lines and answers lines; it ends when this is dropped.
pub(crate) struct Partner {
    name: String,
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Partner {
    /// Starts this program (`exe`) in a role, as oneself or somebody else, and waits until it is ready.
    pub(crate) fn start(exe: &Path, role: &Role, run_as: Option<RunAs>) -> Result<Self, Error> {
        let mut command = Command::new(exe);
        command.envs(role.variable());
        command.args(role.args()).stdin(Stdio::piped()).stdout(Stdio::piped());
        if let Some(RunAs(uid, gid)) = run_as {
            command.uid(uid).gid(gid);
        }
        let name = format!("{role:?}");
        let mut child = command.spawn().doing(format!("start {name}"))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::Child { who: name, said: "nothing: it has no pipes".to_owned() });
        };
        let mut partner = Self { name, child, orders, answers: BufReader::new(answers) };
        match partner.answer()? {
            ready if ready == READY => Ok(partner),
            said => Err(Error::Child { who: partner.name.clone(), said }),
        }
    }

    /// Gives an order: one line.
    pub(crate) fn order(&mut self, order: &str) -> Result<(), Error> {
        writeln!(self.orders, "{order}").doing(format!("give an order to {}", self.name))
    }

    /// Waits for an answer: one line.
    pub(crate) fn answer(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.answers.read_line(&mut line).doing(format!("hear from {}", self.name))?;
        Ok(line.trim_end().to_owned())
    }

    /// Gives an order and waits for the answer.
    pub(crate) fn ask(&mut self, order: &str) -> Result<String, Error> {
        self.order(order)?;
        match self.answer()? {
            silence if silence.is_empty() => Err(Error::Child { who: self.name.clone(), said: silence }),
            answer => Ok(answer),
        }
    }

    /// Returns who it is, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Partner {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a child process and waits until it is gone.
pub(crate) fn end(child: &mut Child) {
    // Both fail only where it has ended already.
    drop(child.kill());
    drop(child.wait());
}

/// Says that this child can be used.
pub(crate) fn say_ready() -> Result<(), Error> {
    say(READY)
}

/// Answers an order: one line.
pub(crate) fn say(answer: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}").and_then(|()| out.flush()).doing("answer the bench")
}
