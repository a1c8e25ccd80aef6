use std::fmt;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use claviger_client::{Secret, secret_descriptor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Opener;
use crate::ffi;
use crate::host::User;
use crate::text::harmless;

/// What is to be changed into what.
pub(super) struct Change {
    pub(super) opener: Opener,
    pub(super) old: Secret,
    pub(super) new: Secret,
}

/// Why it was not changed, or nobody knows.
#[derive(Debug)]
pub(super) enum Failure {
    /// The program says why, for the person.
    Refused(String),
    /// It did not come to an end in time.
    TooLate,
    /// It could not be run, or somebody else has taken note of its end.
    Program(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(text) => formatter.write_str(text),
            Self::TooLate => write!(formatter, "{PROGRAM} did not end in time"),
            Self::Program(error) => write!(formatter, "cannot run {PROGRAM}: {error}"),
        }
    }
}

/// Changes it by the `claviger` program, run as the user.
///
/// The daemon lets nobody but the user change it, root neither, and `passwd` is root. A thread of this process could become
/// the user for a while, but so would then whatever else it is made to run; a child that goes on without another program may
/// do next to nothing where the host program has threads. So it is a program of ours, with an empty environment, the secrets
/// in sealed descriptors, and nothing of the host program's but its errors' pipe.
pub(super) fn change(user: &User, change: &Change) -> Result<(), Failure> {
    let (mut command, errors) = command(user, change).map_err(Failure::Program)?;
    let mut child = command.spawn().map_err(Failure::Program)?;
    // It has our end of the pipe, and the secrets.
    drop(command);
    let deadline = Instant::now() + LIMIT;
    let said = listen(errors, deadline);
    if said.is_none() {
        // It may have ended meanwhile.
        drop(child.kill());
    }
    let status = end(&mut child)?;
    match said {
        None => Err(Failure::TooLate),
        Some(_) if status => Ok(()),
        Some(said) => Err(Failure::Refused(first_line(&said))),
    }
}

/// Returns the command, and where its errors come.
fn command(user: &User, change: &Change) -> io::Result<(Command, io::PipeReader)> {
    let Change { opener, old, new } = change;
    // Above the standard streams, which the host program may have closed.
    let above = |secret: &Secret| {
        let descriptor = secret_descriptor(secret.as_bytes())?;
        rustix::io::fcntl_dupfd_cloexec(&descriptor, 3).map_err(io::Error::from)
    };
    let (old, new) = (above(old)?, above(new)?);
    let (reader, writer) = io::pipe()?;
    let (words, options): (&[&str], [&str; 2]) = match opener {
        Opener::Passphrase => (&["passphrase"], ["--passphrase-fd", "--new-passphrase-fd"]),
        Opener::Pin => (&["card", "pin", "change"], ["--pin-fd", "--new-pin-fd"]),
    };
    let mut command = Command::new(PROGRAM);
    command.args(words);
    for (option, descriptor) in options.into_iter().zip([&old, &new]) {
        command.arg(option).arg(descriptor.as_raw_fd().to_string());
    }
    command.env_clear().current_dir("/").uid(user.uid).gid(user.gid);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(writer);
    let secrets: Vec<OwnedFd> = vec![old, new];
    ffi::give(&mut command, secrets);
    Ok((command, reader))
}

/// Returns what comes until the end; `None` where the time was over before.
fn listen(mut errors: io::PipeReader, deadline: Instant) -> Option<Vec<u8>> {
    let mut said = Vec::new();
    let mut bytes = [0; 512];
    loop {
        let left = deadline.checked_duration_since(Instant::now())?;
        let left = Timespec::try_from(left).ok()?;
        let ready = poll(&mut [PollFd::new(&errors, PollFlags::IN)], Some(&left));
        match ready {
            // A signal of the host program's, or nothing yet.
            Err(rustix::io::Errno::INTR) | Ok(0) => {}
            Err(_) => return None,
            Ok(_) => match errors.read(&mut bytes) {
                Ok(0) => return Some(said),
                Ok(length) if said.len() < MOST => said.extend_from_slice(&bytes[..length]),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            },
        }
    }
}

/// Takes note of its end; returns true where it did what it should.
fn end(child: &mut Child) -> Result<bool, Failure> {
    // A host program that ignores SIGCHLD lets nobody know: "no child processes".
    child.wait().map(|status| status.success()).map_err(Failure::Program)
}

/// Returns the line that says why; what follows is a hint for a shell.
fn first_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().next().unwrap_or_default();
    let line = line.strip_prefix("claviger: ").unwrap_or(line);
    if line.is_empty() { "cannot change it: no reason was given".to_owned() } else { harmless(line) }
}

/// By its place, whatever the path is.
const PROGRAM: &str = "/usr/bin/claviger";

/// A card may be slow, and a pass phrase is derived twice.
const LIMIT: Duration = Duration::from_secs(60);

/// Nobody says more about an error.
const MOST: usize = 4096;
