//! Pass phrases, PINs and pairing URIs: asked on the terminal with echo off, or read from a descriptor or a file. Never from
//! an argument or the environment.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;

use claviger_token::Secret;
use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use zeroize::Zeroizing;

use crate::problem::Problem;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The person is asked.
    Terminal,
    /// Standard input; the person is asked where that is a terminal.
    Input,
    /// An open descriptor of this process.
    Descriptor(u32),
    /// A file; `-` is standard input.
    File(PathBuf),
}

impl Source {
    /// Gets the secret; `what` is its name in a prompt.
    pub(crate) fn get(&self, what: &str) -> Result<Secret, Problem> {
        match self {
            Self::Terminal => ask(&format!("{what}: ")),
            Self::Input if io::stdin().is_terminal() => ask(&format!("{what}: ")),
            Self::Input => take(io::stdin().lock(), what),
            Self::Descriptor(number) => {
                let opened = descriptor(*number);
                take(opened.map_err(|error| failed(&format!("descriptor {number}"), error))?, what)
            }
            Self::File(path) if path.as_os_str() == "-" => take(io::stdin().lock(), what),
            Self::File(path) => {
                let opened = File::open(path);
                take(opened.map_err(|error| failed(&path.display().to_string(), error))?, what)
            }
        }
    }

    /// Gets a secret that is being chosen: on the terminal it is asked for twice.
    pub(crate) fn choose(&self, what: &str) -> Result<Secret, Problem> {
        let secret = self.get(what)?;
        if *self == Self::Terminal && ask("once more: ")?.expose() != secret.expose() {
            return Err(Problem::Secret(format!("the two {what}es differ; nothing was made")));
        }
        Ok(secret)
    }
}

/// Returns a copy of one of this process's descriptors. Opening `/proc/self/fd/N` anew would not do: a pipe that
/// another user made cannot be opened, only read.
fn descriptor(number: u32) -> io::Result<File> {
    let number = i32::try_from(number).map_err(|_| Errno::BADF)?;
    let this = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty());
    let copied = this.and_then(|this| rustix::process::pidfd_getfd(this, number, PidfdGetfdFlags::empty()));
    match copied {
        Ok(copy) => Ok(copy.into()),
        Err(Errno::BADF) => Err(Errno::BADF.into()),
        // Kernels of phones can be older than that call (Linux 5.6), and a filter can forbid it.
        Err(_) => File::open(format!("/proc/self/fd/{number}")),
    }
}

/// Reads a secret to its end and strips one new line.
fn take(source: impl Read, what: &str) -> Result<Secret, Problem> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
    let read = source.take(LIMIT as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(&format!("the {what}"), error))?;
    if bytes.len() > LIMIT {
        return Err(Problem::Secret(format!("cannot read the {what}: it has more than {LIMIT} bytes")));
    }
    let length = bytes.strip_suffix(b"\n").unwrap_or(&bytes).len();
    not_empty(Secret::take(&mut bytes[..length]))
}

fn ask(prompt: &str) -> Result<Secret, Problem> {
    let answer = rpassword::prompt_password(prompt).map_err(|error| {
        Problem::Usage(format!(
            "cannot ask: there is no terminal ({error}); give it by a descriptor or a file"
        ))
    })?;
    not_empty(Secret::new(answer.into_bytes()))
}

fn not_empty(secret: Secret) -> Result<Secret, Problem> {
    if secret.is_empty() { Err(Problem::Secret("nothing was entered".to_owned())) } else { Ok(secret) }
}

fn failed(what: &str, error: io::Error) -> Problem {
    Problem::System(format!("read {what}"), error)
}

const LIMIT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::{LIMIT, Source, take};
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn exactly_one_new_line_is_stripped_and_nothing_is_no_secret() {
        let taken = |bytes: &[u8]| take(bytes, "pass phrase").ok().map(|secret| secret.expose().to_vec());
        assert_eq!(taken(b" horse \n").as_deref(), Some(&b" horse "[..]));
        assert_eq!(taken(b"horse\n\n").as_deref(), Some(&b"horse\n"[..]));
        assert_eq!(taken(b"\n"), None);
        assert_eq!(taken(&vec![b'x'; LIMIT + 1]), None);
    }

    #[test]
    fn a_descriptor_is_read() {
        let (reading, writing) = rustix::pipe::pipe().expect("a pipe");
        std::fs::File::from(writing).write_all(b"horse\n").expect("room");
        let number = u32::try_from(reading.as_raw_fd()).expect("a descriptor");
        assert_eq!(Source::Descriptor(number).get("pass phrase").expect("a secret").expose(), b"horse");
    }
}
