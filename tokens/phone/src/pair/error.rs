use std::fmt;

use claviger_phone_protocol::Closed;

use crate::LinkFault;

/// Why a pairing came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairError {
    /// Another pairing is under way on this computer.
    Busy,
    /// Whoever wanted it has gone.
    GivenUp,
    /// No phone was found in time, ten seconds less than two minutes; why not, as far as the link tells.
    TimedOut(Option<LinkFault>),
    /// The person at the phone said no, or the phone did.
    Declined,
    /// The numbers were not the same: somebody may stand between.
    NumbersDiffer,
    /// The phone was given another code than the one shown, or is another phone.
    WrongSecret,
    /// The phone broke off while it was being paired: what it did.
    Phone(Closed),
    /// The stream ended, or the phone fell silent, while it was being paired.
    Lost,
    /// An error inside this computer.
    Internal(String),
}

impl fmt::Display for PairError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => formatter.write_str("cannot pair: another pairing is under way"),
            Self::GivenUp => formatter.write_str("cannot pair: whoever wanted it has gone"),
            Self::TimedOut(None) => formatter.write_str("cannot pair: no phone answered in time"),
            Self::TimedOut(Some(fault)) => {
                write!(formatter, "cannot pair: no phone was ready in time: {fault}")
            }
            Self::Declined => formatter.write_str("cannot pair: it was declined at the phone"),
            Self::NumbersDiffer => formatter.write_str("cannot pair: the numbers differ"),
            Self::WrongSecret => formatter.write_str("cannot pair: the phone was given another code"),
            Self::Phone(closed) => write!(formatter, "cannot pair: {closed}"),
            Self::Lost => formatter.write_str("cannot pair: the connection to the phone was lost"),
            Self::Internal(cause) => write!(formatter, "cannot pair: {cause}"),
        }
    }
}

impl std::error::Error for PairError {}
