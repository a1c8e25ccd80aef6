use std::fmt;
use std::io;

use crate::approval::PolicyError;
use crate::control::ClientError;
use crate::module::InitError;
use crate::store::StoreError;

/// Why the program ended.
#[derive(Debug)]
pub enum Problem {
    /// The words make no sense together.
    Usage(String),
    /// The folder cannot be used.
    Store(StoreError),
    /// No store was made.
    Init(InitError),
    /// There is no such policy.
    Policy(PolicyError),
    /// The agent that runs cannot be asked.
    Agent(ClientError),
    /// The agent that runs said no: the exit code, and why.
    Answered(u8, String),
    /// There are no keys yet.
    NoStore,
    /// The pass phrase does not open the store.
    Locked(claviger_token::TokenError),
    /// A secret cannot be had: why.
    Secret(String),
    /// The system refused something: what, and why.
    System(String, io::Error),
}

/// It did not work.
pub(crate) const FAILED: u8 = 1;
/// The words are wrong.
pub(crate) const USAGE: u8 = 2;
/// The keys are locked, or the secret is wrong.
pub(crate) const LOCKED: u8 = 3;
/// The agent does not run.
pub(crate) const ABSENT: u8 = 4;
/// Somebody said no.
pub(crate) const REFUSED: u8 = 5;

impl Problem {
    /// Returns the exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Policy(_) => USAGE,
            Self::Agent(ClientError::NotRunning) => ABSENT,
            Self::Answered(code, _) => *code,
            Self::NoStore | Self::Locked(_) => LOCKED,
            Self::Store(_)
            | Self::Init(_)
            | Self::Agent(ClientError::System(_) | ClientError::Odd(_))
            | Self::Secret(_)
            | Self::System(..) => FAILED,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Secret(why) => formatter.write_str(why),
            Self::Store(error) | Self::Init(InitError::Store(error)) => error.fmt(formatter),
            Self::Init(InitError::PassPhrase(error)) => write!(formatter, "cannot make a store: {error}"),
            Self::Policy(error) => error.fmt(formatter),
            Self::Agent(error) => error.fmt(formatter),
            Self::Answered(_, why) => formatter.write_str(why),
            Self::NoStore => {
                formatter.write_str("cannot keep keys: there is no store yet; make one: claviger-phone init")
            }
            Self::Locked(error) => write!(formatter, "cannot unlock the keys: {error}"),
            Self::System(what, error) => write!(formatter, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) | Self::Init(InitError::Store(error)) => Some(error),
            Self::Init(InitError::PassPhrase(error)) | Self::Locked(error) => Some(error),
            Self::Policy(error) => Some(error),
            Self::Agent(error) => Some(error),
            Self::System(_, error) => Some(error),
            Self::Usage(_) | Self::Answered(..) | Self::NoStore | Self::Secret(_) => None,
        }
    }
}

macro_rules! from {
    ($($error:ty => $variant:ident),*) => {
        $(impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}
from!(StoreError => Store, InitError => Init, PolicyError => Policy, ClientError => Agent);
