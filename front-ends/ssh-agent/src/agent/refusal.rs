use std::fmt;
use std::io;

use claviger_client::Error;

use crate::der::BadKey;
use crate::sessions::{NotBound, NotPermitted};

/// Why a client is answered `SSH_AGENT_FAILURE`.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// There is no such key here.
    NoSuchKey,
    /// The key signs in no such way.
    NoSuchScheme(String),
    /// The key may not be used there.
    NotPermitted(String, NotPermitted),
    /// The key store refused, or could not be reached: what for, of which key.
    Store(&'static str, String, Error),
    /// A connection is not bound.
    NotBound(NotBound),
    /// No PKCS#8 comes of the key.
    BadKey(BadKey),
    /// The book cannot be read or kept.
    Book(io::Error),
    /// A change, asked over a forwarded connection.
    FromElsewhere,
    /// It was not locked.
    NotLocked,
    /// It was not unlocked.
    NotUnlocked,
    /// `ssh-add -s`.
    Smartcard,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchKey => formatter.write_str("cannot use a key: there is none that is called so here"),
            Self::NoSuchScheme(key) => {
                write!(formatter, "cannot sign with {key}: it does not sign so (RSA signs with SHA-2 only)")
            }
            Self::NotPermitted(key, why) => write!(formatter, "cannot sign with {key}: {why}"),
            Self::Store(what, key, error) if key.is_empty() => write!(formatter, "cannot {what}: {error}"),
            Self::Store(what, key, error) => write!(formatter, "cannot {what} {key}: {error}"),
            Self::NotBound(why) => write!(formatter, "cannot bind a connection: {why}"),
            Self::BadKey(error) => error.fmt(formatter),
            Self::Book(error) => write!(formatter, "cannot keep what came by ssh-add: {error}"),
            Self::FromElsewhere => formatter.write_str(
                "cannot change keys for another machine: they are added, removed and locked here only",
            ),
            Self::NotLocked => formatter.write_str("cannot lock: it is locked already, or there is no memory"),
            Self::NotUnlocked => formatter.write_str("cannot unlock: the pass phrase is wrong, or it is not locked"),
            Self::Smartcard => formatter.write_str(
                "cannot add a card: cards are Claviger's own business (claviger card enrol), and their keys are here then",
            ),
        }
    }
}

impl std::error::Error for Refusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(_, _, error) => Some(error),
            Self::Book(error) => Some(error),
            Self::NotPermitted(_, error) => Some(error),
            Self::NotBound(error) => Some(error),
            Self::BadKey(error) => Some(error),
            Self::NoSuchKey
            | Self::NoSuchScheme(_)
            | Self::FromElsewhere
            | Self::NotLocked
            | Self::NotUnlocked
            | Self::Smartcard => None,
        }
    }
}
