use claviger_client::{Error, ErrorName};
use pam::constants::PamResultCode;

/// What an error means at the border to PAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The user is not one of Claviger's, or there is no Claviger: no opinion.
    NotOurs,
    /// The secret, or what the token made of it, is wrong.
    Wrong,
    /// No further try is wise now.
    NoMoreTries,
    /// The token is not there.
    Absent,
    /// The program that asks may not ask.
    NotAllowed,
    /// It cannot be told.
    Unavailable,
}

impl Outcome {
    /// Sorts an error. Every one has its place.
    pub(crate) const fn of(error: &Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::of_name(refusal.name),
            Error::NoDaemon(_) => Self::NotOurs,
            Error::NoBus(_)
            | Error::Untrusted(_)
            | Error::Timeout
            | Error::Lost(_)
            | Error::Protocol(_)
            | Error::Local(..) => Self::Unavailable,
        }
    }

    const fn of_name(name: ErrorName) -> Self {
        use ErrorName as E;
        match name {
            E::NotRegistered | E::RegistrationPending | E::NoSuchUser => Self::NotOurs,
            E::WrongPassphrase
            | E::WrongConsentPhrase
            | E::BadPin
            | E::WrongToken
            | E::KeyRevoked
            | E::UserPresenceNeeded
            | E::Declined
            | E::Cancelled => Self::Wrong,
            E::TryLater | E::PinLocked => Self::NoMoreTries,
            E::TokenAbsent | E::TokenRemoved | E::NoSuchToken => Self::Absent,
            E::AccessDenied | E::InteractiveAuthorizationRequired | E::UnknownCaller => Self::NotAllowed,
            E::NoSuchKey
            | E::AmbiguousKey
            | E::AlreadyExists
            | E::Locked
            | E::SessionLocked
            | E::PinNeeded
            | E::DeviceBusy
            | E::DeviceError
            | E::Timeout
            | E::MechanismNotSupported
            | E::UsageNotAllowed
            | E::DataInvalid
            | E::DataTooLarge
            | E::StoreCorrupt
            | E::StoreFull
            | E::Internal
            | E::LimitsExceeded
            | E::InvalidArgs
            | E::NotSupported => Self::Unavailable,
        }
    }

    /// Returns what `auth` answers.
    pub(crate) const fn authentication(self) -> PamResultCode {
        match self {
            Self::NotOurs => PamResultCode::PAM_IGNORE,
            Self::Wrong => PamResultCode::PAM_AUTH_ERR,
            Self::NoMoreTries => PamResultCode::PAM_MAXTRIES,
            Self::Absent | Self::Unavailable => PamResultCode::PAM_AUTHINFO_UNAVAIL,
            Self::NotAllowed => PamResultCode::PAM_CRED_INSUFFICIENT,
        }
    }

    /// Returns what the preliminary check of `password` answers.
    pub(crate) const fn change(self) -> PamResultCode {
        match self {
            Self::NotOurs => PamResultCode::PAM_IGNORE,
            Self::Wrong | Self::NoMoreTries => PamResultCode::PAM_AUTHTOK_ERR,
            Self::Absent | Self::Unavailable => PamResultCode::PAM_TRY_AGAIN,
            Self::NotAllowed => PamResultCode::PAM_PERM_DENIED,
        }
    }

    /// Returns whether the person is shown the error's text. A login from elsewhere is not told that a card is away: it could
    /// not be used anyway, and every login by password would begin with it.
    pub(crate) const fn is_shown(self, remote: bool) -> bool {
        match self {
            Self::Wrong | Self::NoMoreTries => true,
            Self::Absent => !remote,
            Self::NotOurs | Self::NotAllowed | Self::Unavailable => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;
    use claviger_client::{CallError, Error, ErrorName};
    use pam::constants::PamResultCode;

    fn refused(name: ErrorName) -> Outcome {
        Outcome::of(&Error::Refused(CallError::new(name, "")))
    }

    #[test]
    fn a_wrong_secret_is_told_from_a_token_that_is_away() {
        for name in [ErrorName::WrongPassphrase, ErrorName::BadPin, ErrorName::WrongToken] {
            assert_eq!(refused(name).authentication(), PamResultCode::PAM_AUTH_ERR);
        }
        for name in [ErrorName::TokenAbsent, ErrorName::TokenRemoved, ErrorName::DeviceError] {
            assert_eq!(refused(name).authentication(), PamResultCode::PAM_AUTHINFO_UNAVAIL);
        }
        for name in [ErrorName::TryLater, ErrorName::PinLocked] {
            assert_eq!(refused(name).authentication(), PamResultCode::PAM_MAXTRIES);
        }
        assert_eq!(refused(ErrorName::AccessDenied).authentication(), PamResultCode::PAM_CRED_INSUFFICIENT);
    }

    #[test]
    fn there_is_no_opinion_on_users_who_are_not_claviger_s_or_without_a_daemon() {
        assert_eq!(refused(ErrorName::NotRegistered), Outcome::NotOurs);
        assert_eq!(refused(ErrorName::RegistrationPending), Outcome::NotOurs);
        assert_eq!(Outcome::of(&Error::NoDaemon(String::new())), Outcome::NotOurs);
        // Who could be a false one, or does not answer, is another matter.
        assert_eq!(Outcome::of(&Error::Untrusted(String::new())), Outcome::Unavailable);
        assert_eq!(Outcome::of(&Error::Timeout), Outcome::Unavailable);
    }

    #[test]
    fn no_error_ever_lets_somebody_in() {
        for name in ErrorName::ALL {
            assert_ne!(refused(name).authentication(), PamResultCode::PAM_SUCCESS, "{name}");
            assert_ne!(refused(name).change(), PamResultCode::PAM_SUCCESS, "{name}");
        }
    }

    #[test]
    fn a_login_from_elsewhere_is_not_told_that_a_card_is_away() {
        assert!(refused(ErrorName::TokenAbsent).is_shown(false));
        assert!(!refused(ErrorName::TokenAbsent).is_shown(true));
        assert!(refused(ErrorName::BadPin).is_shown(true));
    }
}
