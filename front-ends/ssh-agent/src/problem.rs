use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the program ended.
#[derive(Debug)]
pub enum Problem {
    /// There can be no socket there.
    Socket(PathBuf, io::Error),
    /// What was passed as a socket is none that serves.
    BadSocket(&'static str),
    /// What came by ssh-add cannot be read.
    Book(PathBuf, io::Error),
    /// `SSH_AGENT_PID` says no process.
    NoAgent,
    /// The command cannot be run.
    Command(String, io::Error),
    /// The system refused something: what, and why.
    System(&'static str, io::Error),
}

impl Problem {
    /// Returns the exit code: 1 failed, 2 wrong usage.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NoAgent => 2,
            Self::Socket(..) | Self::BadSocket(_) | Self::Book(..) | Self::Command(..) | Self::System(..) => {
                1
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path, error) => write!(formatter, "cannot listen at {}: {error}", path.display()),
            Self::BadSocket(why) => write!(formatter, "cannot serve the socket that was passed: {why}"),
            Self::Book(path, error) => write!(
                formatter,
                "cannot read {}, which says what came by ssh-add and until when: {error}; mend or remove it",
                path.display()
            ),
            Self::NoAgent => {
                formatter.write_str("cannot end the agent: SSH_AGENT_PID is not set to a process")
            }
            Self::Command(program, error) => write!(formatter, "cannot run {program}: {error}"),
            Self::System(what, error) => write!(formatter, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Socket(_, error)
            | Self::Book(_, error)
            | Self::Command(_, error)
            | Self::System(_, error) => Some(error),
            Self::BadSocket(_) | Self::NoAgent => None,
        }
    }
}
