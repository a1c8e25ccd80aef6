use claviger_client::{ByteBuf, VerifyOptions};
use claviger_token::Mechanism;

use super::message::{Message, Prepared};
use super::parameter::{Parameter, Value};
use super::refused;
use super::sign::signature_length;
use crate::key::PublicKey;
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// A signature that is being checked: `C_VerifyInit` and what comes after it.
pub(crate) struct Verify {
    spki: Vec<u8>,
    length: usize,
    value: Value,
    message: Message,
}

impl Verify {
    /// Begins.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID` and `CKR_KEY_TYPE_INCONSISTENT`.
    pub(crate) fn begin(key: &PublicKey, parameter: &Parameter) -> Answer<Self> {
        // The key store verifies whatever it knows, wherever the key is.
        let message = Message::begin(parameter, key.algorithm(), |_| true)?;
        let length = signature_length(key.algorithm()).ok_or(Rv::KEY_TYPE_INCONSISTENT)?;
        Ok(Self { spki: key.spki().to_vec(), length, value: parameter.value.clone(), message })
    }

    /// Takes the next piece of what was signed.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE` where there are too many bytes now.
    pub(crate) fn update(&mut self, data: &[u8]) -> Answer<()> {
        self.message.update(data)
    }

    /// Passes where the signature is one of the pieces.
    ///
    /// # Errors
    /// `CKR_SIGNATURE_INVALID`, `CKR_SIGNATURE_LEN_RANGE`, `CKR_DATA_LEN_RANGE`, `CKR_DATA_INVALID`, and what the key store refuses with.
    pub(crate) fn finish(self, store: &dyn Store, signature: &[u8]) -> Answer<()> {
        let Self { spki, length, value, message } = self;
        let prepared = message.finish()?;
        check_length(length, signature)?;
        verify(store, &spki, &value, &prepared, signature)
    }

    /// Passes where the signature is one of a whole message.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); `CKR_OPERATION_NOT_INITIALIZED` where pieces came already.
    pub(crate) fn once(self, store: &dyn Store, data: &[u8], signature: &[u8]) -> Answer<()> {
        let Self { spki, length, value, message } = self;
        let prepared = message.once(data)?;
        check_length(length, signature)?;
        verify(store, &spki, &value, &prepared, signature)
    }
}

const fn check_length(length: usize, signature: &[u8]) -> Answer<()> {
    if signature.len() == length { Ok(()) } else { Err(Rv::SIGNATURE_LEN_RANGE) }
}

fn verify(
    store: &dyn Store,
    spki: &[u8],
    value: &Value,
    prepared: &Prepared<'_>,
    signature: &[u8],
) -> Answer<()> {
    let Prepared { mechanism, data } = prepared;
    let options = options(*mechanism, value);
    match store.verify(spki, mechanism.name(), data, signature, &options) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Rv::SIGNATURE_INVALID),
        Err(error) => Err(refused(error, Rv::DATA_INVALID)),
    }
}

/// Returns the parameter as the key store has it. A mechanism that hashes itself takes no `hash`.
fn options(mechanism: Mechanism, value: &Value) -> VerifyOptions {
    match value {
        Value::Pss { hash, mgf, salt } => VerifyOptions {
            hash: mechanism.hash().is_none().then(|| hash.name().to_owned()),
            mgf_hash: Some(mgf.name().to_owned()),
            salt_length: Some(*salt),
            ..VerifyOptions::default()
        },
        Value::MlDsa { context, .. } if !context.is_empty() => {
            VerifyOptions { context: Some(ByteBuf::from(context.clone())), ..VerifyOptions::default() }
        }
        Value::None | Value::Oaep { .. } | Value::Ecdh { .. } | Value::MlDsa { .. } => {
            VerifyOptions::default()
        }
    }
}
