use std::fmt;
use std::io;

use claviger_client::{Error, ErrorName};

/// Why the program ended.
#[derive(Debug)]
pub enum Problem {
    /// The key store refused, or could not be reached.
    Store(Error),
    /// The bus went away.
    BusGone,
    /// There is no such pinentry, or it is no program.
    NoPinentry(String),
    /// There is no terminal.
    NoTerminal(io::Error),
    /// The system refused something: what, and why.
    System(&'static str, io::Error),
}

impl Problem {
    /// Returns the exit code: 1 failed, 2 usage, 5 refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(Error::Refused(refusal)) if refusal.name == ErrorName::InvalidArgs => 2,
            Self::Store(Error::Refused(_)) => 5,
            Self::NoTerminal(_) => 2,
            Self::Store(_) | Self::BusGone | Self::NoPinentry(_) | Self::System(..) => 1,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(formatter),
            Self::BusGone => formatter.write_str("cannot go on: the bus is gone"),
            Self::NoPinentry(program) => write!(
                formatter,
                "cannot ask through {program}: there is no such program; install a pinentry, or use --tty"
            ),
            Self::NoTerminal(error) => write!(formatter, "cannot ask on the terminal: {error}"),
            Self::System(what, error) => write!(formatter, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::NoTerminal(error) | Self::System(_, error) => Some(error),
            Self::BusGone | Self::NoPinentry(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use claviger_client::{CallError, Error, ErrorName};

    #[test]
    fn a_refusal_is_told_from_wrong_words() {
        let refused = |name| Problem::from(Error::Refused(CallError::new(name, "cannot"))).exit_code();
        assert_eq!(refused(ErrorName::AlreadyExists), 5, "the session has an agent");
        assert_eq!(refused(ErrorName::InvalidArgs), 2, "there is no such session");
        assert_eq!(Problem::BusGone.exit_code(), 1);
    }
}
