//! What PC/SC's errors mean here.

use pcsc::{Context, Scope};

use crate::CardError;
use crate::ticket::EXCLUSIVE_PROGRAM;

/// Opens a way to pcscd.
///
/// libpcsclite says "security violation" where pcscd hangs up before a word was said: it does so to whom polkit
/// refuses, and so does one that is just ending. Neither says anything of a card.
pub(crate) fn establish() -> Result<Context, pcsc::Error> {
    Context::establish(Scope::System).map_err(|error| match error {
        pcsc::Error::SecurityViolation => {
            tracing::debug!("pcscd hung up: it ends, or polkit refuses org.debian.pcsc-lite.access_pcsc");
            pcsc::Error::NoService
        }
        error => error,
    })
}

/// Returns true where the context, and with it pcscd, is lost: only a new context helps. A "security violation" in the
/// middle of work is what [`establish`] says of it: pcscd hung up.
pub(crate) fn is_service_lost(error: pcsc::Error) -> bool {
    use pcsc::Error as E;
    matches!(
        error,
        E::NoService
            | E::ServiceStopped
            | E::CommError
            | E::InvalidHandle
            | E::Shutdown
            | E::SystemCancelled
            | E::SecurityViolation
    )
}

/// How the connection to a card comes to be worth nothing: the card must be connected to and identified anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Somebody reset the card; it never left.
    Reset,
    /// The card was out of the reader, or may have been.
    Departed,
    /// pcscd is gone, and with it every knowledge of the card.
    Service,
}

impl Loss {
    /// Returns the loss that an error tells of, if it does.
    pub(crate) fn of(error: pcsc::Error) -> Option<Self> {
        use pcsc::Error as E;
        match error {
            E::ResetCard => Some(Self::Reset),
            // What pcscd says of a card that was pulled and not yet missed; it may be back, or another.
            E::NotTransacted
            | E::RemovedCard
            | E::UnpoweredCard
            | E::UnresponsiveCard
            | E::NoSmartcard
            | E::ReaderUnavailable
            | E::UnknownReader
            | E::CommDataLost
            | E::InvalidValue => Some(Self::Departed),
            error => is_service_lost(error).then_some(Self::Service),
        }
    }

    /// Returns what it means to the one who asked.
    pub(crate) fn meaning(self) -> CardError {
        match self {
            Self::Reset | Self::Departed => CardError::Gone,
            Self::Service => CardError::ServiceGone("pcscd".into()),
        }
    }
}

/// Returns what an error of PC/SC means to the one who asked.
pub(crate) fn meaning(error: pcsc::Error) -> CardError {
    match error {
        pcsc::Error::SharingViolation => CardError::Busy(EXCLUSIVE_PROGRAM),
        pcsc::Error::UnresponsiveCard | pcsc::Error::UnpoweredCard | pcsc::Error::UnsupportedCard => {
            CardError::Reader(error.to_string().into())
        }
        pcsc::Error::InsufficientBuffer => CardError::Malformed("an answer that is too long".into()),
        other => Loss::of(other).map_or_else(|| CardError::Reader(other.to_string().into()), Loss::meaning),
    }
}

#[cfg(test)]
mod tests {
    use pcsc::Error as E;

    use super::*;

    #[test]
    fn every_error_is_told_apart_by_what_helps() {
        let gone = CardError::Gone;
        let service = CardError::ServiceGone("pcscd".into());
        for (error, lost, service_lost, expected) in [
            (E::ResetCard, Some(Loss::Reset), false, &gone),
            (E::RemovedCard, Some(Loss::Departed), false, &gone),
            (E::NotTransacted, Some(Loss::Departed), false, &gone),
            (E::NoSmartcard, Some(Loss::Departed), false, &gone),
            (E::UnknownReader, Some(Loss::Departed), false, &gone),
            (E::InvalidHandle, Some(Loss::Service), true, &service),
            (E::CommError, Some(Loss::Service), true, &service),
            (E::NoService, Some(Loss::Service), true, &service),
            (E::SecurityViolation, Some(Loss::Service), true, &service),
            (E::SharingViolation, None, false, &CardError::Busy(EXCLUSIVE_PROGRAM)),
        ] {
            assert_eq!(Loss::of(error), lost, "{error:?}");
            assert_eq!(is_service_lost(error), service_lost, "{error:?}");
            assert_eq!(meaning(error), *expected, "{error:?}");
        }
        assert!(matches!(meaning(E::UnresponsiveCard), CardError::Reader(_)));
        assert!(matches!(meaning(E::InsufficientBuffer), CardError::Malformed(_)));
        assert!(matches!(meaning(E::NoMemory), CardError::Reader(_)));
    }
}
