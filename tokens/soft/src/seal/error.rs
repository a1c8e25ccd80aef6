use std::fmt;

use claviger_token::TokenError;

/// Why key slots or a consent seal did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotError {
    /// The pass phrase, recovery code or consent phrase is wrong.
    WrongSecret,
    /// There is no slot of that kind.
    NoSuchSlot,
    /// The derivation is cheaper, or the phrase shorter, than what is taken here.
    TooWeak(&'static str),
    /// The slot is bound to a host secret that was not given.
    HostSecretMissing {
        /// The id of the host secret, 32 hexadecimal digits.
        id: String,
    },
    /// The bytes are not what was once written: how one can tell.
    Damaged(&'static str),
    /// There is not enough memory for the derivation, or the operating system gives no random bytes.
    Internal(&'static str),
}

impl fmt::Display for SlotError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongSecret => formatter.write_str("the pass phrase is wrong"),
            Self::NoSuchSlot => formatter.write_str("there is no such key slot"),
            Self::TooWeak(what) => write!(formatter, "too weak: {what}"),
            Self::HostSecretMissing { id } => {
                write!(formatter, "the pass phrase is bound to the host secret {id}, which is not here")
            }
            Self::Damaged(how) => write!(formatter, "the key slots are damaged: {how}"),
            Self::Internal(what) => write!(formatter, "internal error: {what}"),
        }
    }
}

impl std::error::Error for SlotError {}

impl From<SlotError> for TokenError {
    fn from(error: SlotError) -> Self {
        match error {
            SlotError::WrongSecret => Self::WrongSecret { tries_left: None },
            SlotError::Damaged(how) => Self::Damaged(format!("the key slots: {how}").into()),
            SlotError::HostSecretMissing { .. } | SlotError::NoSuchSlot => {
                Self::Damaged(error.to_string().into())
            }
            SlotError::TooWeak(what) => Self::DataInvalid(what.into()),
            SlotError::Internal(what) => Self::Internal(what.into()),
        }
    }
}
