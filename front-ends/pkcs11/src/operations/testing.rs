//! A key store for tests: a local store's real keys in memory, strict about what it is asked.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use claviger_client::{
    ByteBuf, CallError, CertificateOptions, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, Error, ErrorName, KeyRow, NewKeyOptions, Secret, SignOptions, TokenRow, VerifyOptions,
};
use claviger_soft::{DataKey, SoftToken};
use claviger_token::{
    Algorithm, Binding, Hash, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Token as _, TokenError,
    TokenId, TokenOp, TokenOutput,
};

use super::parameter::{Parameter, Value};
use crate::key::Key;
use crate::store::Store;

/// The store.
pub(super) struct Fake {
    token: SoftToken,
    keys: HashMap<String, KeyHandle>,
    asked: Mutex<Vec<&'static str>>,
}

impl Fake {
    /// Makes a store with one key of each algorithm, and returns the keys.
    pub(super) fn with<const N: usize>(algorithms: [Algorithm; N]) -> (Self, [Key; N]) {
        let data_key = DataKey::generate().unwrap();
        let token = SoftToken::new(TokenId::local(1000), None);
        token.admit(data_key.clone());
        let mut keys = HashMap::new();
        let mut number = 0;
        let rows = algorithms.map(|algorithm| {
            number += 1;
            let id = KeyId::from_bytes([number; 16]);
            let binding = Binding { uid: 1000, user_name: "ann".to_owned(), key: id, created: 1 };
            let made = claviger_soft::generate_with(&data_key, algorithm, &binding).unwrap();
            let row = row(algorithm, &made.public_key);
            let info = KeyInfo { id, algorithm, usage: made.usage, public_key: made.public_key.into() };
            let handle = KeyHandle {
                info: Arc::new(info),
                reference: "".into(),
                record: made.record.map(Arc::from),
                binding: Arc::new(binding),
            };
            keys.insert(id.to_string(), handle);
            Key::of_row(id.to_string(), row).unwrap()
        });
        (Self { token, keys, asked: Mutex::default() }, rows)
    }

    /// Returns the mechanisms that were asked for, in order.
    pub(super) fn asked(&self) -> Vec<&'static str> {
        self.asked.lock().unwrap().clone()
    }

    fn handle(&self, key: &str) -> Result<KeyHandle, Error> {
        self.keys.get(key).cloned().ok_or_else(|| refusal(ErrorName::NoSuchKey))
    }

    fn mechanism(&self, name: &str) -> Result<Mechanism, Error> {
        let mechanism = Mechanism::from_name(name).filter(|mechanism| mechanism.is_offered());
        let mechanism = mechanism.ok_or_else(|| refusal(ErrorName::InvalidArgs))?;
        self.asked.lock().unwrap().push(mechanism.name());
        Ok(mechanism)
    }

    fn perform(&self, operation: TokenOp) -> Result<TokenOutput, Error> {
        let mut performing = pin!(self.token.perform(operation));
        match performing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output.map_err(failed),
            Poll::Pending => panic!("a local store waits for nobody"),
        }
    }
}

/// Returns the row of a key that can do all that its algorithm can.
pub(super) fn row(algorithm: Algorithm, public_key: &[u8]) -> KeyRow {
    let usage = algorithm.usage();
    let usage = [("sign", usage.sign), ("decrypt", usage.decrypt), ("derive", usage.derive)];
    let mechanisms = Mechanism::ALL.into_iter();
    let mechanisms = mechanisms.filter(|mechanism| mechanism.is_offered() && mechanism.fits(algorithm));
    KeyRow {
        algorithm: algorithm.name().to_owned(),
        usage: usage.iter().filter(|(_, may)| *may).map(|(name, _)| (*name).to_owned()).collect(),
        state: "current".to_owned(),
        public_key: ByteBuf::from(public_key.to_vec()),
        mechanisms: mechanisms.map(|mechanism| mechanism.name().to_owned()).collect(),
        ..KeyRow::default()
    }
}

/// Returns a mechanism without a parameter.
pub(super) fn plain(mechanism: u64) -> Parameter {
    Parameter { mechanism, value: Value::None }
}

fn refusal(name: ErrorName) -> Error {
    Error::Refused(CallError::new(name, "cannot do it: the test's key store says no"))
}

fn failed(error: TokenError) -> Error {
    refusal(match error {
        TokenError::DataInvalid(_) => ErrorName::DataInvalid,
        TokenError::MechanismNotSupported(..) => ErrorName::MechanismNotSupported,
        _ => ErrorName::Internal,
    })
}

fn hash(name: Option<&String>) -> Option<Hash> {
    name.map(|name| Hash::from_name(name).unwrap())
}

/// The daemon refuses a parameter that the mechanism does not know.
fn check(mechanism: Mechanism, parameters: &Parameters) -> Result<(), Error> {
    let takes_hash = matches!(mechanism, Mechanism::RsaPkcsPss | Mechanism::RsaPkcsOaep);
    let oaep = mechanism == Mechanism::RsaPkcsOaep;
    let pss = mechanism.name().ends_with("PSS");
    let wrong = (parameters.hash.is_some() && !takes_hash)
        || (parameters.mgf_hash.is_some() && !pss && !oaep)
        || (parameters.salt_length.is_some() && !pss)
        || (parameters.label.is_some() && !oaep)
        || (parameters.context.is_some() && mechanism != Mechanism::MlDsa);
    if wrong { Err(refusal(ErrorName::InvalidArgs)) } else { Ok(()) }
}

impl Store for Fake {
    fn sign(&self, key: &str, mechanism: &str, data: &[u8], options: &SignOptions) -> Result<Vec<u8>, Error> {
        let (key, mechanism) = (self.handle(key)?, self.mechanism(mechanism)?);
        let parameters = Parameters {
            hash: hash(options.hash.as_ref()),
            mgf_hash: hash(options.mgf_hash.as_ref()),
            salt_length: options.salt_length,
            context: options.context.as_ref().map(|context| context.to_vec()),
            ..Parameters::default()
        };
        check(mechanism, &parameters)?;
        match self.perform(TokenOp::Sign { key, mechanism, parameters, data: data.to_vec() })? {
            TokenOutput::Signature(signature) => Ok(signature),
            _ => panic!("no signature"),
        }
    }

    fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: &DecryptOptions,
    ) -> Result<Secret, Error> {
        let (key, mechanism) = (self.handle(key)?, self.mechanism(mechanism)?);
        let parameters = Parameters {
            hash: hash(options.hash.as_ref()),
            mgf_hash: hash(options.mgf_hash.as_ref()),
            label: options.label.as_ref().map(|label| label.to_vec()),
            ..Parameters::default()
        };
        check(mechanism, &parameters)?;
        match self.perform(TokenOp::Decrypt { key, mechanism, parameters, ciphertext: data.to_vec() })? {
            TokenOutput::Plaintext(plaintext) => Ok(Secret::new(plaintext.expose().to_vec())),
            _ => panic!("no plain text"),
        }
    }

    fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &[u8],
        _options: &DeriveOptions,
    ) -> Result<Secret, Error> {
        let (key, mechanism) = (self.handle(key)?, self.mechanism(mechanism)?);
        match self.perform(TokenOp::Derive { key, mechanism, peer: peer.to_vec() })? {
            TokenOutput::SharedSecret(secret) => Ok(Secret::new(secret.expose().to_vec())),
            _ => panic!("no secret"),
        }
    }

    fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &[u8],
        _options: &DecapsulateOptions,
    ) -> Result<Secret, Error> {
        let (key, mechanism) = (self.handle(key)?, self.mechanism(mechanism)?);
        match self.perform(TokenOp::Decapsulate { key, mechanism, ciphertext: ciphertext.to_vec() })? {
            TokenOutput::SharedSecret(secret) => Ok(Secret::new(secret.expose().to_vec())),
            _ => panic!("no secret"),
        }
    }

    fn verify(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        signature: &[u8],
        options: &VerifyOptions,
    ) -> Result<bool, Error> {
        let mechanism = self.mechanism(mechanism)?;
        let parameters = Parameters {
            hash: hash(options.hash.as_ref()),
            mgf_hash: hash(options.mgf_hash.as_ref()),
            salt_length: options.salt_length,
            context: options.context.as_ref().map(|context| context.to_vec()),
            ..Parameters::default()
        };
        check(mechanism, &parameters)?;
        claviger_soft::verify(public_key, mechanism, &parameters, data, signature).map_err(failed)
    }

    fn encrypt(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        options: &EncryptOptions,
    ) -> Result<Vec<u8>, Error> {
        let mechanism = self.mechanism(mechanism)?;
        let parameters = Parameters {
            hash: hash(options.hash.as_ref()),
            mgf_hash: hash(options.mgf_hash.as_ref()),
            label: options.label.as_ref().map(|label| label.to_vec()),
            ..Parameters::default()
        };
        check(mechanism, &parameters)?;
        claviger_soft::encrypt(public_key, mechanism, &parameters, data).map_err(failed)
    }

    fn encapsulate(&self, public_key: &[u8], mechanism: &str) -> Result<(Vec<u8>, Secret), Error> {
        self.mechanism(mechanism)?;
        let (ciphertext, secret) = claviger_soft::encapsulate(public_key).map_err(failed)?;
        Ok((ciphertext, Secret::new(secret.expose().to_vec())))
    }

    fn random(&self, length: u32, token: Option<&str>) -> Result<Secret, Error> {
        let most = if token.is_some() { 4096 } else { 1024 * 1024 };
        if length > most {
            return Err(refusal(ErrorName::DataTooLarge));
        }
        let random = claviger_soft::random(length as usize).map_err(failed)?;
        Ok(Secret::new(random.expose().to_vec()))
    }

    // No operation asks for any of what follows.

    fn list_tokens(&self) -> Result<Vec<(String, TokenRow)>, Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn list_keys(&self) -> Result<Vec<(String, KeyRow)>, Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn certificates(&self, _key: &str) -> Result<Vec<Vec<u8>>, Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn unlock(&self, _token: &str, _secret: Option<&Secret>, _last_try: bool) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn change_secret(
        &self,
        _token: &str,
        _old: &Secret,
        _new: &Secret,
        _last_try: bool,
    ) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn unblock(&self, _token: &str, _puk: &Secret, _new: &Secret) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn generate_key(&self, _algorithm: &str, _options: &NewKeyOptions) -> Result<String, Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn import_key(&self, _private_key: &Secret, _options: &NewKeyOptions) -> Result<String, Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn delete_key(&self, _key: &str) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn set_label(&self, _key: &str, _label: &str) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn set_certificate(
        &self,
        _key: &str,
        _certificate: &[u8],
        _options: &CertificateOptions,
    ) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn wait_for_change(&self) -> Result<(), Error> {
        Err(refusal(ErrorName::Internal))
    }

    fn interrupt(&self) {}
}
