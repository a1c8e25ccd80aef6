use std::fmt;
use std::io;

use claviger_client::{Error, ErrorName};
use serde_json::json;

use crate::import::ImportError;

/// What went wrong, as the user is told.
#[derive(Debug)]
pub enum Problem {
    /// The key store refused, or could not be reached.
    Store(Error),
    /// Something about a file: which, doing what, why.
    File(&'static str, String, io::Error),
    /// A private key file was not understood.
    Import(String, ImportError),
    /// The words make no sense together, or something that was asked for cannot be: the whole sentence.
    Usage(String),
    /// The signature is not right.
    BadSignature,
    /// The recovery code is not right.
    WrongCode,
    /// What was asked for did not come out: the whole sentence.
    Failed(String),
}

impl Problem {
    /// Returns a problem with a file.
    pub fn file(doing: &'static str, file: impl Into<String>, error: impl Into<io::Error>) -> Self {
        Self::File(doing, file.into(), error.into())
    }

    /// Returns the exit code: 1 failed, 2 usage, 3 locked or a person needed, 4 token absent, 5 refused.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Store(error) => error.name().map_or(FAILED, exit_code),
            Self::Usage(_) => USAGE,
            Self::WrongCode | Self::Import(_, ImportError::WrongPassphrase) => REFUSED,
            Self::File(..) | Self::Import(..) | Self::BadSignature | Self::Failed(_) => FAILED,
        }
    }

    /// Tells it on standard error.
    pub fn report(&self, as_json: bool) {
        let hint = self.hint();
        if as_json {
            let name = match self {
                Self::Store(error) => error.name().map(ErrorName::short),
                Self::WrongCode => Some(ErrorName::WrongPassphrase.short()),
                _ => None,
            };
            eprintln!("{}", json!({ "error": name, "text": self.to_string(), "hint": hint }));
            return;
        }
        eprintln!("claviger: {self}");
        // The key store's own text says what to do next where it knows.
        if let Some(hint) = hint.filter(|_| !self.to_string().contains(ADVICE)) {
            eprintln!("hint: {hint}");
        }
    }

    /// Returns what helps.
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(error) => store_hint(error),
            Self::Import(_, ImportError::WrongPassphrase) => {
                Some("the pass phrase asked for is the file's, not the account's")
            }
            Self::Import(_, ImportError::PublicOnly) => Some("give the file without .pub"),
            Self::File(..)
            | Self::Import(..)
            | Self::BadSignature
            | Self::WrongCode
            | Self::Usage(_)
            | Self::Failed(_) => None,
        }
    }
}

/// Returns the exit code of a refusal. Every name has one.
pub const fn exit_code(name: ErrorName) -> u8 {
    use ErrorName as E;
    match name {
        E::InvalidArgs => USAGE,
        E::Locked | E::SessionLocked | E::PinNeeded | E::BadPin | E::UserPresenceNeeded => LOCKED,
        E::TokenAbsent | E::TokenRemoved | E::WrongToken | E::NoSuchToken => ABSENT,
        E::AccessDenied
        | E::InteractiveAuthorizationRequired
        | E::LimitsExceeded
        | E::TryLater
        | E::WrongPassphrase
        | E::WrongConsentPhrase
        | E::PinLocked
        | E::Declined
        | E::RegistrationPending
        | E::UsageNotAllowed
        | E::KeyRevoked
        | E::UnknownCaller => REFUSED,
        E::NoSuchKey
        | E::NoSuchUser
        | E::AmbiguousKey
        | E::AlreadyExists
        | E::NotRegistered
        | E::Cancelled
        | E::DeviceBusy
        | E::DeviceError
        | E::Timeout
        | E::MechanismNotSupported
        | E::DataInvalid
        | E::DataTooLarge
        | E::StoreCorrupt
        | E::StoreFull
        | E::Internal
        | E::NotSupported => FAILED,
    }
}

/// What a text has that says which command helps, or which program of ours.
const ADVICE: &str = "`claviger";

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const LOCKED: u8 = 3;
const ABSENT: u8 = 4;
const REFUSED: u8 = 5;

const fn store_hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Refused(refusal) => refusal_hint(refusal.name),
        Error::NoBus(_) | Error::NoDaemon(_) | Error::Untrusted(_) | Error::Protocol(_) => {
            Some("`claviger doctor` says what to mend")
        }
        Error::Timeout | Error::Lost(_) => {
            Some("it may have been done all the same: look with `claviger status` or `claviger key list`")
        }
        Error::Local(..) => None,
    }
}

const fn refusal_hint(name: ErrorName) -> Option<&'static str> {
    use ErrorName as E;
    match name {
        E::NoSuchKey => Some("`claviger key list` shows your keys"),
        E::AmbiguousKey => Some("name the key by its id: `claviger key list`"),
        E::NoSuchUser => Some("`claviger admin user list` shows the users"),
        E::NotRegistered => Some("make an account with `claviger register`"),
        E::RegistrationPending => Some(
            "an administrator consents with `claviger admin consent USER`, then you enter the phrase with `claviger consent`",
        ),
        E::Locked => Some("unlock your keys with `claviger unlock`"),
        E::PinNeeded => Some("`claviger card unlock` asks for the PIN"),
        E::PinLocked => Some("`claviger card pin unblock` sets a new PIN with the PUK"),
        E::NoSuchToken => {
            Some("`claviger token list` shows your tokens, `claviger card list` the cards in the readers")
        }
        E::UserPresenceNeeded => Some("try again and touch the card when it blinks"),
        E::TokenAbsent | E::TokenRemoved | E::WrongToken => Some(
            "insert the card, or bring the phone near or plug it in: `claviger token list` shows yours, `claviger phone list` what keeps a phone away",
        ),
        E::DeviceBusy => Some("end the program that holds the card or the line, or wait for it"),
        E::SessionLocked => Some("unlock your screen"),
        E::TryLater => Some("`claviger status` shows when the next try is looked at"),
        E::WrongPassphrase => Some("with a recovery code, `claviger recovery use` sets a new pass phrase"),
        E::MechanismNotSupported | E::UsageNotAllowed => {
            Some("`claviger key show KEY` lists what a key can do")
        }
        E::StoreCorrupt => Some("`claviger restore` takes a backup back in"),
        E::StoreFull => Some("make room where clavigerd keeps its state (/var/lib/claviger)"),
        E::Internal => Some("the log of clavigerd says more: journalctl -u clavigerd"),
        E::AccessDenied
        | E::AlreadyExists
        | E::WrongConsentPhrase
        | E::BadPin
        | E::Declined
        | E::Cancelled
        | E::DeviceError
        | E::Timeout
        | E::KeyRevoked
        | E::DataInvalid
        | E::DataTooLarge
        | E::UnknownCaller
        | E::InteractiveAuthorizationRequired
        | E::LimitsExceeded
        | E::InvalidArgs
        | E::NotSupported => None,
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
            Self::File(doing, file, error) => write!(formatter, "cannot {doing} {file}: {error}"),
            Self::Import(file, error) => write!(formatter, "cannot import {file}: {error}"),
            Self::Usage(text) | Self::Failed(text) => formatter.write_str(text),
            Self::BadSignature => formatter.write_str("the signature is wrong"),
            Self::WrongCode => formatter.write_str("cannot recover your account: the recovery code is wrong"),
        }
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::File(_, _, error) => Some(error),
            Self::Import(_, error) => Some(error),
            Self::Usage(_) | Self::BadSignature | Self::WrongCode | Self::Failed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, exit_code};
    use claviger_client::{CallError, Error, ErrorName};

    #[test]
    fn every_refusal_has_one_of_the_documented_exit_codes() {
        for name in ErrorName::ALL {
            assert!((1..=5).contains(&exit_code(name)), "{name}");
        }
        assert_eq!(exit_code(ErrorName::Locked), 3);
        assert_eq!((exit_code(ErrorName::PinNeeded), exit_code(ErrorName::BadPin)), (3, 3));
        assert_eq!((exit_code(ErrorName::TokenAbsent), exit_code(ErrorName::TokenRemoved)), (4, 4));
        assert_eq!(exit_code(ErrorName::PinLocked), 5);
        assert_eq!(exit_code(ErrorName::AccessDenied), 5);
        assert_eq!(exit_code(ErrorName::NoSuchKey), 1);
    }

    #[test]
    fn hints_name_commands_as_the_key_store_does() {
        let told = "cannot sign: the local key store is locked; `claviger unlock` unlocks it";
        let problem = Problem::from(Error::Refused(CallError::new(ErrorName::Locked, told)));
        assert!(problem.to_string().contains(super::ADVICE));
        assert!(problem.hint().is_some_and(|hint| hint.contains(super::ADVICE)));
    }
}
