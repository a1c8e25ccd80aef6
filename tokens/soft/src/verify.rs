//! Verification of signatures: by ring where it has the mechanism, so that a signature is checked by other
//! code than made it, else by aws-lc.

use claviger_token::{Algorithm, Hash, Mechanism, Parameters, Purpose, TokenError};
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};

use crate::digest::digest;
use crate::ecdsa_form::ecdsa_raw_to_der;
use crate::evp::{Failed, Pkey};
use crate::private_key::{hashed, ml_dsa_context, padded_size};
use crate::{pss, spki};

/// Returns true where `signature` is the mechanism's of `data` by the key of `spki`. ECDSA signatures are
/// r || s; SHA-1 is taken, for old data.
///
/// # Errors
/// [`TokenError::DataInvalid`] for an unsound key or data that the mechanism does not sign;
/// [`TokenError::MechanismNotSupported`] where such a key makes no such signatures.
pub fn verify(
    spki: &[u8],
    mechanism: Mechanism,
    parameters: &Parameters,
    data: &[u8],
    signature: &[u8],
) -> Result<bool, TokenError> {
    let (algorithm, key) = spki::parse(spki)?;
    if !mechanism.fits(algorithm) || !mechanism.serves(Purpose::Sign) || mechanism == Mechanism::RsaX509 {
        return Err(TokenError::MechanismNotSupported(mechanism, algorithm));
    }
    if let Some(verification) = by_ring(algorithm, mechanism, parameters) {
        let key = UnparsedPublicKey::new(verification, spki::raw(spki)?);
        return Ok(key.verify(data, signature).is_ok());
    }
    Verification { algorithm, key, parameters }.by_aws_lc(mechanism, data, signature)
}

/// Returns true where a token's answer to a request to sign is a signature by the key of `spki`: as [`verify`], and
/// for the RSA primitive, which nobody else asks about, that the block comes out again.
///
/// # Errors
/// As [`verify`].
pub fn is_signed(
    spki: &[u8],
    mechanism: Mechanism,
    parameters: &Parameters,
    data: &[u8],
    signature: &[u8],
) -> Result<bool, TokenError> {
    if mechanism != Mechanism::RsaX509 {
        return verify(spki, mechanism, parameters, data, signature);
    }
    let (_, key) = spki::parse(spki)?;
    Ok(key.public_transform(signature).is_ok_and(|block| block == data))
}

/// Returns ring's algorithm for the mechanism, where it has exactly that one.
fn by_ring(
    algorithm: Algorithm,
    mechanism: Mechanism,
    parameters: &Parameters,
) -> Option<&'static dyn VerificationAlgorithm> {
    let usual_pss = |hash: Hash| {
        parameters.mgf_hash_or(hash) == hash
            && parameters.salt_length.is_none_or(|length| length as usize == hash.size())
    };
    Some(match (mechanism, algorithm) {
        (Mechanism::EcdsaSha256, Algorithm::P256) => &ring_signature::ECDSA_P256_SHA256_FIXED,
        (Mechanism::EcdsaSha384, Algorithm::P384) => &ring_signature::ECDSA_P384_SHA384_FIXED,
        (Mechanism::Eddsa, _) => &ring_signature::ED25519,
        (Mechanism::Sha256RsaPkcs, _) => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
        (Mechanism::Sha384RsaPkcs, _) => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
        (Mechanism::Sha512RsaPkcs, _) => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
        (Mechanism::Sha256RsaPkcsPss, _) if usual_pss(Hash::Sha256) => {
            &ring_signature::RSA_PSS_2048_8192_SHA256
        }
        (Mechanism::Sha384RsaPkcsPss, _) if usual_pss(Hash::Sha384) => {
            &ring_signature::RSA_PSS_2048_8192_SHA384
        }
        (Mechanism::Sha512RsaPkcsPss, _) if usual_pss(Hash::Sha512) => {
            &ring_signature::RSA_PSS_2048_8192_SHA512
        }
        _ => return None,
    })
}

/// What ring does not have.
struct Verification<'parameters> {
    algorithm: Algorithm,
    key: Pkey,
    parameters: &'parameters Parameters,
}

impl Verification<'_> {
    fn by_aws_lc(&self, mechanism: Mechanism, data: &[u8], signature: &[u8]) -> Result<bool, TokenError> {
        match mechanism {
            Mechanism::Ecdsa => self.ecdsa(data, signature),
            Mechanism::EcdsaSha256 => self.ecdsa(&digest(Hash::Sha256, data), signature),
            Mechanism::EcdsaSha384 => self.ecdsa(&digest(Hash::Sha384, data), signature),
            Mechanism::EcdsaSha512 => self.ecdsa(&digest(Hash::Sha512, data), signature),
            Mechanism::RsaPkcs => {
                if !self.algorithm.pads(data.len()) {
                    return Err(padded_size(self.algorithm));
                }
                Ok(self.pkcs1(data, signature))
            }
            Mechanism::Sha256RsaPkcs => Ok(self.pkcs1(&hashed(Hash::Sha256, data), signature)),
            Mechanism::Sha384RsaPkcs => Ok(self.pkcs1(&hashed(Hash::Sha384, data), signature)),
            Mechanism::Sha512RsaPkcs => Ok(self.pkcs1(&hashed(Hash::Sha512, data), signature)),
            Mechanism::RsaPkcsPss => self.pss(self.parameters.hash_or_default(), data, signature),
            Mechanism::Sha256RsaPkcsPss => self.pss(Hash::Sha256, &digest(Hash::Sha256, data), signature),
            Mechanism::Sha384RsaPkcsPss => self.pss(Hash::Sha384, &digest(Hash::Sha384, data), signature),
            Mechanism::Sha512RsaPkcsPss => self.pss(Hash::Sha512, &digest(Hash::Sha512, data), signature),
            Mechanism::Eddsa => held(self.key.verify_message(data, &[], signature)),
            Mechanism::MlDsa => {
                held(self.key.verify_message(data, ml_dsa_context(self.parameters)?, signature))
            }
            Mechanism::RsaPkcsOaep | Mechanism::RsaX509 | Mechanism::Ecdh1Derive | Mechanism::MlKem => {
                Err(TokenError::MechanismNotSupported(mechanism, self.algorithm))
            }
        }
    }

    fn ecdsa(&self, digest: &[u8], signature: &[u8]) -> Result<bool, TokenError> {
        match ecdsa_raw_to_der(self.algorithm, signature) {
            Ok(signature) => held(self.key.verify_digest(digest, &signature)),
            // A signature of another size is none.
            Err(_) => Ok(false),
        }
    }

    fn pkcs1(&self, info: &[u8], signature: &[u8]) -> bool {
        self.key.recover_pkcs1(signature).is_ok_and(|recovered| recovered == info)
    }

    fn pss(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> Result<bool, TokenError> {
        if digest.len() != hash.size() {
            return Err(pss::digest_size(hash));
        }
        let pss = pss::parameters_of(self.algorithm, hash, self.parameters)?;
        held(self.key.verify_pss(digest, pss, signature))
    }
}

fn held(result: Result<bool, Failed>) -> Result<bool, TokenError> {
    result.map_err(|Failed| TokenError::Internal("the cryptographic library refuses the verification".into()))
}
