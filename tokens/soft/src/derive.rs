//! HKDF (RFC 5869) without salt, by ring.

use claviger_token::{Hash, Secret, TokenError};
use ring::hkdf::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, KeyType, Salt};
use zeroize::Zeroizing;

use crate::wipe::on_cleared_stack;

/// Derives `length` bytes from an agreed secret, with `info` and no salt.
///
/// # Errors
/// [`TokenError::DataInvalid`] where the digest is not SHA-256, SHA-384 or SHA-512, or the length is zero or more
/// than 255 digests.
pub fn hkdf(secret: &Secret, hash: Hash, info: &[u8], length: usize) -> Result<Secret, TokenError> {
    let algorithm = match hash {
        Hash::Sha256 => HKDF_SHA256,
        Hash::Sha384 => HKDF_SHA384,
        Hash::Sha512 => HKDF_SHA512,
        _ => return Err(invalid("HKDF goes with SHA256, SHA384 and SHA512")),
    };
    if length == 0 {
        return Err(invalid("HKDF gives at least one byte"));
    }
    let mut output = Zeroizing::new(vec![0; length]);
    on_cleared_stack(|| {
        let key = Salt::new(algorithm, &[]).extract(secret.expose());
        key.expand(&[info], Length(length)).and_then(|material| material.fill(&mut output))
    })
    .map_err(|_| invalid("HKDF gives at most 255 digests"))?;
    Ok(Secret::new(std::mem::take(&mut *output)))
}

fn invalid(why: &'static str) -> TokenError {
    TokenError::DataInvalid(why.into())
}

/// Tells ring how much is wanted.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
