use std::fmt;

use claviger_token::TokenError;

/// Why the phone did not do it: a PKCS#11 return value, a text for people, and a count where one belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// PKCS#11's number.
    pub rv: Rv,
    /// What a person may read; what the other end says, and no more than that.
    pub text: String,
    /// Tries left, for `CKR_PIN_INCORRECT` and `CKR_PIN_LOCKED`; the most bytes, for `CKR_DATA_LEN_RANGE`.
    pub count: Option<u32>,
}

impl Failure {
    /// Returns the failure of that number and text, without a count.
    pub fn new(rv: Rv, text: impl Into<String>) -> Self {
        Self { rv, text: text.into(), count: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the phone answers {:#x}: {}", self.rv.number(), self.text)
    }
}

impl std::error::Error for Failure {}

/// The one way from a token's error to the link (the phone's end). What has no number of its own comes back as its nearest
/// relative; the text always says what it was.
impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let text = error.to_string();
        let (rv, count) = match error {
            TokenError::Locked => (Rv::UserNotLoggedIn, None),
            TokenError::WrongSecret { tries_left } => (Rv::PinIncorrect, tries_left),
            TokenError::LastTry => (Rv::ActionProhibited, None),
            TokenError::TriesKept { tries_left } => (Rv::ActionProhibited, Some(tries_left)),
            TokenError::Blocked => (Rv::PinLocked, None),
            TokenError::SecretUnfit(_) => (Rv::PinInvalid, None),
            TokenError::AuthorityNeeded(_) | TokenError::WrongAuthority(_) => (Rv::UserTypeInvalid, None),
            TokenError::PresenceNeeded => (Rv::PresenceNeeded, None),
            TokenError::Timeout => (Rv::FunctionCanceled, None),
            TokenError::Declined => (Rv::FunctionRejected, None),
            TokenError::NoSuchKey => (Rv::KeyHandleInvalid, None),
            TokenError::MechanismNotSupported(_, _) => (Rv::MechanismInvalid, None),
            TokenError::AlgorithmNotSupported(_) => (Rv::KeySizeRange, None),
            TokenError::NotSupported(_) => (Rv::FunctionNotSupported, None),
            TokenError::DataInvalid(_) => (Rv::DataInvalid, None),
            TokenError::DataTooLarge { limit } => (Rv::DataLenRange, u32::try_from(limit).ok()),
            TokenError::Absent => (Rv::TokenNotPresent, None),
            TokenError::Removed => (Rv::DeviceRemoved, None),
            TokenError::Wrong(_) => (Rv::TokenNotRecognized, None),
            TokenError::Busy(_) => (Rv::OperationActive, None),
            TokenError::Damaged(_) | TokenError::Device(_) => (Rv::DeviceError, None),
            TokenError::Internal(_) => (Rv::GeneralError, None),
        };
        Self { rv, text, count }
    }
}

/// The one way from the link to a token's error (the host's end).
impl From<Failure> for TokenError {
    fn from(failure: Failure) -> Self {
        let Failure { rv, text, count } = failure;
        match rv {
            Rv::UserNotLoggedIn => Self::Locked,
            Rv::PinIncorrect => Self::WrongSecret { tries_left: count },
            Rv::ActionProhibited => count.map_or(Self::LastTry, |tries_left| Self::TriesKept { tries_left }),
            Rv::PinLocked => Self::Blocked,
            Rv::PinInvalid | Rv::PinLenRange => Self::SecretUnfit(text.into()),
            Rv::UserTypeInvalid => Self::AuthorityNeeded("secret of the administrator of the phone's module"),
            Rv::PresenceNeeded => Self::PresenceNeeded,
            // The host hears it only where the phone gave up: nobody reads the answers to what was cancelled here.
            Rv::FunctionCanceled => Self::Timeout,
            Rv::FunctionRejected => Self::Declined,
            Rv::KeyHandleInvalid | Rv::ObjectHandleInvalid => Self::NoSuchKey,
            Rv::MechanismInvalid => Self::NotSupported("use its keys so"),
            Rv::KeySizeRange => Self::NotSupported("keep such keys"),
            Rv::FunctionNotSupported => Self::NotSupported("do such a thing"),
            Rv::ArgumentsBad
            | Rv::DataInvalid
            | Rv::EncryptedDataInvalid
            | Rv::EncryptedDataLenRange
            | Rv::KeyTypeInconsistent
            | Rv::KeyFunctionNotPermitted
            | Rv::MechanismParamInvalid
            | Rv::SignatureInvalid
            | Rv::SignatureLenRange => Self::DataInvalid(text.into()),
            Rv::DataLenRange => match count.and_then(|count| count.try_into().ok()) {
                Some(limit) => Self::DataTooLarge { limit },
                None => Self::DataInvalid(text.into()),
            },
            Rv::TokenNotPresent => Self::Absent,
            Rv::DeviceRemoved => Self::Removed,
            Rv::TokenNotRecognized => Self::Wrong(text.into()),
            Rv::OperationActive => Self::Busy("another request".into()),
            Rv::HostMemory
            | Rv::FunctionFailed
            | Rv::DeviceError
            | Rv::DeviceMemory
            | Rv::TokenResourceExceeded
            // What failed inside the phone failed in a device: `Internal` would blame this computer's software.
            | Rv::GeneralError => Self::Device(text.into()),
            Rv::Other(number) => Self::Device(format!("error {number:#x}: {text}").into()),
        }
    }
}

/// A PKCS#11 return value (3.2, `pkcs11t.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rv {
    /// `CKR_HOST_MEMORY`.
    HostMemory,
    /// `CKR_GENERAL_ERROR`.
    GeneralError,
    /// `CKR_FUNCTION_FAILED`.
    FunctionFailed,
    /// `CKR_ARGUMENTS_BAD`.
    ArgumentsBad,
    /// `CKR_ACTION_PROHIBITED`.
    ActionProhibited,
    /// `CKR_DATA_INVALID`.
    DataInvalid,
    /// `CKR_DATA_LEN_RANGE`.
    DataLenRange,
    /// `CKR_DEVICE_ERROR`.
    DeviceError,
    /// `CKR_DEVICE_MEMORY`.
    DeviceMemory,
    /// `CKR_DEVICE_REMOVED`.
    DeviceRemoved,
    /// `CKR_ENCRYPTED_DATA_INVALID`.
    EncryptedDataInvalid,
    /// `CKR_ENCRYPTED_DATA_LEN_RANGE`.
    EncryptedDataLenRange,
    /// `CKR_FUNCTION_CANCELED`.
    FunctionCanceled,
    /// `CKR_FUNCTION_NOT_SUPPORTED`.
    FunctionNotSupported,
    /// `CKR_KEY_HANDLE_INVALID`.
    KeyHandleInvalid,
    /// `CKR_KEY_SIZE_RANGE`.
    KeySizeRange,
    /// `CKR_KEY_TYPE_INCONSISTENT`.
    KeyTypeInconsistent,
    /// `CKR_KEY_FUNCTION_NOT_PERMITTED`.
    KeyFunctionNotPermitted,
    /// `CKR_MECHANISM_INVALID`.
    MechanismInvalid,
    /// `CKR_MECHANISM_PARAM_INVALID`.
    MechanismParamInvalid,
    /// `CKR_OBJECT_HANDLE_INVALID`.
    ObjectHandleInvalid,
    /// `CKR_OPERATION_ACTIVE`.
    OperationActive,
    /// `CKR_PIN_INCORRECT`.
    PinIncorrect,
    /// `CKR_PIN_INVALID`.
    PinInvalid,
    /// `CKR_PIN_LEN_RANGE`.
    PinLenRange,
    /// `CKR_PIN_LOCKED`.
    PinLocked,
    /// `CKR_SIGNATURE_INVALID`.
    SignatureInvalid,
    /// `CKR_SIGNATURE_LEN_RANGE`.
    SignatureLenRange,
    /// `CKR_TOKEN_NOT_PRESENT`.
    TokenNotPresent,
    /// `CKR_TOKEN_NOT_RECOGNIZED`.
    TokenNotRecognized,
    /// `CKR_USER_NOT_LOGGED_IN`.
    UserNotLoggedIn,
    /// `CKR_USER_TYPE_INVALID`.
    UserTypeInvalid,
    /// `CKR_FUNCTION_REJECTED`.
    FunctionRejected,
    /// `CKR_TOKEN_RESOURCE_EXCEEDED`.
    TokenResourceExceeded,
    /// `CKR_VENDOR_DEFINED` and 434b01: the card that the phone reads was not touched. PKCS#11 has no number for it.
    PresenceNeeded,
    /// Any other number.
    Other(u64),
}

impl Rv {
    /// Every value that has a name here.
    pub const ALL: [Self; 35] = [
        Self::HostMemory,
        Self::GeneralError,
        Self::FunctionFailed,
        Self::ArgumentsBad,
        Self::ActionProhibited,
        Self::DataInvalid,
        Self::DataLenRange,
        Self::DeviceError,
        Self::DeviceMemory,
        Self::DeviceRemoved,
        Self::EncryptedDataInvalid,
        Self::EncryptedDataLenRange,
        Self::FunctionCanceled,
        Self::FunctionNotSupported,
        Self::KeyHandleInvalid,
        Self::KeySizeRange,
        Self::KeyTypeInconsistent,
        Self::KeyFunctionNotPermitted,
        Self::MechanismInvalid,
        Self::MechanismParamInvalid,
        Self::ObjectHandleInvalid,
        Self::OperationActive,
        Self::PinIncorrect,
        Self::PinInvalid,
        Self::PinLenRange,
        Self::PinLocked,
        Self::SignatureInvalid,
        Self::SignatureLenRange,
        Self::TokenNotPresent,
        Self::TokenNotRecognized,
        Self::UserNotLoggedIn,
        Self::UserTypeInvalid,
        Self::FunctionRejected,
        Self::TokenResourceExceeded,
        Self::PresenceNeeded,
    ];

    /// Returns the value of that number.
    pub fn from_number(number: u64) -> Self {
        Self::ALL.into_iter().find(|rv| rv.number() == number).unwrap_or(Self::Other(number))
    }

    /// Returns PKCS#11's number.
    pub const fn number(self) -> u64 {
        match self {
            Self::HostMemory => 0x02,
            Self::GeneralError => 0x05,
            Self::FunctionFailed => 0x06,
            Self::ArgumentsBad => 0x07,
            Self::ActionProhibited => 0x1b,
            Self::DataInvalid => 0x20,
            Self::DataLenRange => 0x21,
            Self::DeviceError => 0x30,
            Self::DeviceMemory => 0x31,
            Self::DeviceRemoved => 0x32,
            Self::EncryptedDataInvalid => 0x40,
            Self::EncryptedDataLenRange => 0x41,
            Self::FunctionCanceled => 0x50,
            Self::FunctionNotSupported => 0x54,
            Self::KeyHandleInvalid => 0x60,
            Self::KeySizeRange => 0x62,
            Self::KeyTypeInconsistent => 0x63,
            Self::KeyFunctionNotPermitted => 0x68,
            Self::MechanismInvalid => 0x70,
            Self::MechanismParamInvalid => 0x71,
            Self::ObjectHandleInvalid => 0x82,
            Self::OperationActive => 0x90,
            Self::PinIncorrect => 0xa0,
            Self::PinInvalid => 0xa1,
            Self::PinLenRange => 0xa2,
            Self::PinLocked => 0xa4,
            Self::SignatureInvalid => 0xc0,
            Self::SignatureLenRange => 0xc1,
            Self::TokenNotPresent => 0xe0,
            Self::TokenNotRecognized => 0xe1,
            Self::UserNotLoggedIn => 0x101,
            Self::UserTypeInvalid => 0x103,
            Self::FunctionRejected => 0x200,
            Self::TokenResourceExceeded => 0x201,
            Self::PresenceNeeded => 0x8043_4b01,
            Self::Other(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use claviger_token::{Algorithm, Mechanism, TokenError};

    use super::{Failure, Rv};

    #[test]
    fn every_number_finds_its_value_and_no_two_share_one() {
        for rv in Rv::ALL {
            assert_eq!(Rv::from_number(rv.number()), rv);
        }
        assert_eq!(Rv::from_number(0xdead), Rv::Other(0xdead));
    }

    #[test]
    fn an_error_comes_back_from_the_link_as_what_it_was() {
        for error in [
            TokenError::Locked,
            TokenError::WrongSecret { tries_left: None },
            TokenError::WrongSecret { tries_left: Some(2) },
            TokenError::LastTry,
            TokenError::TriesKept { tries_left: 2 },
            TokenError::Blocked,
            TokenError::SecretUnfit("too short".into()),
            TokenError::PresenceNeeded,
            TokenError::Timeout,
            TokenError::Declined,
            TokenError::NoSuchKey,
            TokenError::DataTooLarge { limit: 1000 },
            TokenError::Absent,
            TokenError::Removed,
            TokenError::Wrong("another one".into()),
        ] {
            assert_eq!(TokenError::from(Failure::from(error.clone())), error);
        }
    }

    #[test]
    fn what_has_no_number_of_its_own_comes_back_as_its_nearest_relative() {
        let there_and_back = |error: TokenError| TokenError::from(Failure::from(error));
        let nearly = [
            (TokenError::Damaged("a".into()), TokenError::Device("what is stored is damaged: a".into())),
            (TokenError::Internal("a".into()), TokenError::Device("internal error: a".into())),
            (TokenError::DataInvalid("a".into()), TokenError::DataInvalid("the data do not fit: a".into())),
        ];
        for (there, back) in nearly {
            assert_eq!(there_and_back(there), back);
        }
        for rv in [Rv::GeneralError, Rv::HostMemory, Rv::FunctionFailed, Rv::DeviceError, Rv::DeviceMemory] {
            assert_eq!(TokenError::from(Failure::new(rv, "a")), TokenError::Device("a".into()));
        }
        let unsupported = TokenError::MechanismNotSupported(Mechanism::Eddsa, Algorithm::P256);
        assert!(matches!(there_and_back(unsupported), TokenError::NotSupported(_)));
    }
}
