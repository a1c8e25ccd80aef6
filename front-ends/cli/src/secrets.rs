//! Pass phrases, consent phrases and recovery codes: asked on the terminal with echo off, or read from a
//! descriptor or a file. Never from an argument or the environment.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use claviger_client::{Secret, names};
use rustix::process::{PidfdFlags, PidfdGetfdFlags};
use zeroize::Zeroizing;

use crate::Problem;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It is asked for on the terminal; the option that reads it from elsewhere, without its ending.
    Terminal(&'static str),
    /// An open descriptor of this process.
    Descriptor(u32),
    /// A file; `-` is standard input.
    File(PathBuf),
}

impl Source {
    /// Returns the source that the two options name; clap refuses both together.
    pub(crate) fn from_options(option: &'static str, descriptor: Option<u32>, file: Option<PathBuf>) -> Self {
        match (descriptor, file) {
            (Some(descriptor), _) => Self::Descriptor(descriptor),
            (None, Some(file)) => Self::File(file),
            (None, None) => Self::Terminal(option),
        }
    }

    /// Gets a secret that exists: `what` is its name in a prompt, for example "pass phrase".
    pub(crate) fn get(&self, what: &str) -> Result<Secret, Problem> {
        match self {
            Self::Terminal(option) => ask(&format!("{}: ", capitalised(what)), what, option),
            Self::Descriptor(_) | Self::File(_) => strip(self.read(what)?, what),
        }
    }

    /// Returns true where a person is asked.
    pub(crate) const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// Gets bytes that may end in a new line of their own: nothing is stripped. On the terminal it is a line.
    pub(crate) fn bytes(&self, what: &str) -> Result<Secret, Problem> {
        match self {
            Self::Terminal(option) => ask(&format!("{}: ", capitalised(what)), what, option),
            Self::Descriptor(_) | Self::File(_) => self.read(what),
        }
    }

    /// Gets a secret that is being chosen: on the terminal it is asked for twice.
    pub(crate) fn choose(&self, what: &str) -> Result<Secret, Problem> {
        let Self::Terminal(option) = self else { return self.get(what) };
        let secret = ask(&format!("{}: ", capitalised(what)), what, option)?;
        let again = ask("Once more: ", what, option)?;
        if secret == again {
            Ok(secret)
        } else {
            Err(Problem::Failed(format!("the two {what}s differ; nothing was changed")))
        }
    }

    fn read(&self, what: &str) -> Result<Secret, Problem> {
        let (name, opened) = match self {
            Self::Descriptor(number) => (format!("descriptor {number}"), descriptor(*number)),
            Self::File(path) if path.as_os_str() == "-" => {
                return take(std::io::stdin().lock(), "standard input", what);
            }
            Self::File(path) => (path.display().to_string(), File::open(path)),
            Self::Terminal(_) => return Err(Problem::Usage(format!("there is no {what}"))),
        };
        let file = opened.map_err(|error| Problem::file("read", name.as_str(), error))?;
        take(file, &name, what)
    }
}

/// Returns a copy of one of this process's descriptors. Opening `/proc/self/fd/N` anew would not do: a pipe that
/// another user made (`sudo -u alice claviger unlock --passphrase-fd 3 3< …`) cannot be opened, only read.
fn descriptor(number: u32) -> std::io::Result<File> {
    let number = i32::try_from(number).map_err(|_| rustix::io::Errno::BADF)?;
    let this = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
    Ok(rustix::process::pidfd_getfd(this, number, PidfdGetfdFlags::empty())?.into())
}

/// Strips one new line.
fn strip(secret: Secret, what: &str) -> Result<Secret, Problem> {
    match secret.as_bytes().strip_suffix(b"\n") {
        Some(stripped) => not_empty(Secret::new(stripped.to_vec()), what),
        None => Ok(secret),
    }
}

/// Reads a secret to its end.
fn take(source: impl Read, name: &str, what: &str) -> Result<Secret, Problem> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    source
        .take(names::SECRET_LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::file("read", name, error))?;
    if bytes.len() > names::SECRET_LIMIT {
        return Err(Problem::Failed(format!("cannot read the {what} from {name}: it has more than 64 KiB")));
    }
    not_empty(Secret::from(bytes), what)
}

fn ask(prompt: &str, what: &str, option: &str) -> Result<Secret, Problem> {
    let answer = rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Problem::Failed(format!("no {what} was entered")),
        _ => Problem::Usage(format!(
            "cannot ask for the {what}: there is no terminal ({error}); use --{option}-fd N or --{option}-file FILE"
        )),
    })?;
    not_empty(Secret::new(answer.into_bytes()), what)
}

fn not_empty(secret: Secret, what: &str) -> Result<Secret, Problem> {
    if secret.as_bytes().is_empty() {
        return Err(Problem::Failed(format!("the {what} is empty")));
    }
    Ok(secret)
}

fn capitalised(what: &str) -> String {
    let mut letters = what.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Source, capitalised, strip, take};
    use crate::Problem;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    fn taken(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
        let secret = strip(take(bytes, "a test", "pass phrase")?, "pass phrase")?;
        Ok(secret.as_bytes().to_vec())
    }

    #[test]
    fn exactly_one_new_line_is_stripped() -> Result<(), Problem> {
        assert_eq!(taken(b"horse\n")?, b"horse");
        assert_eq!(taken(b"horse\n\n")?, b"horse\n");
        assert_eq!(taken(b" horse ")?, b" horse ");
        Ok(())
    }

    #[test]
    fn bytes_keep_a_new_line_at_their_end() -> Result<(), Problem> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        std::fs::write(&path, b"raw\n").expect("a file");
        let source = Source::File(path);
        assert_eq!(source.bytes("management key")?.as_bytes(), b"raw\n");
        assert_eq!(source.get("management key")?.as_bytes(), b"raw");
        Ok(())
    }

    #[test]
    fn an_empty_or_endless_secret_is_refused() {
        assert!(taken(b"\n").is_err());
        assert!(taken(b"").is_err());
        assert!(taken(&vec![b'x'; 64 * 1024 + 1]).is_err());
    }

    #[test]
    fn a_descriptor_is_read() -> Result<(), Problem> {
        let (reading, writing) = rustix::pipe::pipe().expect("a pipe");
        std::fs::File::from(writing).write_all(b"horse\n").expect("room in the pipe");
        let number = u32::try_from(reading.as_raw_fd()).expect("a descriptor");
        assert_eq!(Source::Descriptor(number).get("pass phrase")?.as_bytes(), b"horse");
        Ok(())
    }

    #[test]
    fn prompts_begin_with_a_capital() {
        assert_eq!(capitalised("pass phrase"), "Pass phrase");
    }
}
