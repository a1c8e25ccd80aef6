use std::fmt;
use std::io;

use claviger_client::NoAnswer;

/// Why a pinentry gave no answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The person gave up, or said no.
    Declined,
    /// The person took too long, it says.
    TimedOut,
    /// It cannot be started.
    Start(String, io::Error),
    /// It ended before it answered.
    Ended,
    /// It answers nothing, where no person is waited for.
    Hangs,
    /// It does not speak Assuan, or says what makes no sense.
    Garbage,
    /// It cannot ask: an error of libgpg-error.
    Refused(u16),
    /// The pipe to it broke otherwise.
    Pipe(io::Error),
}

impl Trouble {
    /// Returns what an error number means.
    pub(crate) const fn from_number(number: u16) -> Self {
        match number {
            CANCELED | FULLY_CANCELED | NOT_CONFIRMED => Self::Declined,
            TIMEOUT => Self::TimedOut,
            other => Self::Refused(other),
        }
    }
}

impl From<Trouble> for NoAnswer {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Declined => Self::Declined,
            Trouble::TimedOut => Self::TimedOut,
            Trouble::Start(..)
            | Trouble::Ended
            | Trouble::Hangs
            | Trouble::Garbage
            | Trouble::Refused(_)
            | Trouble::Pipe(_) => Self::Impossible(trouble.to_string()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => formatter.write_str("cannot ask: the person declined"),
            Self::TimedOut => formatter.write_str("cannot ask: nobody answered in time"),
            Self::Start(program, error) => write!(formatter, "cannot start {program}: {error}"),
            Self::Ended => formatter.write_str("cannot ask: the pinentry ended without an answer"),
            Self::Hangs => formatter.write_str("cannot ask: the pinentry does not answer"),
            Self::Garbage => formatter.write_str("cannot ask: the pinentry does not speak Assuan"),
            Self::Refused(number) => write!(
                formatter,
                "cannot ask: the pinentry reports error {number} of libgpg-error; it may have no display and no terminal"
            ),
            Self::Pipe(error) => write!(formatter, "cannot talk to the pinentry: {error}"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(_, error) | Self::Pipe(error) => Some(error),
            Self::Declined
            | Self::TimedOut
            | Self::Ended
            | Self::Hangs
            | Self::Garbage
            | Self::Refused(_) => None,
        }
    }
}

// gpg-error.h: GPG_ERR_TIMEOUT, GPG_ERR_CANCELED, GPG_ERR_NOT_CONFIRMED, GPG_ERR_FULLY_CANCELED.
const TIMEOUT: u16 = 62;
const CANCELED: u16 = 99;
const NOT_CONFIRMED: u16 = 114;
const FULLY_CANCELED: u16 = 198;
