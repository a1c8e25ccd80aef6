//! The peer's public key of an agreement.

use claviger_token::{Algorithm, TokenError};

use crate::evp::Pkey;
use crate::spki;

/// Reads a peer's public key: DER SubjectPublicKeyInfo, an uncompressed point (X9.62), a point inside a DER
/// OCTET STRING (PKCS#11), or 32 bytes of X25519. It must be of `algorithm`, and a point must be on the curve.
pub(crate) fn parse(algorithm: Algorithm, peer: &[u8]) -> Result<Pkey, TokenError> {
    let wrapped = match spki::element(peer, 0x04) {
        Some((point, [])) => spki::of_raw(algorithm, point),
        _ => None,
    };
    let document = spki::of_raw(algorithm, peer).or(wrapped);
    let (found, key) = spki::parse(document.as_deref().unwrap_or(peer))?;
    if found == algorithm {
        Ok(key)
    } else {
        Err(TokenError::DataInvalid(format!("the peer's key is {found}, not {algorithm}").into()))
    }
}
