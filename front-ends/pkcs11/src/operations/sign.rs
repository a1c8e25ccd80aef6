use claviger_client::{ByteBuf, SignOptions};
use claviger_token::{Algorithm, Mechanism};

use super::message::{Message, Prepared};
use super::parameter::{Hedge, Parameter, Value};
use super::{has, refused};
use crate::key::Key;
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// A signature that is being made: `C_SignInit` and what comes after it.
pub(crate) struct Sign {
    key: String,
    token: Option<String>,
    length: usize,
    value: Value,
    message: Message,
}

impl Sign {
    /// Begins. Whether the program must log in first is asked before, by the caller.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID`, `CKR_MECHANISM_PARAM_INVALID`, `CKR_KEY_TYPE_INCONSISTENT`, and
    /// `CKR_KEY_FUNCTION_NOT_PERMITTED` where the key is not for signing.
    pub(crate) fn begin(key: &Key, parameter: &Parameter) -> Answer<Self> {
        let algorithm = key.algorithm();
        let message = Message::begin(parameter, algorithm, |mechanism| has(key, mechanism))?;
        let length = signature_length(algorithm).ok_or(Rv::KEY_TYPE_INCONSISTENT)?;
        if !key.usage().sign {
            return Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
        }
        match &parameter.value {
            // What a token does here nobody can say for all of them, so neither is promised.
            Value::MlDsa { hedge: Hedge::Required | Hedge::Never, .. } => Err(Rv::MECHANISM_PARAM_INVALID),
            value => {
                let (key, token) = (key.id().to_owned(), key.token());
                Ok(Self { key, token, length, value: value.clone(), message })
            }
        }
    }

    /// Returns the signature's size in bytes.
    pub(crate) const fn length(&self) -> usize {
        self.length
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE` where there are too many bytes now.
    pub(crate) fn update(&mut self, data: &[u8]) -> Answer<()> {
        self.message.update(data)
    }

    /// Signs the pieces.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE`, `CKR_DATA_INVALID`, and what the key store refuses with.
    pub(crate) fn finish(self, store: &dyn Store) -> Answer<Vec<u8>> {
        let Self { key, token, value, message, .. } = self;
        let prepared = message.finish()?;
        sign(store, &key, SignOptions { token, ..options(prepared.mechanism, &value) }, &prepared)
    }

    /// Signs a whole message.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); `CKR_OPERATION_NOT_INITIALIZED` where pieces came already.
    pub(crate) fn once(self, store: &dyn Store, data: &[u8]) -> Answer<Vec<u8>> {
        let Self { key, token, value, message, .. } = self;
        let prepared = message.once(data)?;
        sign(store, &key, SignOptions { token, ..options(prepared.mechanism, &value) }, &prepared)
    }
}

fn sign(
    store: &dyn Store,
    key: &str,
    options: SignOptions,
    Prepared { mechanism, data }: &Prepared<'_>,
) -> Answer<Vec<u8>> {
    store.sign(key, mechanism.name(), data, &options).map_err(|error| refused(error, Rv::DATA_INVALID))
}

/// Returns the parameter as the key store has it. A mechanism that hashes itself takes no `hash`.
fn options(mechanism: Mechanism, value: &Value) -> SignOptions {
    match value {
        Value::Pss { hash, mgf, salt } => SignOptions {
            hash: mechanism.hash().is_none().then(|| hash.name().to_owned()),
            mgf_hash: Some(mgf.name().to_owned()),
            salt_length: Some(*salt),
            ..SignOptions::default()
        },
        Value::MlDsa { context, .. } if !context.is_empty() => {
            SignOptions { context: Some(ByteBuf::from(context.clone())), ..SignOptions::default() }
        }
        Value::None | Value::Oaep { .. } | Value::Ecdh { .. } | Value::MlDsa { .. } => SignOptions::default(),
    }
}

/// Returns the size of every signature by such keys: r || s, the modulus's, FIPS 204's (table 2).
pub(super) const fn signature_length(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::P256 | Algorithm::Ed25519 => Some(64),
        Algorithm::P384 => Some(96),
        Algorithm::P521 => Some(132),
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => algorithm.modulus_size(),
        Algorithm::MlDsa44 => Some(2420),
        Algorithm::MlDsa65 => Some(3309),
        Algorithm::MlDsa87 => Some(4627),
        Algorithm::X25519 | Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024 => None,
    }
}

#[cfg(test)]
mod tests;
