use claviger_client::Secret;

use super::decrypt::Decrypt;
use super::encrypt::Encrypt;
use super::parameter::Parameter;
use crate::key::{Key, PublicKey};
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// Returns the size of every secret key that is wrapped so.
///
/// # Errors
/// As [`wrap`].
pub(crate) fn wrapped_length(key: &PublicKey, parameter: &Parameter) -> Answer<usize> {
    let encrypt = Encrypt::begin(key, parameter).map_err(of_wrapping)?;
    Ok(encrypt.length())
}

/// Wraps a secret key with an RSA public key: `C_WrapKey`.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_WRAPPING_KEY_TYPE_INCONSISTENT`, `CKR_KEY_SIZE_RANGE` where the secret is too long for
/// the key, and what the key store refuses with.
pub(crate) fn wrap(
    store: &dyn Store,
    key: &PublicKey,
    parameter: &Parameter,
    secret: &[u8],
) -> Answer<Vec<u8>> {
    let encrypt = Encrypt::begin(key, parameter).map_err(of_wrapping)?;
    encrypt.once(store, secret).map_err(of_wrapping)
}

/// Unwraps a secret key with an RSA private key: `C_UnwrapKey`. What a wrong padding is, [`Decrypt`] says.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`, `CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT`, `CKR_KEY_FUNCTION_NOT_PERMITTED`,
/// `CKR_WRAPPED_KEY_LEN_RANGE`, `CKR_WRAPPED_KEY_INVALID`, and what the key store refuses with.
pub(crate) fn unwrap(store: &dyn Store, key: &Key, parameter: &Parameter, wrapped: &[u8]) -> Answer<Secret> {
    let decrypt = Decrypt::begin(key, parameter).map_err(of_unwrapping)?;
    decrypt.once(store, wrapped).map_err(of_unwrapping)
}

/// Returns the code that `C_WrapKey` has for what `C_Encrypt` says.
fn of_wrapping(rv: Rv) -> Rv {
    match rv {
        Rv::KEY_TYPE_INCONSISTENT => Rv::WRAPPING_KEY_TYPE_INCONSISTENT,
        Rv::DATA_LEN_RANGE | Rv::DATA_INVALID => Rv::KEY_SIZE_RANGE,
        rv => rv,
    }
}

/// Returns the code that `C_UnwrapKey` has for what `C_Decrypt` says.
fn of_unwrapping(rv: Rv) -> Rv {
    match rv {
        Rv::KEY_TYPE_INCONSISTENT => Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT,
        Rv::ENCRYPTED_DATA_LEN_RANGE => Rv::WRAPPED_KEY_LEN_RANGE,
        Rv::ENCRYPTED_DATA_INVALID => Rv::WRAPPED_KEY_INVALID,
        rv => rv,
    }
}
