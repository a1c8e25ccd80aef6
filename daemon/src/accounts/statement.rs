//! Statements that a key signs to show that it is there, and how they are checked.

use claviger_soft as soft;
use claviger_token::{
    Algorithm, Capabilities, Hash, KeyHandle, KeyInfo, Mechanism, Parameters, TokenError, TokenId, TokenOp,
    TokenOutput,
};
use data_encoding::HEXLOWER;

/// A fresh text that serves one purpose and nobody else: it begins with what it is for, and names whom it is about.
pub(super) struct Statement(Vec<u8>);

impl Statement {
    /// Returns what a card or phone that is being enrolled signs.
    pub(super) fn of_enrolment(token: &TokenId, uid: u32) -> Result<Self, TokenError> {
        let mut text = format!("claviger enrol v1\n{token}\n{uid}\n").into_bytes();
        text.extend_from_slice(soft::random(CHALLENGE)?.expose());
        Ok(Self(text))
    }

    /// Returns what a token signs with which somebody logs in to this machine.
    pub(super) fn of_login(uid: u32) -> Result<Self, TokenError> {
        let nonce = HEXLOWER.encode(soft::random(CHALLENGE)?.expose());
        let name = rustix::system::uname();
        let host = name.nodename().to_string_lossy();
        Ok(Self(format!("claviger login v1\n{host}\n{uid}\n{nonce}\n").into_bytes()))
    }

    /// Returns the request to sign it, as a token with these abilities takes it.
    pub(super) fn ask(&self, key: &KeyHandle, can: &Capabilities) -> Result<TokenOp, TokenError> {
        let Self(text) = self;
        let digest = || soft::digest(Hash::Sha256, text);
        let (mechanism, data) = match signed_with(key.info.algorithm)? {
            Mechanism::EcdsaSha256 if can.mechanisms.contains(&Mechanism::Ecdsa) => {
                (Mechanism::Ecdsa, digest())
            }
            Mechanism::Sha256RsaPkcs if can.mechanisms.contains(&Mechanism::RsaPkcs) => {
                (Mechanism::RsaPkcs, soft::digest_info(Hash::Sha256, &digest()))
            }
            Mechanism::Sha256RsaPkcs if can.mechanisms.contains(&Mechanism::RsaX509) => {
                let info = soft::digest_info(Hash::Sha256, &digest());
                let size = key.info.algorithm.modulus_size().unwrap_or_default();
                (Mechanism::RsaX509, soft::pkcs1_encode(&info, size)?)
            }
            // What signs a whole text itself, or, where it cannot, says so.
            whole => (whole, text.clone()),
        };
        Ok(TokenOp::Sign { key: key.clone(), mechanism, parameters: Parameters::default(), data })
    }

    /// Returns true where that is its signature by the key.
    pub(super) fn is_signed(&self, key: &KeyInfo, output: &TokenOutput) -> Result<bool, TokenError> {
        let TokenOutput::Signature(signature) = output else { return Ok(false) };
        let mechanism = signed_with(key.algorithm)?;
        soft::verify(&key.public_key, mechanism, &Parameters::default(), &self.0, signature)
    }
}

/// Returns the mechanism by which a key signs a whole text.
fn signed_with(algorithm: Algorithm) -> Result<Mechanism, TokenError> {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 | Algorithm::P521 => Ok(Mechanism::EcdsaSha256),
        Algorithm::Ed25519 => Ok(Mechanism::Eddsa),
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => Ok(Mechanism::Sha256RsaPkcs),
        Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => Ok(Mechanism::MlDsa),
        Algorithm::X25519 | Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024 => {
            Err(TokenError::NotSupported("sign with such a key"))
        }
    }
}

/// Random bytes of a statement.
const CHALLENGE: usize = 32;
