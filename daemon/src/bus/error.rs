use std::fmt::Display;

use claviger_core::Refusal;
use claviger_dbus::{CallError, ErrorName};

/// Returns a refusal as the caller gets it: "cannot <verb> <object>: <cause>; <what to do next>".
pub(super) fn answer(doing: &impl Display, refusal: &Refusal) -> CallError {
    let text = match refusal.advice() {
        Some(advice) => format!("cannot {doing}: {refusal}; {advice}"),
        None => format!("cannot {doing}: {refusal}"),
    };
    CallError::new(name(refusal), text)
}

/// The one mapping of this border.
pub(super) const fn name(refusal: &Refusal) -> ErrorName {
    match refusal {
        Refusal::NoSuchKey | Refusal::NoDefaultKey(_) | Refusal::KeyElsewhere => ErrorName::NoSuchKey,
        Refusal::AmbiguousKey { .. } => ErrorName::AmbiguousKey,
        Refusal::NoSuchToken => ErrorName::NoSuchToken,
        Refusal::NoSuchUser => ErrorName::NoSuchUser,
        Refusal::AlreadyExists(_) => ErrorName::AlreadyExists,
        Refusal::InvalidArguments(_) => ErrorName::InvalidArgs,
        Refusal::DataInvalid(_) => ErrorName::DataInvalid,
        Refusal::DataTooLarge { .. } | Refusal::TooMuchWanted { .. } => ErrorName::DataTooLarge,
        Refusal::MechanismNotSupported(..) => ErrorName::MechanismNotSupported,
        Refusal::NotSupported(_) | Refusal::TokenCannot(_) => ErrorName::NotSupported,
        Refusal::UsageNotAllowed(_) => ErrorName::UsageNotAllowed,
        Refusal::KeyRevoked => ErrorName::KeyRevoked,
        Refusal::NotRegistered(_) | Refusal::NoLocalStore => ErrorName::NotRegistered,
        Refusal::RegistrationPending(_) => ErrorName::RegistrationPending,
        Refusal::Locked => ErrorName::Locked,
        Refusal::PhoneLocked => ErrorName::Locked,
        Refusal::PinNeeded | Refusal::LastTry => ErrorName::PinNeeded,
        Refusal::UserPresenceNeeded | Refusal::NobodyToAsk => ErrorName::UserPresenceNeeded,
        Refusal::MayNotAsk => ErrorName::InteractiveAuthorizationRequired,
        Refusal::SessionLocked => ErrorName::SessionLocked,
        Refusal::BadPin { .. } => ErrorName::BadPin,
        Refusal::PinLocked | Refusal::TriesKept { .. } => ErrorName::PinLocked,
        Refusal::Declined | Refusal::PhoneDeclined => ErrorName::Declined,
        Refusal::WrongPassphrase => ErrorName::WrongPassphrase,
        Refusal::WrongConsentPhrase => ErrorName::WrongConsentPhrase,
        Refusal::TryLater { .. } => ErrorName::TryLater,
        Refusal::AccessDenied(_) => ErrorName::AccessDenied,
        Refusal::UnknownCaller(_) => ErrorName::UnknownCaller,
        Refusal::LimitsExceeded(_) => ErrorName::LimitsExceeded,
        Refusal::Cancelled => ErrorName::Cancelled,
        Refusal::Timeout | Refusal::PhoneUnanswered => ErrorName::Timeout,
        Refusal::TokenAbsent(_) => ErrorName::TokenAbsent,
        Refusal::TokenRemoved => ErrorName::TokenRemoved,
        Refusal::WrongToken(_) => ErrorName::WrongToken,
        Refusal::DeviceBusy(_) => ErrorName::DeviceBusy,
        Refusal::DeviceError(_) => ErrorName::DeviceError,
        Refusal::StoreCorrupt(_) => ErrorName::StoreCorrupt,
        Refusal::StoreFull(_) => ErrorName::StoreFull,
        Refusal::Internal(_) => ErrorName::Internal,
    }
}
