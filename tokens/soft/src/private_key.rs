//! A private key, parsed and ready: the mechanisms of the local store.

use claviger_token::{Algorithm, Hash, Mechanism, Parameters, Purpose, Secret, TokenError};

use crate::digest::digest;
use crate::digest_info::{check_digest_info, digest_info};
use crate::ecdsa_form::{ecdsa_der_to_raw, field_size};
use crate::encrypt::oaep_of;
use crate::evp::{Failed, Pkey};
use crate::wipe::on_cleared_stack;
use crate::{implicit_rejection, peer, pkcs8, pss};

/// The sizes of digests that ECDSA signs: the longest has 64 bytes, and there is none of no bytes.
const DIGEST_SIZES: std::ops::RangeInclusive<usize> = 1..=64;

/// A private key of an algorithm; wiped when dropped.
pub(crate) struct PrivateKey {
    algorithm: Algorithm,
    key: Pkey,
    /// What RSA decryption needs to answer wrong padding with.
    exponent_digest: Option<Secret>,
}

impl PrivateKey {
    /// Parses the document of a sealed record.
    pub(crate) fn load(algorithm: Algorithm, document: &Secret) -> Result<Self, TokenError> {
        on_cleared_stack(|| Self::of(algorithm, pkcs8::load(document.expose())?))
    }

    fn of(algorithm: Algorithm, key: Pkey) -> Result<Self, TokenError> {
        let exponent_digest = match algorithm.modulus_size() {
            Some(_) => Some(implicit_rejection::exponent_digest(&key).map_err(internal)?),
            None => None,
        };
        Ok(Self { algorithm, key, exponent_digest })
    }

    /// Signs.
    pub(crate) fn sign(
        &self,
        mechanism: Mechanism,
        parameters: &Parameters,
        data: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        self.check(mechanism, Purpose::Sign)?;
        on_cleared_stack(|| match mechanism {
            Mechanism::Ecdsa => self.ecdsa(data),
            Mechanism::EcdsaSha256 => self.ecdsa(&digest(Hash::Sha256, data)),
            Mechanism::EcdsaSha384 => self.ecdsa(&digest(Hash::Sha384, data)),
            Mechanism::EcdsaSha512 => self.ecdsa(&digest(Hash::Sha512, data)),
            Mechanism::Eddsa => self.key.sign_message(data, &[]).map_err(internal),
            Mechanism::RsaPkcs => self.pkcs1(data),
            Mechanism::Sha256RsaPkcs => self.pkcs1(&hashed(Hash::Sha256, data)),
            Mechanism::Sha384RsaPkcs => self.pkcs1(&hashed(Hash::Sha384, data)),
            Mechanism::Sha512RsaPkcs => self.pkcs1(&hashed(Hash::Sha512, data)),
            Mechanism::RsaPkcsPss => self.pss(parameters.hash_or_default(), parameters, data),
            Mechanism::Sha256RsaPkcsPss => self.pss_message(Hash::Sha256, parameters, data),
            Mechanism::Sha384RsaPkcsPss => self.pss_message(Hash::Sha384, parameters, data),
            Mechanism::Sha512RsaPkcsPss => self.pss_message(Hash::Sha512, parameters, data),
            Mechanism::MlDsa => self.ml_dsa(parameters, data),
            Mechanism::RsaPkcsOaep | Mechanism::RsaX509 | Mechanism::Ecdh1Derive | Mechanism::MlKem => {
                Err(TokenError::MechanismNotSupported(mechanism, self.algorithm))
            }
        })
    }

    /// Decrypts one block.
    pub(crate) fn decrypt(
        &self,
        mechanism: Mechanism,
        parameters: &Parameters,
        ciphertext: &[u8],
    ) -> Result<Secret, TokenError> {
        self.check(mechanism, Purpose::Decrypt)?;
        if self.algorithm.modulus_size() != Some(ciphertext.len()) {
            return Err(invalid("the ciphertext is not one block of the modulus's size"));
        }
        on_cleared_stack(|| match (mechanism, &self.exponent_digest) {
            (Mechanism::RsaPkcs, Some(exponent_digest)) => {
                implicit_rejection::decrypt(&self.key, exponent_digest, ciphertext)
            }
            (Mechanism::RsaPkcsOaep, _) => {
                let opened = self.key.decrypt_oaep(ciphertext, oaep_of(self.algorithm, parameters)?);
                opened.map_err(|Failed| invalid("the ciphertext does not decrypt with this key and label"))
            }
            _ => Err(TokenError::MechanismNotSupported(mechanism, self.algorithm)),
        })
    }

    /// Agrees on a secret.
    pub(crate) fn derive(&self, mechanism: Mechanism, peer: &[u8]) -> Result<Secret, TokenError> {
        self.check(mechanism, Purpose::Derive)?;
        let peer = peer::parse(self.algorithm, peer)?;
        on_cleared_stack(|| self.key.agree(&peer))
            .map_err(|Failed| invalid("no secret can be agreed on with that public key"))
    }

    /// Opens an encapsulated secret. A ciphertext of the right size always opens, to a secret that nobody else
    /// has where it was changed (FIPS 203, algorithm 21).
    pub(crate) fn decapsulate(&self, mechanism: Mechanism, ciphertext: &[u8]) -> Result<Secret, TokenError> {
        self.check(mechanism, Purpose::Decapsulate)?;
        if kem_ciphertext_size(self.algorithm) != Some(ciphertext.len()) {
            return Err(invalid("the ciphertext does not have the size of the key's"));
        }
        on_cleared_stack(|| self.key.decapsulate(ciphertext)).map_err(internal)
    }

    fn check(&self, mechanism: Mechanism, purpose: Purpose) -> Result<(), TokenError> {
        if mechanism.fits(self.algorithm) && mechanism.serves(purpose) && mechanism.is_offered() {
            Ok(())
        } else {
            Err(TokenError::MechanismNotSupported(mechanism, self.algorithm))
        }
    }

    fn ecdsa(&self, digest: &[u8]) -> Result<Vec<u8>, TokenError> {
        field_size(self.algorithm)?;
        if !DIGEST_SIZES.contains(&digest.len()) {
            return Err(invalid("ECDSA signs a digest of 1 to 64 bytes"));
        }
        let signature = self.key.sign_digest(digest).map_err(internal)?;
        ecdsa_der_to_raw(self.algorithm, &signature)
    }

    fn pkcs1(&self, info: &[u8]) -> Result<Vec<u8>, TokenError> {
        if !self.algorithm.pads(info.len()) {
            return Err(padded_size(self.algorithm));
        }
        // Programs that want the bare padding get it (TLS before 1.2 has no DigestInfo); nobody gets SHA-1.
        if let Ok(hash) = check_digest_info(info) {
            refuse_sha1(hash)?;
        }
        self.key.sign_pkcs1(info).map_err(internal)
    }

    fn pss_message(&self, hash: Hash, parameters: &Parameters, data: &[u8]) -> Result<Vec<u8>, TokenError> {
        self.pss(hash, parameters, &digest(hash, data))
    }

    fn pss(&self, hash: Hash, parameters: &Parameters, digest: &[u8]) -> Result<Vec<u8>, TokenError> {
        refuse_sha1(hash)?;
        if digest.len() != hash.size() {
            return Err(pss::digest_size(hash));
        }
        let pss = pss::parameters_of(self.algorithm, hash, parameters)?;
        self.key.sign_pss(digest, pss).map_err(internal)
    }

    fn ml_dsa(&self, parameters: &Parameters, data: &[u8]) -> Result<Vec<u8>, TokenError> {
        let context = ml_dsa_context(parameters)?;
        self.key.sign_message(data, context).map_err(internal)
    }
}

/// Returns the context of ML-DSA, at most 255 bytes (FIPS 204, algorithm 2).
pub(crate) fn ml_dsa_context(parameters: &Parameters) -> Result<&[u8], TokenError> {
    let context = parameters.context.as_deref().unwrap_or_default();
    if context.len() > 255 { Err(invalid("an ML-DSA context has at most 255 bytes")) } else { Ok(context) }
}

/// Returns what is said of data that RSA_PKCS cannot pad.
pub(crate) fn padded_size(algorithm: Algorithm) -> TokenError {
    let most = algorithm.modulus_size().map_or(0, |modulus| modulus - 11);
    TokenError::DataInvalid(format!("RSA_PKCS pads 1 to {most} bytes for {algorithm}").into())
}

/// Returns the DigestInfo of a message.
pub(crate) fn hashed(hash: Hash, message: &[u8]) -> Vec<u8> {
    digest_info(hash, &digest(hash, message))
}

const fn kem_ciphertext_size(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::MlKem512 => Some(768),
        Algorithm::MlKem768 => Some(1088),
        Algorithm::MlKem1024 => Some(1568),
        _ => None,
    }
}

fn refuse_sha1(hash: Hash) -> Result<(), TokenError> {
    match hash {
        Hash::Sha1 => Err(invalid("SHA-1 is for the verification of old data only")),
        _ => Ok(()),
    }
}

fn invalid(why: &'static str) -> TokenError {
    TokenError::DataInvalid(why.into())
}

fn internal(Failed: Failed) -> TokenError {
    TokenError::Internal("the cryptographic library refuses the operation".into())
}
