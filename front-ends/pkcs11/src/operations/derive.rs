use claviger_client::{DeriveOptions, Secret};
use claviger_token::{Algorithm, Hash, Mechanism};
use zeroize::Zeroizing;

use super::ffi::LONGEST;
use super::hasher::Hasher;
use super::parameter::{Parameter, Value};
use super::{has, refused};
use crate::key::Key;
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// Agrees on a secret with a peer's public key: `C_DeriveKey`. `length` is how many bytes the new key shall have; unless
/// told, as many as are agreed on.
///
/// # Errors
/// `CKR_MECHANISM_INVALID`; `CKR_KEY_TYPE_INCONSISTENT`, `CKR_KEY_FUNCTION_NOT_PERMITTED` where the key is not for that;
/// `CKR_MECHANISM_PARAM_INVALID` where the peer's key is none of the same curve; `CKR_TEMPLATE_INCONSISTENT` where more
/// bytes are wanted than there are, `CKR_TEMPLATE_INCOMPLETE` where a derivation function is not told how many; and what
/// the key store refuses with.
pub(crate) fn derive(
    store: &dyn Store,
    key: &Key,
    parameter: &Parameter,
    length: Option<usize>,
) -> Answer<Secret> {
    let Value::Ecdh { kdf, shared, peer } = &parameter.value else { return Err(Rv::MECHANISM_INVALID) };
    let point = point(key.algorithm(), peer)?;
    if !key.usage().derive {
        return Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
    }
    if !has(key, Mechanism::Ecdh1Derive) {
        return Err(Rv::MECHANISM_INVALID);
    }
    check_length(kdf.is_some(), key.algorithm(), length)?;
    let name = Mechanism::Ecdh1Derive.name();
    let agreed = store
        .derive(key.id(), name, point, &DeriveOptions { token: key.token(), ..DeriveOptions::default() })
        .map_err(|error| refused(error, Rv::MECHANISM_PARAM_INVALID))?;
    match (kdf, length) {
        (None, None) => Ok(agreed),
        (None, Some(length)) => truncated(&agreed, length),
        (Some(_), None) => Err(Rv::TEMPLATE_INCOMPLETE),
        (Some(hash), Some(length)) => Ok(x963(*hash, agreed.as_bytes(), shared, length)),
    }
}

/// Refuses a length before anybody is asked for a yes.
fn check_length(kdf: bool, algorithm: Algorithm, length: Option<usize>) -> Answer<()> {
    let most = if kdf { Some(LONGEST) } else { secret_length(algorithm) };
    match length {
        None if kdf => Err(Rv::TEMPLATE_INCOMPLETE),
        Some(length) if length == 0 || most.is_none_or(|most| length > most) => {
            Err(Rv::TEMPLATE_INCONSISTENT)
        }
        None | Some(_) => Ok(()),
    }
}

/// PKCS#11, Elliptic curve Diffie-Hellman key derivation: "The truncation removes bytes from the leading end of the secret value."
fn truncated(agreed: &Secret, length: usize) -> Answer<Secret> {
    let bytes = agreed.as_bytes();
    let start = bytes.len().checked_sub(length).ok_or(Rv::TEMPLATE_INCONSISTENT)?;
    Ok(Secret::new(bytes[start..].to_vec()))
}

/// The key derivation function of ANSI X9.63 (SEC 1, 3.6.1): H(Z || 1 || shared) || H(Z || 2 || shared) || …
fn x963(hash: Hash, agreed: &[u8], shared: &[u8], length: usize) -> Secret {
    let mut derived = Zeroizing::new(Vec::with_capacity(length + hash.size()));
    for counter in 1_u32.. {
        if derived.len() >= length {
            break;
        }
        let mut hasher = Hasher::new(hash);
        for part in [agreed, &counter.to_be_bytes(), shared] {
            hasher.update(part);
        }
        derived.extend_from_slice(&Zeroizing::new(hasher.finish()));
    }
    Secret::new(derived[..length].to_vec())
}

/// Returns the peer's point, bare. PKCS#11, CK_ECDH1_DERIVE_PARAMS: "A token MUST be able to accept this value encoded as
/// a raw octet string … A token MAY, in addition, support accepting this value as a DER-encoded ECPoint".
fn point(algorithm: Algorithm, peer: &[u8]) -> Answer<&[u8]> {
    const OCTET_STRING: u8 = 0x04;
    let length = point_length(algorithm).ok_or(Rv::KEY_TYPE_INCONSISTENT)?;
    let bare = match peer {
        bare if bare.len() == length => Some(bare),
        // Of P-521 the length takes two bytes.
        [OCTET_STRING, 0x81, size, bare @ ..] if usize::from(*size) == bare.len() && *size >= 128 => {
            Some(bare)
        }
        [OCTET_STRING, size, bare @ ..] if usize::from(*size) == bare.len() && *size < 128 => Some(bare),
        _ => None,
    };
    bare.filter(|bare| bare.len() == length).ok_or(Rv::MECHANISM_PARAM_INVALID)
}

/// Returns the size of a public key: an uncompressed point, or the one coordinate of X25519.
const fn point_length(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::P256 => Some(65),
        Algorithm::P384 => Some(97),
        Algorithm::P521 => Some(133),
        Algorithm::X25519 => Some(32),
        Algorithm::Ed25519
        | Algorithm::Rsa2048
        | Algorithm::Rsa3072
        | Algorithm::Rsa4096
        | Algorithm::MlDsa44
        | Algorithm::MlDsa65
        | Algorithm::MlDsa87
        | Algorithm::MlKem512
        | Algorithm::MlKem768
        | Algorithm::MlKem1024 => None,
    }
}

/// Returns the size of what is agreed on: one coordinate.
fn secret_length(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::X25519 => Some(32),
        algorithm => point_length(algorithm).map(|length| length / 2),
    }
}

#[cfg(test)]
mod tests;
