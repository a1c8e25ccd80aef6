//! New keys, and keys that come from elsewhere: sealed at once.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, RsaKeyPair,
};
use claviger_token::{Algorithm, Binding, Generated, Secret, TokenError};

use crate::pkcs8;
use crate::seal::{DataKey, seal_record};
use crate::wipe::on_cleared_stack;

/// Makes a key and seals it. Registration calls this before anything is unlocked.
///
/// # Errors
/// [`TokenError::Internal`] where the operating system gives no random bytes.
pub fn generate_with(
    data_key: &DataKey,
    algorithm: Algorithm,
    binding: &Binding,
) -> Result<Generated, TokenError> {
    let document = on_cleared_stack(|| generate(algorithm))?;
    import_with(data_key, &document, binding)
}

/// Takes a private key, DER PKCS#8, checks it and seals it.
///
/// # Errors
/// [`TokenError::DataInvalid`] where it is not a sound key of an offered algorithm.
pub fn import_with(
    data_key: &DataKey,
    private_key: &Secret,
    binding: &Binding,
) -> Result<Generated, TokenError> {
    let parsed = on_cleared_stack(|| pkcs8::import(private_key))?;
    let record = seal_record(data_key, binding, &parsed.spki, &parsed.document)?;
    Ok(Generated {
        attestation: Vec::new(),
        algorithm: parsed.algorithm,
        usage: parsed.algorithm.usage(),
        public_key: parsed.spki,
        reference: String::new(),
        record: Some(record),
    })
}

/// Makes a private key, DER PKCS#8.
fn generate(algorithm: Algorithm) -> Result<Secret, TokenError> {
    if let Some(document) = pkcs8::from_random_seed(algorithm)? {
        return Ok(document);
    }
    match algorithm {
        Algorithm::P256 => generate_ec(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::P384 => generate_ec(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::P521 => generate_ec(&ECDSA_P521_SHA512_FIXED_SIGNING),
        Algorithm::Rsa2048 => generate_rsa(KeySize::Rsa2048),
        Algorithm::Rsa3072 => generate_rsa(KeySize::Rsa3072),
        Algorithm::Rsa4096 => generate_rsa(KeySize::Rsa4096),
        _ => Err(TokenError::AlgorithmNotSupported(algorithm)),
    }
}

fn generate_ec(curve: &'static EcdsaSigningAlgorithm) -> Result<Secret, TokenError> {
    let key = EcdsaKeyPair::generate(curve).map_err(|_| failed())?;
    let document = key.to_pkcs8v1().map_err(|_| failed())?;
    Ok(Secret::new(document.as_ref().to_vec()))
}

fn generate_rsa(size: KeySize) -> Result<Secret, TokenError> {
    let key = RsaKeyPair::generate(size).map_err(|_| failed())?;
    let document: Pkcs8V1Der<'_> = key.as_der().map_err(|_| failed())?;
    Ok(Secret::new(document.as_ref().to_vec()))
}

fn failed() -> TokenError {
    TokenError::Internal("the cryptographic library makes no key".into())
}
