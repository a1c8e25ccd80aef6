use claviger_client::{Error, ErrorName};
use cryptoki_sys as sys;

/// What a function returns, one of the `CKR_` codes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rv(sys::CK_RV);

/// What something within the module comes to: a value, or the code for why there is none.
pub(crate) type Answer<T> = Result<T, Rv>;

/// Makes a constant of each code, and a name of it for messages.
macro_rules! codes {
    ($($name:ident = $code:ident,)*) => {
        #[allow(dead_code, reason = "the standard's list, whole")]
        impl Rv {
            $(
                #[doc = concat!("`", stringify!($code), "`")]
                pub(crate) const $name: Self = Self(sys::$code);
            )*

            /// Returns the name of the code without `CKR_`.
            pub(crate) const fn name(self) -> &'static str {
                match self.0 {
                    $(sys::$code => stringify!($name),)*
                    _ => "?",
                }
            }
        }
    };
}

codes! {
    OK = CKR_OK,
    CANCEL = CKR_CANCEL,
    HOST_MEMORY = CKR_HOST_MEMORY,
    SLOT_ID_INVALID = CKR_SLOT_ID_INVALID,
    GENERAL_ERROR = CKR_GENERAL_ERROR,
    FUNCTION_FAILED = CKR_FUNCTION_FAILED,
    ARGUMENTS_BAD = CKR_ARGUMENTS_BAD,
    NO_EVENT = CKR_NO_EVENT,
    NEED_TO_CREATE_THREADS = CKR_NEED_TO_CREATE_THREADS,
    CANT_LOCK = CKR_CANT_LOCK,
    ATTRIBUTE_READ_ONLY = CKR_ATTRIBUTE_READ_ONLY,
    ATTRIBUTE_SENSITIVE = CKR_ATTRIBUTE_SENSITIVE,
    ATTRIBUTE_TYPE_INVALID = CKR_ATTRIBUTE_TYPE_INVALID,
    ATTRIBUTE_VALUE_INVALID = CKR_ATTRIBUTE_VALUE_INVALID,
    ACTION_PROHIBITED = CKR_ACTION_PROHIBITED,
    DATA_INVALID = CKR_DATA_INVALID,
    DATA_LEN_RANGE = CKR_DATA_LEN_RANGE,
    DEVICE_ERROR = CKR_DEVICE_ERROR,
    DEVICE_MEMORY = CKR_DEVICE_MEMORY,
    DEVICE_REMOVED = CKR_DEVICE_REMOVED,
    ENCRYPTED_DATA_INVALID = CKR_ENCRYPTED_DATA_INVALID,
    ENCRYPTED_DATA_LEN_RANGE = CKR_ENCRYPTED_DATA_LEN_RANGE,
    AEAD_DECRYPT_FAILED = CKR_AEAD_DECRYPT_FAILED,
    FUNCTION_CANCELED = CKR_FUNCTION_CANCELED,
    FUNCTION_NOT_PARALLEL = CKR_FUNCTION_NOT_PARALLEL,
    FUNCTION_NOT_SUPPORTED = CKR_FUNCTION_NOT_SUPPORTED,
    KEY_HANDLE_INVALID = CKR_KEY_HANDLE_INVALID,
    KEY_SIZE_RANGE = CKR_KEY_SIZE_RANGE,
    KEY_TYPE_INCONSISTENT = CKR_KEY_TYPE_INCONSISTENT,
    KEY_NOT_NEEDED = CKR_KEY_NOT_NEEDED,
    KEY_CHANGED = CKR_KEY_CHANGED,
    KEY_NEEDED = CKR_KEY_NEEDED,
    KEY_INDIGESTIBLE = CKR_KEY_INDIGESTIBLE,
    KEY_FUNCTION_NOT_PERMITTED = CKR_KEY_FUNCTION_NOT_PERMITTED,
    KEY_NOT_WRAPPABLE = CKR_KEY_NOT_WRAPPABLE,
    KEY_UNEXTRACTABLE = CKR_KEY_UNEXTRACTABLE,
    MECHANISM_INVALID = CKR_MECHANISM_INVALID,
    MECHANISM_PARAM_INVALID = CKR_MECHANISM_PARAM_INVALID,
    OBJECT_HANDLE_INVALID = CKR_OBJECT_HANDLE_INVALID,
    OPERATION_ACTIVE = CKR_OPERATION_ACTIVE,
    OPERATION_NOT_INITIALIZED = CKR_OPERATION_NOT_INITIALIZED,
    PIN_INCORRECT = CKR_PIN_INCORRECT,
    PIN_INVALID = CKR_PIN_INVALID,
    PIN_LEN_RANGE = CKR_PIN_LEN_RANGE,
    PIN_EXPIRED = CKR_PIN_EXPIRED,
    PIN_LOCKED = CKR_PIN_LOCKED,
    SESSION_CLOSED = CKR_SESSION_CLOSED,
    SESSION_COUNT = CKR_SESSION_COUNT,
    SESSION_HANDLE_INVALID = CKR_SESSION_HANDLE_INVALID,
    SESSION_PARALLEL_NOT_SUPPORTED = CKR_SESSION_PARALLEL_NOT_SUPPORTED,
    SESSION_READ_ONLY = CKR_SESSION_READ_ONLY,
    SESSION_EXISTS = CKR_SESSION_EXISTS,
    SESSION_READ_ONLY_EXISTS = CKR_SESSION_READ_ONLY_EXISTS,
    SESSION_READ_WRITE_SO_EXISTS = CKR_SESSION_READ_WRITE_SO_EXISTS,
    SIGNATURE_INVALID = CKR_SIGNATURE_INVALID,
    SIGNATURE_LEN_RANGE = CKR_SIGNATURE_LEN_RANGE,
    TEMPLATE_INCOMPLETE = CKR_TEMPLATE_INCOMPLETE,
    TEMPLATE_INCONSISTENT = CKR_TEMPLATE_INCONSISTENT,
    TOKEN_NOT_PRESENT = CKR_TOKEN_NOT_PRESENT,
    TOKEN_NOT_RECOGNIZED = CKR_TOKEN_NOT_RECOGNIZED,
    TOKEN_WRITE_PROTECTED = CKR_TOKEN_WRITE_PROTECTED,
    UNWRAPPING_KEY_HANDLE_INVALID = CKR_UNWRAPPING_KEY_HANDLE_INVALID,
    UNWRAPPING_KEY_SIZE_RANGE = CKR_UNWRAPPING_KEY_SIZE_RANGE,
    UNWRAPPING_KEY_TYPE_INCONSISTENT = CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
    USER_ALREADY_LOGGED_IN = CKR_USER_ALREADY_LOGGED_IN,
    USER_NOT_LOGGED_IN = CKR_USER_NOT_LOGGED_IN,
    USER_PIN_NOT_INITIALIZED = CKR_USER_PIN_NOT_INITIALIZED,
    USER_TYPE_INVALID = CKR_USER_TYPE_INVALID,
    USER_ANOTHER_ALREADY_LOGGED_IN = CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
    USER_TOO_MANY_TYPES = CKR_USER_TOO_MANY_TYPES,
    WRAPPED_KEY_INVALID = CKR_WRAPPED_KEY_INVALID,
    WRAPPED_KEY_LEN_RANGE = CKR_WRAPPED_KEY_LEN_RANGE,
    WRAPPING_KEY_HANDLE_INVALID = CKR_WRAPPING_KEY_HANDLE_INVALID,
    WRAPPING_KEY_SIZE_RANGE = CKR_WRAPPING_KEY_SIZE_RANGE,
    WRAPPING_KEY_TYPE_INCONSISTENT = CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
    RANDOM_SEED_NOT_SUPPORTED = CKR_RANDOM_SEED_NOT_SUPPORTED,
    RANDOM_NO_RNG = CKR_RANDOM_NO_RNG,
    DOMAIN_PARAMS_INVALID = CKR_DOMAIN_PARAMS_INVALID,
    CURVE_NOT_SUPPORTED = CKR_CURVE_NOT_SUPPORTED,
    BUFFER_TOO_SMALL = CKR_BUFFER_TOO_SMALL,
    SAVED_STATE_INVALID = CKR_SAVED_STATE_INVALID,
    INFORMATION_SENSITIVE = CKR_INFORMATION_SENSITIVE,
    STATE_UNSAVEABLE = CKR_STATE_UNSAVEABLE,
    CRYPTOKI_NOT_INITIALIZED = CKR_CRYPTOKI_NOT_INITIALIZED,
    CRYPTOKI_ALREADY_INITIALIZED = CKR_CRYPTOKI_ALREADY_INITIALIZED,
    MUTEX_BAD = CKR_MUTEX_BAD,
    MUTEX_NOT_LOCKED = CKR_MUTEX_NOT_LOCKED,
    NEW_PIN_MODE = CKR_NEW_PIN_MODE,
    NEXT_OTP = CKR_NEXT_OTP,
    EXCEEDED_MAX_ITERATIONS = CKR_EXCEEDED_MAX_ITERATIONS,
    FIPS_SELF_TEST_FAILED = CKR_FIPS_SELF_TEST_FAILED,
    LIBRARY_LOAD_FAILED = CKR_LIBRARY_LOAD_FAILED,
    PIN_TOO_WEAK = CKR_PIN_TOO_WEAK,
    PUBLIC_KEY_INVALID = CKR_PUBLIC_KEY_INVALID,
    FUNCTION_REJECTED = CKR_FUNCTION_REJECTED,
    TOKEN_RESOURCE_EXCEEDED = CKR_TOKEN_RESOURCE_EXCEEDED,
    OPERATION_CANCEL_FAILED = CKR_OPERATION_CANCEL_FAILED,
    KEY_EXHAUSTED = CKR_KEY_EXHAUSTED,
    PENDING = CKR_PENDING,
    SESSION_ASYNC_NOT_SUPPORTED = CKR_SESSION_ASYNC_NOT_SUPPORTED,
    SEED_RANDOM_REQUIRED = CKR_SEED_RANDOM_REQUIRED,
    OPERATION_NOT_VALIDATED = CKR_OPERATION_NOT_VALIDATED,
    TOKEN_NOT_INITIALIZED = CKR_TOKEN_NOT_INITIALIZED,
    PARAMETER_SET_NOT_SUPPORTED = CKR_PARAMETER_SET_NOT_SUPPORTED,
}

impl Rv {
    /// Returns the number that goes over the border.
    pub(crate) const fn code(self) -> sys::CK_RV {
        self.0
    }
}

impl std::fmt::Debug for Rv {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "CKR_{}", self.name())
    }
}

/// What an error of the key store is in PKCS#11. Where the function at hand may not return that code, `border`
/// finds the nearest one that it may.
impl From<Error> for Rv {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::from(refusal.name),
            // Nobody is there who could hold a token.
            Error::NoDaemon(_) | Error::Untrusted(_) => Self::TOKEN_NOT_PRESENT,
            // This says nothing of the token: its sessions stay.
            Error::NoBus(_) | Error::Timeout | Error::Lost(_) | Error::Protocol(_) => Self::DEVICE_ERROR,
            Error::Local(..) => Self::GENERAL_ERROR,
        }
    }
}

impl From<ErrorName> for Rv {
    fn from(name: ErrorName) -> Self {
        match name {
            ErrorName::NoSuchKey | ErrorName::AmbiguousKey | ErrorName::KeyRevoked => {
                Self::KEY_HANDLE_INVALID
            }
            ErrorName::NoSuchToken | ErrorName::TokenAbsent => Self::TOKEN_NOT_PRESENT,
            ErrorName::TokenRemoved | ErrorName::WrongToken => Self::DEVICE_REMOVED,
            ErrorName::NoSuchUser | ErrorName::NotRegistered | ErrorName::RegistrationPending => {
                Self::TOKEN_NOT_PRESENT
            }
            ErrorName::AlreadyExists => Self::TEMPLATE_INCONSISTENT,
            ErrorName::WrongPassphrase | ErrorName::WrongConsentPhrase | ErrorName::BadPin => {
                Self::PIN_INCORRECT
            }
            ErrorName::PinLocked => Self::PIN_LOCKED,
            // It passes by itself, which `CKR_PIN_LOCKED` does not say: programs tell people to have the PIN reset.
            ErrorName::TryLater => Self::FUNCTION_FAILED,
            ErrorName::Locked | ErrorName::PinNeeded => Self::USER_NOT_LOGGED_IN,
            // A person had to say yes and did not, or must do something first that is no login.
            ErrorName::SessionLocked
            | ErrorName::UserPresenceNeeded
            | ErrorName::Declined
            | ErrorName::AccessDenied
            | ErrorName::InteractiveAuthorizationRequired => Self::FUNCTION_REJECTED,
            ErrorName::Cancelled => Self::FUNCTION_CANCELED,
            ErrorName::DeviceBusy | ErrorName::DeviceError | ErrorName::Timeout | ErrorName::StoreCorrupt => {
                Self::DEVICE_ERROR
            }
            ErrorName::StoreFull | ErrorName::LimitsExceeded => Self::DEVICE_MEMORY,
            ErrorName::MechanismNotSupported => Self::MECHANISM_INVALID,
            ErrorName::UsageNotAllowed => Self::KEY_FUNCTION_NOT_PERMITTED,
            ErrorName::DataInvalid => Self::DATA_INVALID,
            ErrorName::DataTooLarge => Self::DATA_LEN_RANGE,
            ErrorName::UnknownCaller | ErrorName::Internal => Self::GENERAL_ERROR,
            ErrorName::InvalidArgs => Self::ARGUMENTS_BAD,
            ErrorName::NotSupported => Self::FUNCTION_NOT_SUPPORTED,
        }
    }
}
