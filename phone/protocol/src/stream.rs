use std::fmt;

use crate::Failure;

/// Why an end has nothing more to say on its stream. Whoever drives it closes the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// A line, or all that was sent ahead, is longer than it may be.
    TooLong,
    /// A line is not what may come here: the name of what is wrong with it.
    Malformed(&'static str),
    /// A frame does not belong to the channel: it was changed, repeated, moved, or comes from somebody else.
    Forged,
    /// A request id was used before, or an answer comes to a request that nobody made.
    OutOfOrder,
    /// The other end turned the channel away; of several pairings that were tried, the last one.
    Refused(Refusal),
    /// There is no version of the protocol that both speak.
    NoCommonVersion,
    /// The other end's key is not the one that the pairing URI promised, or is none.
    WrongKey,
    /// The person at the phone, or the phone, said no to a pairing.
    Declined(Failure),
    /// This end's person said that the numbers differ.
    NumbersDiffer,
    /// The other end said good-bye, and why.
    Bye(String),
    /// There are no random bytes.
    NoRandomness,
}

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |formatter: &mut fmt::Formatter<'_>, cause: &dyn fmt::Display| {
            write!(formatter, "cannot talk on: {cause}")
        };
        match self {
            Self::TooLong => because(formatter, &"a line is too long"),
            Self::Malformed(what) => because(formatter, what),
            Self::Forged => because(formatter, &"a frame does not belong to the channel"),
            Self::OutOfOrder => because(formatter, &"a request or an answer came twice"),
            Self::Refused(refusal) => because(formatter, refusal),
            Self::NoCommonVersion => because(formatter, &"there is no version that both ends speak"),
            Self::WrongKey => because(formatter, &"the other end has not the key that was promised"),
            Self::Declined(failure) => because(formatter, failure),
            Self::NumbersDiffer => because(formatter, &"the numbers are not the same"),
            Self::Bye(reason) => write!(formatter, "the other end said good-bye: {reason}"),
            Self::NoRandomness => because(formatter, &"the system has no random bytes"),
        }
    }
}

impl std::error::Error for Closed {}

/// Why a phone turns a handshake away. The numbers are those of `+CME ERROR` (3GPP TS 27.007, 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody has said at the phone that it may be paired.
    NotAllowed,
    /// The phone does not know the command or the version.
    NotSupported,
    /// The phone knows no such pairing.
    UnknownPairing,
    /// The parameters are not what they must be.
    BadParameters,
    /// The handshake failed: another key, another secret, or a changed offer.
    HandshakeFailed,
    /// Another pairing is under way.
    Busy,
    /// Something else, by its number; 0 for a bare `ERROR`.
    Other(u32),
}

impl Refusal {
    /// Returns the number behind `+CME ERROR`.
    pub const fn number(self) -> u32 {
        match self {
            Self::NotAllowed => 3,
            Self::NotSupported => 4,
            Self::UnknownPairing => 22,
            Self::BadParameters => 50,
            Self::HandshakeFailed => 100,
            Self::Busy => 256,
            Self::Other(number) => number,
        }
    }

    /// Returns the refusal of that number.
    pub const fn from_number(number: u32) -> Self {
        match number {
            3 => Self::NotAllowed,
            4 => Self::NotSupported,
            22 => Self::UnknownPairing,
            50 => Self::BadParameters,
            100 => Self::HandshakeFailed,
            256 => Self::Busy,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => formatter.write_str("the phone is not ready to be paired"),
            Self::NotSupported => formatter.write_str("the phone does not support this"),
            Self::UnknownPairing => formatter.write_str("the phone does not know the pairing"),
            Self::BadParameters => formatter.write_str("the phone finds the parameters wrong"),
            Self::HandshakeFailed => formatter.write_str("the phone finds the handshake wrong"),
            Self::Busy => formatter.write_str("the phone is being paired by somebody else"),
            Self::Other(number) => write!(formatter, "the phone refused with number {number}"),
        }
    }
}

/// There is no open channel, or too many requests wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOpen {
    /// No channel is open.
    Closed,
    /// [`PENDING_LIMIT`](crate::PENDING_LIMIT) requests, or [`PENDING_BYTES_LIMIT`](crate::PENDING_BYTES_LIMIT) bytes of them,
    /// wait for their answers.
    Full,
    /// The message is longer than [`MESSAGE_LIMIT`](crate::MESSAGE_LIMIT).
    TooLong,
}

impl fmt::Display for NotOpen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("cannot ask the phone: no channel is open"),
            Self::Full => formatter.write_str("cannot ask the phone: too many requests wait already"),
            Self::TooLong => formatter.write_str("cannot ask the phone: the message is too long"),
        }
    }
}

impl std::error::Error for NotOpen {}
