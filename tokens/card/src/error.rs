use std::borrow::Cow;
use std::fmt;

use claviger_token::{Algorithm, Mechanism, TokenError};

/// Why a card did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardError {
    // What a person can mend.
    /// The PIN is wrong.
    WrongPin {
        /// How many tries are left, where the card says so.
        tries_left: Option<u32>,
    },
    /// The PIN is blocked.
    PinBlocked,
    /// The PIN, or the operation, needs a PIN that was not given.
    PinNeeded,
    /// One try is left, and nobody said that it may be used.
    LastTry,
    /// So few tries are left that a login spends none of them.
    TriesKept {
        /// How many.
        tries_left: u32,
    },
    /// A PIN, PUK or management key that cannot be right; it was not sent.
    SecretUnfit(Cow<'static, str>),
    /// The PUK, reset code, management key or Admin PIN is needed: its name.
    AuthorityNeeded(&'static str),
    /// The PUK, reset code, management key or Admin PIN is wrong: its name.
    WrongAuthority(&'static str),
    /// The card wanted to be touched and was not.
    NotTouched,
    /// The person cancelled at the pin pad, or let its time pass.
    Declined,

    // What was asked cannot be.
    /// There is no key at that place.
    NoSuchKey,
    /// The card cannot do this with a key of that algorithm.
    MechanismNotSupported(Mechanism, Algorithm),
    /// The card cannot make or take a key of that algorithm.
    AlgorithmNotSupported(Algorithm),
    /// The card cannot do such a thing at all.
    NotSupported(&'static str),
    /// The data do not fit.
    DataInvalid(Cow<'static, str>),

    // The card is not there, or not well.
    /// The card went away, or was reset, before or during the exchange; nothing is known of how far it came.
    Gone,
    /// Another card, or another key at the place, than the one expected.
    Wrong(Cow<'static, str>),
    /// Another program holds the card, or holds it exclusively.
    Busy(Cow<'static, str>),
    /// pcscd, or the OpenSC helper, cannot be reached.
    ServiceGone(Cow<'static, str>),
    /// The answer was not what the standard says: what, and how.
    Malformed(Cow<'static, str>),
    /// The card answered with a status word that means a fault: what was asked, and the word.
    Status(&'static str, u16),
    /// PC/SC reports a fault.
    Reader(Cow<'static, str>),
    /// The time for this passed.
    Timeout,
}

impl fmt::Display for CardError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongPin { tries_left: Some(tries) } => {
                write!(formatter, "the PIN is wrong, {tries} tries left")
            }
            Self::WrongPin { tries_left: None } => formatter.write_str("the PIN is wrong"),
            Self::PinBlocked => formatter.write_str("the PIN is blocked"),
            Self::PinNeeded => formatter.write_str("the PIN is needed"),
            Self::LastTry => formatter.write_str("one try is left at the PIN"),
            Self::TriesKept { tries_left: 1 } => formatter.write_str("the last try at the PIN is kept"),
            Self::TriesKept { tries_left } => {
                write!(formatter, "the last {tries_left} tries at the PIN are kept")
            }
            Self::SecretUnfit(why) | Self::DataInvalid(why) | Self::Wrong(why) | Self::Reader(why) => {
                formatter.write_str(why)
            }
            Self::AuthorityNeeded(what) => write!(formatter, "the {what} is needed"),
            Self::WrongAuthority(what) => write!(formatter, "the {what} is wrong"),
            Self::NotTouched => formatter.write_str("the card was not touched"),
            Self::Declined => formatter.write_str("the person gave up at the pin pad"),
            Self::NoSuchKey => formatter.write_str("there is no key at that place"),
            Self::MechanismNotSupported(mechanism, algorithm) => {
                write!(formatter, "a {algorithm} key cannot do {mechanism} on this card")
            }
            Self::AlgorithmNotSupported(algorithm) => write!(formatter, "the card takes no {algorithm} keys"),
            Self::NotSupported(what) => write!(formatter, "the card cannot {what}"),
            Self::Gone => formatter.write_str("the card went away"),
            Self::Busy(holder) => write!(formatter, "the card is in use by {holder}"),
            Self::ServiceGone(what) => write!(formatter, "{what} cannot be reached"),
            Self::Malformed(what) => write!(formatter, "the card's answer is malformed: {what}"),
            Self::Status(what, word) => write!(formatter, "{what} was answered with {word:04X}"),
            Self::Timeout => formatter.write_str("the card did not answer in time"),
        }
    }
}

impl std::error::Error for CardError {}

/// The one mapping to what every token says.
impl From<CardError> for TokenError {
    fn from(error: CardError) -> Self {
        match error {
            CardError::WrongPin { tries_left } => Self::WrongSecret { tries_left },
            CardError::PinBlocked => Self::Blocked,
            CardError::PinNeeded => Self::Locked,
            CardError::LastTry => Self::LastTry,
            CardError::TriesKept { tries_left } => Self::TriesKept { tries_left },
            CardError::SecretUnfit(why) => Self::SecretUnfit(why),
            CardError::AuthorityNeeded(what) => Self::AuthorityNeeded(what),
            CardError::WrongAuthority(what) => Self::WrongAuthority(what),
            CardError::NotTouched => Self::PresenceNeeded,
            CardError::Declined => Self::Declined,
            CardError::NoSuchKey => Self::NoSuchKey,
            CardError::MechanismNotSupported(mechanism, algorithm) => {
                Self::MechanismNotSupported(mechanism, algorithm)
            }
            CardError::AlgorithmNotSupported(algorithm) => Self::AlgorithmNotSupported(algorithm),
            CardError::NotSupported(what) => Self::NotSupported(what),
            CardError::DataInvalid(why) => Self::DataInvalid(why),
            CardError::Gone => Self::Removed,
            CardError::Wrong(how) => Self::Wrong(how),
            CardError::Busy(holder) => Self::Busy(holder),
            CardError::ServiceGone(_) => Self::Absent,
            CardError::Timeout => Self::Timeout,
            fault @ (CardError::Malformed(_) | CardError::Status(..) | CardError::Reader(_)) => {
                Self::Device(fault.to_string().into())
            }
        }
    }
}
