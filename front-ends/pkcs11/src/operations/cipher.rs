use claviger_client::{ByteBuf, DecryptOptions, EncryptOptions};
use claviger_token::{Algorithm, Hash, Mechanism};

use super::parameter::{Parameter, Value};
use crate::rv::{Answer, Rv};

/// RSA encryption with its padding.
#[derive(Clone)]
pub(super) struct Cipher {
    /// Bytes of the modulus: a ciphertext has exactly as many.
    pub(super) modulus: usize,
    padding: Padding,
}

#[derive(Clone)]
enum Padding {
    Pkcs1,
    Oaep { hash: Hash, mgf: Hash, label: Vec<u8> },
}

impl Cipher {
    /// Returns the cipher of a mechanism with keys of `algorithm`.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID` where it does not encrypt, `CKR_KEY_TYPE_INCONSISTENT` where not with such keys.
    pub(super) fn of(parameter: &Parameter, algorithm: Algorithm) -> Answer<Self> {
        let padding = match (Mechanism::from_number(parameter.mechanism), &parameter.value) {
            (Some(Mechanism::RsaPkcs), Value::None) => Padding::Pkcs1,
            (Some(Mechanism::RsaPkcsOaep), Value::Oaep { hash, mgf, label }) => {
                Padding::Oaep { hash: *hash, mgf: *mgf, label: label.clone() }
            }
            _ => return Err(Rv::MECHANISM_INVALID),
        };
        let modulus = algorithm.modulus_size().ok_or(Rv::KEY_TYPE_INCONSISTENT)?;
        Ok(Self { modulus, padding })
    }

    /// Returns the key store's mechanism.
    pub(super) const fn mechanism(&self) -> Mechanism {
        match self.padding {
            Padding::Pkcs1 => Mechanism::RsaPkcs,
            Padding::Oaep { .. } => Mechanism::RsaPkcsOaep,
        }
    }

    /// Returns how many bytes a plain text has at most.
    pub(super) const fn longest(&self) -> usize {
        match self.padding {
            // RFC 8017, 7.2.1: "message to be encrypted, an octet string of length mLen, where mLen <= k - 11".
            Padding::Pkcs1 => self.modulus.saturating_sub(11),
            // RFC 8017, 7.1.1: "where mLen <= k - 2hLen - 2".
            Padding::Oaep { hash, .. } => self.modulus.saturating_sub(2 * hash.size() + 2),
        }
    }

    pub(super) fn encrypt_options(&self) -> EncryptOptions {
        match &self.padding {
            Padding::Pkcs1 => EncryptOptions::default(),
            Padding::Oaep { hash, mgf, label } => EncryptOptions {
                hash: Some(hash.name().to_owned()),
                mgf_hash: Some(mgf.name().to_owned()),
                label: Some(ByteBuf::from(label.clone())),
            },
        }
    }

    pub(super) fn decrypt_options(&self) -> DecryptOptions {
        match &self.padding {
            Padding::Pkcs1 => DecryptOptions::default(),
            Padding::Oaep { hash, mgf, label } => DecryptOptions {
                hash: Some(hash.name().to_owned()),
                mgf_hash: Some(mgf.name().to_owned()),
                label: Some(ByteBuf::from(label.clone())),
                ..DecryptOptions::default()
            },
        }
    }
}
