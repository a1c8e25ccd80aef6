use claviger_card::CardError;
use cryptoki::error::{Error, RvError};

/// What PKCS#11 refuses with, as far as it is the same whatever was asked.
///
/// OpenSC gives many of its own errors one of PKCS#11's at random; what is not listed says what it was.
pub(crate) fn refusal(error: Error) -> CardError {
    let Error::Pkcs11(value, function) = error else {
        return CardError::Reader(format!("OpenSC: {error}").into());
    };
    match value {
        RvError::PinIncorrect => CardError::WrongPin { tries_left: None },
        RvError::PinLocked => CardError::PinBlocked,
        RvError::PinInvalid | RvError::PinLenRange | RvError::PinTooWeak => {
            CardError::SecretUnfit("the card takes no such PIN".into())
        }
        RvError::UserNotLoggedIn => CardError::PinNeeded,
        RvError::Cancel | RvError::FunctionCanceled => CardError::Declined,
        RvError::DeviceRemoved
        | RvError::TokenNotPresent
        | RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::SlotIdInvalid => CardError::Gone,
        RvError::TokenNotRecognized => CardError::Wrong("OpenSC does not know this card".into()),
        RvError::ObjectHandleInvalid | RvError::KeyHandleInvalid => CardError::NoSuchKey,
        RvError::DataInvalid
        | RvError::DataLenRange
        | RvError::EncryptedDataInvalid
        | RvError::EncryptedDataLenRange => CardError::DataInvalid("the card refuses them".into()),
        value => CardError::Reader(format!("OpenSC: {value} ({function})").into()),
    }
}

/// Returns true where the module says that it cannot do such a thing at all.
pub(crate) fn is_unsupported(error: &Error) -> bool {
    matches!(
        error,
        Error::Pkcs11(
            RvError::FunctionNotSupported
                | RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::KeyFunctionNotPermitted
                | RvError::KeyTypeInconsistent
                | RvError::TokenWriteProtected
                | RvError::ActionProhibited,
            _
        ) | Error::NotSupported
            | Error::NullFunctionPointer
    )
}
