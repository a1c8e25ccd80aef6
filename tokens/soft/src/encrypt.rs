//! Encryption and encapsulation for a public key.

use aws_lc_rs::kem::{EncapsulationKey, ML_KEM_512, ML_KEM_768, ML_KEM_1024};
use claviger_token::{Algorithm, Mechanism, Parameters, Secret, TokenError};

use crate::evp::Failed;
use crate::evp::rsa::Oaep;
use crate::spki;

/// Encrypts with an RSA public key: `RSA_PKCS`, or `RSA_PKCS_OAEP` with its hash, MGF1 hash and label.
///
/// # Errors
/// [`TokenError::DataInvalid`] for an unsound key or too long a message;
/// [`TokenError::MechanismNotSupported`] where the mechanism does not encrypt with such a key.
pub fn encrypt(
    spki: &[u8],
    mechanism: Mechanism,
    parameters: &Parameters,
    plaintext: &[u8],
) -> Result<Vec<u8>, TokenError> {
    let (algorithm, key) = spki::parse(spki)?;
    let size = algorithm.modulus_size().ok_or(TokenError::MechanismNotSupported(mechanism, algorithm))?;
    match mechanism {
        Mechanism::RsaPkcs => {
            check_size(plaintext, size - 11)?;
            key.encrypt_pkcs1(plaintext).map_err(internal)
        }
        Mechanism::RsaPkcsOaep => {
            let oaep = oaep_of(algorithm, parameters)?;
            check_size(plaintext, size - 2 * oaep.hash.size() - 2)?;
            key.encrypt_oaep(plaintext, oaep).map_err(internal)
        }
        _ => Err(TokenError::MechanismNotSupported(mechanism, algorithm)),
    }
}

/// Makes a secret and encapsulates it for an ML-KEM public key: the ciphertext and the secret.
///
/// # Errors
/// [`TokenError::DataInvalid`] for an unsound key; [`TokenError::MechanismNotSupported`] for another algorithm.
pub fn encapsulate(spki: &[u8]) -> Result<(Vec<u8>, Secret), TokenError> {
    let (algorithm, _) = spki::parse(spki)?;
    let parameters = match algorithm {
        Algorithm::MlKem512 => &ML_KEM_512,
        Algorithm::MlKem768 => &ML_KEM_768,
        Algorithm::MlKem1024 => &ML_KEM_1024,
        _ => return Err(TokenError::MechanismNotSupported(Mechanism::MlKem, algorithm)),
    };
    // FIPS 203, 7.2: a key whose coefficients are not reduced is refused here.
    let key = EncapsulationKey::new(parameters, spki::raw(spki)?).map_err(|_| unsound())?;
    let (ciphertext, secret) = key.encapsulate().map_err(|_| unsound())?;
    Ok((ciphertext.as_ref().to_vec(), Secret::new(secret.as_ref().to_vec())))
}

/// Returns what OAEP is told, checked: the digests must fit into the modulus, which all do.
pub(crate) fn oaep_of(algorithm: Algorithm, parameters: &Parameters) -> Result<Oaep<'_>, TokenError> {
    let hash = parameters.hash_or_default();
    let size = algorithm.modulus_size().unwrap_or_default();
    if size < 2 * hash.size() + 2 {
        return Err(TokenError::DataInvalid("the digest does not fit into the modulus".into()));
    }
    let label = parameters.label.as_deref().unwrap_or_default();
    Ok(Oaep { hash, mgf_hash: parameters.mgf_hash_or(hash), label })
}

fn check_size(plaintext: &[u8], limit: usize) -> Result<(), TokenError> {
    if plaintext.len() > limit { Err(TokenError::DataTooLarge { limit }) } else { Ok(()) }
}

fn unsound() -> TokenError {
    TokenError::DataInvalid("the ML-KEM public key is not sound".into())
}

fn internal(Failed: Failed) -> TokenError {
    TokenError::Internal("the cryptographic library refuses the encryption".into())
}
