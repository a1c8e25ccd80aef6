use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use claviger_token::{
    Algorithm, Binding, Generated, KeyHandle, KeyInfo, Mechanism, Parameters, Secret, Site, Spare, Token,
    TokenError, TokenOp, TokenOutput, Usage,
};

/// How long one operation may take: making an RSA key on a slow card.
const PATIENCE: Duration = Duration::from_secs(120);

/// A token under test, and what its host keeps for it.
pub trait Subject: Sync {
    /// Returns the token.
    fn token(&self) -> &dyn Token;

    /// Returns the secret that unlocks it.
    fn secret(&self) -> Secret;

    /// Returns what the host keeps for unlocking.
    fn slots(&self) -> Option<Arc<[u8]>> {
        None
    }

    /// Returns a secret that is wrong and may be tried; `None` where a try is too dear.
    fn wrong_secret(&self) -> Option<Secret> {
        Some(Secret::new(b"this is not the secret".to_vec()))
    }

    /// Returns the binding of a key that does not exist yet, always of the same user.
    fn new_binding(&self) -> Binding;

    /// Returns the places for new keys of that algorithm, and what a key can be used for there. A card with few
    /// places gives other ones at each call.
    fn sites(&self, algorithm: Algorithm) -> Vec<(Site, Usage)> {
        vec![(Site::default(), algorithm.usage())]
    }

    /// Returns the places for keys that come from outside, likewise.
    fn import_sites(&self, algorithm: Algorithm) -> Vec<(Site, Usage)> {
        self.sites(algorithm)
    }

    /// Returns how many keys that sign the token holds at once.
    fn room(&self) -> usize {
        usize::MAX
    }

    /// Returns the keys that a token has which neither makes nor takes any.
    fn existing(&self) -> Vec<KeyHandle> {
        Vec::new()
    }

    /// Runs an operation to its end. A token whose task lives on a runtime runs it there.
    fn perform(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        block_on(self.token().perform(operation))
    }
}

/// Runs a future on this thread.
///
/// # Panics
/// After two minutes.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "the token does not answer");
        thread::park_timeout(left);
    }
}

/// The operations as the checks call them.
impl dyn Subject + '_ {
    pub(crate) fn unlock(&self) -> Result<(), TokenError> {
        let operation = TokenOp::Unlock { secret: self.secret(), slots: self.slots(), spare: Spare::Last };
        self.perform(operation).map(drop)
    }

    pub(crate) fn lock(&self) {
        self.perform(TokenOp::Lock).unwrap();
    }

    /// Makes a key at the place for keys that sign, or the first place where the algorithm signs nothing.
    pub(crate) fn generate(&self, algorithm: Algorithm) -> Result<KeyHandle, TokenError> {
        self.generate_at(algorithm, signing(algorithm, self.sites(algorithm)))
    }

    pub(crate) fn generate_at(
        &self,
        algorithm: Algorithm,
        (site, usage): (Site, Usage),
    ) -> Result<KeyHandle, TokenError> {
        let binding = self.new_binding();
        match self.perform(TokenOp::Generate { algorithm, binding: binding.clone(), site })? {
            TokenOutput::Generated(made) => Ok(handle(made, binding, usage)),
            _ => panic!("generating gives a key"),
        }
    }

    pub(crate) fn import(&self, algorithm: Algorithm, pkcs8: &[u8]) -> Result<KeyHandle, TokenError> {
        self.import_at(pkcs8, signing(algorithm, self.import_sites(algorithm)))
    }

    pub(crate) fn import_at(
        &self,
        pkcs8: &[u8],
        (site, usage): (Site, Usage),
    ) -> Result<KeyHandle, TokenError> {
        let binding = self.new_binding();
        let private_key = Secret::new(pkcs8.to_vec());
        match self.perform(TokenOp::Import { private_key, binding: binding.clone(), site })? {
            TokenOutput::Generated(made) => Ok(handle(made, binding, usage)),
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
        match self.perform(TokenOp::Sign { key, mechanism, parameters, data })? {
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
        match self.perform(TokenOp::Decrypt { key, mechanism, parameters, ciphertext })? {
            TokenOutput::Plaintext(plaintext) => Ok(plaintext),
            _ => panic!("decrypting gives a plaintext"),
        }
    }

    pub(crate) fn derive(
        &self,
        key: &KeyHandle,
        mechanism: Mechanism,
        peer: &[u8],
    ) -> Result<Secret, TokenError> {
        match self.perform(TokenOp::Derive { key: key.clone(), mechanism, peer: peer.to_vec() })? {
            TokenOutput::SharedSecret(shared) => Ok(shared),
            _ => panic!("deriving gives a secret"),
        }
    }

    pub(crate) fn decapsulate(
        &self,
        key: &KeyHandle,
        mechanism: Mechanism,
        ciphertext: &[u8],
    ) -> Result<Secret, TokenError> {
        let (key, ciphertext) = (key.clone(), ciphertext.to_vec());
        match self.perform(TokenOp::Decapsulate { key, mechanism, ciphertext })? {
            TokenOutput::SharedSecret(shared) => Ok(shared),
            _ => panic!("decapsulating gives a secret"),
        }
    }

    pub(crate) fn delete(&self, key: &KeyHandle) -> Result<(), TokenError> {
        self.perform(TokenOp::Delete { key: key.clone() }).map(drop)
    }

    /// Makes a key in whatever way the token has, or returns one that it has.
    pub(crate) fn any_key(&self, algorithm: Algorithm) -> Option<KeyHandle> {
        let capabilities = self.token().capabilities();
        if capabilities.generates.contains(&algorithm) {
            return Some(self.generate(algorithm).unwrap_or_else(|error| panic!("{algorithm}: {error}")));
        }
        if capabilities.imports.contains(&algorithm) {
            let document = crate::peers::private_key(algorithm)?;
            return Some(
                self.import(algorithm, &document).unwrap_or_else(|error| panic!("{algorithm}: {error}")),
            );
        }
        // One that signs, if there is one: of a card's keys some may only decrypt.
        let fitting = self.existing().into_iter().filter(|key| key.info.algorithm == algorithm);
        fitting.max_by_key(|key| key.info.usage.sign)
    }

    /// Returns the algorithms of which the token can have keys, and for each its mechanisms.
    pub(crate) fn abilities(&self) -> Vec<(Algorithm, Vec<Mechanism>)> {
        let capabilities = self.token().capabilities();
        let mut algorithms =
            capabilities.generates.union(&capabilities.imports).copied().collect::<BTreeSet<_>>();
        algorithms.extend(self.existing().iter().map(|key| key.info.algorithm));
        let fits = |algorithm: Algorithm| {
            let mechanisms = capabilities.mechanisms.iter().copied();
            mechanisms.filter(|mechanism| mechanism.fits(algorithm)).collect()
        };
        algorithms.into_iter().map(|algorithm| (algorithm, fits(algorithm))).collect()
    }

    /// Returns a key that signs, quickly if possible, its mechanism, and data that it signs.
    pub(crate) fn signer(&self) -> (KeyHandle, Mechanism, Vec<u8>) {
        use claviger_token::Purpose;
        for (algorithm, mechanisms) in self.abilities() {
            let signs = mechanisms.into_iter().find(|mechanism| mechanism.serves(Purpose::Sign));
            let key = signs.and_then(|_| self.any_key(algorithm)).filter(|key| key.info.usage.sign);
            if let (Some(mechanism), Some(key)) = (signs, key) {
                let data = crate::peers::to_be_signed(algorithm, mechanism, b"a message");
                return (key, mechanism, data);
            }
        }
        panic!("the token has no key that signs")
    }
}

/// Returns the first place for keys that sign, or for what the algorithm does else.
fn signing(algorithm: Algorithm, sites: Vec<(Site, Usage)>) -> (Site, Usage) {
    let signs = algorithm.usage().sign;
    sites.into_iter().find(|(_, usage)| usage.sign == signs).unwrap_or_default()
}

/// Returns the handle of a key that was just made.
fn handle(made: Generated, binding: Binding, usage: Usage) -> KeyHandle {
    KeyHandle {
        info: Arc::new(KeyInfo {
            id: binding.key,
            algorithm: made.algorithm,
            usage,
            public_key: made.public_key.into(),
        }),
        reference: made.reference.into(),
        record: made.record.map(Into::into),
        binding: Arc::new(binding),
    }
}
