//! What PC/SC's errors mean here.

use crate::CardError;
use crate::ticket::EXCLUSIVE_PROGRAM;

/// Returns true where the context, and with it pcscd, is lost: only a new context helps.
pub(crate) fn is_service_lost(error: pcsc::Error) -> bool {
    use pcsc::Error as E;
    matches!(
        error,
        E::NoService | E::ServiceStopped | E::CommError | E::InvalidHandle | E::Shutdown | E::SystemCancelled
    )
}

/// Returns true where the card was reset or went away, or the handle is worth nothing any more: the card must be
/// connected to and identified anew.
pub(crate) fn is_card_lost(error: pcsc::Error) -> bool {
    use pcsc::Error as E;
    // NotTransacted is what pcscd says of a card that was pulled and not yet missed; it may be back, or another.
    is_service_lost(error)
        || matches!(
            error,
            E::ResetCard
                | E::RemovedCard
                | E::NotTransacted
                | E::UnpoweredCard
                | E::UnresponsiveCard
                | E::NoSmartcard
                | E::ReaderUnavailable
                | E::UnknownReader
                | E::CommDataLost
                | E::InvalidValue
        )
}

/// Returns what an error of PC/SC means to the one who asked.
pub(crate) fn meaning(error: pcsc::Error) -> CardError {
    match error {
        pcsc::Error::NoService | pcsc::Error::ServiceStopped | pcsc::Error::Shutdown => {
            CardError::ServiceGone("pcscd".into())
        }
        pcsc::Error::SharingViolation => CardError::Busy(EXCLUSIVE_PROGRAM),
        pcsc::Error::UnresponsiveCard | pcsc::Error::UnpoweredCard | pcsc::Error::UnsupportedCard => {
            CardError::Reader(error.to_string().into())
        }
        pcsc::Error::InsufficientBuffer => CardError::Malformed("an answer that is too long".into()),
        lost if is_card_lost(lost) => CardError::Gone,
        other => CardError::Reader(other.to_string().into()),
    }
}
