use std::fmt;
use std::io;

use claviger_dbus::Failure;

/// Why a figure could not be taken. A missed target is not among these: it is a figure.
#[derive(Debug)]
pub(crate) enum Error {
    /// The system refused something.
    System { doing: String, source: io::Error },
    /// A child process said what went wrong, or said nothing sensible.
    Child { who: String, said: String },
    /// The bus or a connection failed.
    Bus(zbus::Error),
    /// A call was answered with an error.
    Call(Failure),
    /// SQLite failed.
    Sqlite(rusqlite::Error),
    /// A library refused to make or use a key of its own.
    Cryptography(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System { doing, source } => write!(out, "cannot {doing}: {source}"),
            Self::Child { who, said } => write!(out, "cannot work with {who}: it said {said:?}"),
            Self::Bus(source) => write!(out, "cannot use the bus: {source}"),
            Self::Call(source) => write!(out, "cannot call: {source}"),
            Self::Sqlite(source) => write!(out, "cannot use SQLite: {source}"),
            Self::Cryptography(doing) => write!(out, "cannot {doing}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<zbus::Error> for Error {
    fn from(source: zbus::Error) -> Self {
        Self::Bus(source)
    }
}

impl From<Failure> for Error {
    fn from(source: Failure) -> Self {
        Self::Call(source)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

/// Says what was being done when the system refused.
pub(crate) trait Doing<T> {
    /// Names the deed: `cannot <deed>: <cause>`.
    fn doing(self, deed: impl Into<String>) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, deed: impl Into<String>) -> Result<T, Error> {
        self.map_err(|source| Error::System { doing: deed.into(), source: source.into() })
    }
}
