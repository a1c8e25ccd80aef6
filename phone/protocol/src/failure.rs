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

/// The one way from a token's error to the link (the phone's end).
impl From<TokenError> for Failure {
    fn from(error: TokenError) -> Self {
        let _ = error;
        todo!()
    }
}

/// The one way from the link to a token's error (the host's end).
impl From<Failure> for TokenError {
    fn from(failure: Failure) -> Self {
        let _ = failure;
        todo!()
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
    /// `CKR_FUNCTION_REJECTED`.
    FunctionRejected,
    /// `CKR_TOKEN_RESOURCE_EXCEEDED`.
    TokenResourceExceeded,
    /// Any other number.
    Other(u64),
}

impl Rv {
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
            Self::FunctionCanceled => 0x50,
            Self::FunctionNotSupported => 0x54,
            Self::KeyHandleInvalid => 0x60,
            Self::KeySizeRange => 0x62,
            Self::KeyTypeInconsistent => 0x63,
            Self::KeyFunctionNotPermitted => 0x68,
            Self::MechanismInvalid => 0x70,
            Self::MechanismParamInvalid => 0x71,
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
            Self::TokenResourceExceeded => 0x201,
            Self::FunctionRejected => 0x200,
            Self::Other(number) => number,
        }
    }
}
