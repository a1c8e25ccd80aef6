//! What the tests of the local store share: a token with a user, and a way to run operations.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::expect_used, reason = "a failure here is the test's failure")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use claviger_soft::{Cost, DataKey, KeySlots, SoftToken};
use claviger_token::{
    Algorithm, Binding, Generated, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Secret, Site, Token,
    TokenError, TokenId, TokenOp, TokenOutput,
};

/// The pass phrase of every test.
pub(crate) const PASS_PHRASE: &[u8] = b"correct horse battery staple";

/// An unlocked local store and what the host keeps for it.
pub(crate) struct Store {
    pub(crate) token: SoftToken,
    pub(crate) slots: Arc<[u8]>,
    pub(crate) data_key: DataKey,
}

/// Returns an unlocked local store.
pub(crate) fn store() -> Store {
    let (slots, data_key) = KeySlots::create(&secret(PASS_PHRASE), None, Cost::FLOOR).expect("slots");
    let token = SoftToken::new(TokenId::local(1000), None);
    token.admit(data_key.clone());
    Store { token, slots: slots.to_bytes().into(), data_key }
}

impl Store {
    /// Runs an operation to its end.
    pub(crate) fn run(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        run(self.token.perform(operation))
    }

    pub(crate) fn generate(&self, algorithm: Algorithm, id: u8) -> KeyHandle {
        let binding = binding(id);
        match self.run(TokenOp::Generate { algorithm, binding: binding.clone(), site: Site::default() }) {
            Ok(TokenOutput::Generated(made)) => handle(made, binding),
            Ok(_) => panic!("generating gives a key"),
            Err(error) => panic!("cannot generate {algorithm}: {error}"),
        }
    }

    pub(crate) fn import(&self, pkcs8: &[u8], id: u8) -> Result<KeyHandle, TokenError> {
        let binding = binding(id);
        match self.run(TokenOp::Import {
            private_key: secret(pkcs8),
            binding: binding.clone(),
            site: Site::default(),
        })? {
            TokenOutput::Generated(made) => Ok(handle(made, binding)),
            _ => panic!("importing gives a key"),
        }
    }

    pub(crate) fn sign(
        &self,
        key: &KeyHandle,
        mechanism: Mechanism,
        parameters: &Parameters,
        data: &[u8],
    ) -> Result<Vec<u8>, TokenError> {
        let (key, parameters, data) = (key.clone(), parameters.clone(), data.to_vec());
        match self.run(TokenOp::Sign { key, mechanism, parameters, data })? {
            TokenOutput::Signature(signature) => Ok(signature),
            _ => panic!("signing gives a signature"),
        }
    }

    pub(crate) fn decrypt(
        &self,
        key: &KeyHandle,
        mechanism: Mechanism,
        parameters: &Parameters,
        ciphertext: &[u8],
    ) -> Result<Secret, TokenError> {
        let (key, parameters, ciphertext) = (key.clone(), parameters.clone(), ciphertext.to_vec());
        match self.run(TokenOp::Decrypt { key, mechanism, parameters, ciphertext })? {
            TokenOutput::Plaintext(plaintext) => Ok(plaintext),
            _ => panic!("decrypting gives a plaintext"),
        }
    }

    pub(crate) fn derive(&self, key: &KeyHandle, peer: &[u8]) -> Result<Secret, TokenError> {
        let (key, mechanism, peer) = (key.clone(), Mechanism::Ecdh1Derive, peer.to_vec());
        match self.run(TokenOp::Derive { key, mechanism, peer })? {
            TokenOutput::SharedSecret(shared) => Ok(shared),
            _ => panic!("deriving gives a secret"),
        }
    }

    pub(crate) fn decapsulate(&self, key: &KeyHandle, ciphertext: &[u8]) -> Result<Secret, TokenError> {
        let (key, mechanism, ciphertext) = (key.clone(), Mechanism::MlKem, ciphertext.to_vec());
        match self.run(TokenOp::Decapsulate { key, mechanism, ciphertext })? {
            TokenOutput::SharedSecret(shared) => Ok(shared),
            _ => panic!("decapsulating gives a secret"),
        }
    }
}

/// Returns a secret of those bytes.
pub(crate) fn secret(bytes: &[u8]) -> Secret {
    Secret::new(bytes.to_vec())
}

/// Returns alice's binding for a key.
pub(crate) fn binding(id: u8) -> Binding {
    Binding { uid: 1000, user_name: "alice".into(), key: KeyId::from_bytes([id; 16]), created: 1_700_000_000 }
}

/// Returns the handle of a key that was made under the binding.
pub(crate) fn handle(made: Generated, binding: Binding) -> KeyHandle {
    KeyHandle {
        info: Arc::new(KeyInfo {
            id: binding.key,
            algorithm: made.algorithm,
            usage: made.algorithm.usage(),
            public_key: made.public_key.into(),
        }),
        reference: made.reference.into(),
        record: made.record.map(Into::into),
        binding: Arc::new(binding),
    }
}

/// Runs a future of the local store, which never waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the local store waits for nothing"),
    }
}
