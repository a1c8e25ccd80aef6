//! Which codes a function may return: OASIS PKCS#11 3.2, section 5. What is known more exactly than a function may say
//! becomes the nearest of its codes.

use crate::rv::Rv;

/// Returns the code where the function of that name may return it, else the nearest one that it may.
pub(super) fn allowed(function: &str, code: Rv) -> Rv {
    let may = |code: &Rv| EVERY.contains(code) || of(function).iter().any(|codes| codes.contains(code));
    let nearest = || nearest(code).iter().copied().find(may).unwrap_or(Rv::FUNCTION_FAILED);
    if may(&code) { code } else { nearest() }
}

/// Returns what says nearly the same, the nearest first.
fn nearest(code: Rv) -> &'static [Rv] {
    match code {
        Rv::TOKEN_NOT_PRESENT => &[Rv::DEVICE_REMOVED, Rv::DEVICE_ERROR],
        Rv::DEVICE_REMOVED => &[Rv::TOKEN_NOT_PRESENT, Rv::DEVICE_ERROR],
        Rv::KEY_HANDLE_INVALID => {
            &[Rv::OBJECT_HANDLE_INVALID, Rv::UNWRAPPING_KEY_HANDLE_INVALID, Rv::WRAPPING_KEY_HANDLE_INVALID]
        }
        Rv::OBJECT_HANDLE_INVALID => &[Rv::KEY_HANDLE_INVALID],
        Rv::PIN_INCORRECT | Rv::PIN_LOCKED => &[Rv::USER_NOT_LOGGED_IN],
        Rv::FUNCTION_REJECTED => &[Rv::ACTION_PROHIBITED, Rv::FUNCTION_CANCELED],
        Rv::DATA_INVALID => &[
            Rv::ENCRYPTED_DATA_INVALID,
            Rv::WRAPPED_KEY_INVALID,
            Rv::PIN_INVALID,
            Rv::ATTRIBUTE_VALUE_INVALID,
        ],
        Rv::DATA_LEN_RANGE => {
            &[Rv::ENCRYPTED_DATA_LEN_RANGE, Rv::WRAPPED_KEY_LEN_RANGE, Rv::ATTRIBUTE_VALUE_INVALID]
        }
        Rv::DEVICE_MEMORY => &[Rv::HOST_MEMORY],
        Rv::MECHANISM_INVALID => &[Rv::TEMPLATE_INCONSISTENT],
        Rv::TEMPLATE_INCONSISTENT => &[Rv::ATTRIBUTE_VALUE_INVALID],
        Rv::KEY_TYPE_INCONSISTENT => {
            &[Rv::WRAPPING_KEY_TYPE_INCONSISTENT, Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT, Rv::KEY_NOT_WRAPPABLE]
        }
        Rv::KEY_SIZE_RANGE => &[Rv::WRAPPING_KEY_SIZE_RANGE, Rv::UNWRAPPING_KEY_SIZE_RANGE],
        Rv::SESSION_CLOSED => &[Rv::SESSION_HANDLE_INVALID],
        _ => &[],
    }
}

/// What every function may return.
const EVERY: &[Rv] = &[
    Rv::OK,
    Rv::GENERAL_ERROR,
    Rv::HOST_MEMORY,
    Rv::FUNCTION_FAILED,
    Rv::FUNCTION_NOT_SUPPORTED,
    Rv::ARGUMENTS_BAD,
    Rv::CRYPTOKI_NOT_INITIALIZED,
];

/// What every function with a session may return.
const SESSION: &[Rv] = &[
    Rv::SESSION_HANDLE_INVALID,
    Rv::SESSION_CLOSED,
    Rv::DEVICE_REMOVED,
    Rv::DEVICE_ERROR,
    Rv::DEVICE_MEMORY,
    Rv::FUNCTION_CANCELED,
];

/// What functions about slots and tokens may return.
const SLOT: &[Rv] = &[Rv::SLOT_ID_INVALID, Rv::DEVICE_ERROR];
const TOKEN: &[Rv] =
    &[Rv::DEVICE_MEMORY, Rv::DEVICE_REMOVED, Rv::TOKEN_NOT_PRESENT, Rv::TOKEN_NOT_RECOGNIZED];

/// What templates bring with them.
const TEMPLATE: &[Rv] = &[
    Rv::ATTRIBUTE_READ_ONLY,
    Rv::ATTRIBUTE_TYPE_INVALID,
    Rv::ATTRIBUTE_VALUE_INVALID,
    Rv::TEMPLATE_INCOMPLETE,
    Rv::TEMPLATE_INCONSISTENT,
    Rv::TOKEN_WRITE_PROTECTED,
    Rv::SESSION_READ_ONLY,
    Rv::USER_NOT_LOGGED_IN,
    Rv::CURVE_NOT_SUPPORTED,
    Rv::DOMAIN_PARAMS_INVALID,
    Rv::PIN_EXPIRED,
];

/// What a mechanism brings with it, and a key.
const MECHANISM: &[Rv] =
    &[Rv::MECHANISM_INVALID, Rv::MECHANISM_PARAM_INVALID, Rv::OPERATION_ACTIVE, Rv::PIN_EXPIRED];
const KEY: &[Rv] = &[
    Rv::KEY_FUNCTION_NOT_PERMITTED,
    Rv::KEY_HANDLE_INVALID,
    Rv::KEY_SIZE_RANGE,
    Rv::KEY_TYPE_INCONSISTENT,
    Rv::USER_NOT_LOGGED_IN,
];

/// What an operation that was begun may come to.
const UNDER_WAY: &[Rv] = &[Rv::OPERATION_NOT_INITIALIZED, Rv::OPERATION_ACTIVE, Rv::USER_NOT_LOGGED_IN];
const OUTPUT: &[Rv] = &[Rv::BUFFER_TOO_SMALL];
const DATA: &[Rv] = &[Rv::DATA_INVALID, Rv::DATA_LEN_RANGE];
const CIPHERTEXT: &[Rv] = &[Rv::ENCRYPTED_DATA_INVALID, Rv::ENCRYPTED_DATA_LEN_RANGE];
const SIGNATURE: &[Rv] = &[Rv::SIGNATURE_INVALID, Rv::SIGNATURE_LEN_RANGE];
const REJECTED: &[Rv] = &[Rv::FUNCTION_REJECTED, Rv::TOKEN_RESOURCE_EXCEEDED];

const PIN: &[Rv] = &[Rv::PIN_INVALID, Rv::PIN_LEN_RANGE, Rv::SESSION_READ_ONLY, Rv::TOKEN_WRITE_PROTECTED];
const LOGIN: &[Rv] = &[
    Rv::PIN_INCORRECT,
    Rv::PIN_LOCKED,
    Rv::SESSION_READ_ONLY_EXISTS,
    Rv::USER_ALREADY_LOGGED_IN,
    Rv::USER_ANOTHER_ALREADY_LOGGED_IN,
    Rv::USER_PIN_NOT_INITIALIZED,
    Rv::USER_TOO_MANY_TYPES,
    Rv::USER_TYPE_INVALID,
    Rv::OPERATION_NOT_INITIALIZED,
];

/// Returns what a function may return beside that.
fn of(function: &str) -> &'static [&'static [Rv]] {
    match function {
        "C_Initialize" => &[&[Rv::CANT_LOCK, Rv::CRYPTOKI_ALREADY_INITIALIZED, Rv::NEED_TO_CREATE_THREADS]],
        "C_GetSlotList" | "C_GetInterfaceList" => &[OUTPUT],
        "C_GetSlotInfo" => &[SLOT],
        "C_GetTokenInfo" | "C_CloseAllSessions" => &[SLOT, TOKEN],
        "C_GetMechanismList" => &[SLOT, TOKEN, OUTPUT],
        "C_GetMechanismInfo" => &[SLOT, TOKEN, &[Rv::MECHANISM_INVALID]],
        "C_WaitForSlotEvent" => &[&[Rv::NO_EVENT]],
        "C_OpenSession" => &[
            SLOT,
            TOKEN,
            &[
                Rv::SESSION_COUNT,
                Rv::SESSION_PARALLEL_NOT_SUPPORTED,
                Rv::SESSION_READ_WRITE_SO_EXISTS,
                Rv::TOKEN_WRITE_PROTECTED,
            ],
        ],
        "C_CloseSession" | "C_GetSessionInfo" | "C_GetSessionValidationFlags" => &[SESSION],
        "C_SessionCancel" => &[SESSION, &[Rv::OPERATION_CANCEL_FAILED]],
        "C_GetFunctionStatus" | "C_CancelFunction" => &[SESSION, &[Rv::FUNCTION_NOT_PARALLEL]],
        "C_InitPIN" => &[SESSION, PIN, &[Rv::USER_NOT_LOGGED_IN]],
        "C_SetPIN" => &[SESSION, PIN, &[Rv::PIN_INCORRECT, Rv::PIN_LOCKED]],
        "C_Login" | "C_LoginUser" => &[SESSION, LOGIN],
        "C_Logout" => &[SESSION, &[Rv::USER_NOT_LOGGED_IN]],
        "C_CreateObject" => &[SESSION, TEMPLATE],
        "C_CopyObject" => &[SESSION, TEMPLATE, &[Rv::OBJECT_HANDLE_INVALID, Rv::ACTION_PROHIBITED]],
        "C_DestroyObject" => &[
            SESSION,
            &[
                Rv::OBJECT_HANDLE_INVALID,
                Rv::ACTION_PROHIBITED,
                Rv::SESSION_READ_ONLY,
                Rv::TOKEN_WRITE_PROTECTED,
                Rv::USER_NOT_LOGGED_IN,
            ],
        ],
        "C_SetAttributeValue" => &[SESSION, TEMPLATE, &[Rv::OBJECT_HANDLE_INVALID, Rv::ACTION_PROHIBITED]],
        "C_GetObjectSize" => &[SESSION, &[Rv::OBJECT_HANDLE_INVALID, Rv::INFORMATION_SENSITIVE]],
        "C_GetAttributeValue" => &[
            SESSION,
            OUTPUT,
            &[Rv::ATTRIBUTE_SENSITIVE, Rv::ATTRIBUTE_TYPE_INVALID, Rv::OBJECT_HANDLE_INVALID],
        ],
        "C_FindObjectsInit" => {
            &[SESSION, &[Rv::ATTRIBUTE_TYPE_INVALID, Rv::ATTRIBUTE_VALUE_INVALID, Rv::OPERATION_ACTIVE]]
        }
        "C_FindObjects" | "C_FindObjectsFinal" => &[SESSION, &[Rv::OPERATION_NOT_INITIALIZED]],
        "C_DigestInit" => &[SESSION, MECHANISM, &[Rv::USER_NOT_LOGGED_IN]],
        "C_SignInit" | "C_VerifyInit" | "C_EncryptInit" | "C_DecryptInit" => &[SESSION, MECHANISM, KEY],
        "C_Digest" | "C_DigestFinal" | "C_EncryptFinal" => &[SESSION, UNDER_WAY, OUTPUT, DATA],
        "C_DigestUpdate" => &[SESSION, UNDER_WAY],
        "C_DigestKey" => {
            &[SESSION, UNDER_WAY, &[Rv::KEY_HANDLE_INVALID, Rv::KEY_INDIGESTIBLE, Rv::KEY_SIZE_RANGE]]
        }
        "C_Sign" | "C_SignFinal" => &[SESSION, UNDER_WAY, OUTPUT, DATA, REJECTED],
        "C_SignUpdate" | "C_VerifyUpdate" => &[SESSION, UNDER_WAY, DATA, REJECTED],
        "C_Verify" | "C_VerifyFinal" => &[SESSION, UNDER_WAY, DATA, SIGNATURE],
        "C_Encrypt" | "C_EncryptUpdate" => &[SESSION, UNDER_WAY, OUTPUT, DATA],
        "C_Decrypt" | "C_DecryptUpdate" | "C_DecryptFinal" => &[SESSION, UNDER_WAY, OUTPUT, CIPHERTEXT],
        "C_SeedRandom" => {
            &[SESSION, &[Rv::RANDOM_NO_RNG, Rv::RANDOM_SEED_NOT_SUPPORTED, Rv::OPERATION_ACTIVE]]
        }
        "C_GenerateRandom" => &[SESSION, &[Rv::RANDOM_NO_RNG, Rv::OPERATION_ACTIVE, Rv::USER_NOT_LOGGED_IN]],
        "C_GenerateKeyPair" => &[SESSION, MECHANISM, TEMPLATE],
        "C_DeriveKey" | "C_EncapsulateKey" => &[SESSION, MECHANISM, TEMPLATE, KEY, OUTPUT],
        "C_DecapsulateKey" => &[SESSION, MECHANISM, TEMPLATE, KEY, WRAPPED],
        "C_WrapKey" => &[SESSION, MECHANISM, KEY, WRAPPING, OUTPUT],
        "C_UnwrapKey" => &[SESSION, MECHANISM, TEMPLATE, UNWRAPPING, WRAPPED, &[Rv::USER_NOT_LOGGED_IN]],
        _ => &[],
    }
}

const WRAPPED: &[Rv] = &[Rv::WRAPPED_KEY_INVALID, Rv::WRAPPED_KEY_LEN_RANGE];
const WRAPPING: &[Rv] = &[
    Rv::KEY_NOT_WRAPPABLE,
    Rv::KEY_UNEXTRACTABLE,
    Rv::WRAPPING_KEY_HANDLE_INVALID,
    Rv::WRAPPING_KEY_SIZE_RANGE,
    Rv::WRAPPING_KEY_TYPE_INCONSISTENT,
];
const UNWRAPPING: &[Rv] = &[
    Rv::KEY_FUNCTION_NOT_PERMITTED,
    Rv::UNWRAPPING_KEY_HANDLE_INVALID,
    Rv::UNWRAPPING_KEY_SIZE_RANGE,
    Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT,
];
