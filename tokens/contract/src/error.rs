use std::borrow::Cow;
use std::fmt;

use crate::{Algorithm, Mechanism};

/// Why a token did not do what it was asked, sorted by what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    // The owner of the key can mend these.
    /// The token must be unlocked first.
    Locked,
    /// The pass phrase or PIN is wrong; `tries_left` where the token counts.
    WrongSecret {
        /// How many tries remain before the token blocks itself.
        tries_left: Option<u32>,
    },
    /// One try is left, and nobody said that it may be used.
    LastTry,
    /// So few tries are left that a login spends none of them; the secret was not tried.
    TriesKept {
        /// How many.
        tries_left: u32,
    },
    /// The token has blocked the secret after too many wrong ones.
    Blocked,
    /// The secret cannot be right: it is too short, too long, or has characters that no such secret has. It was
    /// not tried.
    SecretUnfit(Cow<'static, str>),
    /// What the token's administrator knows is needed for this: the name of it.
    AuthorityNeeded(&'static str),
    /// What was given as the token's administrator's is wrong: the name of it.
    WrongAuthority(&'static str),
    /// The token wanted to be touched and was not.
    PresenceNeeded,
    /// The person gave up, for example at the pin pad.
    Declined,

    // The caller asked for something that cannot be.
    /// The token has no such key.
    NoSuchKey,
    /// The token cannot do this with a key of that algorithm.
    MechanismNotSupported(Mechanism, Algorithm),
    /// The token cannot make or take a key of that algorithm.
    AlgorithmNotSupported(Algorithm),
    /// The token cannot do such a thing at all.
    NotSupported(&'static str),
    /// The data do not fit the mechanism: length, encoding, padding, or a point that is not on the curve.
    DataInvalid(Cow<'static, str>),
    /// There are more data than the token takes.
    DataTooLarge {
        /// The most that it takes, in bytes.
        limit: usize,
    },

    // The token is not there, or not well.
    /// The token cannot be reached.
    Absent,
    /// The token was taken away during the operation.
    Removed,
    /// This is another token, or the key on it is another, than the one asked for.
    Wrong(Cow<'static, str>),
    /// Another program holds the token.
    Busy(Cow<'static, str>),
    /// What is stored is damaged: what, and how one can tell.
    Damaged(Cow<'static, str>),
    /// The device reported a fault.
    Device(Cow<'static, str>),
    /// The token did not answer in time.
    Timeout,
    /// An error inside the token's own code or library.
    Internal(Cow<'static, str>),
}

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => formatter.write_str("the token is locked"),
            Self::WrongSecret { tries_left: None } => formatter.write_str("the secret is wrong"),
            Self::WrongSecret { tries_left: Some(tries) } => {
                write!(formatter, "the secret is wrong, {tries} tries left")
            }
            Self::LastTry => formatter.write_str("one try is left before the token blocks itself"),
            Self::TriesKept { tries_left: 1 } => formatter.write_str("the last try is kept for its owner"),
            Self::TriesKept { tries_left } => {
                write!(formatter, "the last {tries_left} tries are kept for its owner")
            }
            Self::Blocked => formatter.write_str("the token has blocked its PIN after too many wrong ones"),
            Self::SecretUnfit(why) => formatter.write_str(why),
            Self::AuthorityNeeded(what) => write!(formatter, "the {what} is needed"),
            Self::WrongAuthority(what) => write!(formatter, "the {what} is wrong"),
            Self::PresenceNeeded => formatter.write_str("the token was not touched"),
            Self::Declined => formatter.write_str("the person gave up"),
            Self::NoSuchKey => formatter.write_str("the token has no such key"),
            Self::MechanismNotSupported(mechanism, algorithm) => {
                write!(formatter, "a {algorithm} key cannot do {mechanism} on this token")
            }
            Self::AlgorithmNotSupported(algorithm) => {
                write!(formatter, "the token takes no {algorithm} keys")
            }
            Self::NotSupported(what) => write!(formatter, "the token cannot {what}"),
            Self::DataInvalid(why) => write!(formatter, "the data do not fit: {why}"),
            Self::DataTooLarge { limit } => write!(formatter, "there are more than {limit} bytes of data"),
            Self::Absent => formatter.write_str("the token is absent"),
            Self::Removed => formatter.write_str("the token was removed"),
            Self::Wrong(how) => formatter.write_str(how),
            Self::Busy(holder) => write!(formatter, "the token is in use by {holder}"),
            Self::Damaged(what) => write!(formatter, "what is stored is damaged: {what}"),
            Self::Device(what) => write!(formatter, "the device reports: {what}"),
            Self::Timeout => formatter.write_str("the token did not answer in time"),
            Self::Internal(what) => write!(formatter, "internal error: {what}"),
        }
    }
}

impl std::error::Error for TokenError {}
