use std::collections::BTreeSet;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_token::{
    Algorithm, Binding, Capabilities, Errand, Generated, KeyHandle, KeyId, Mechanism, Pace, Performing,
    Presence, Secret, Token, TokenError, TokenId, TokenKind, TokenOp, TokenOutput,
};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::Subject;

/// What unlocks it.
const SECRET: &[u8] = b"toy";

/// The most data that it takes.
const DATA_LIMIT: usize = 1024;

/// A real token of toy strength: Ed25519 keys whose seeds stand in memory, under a secret that everybody
/// knows. It goes where a card would, in tests that need a token without hardware.
pub struct ToyToken {
    id: TokenId,
    capabilities: Arc<Capabilities>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    unlocked: bool,
    seeds: HashMap<String, [u8; 32]>,
    made: u32,
}

impl ToyToken {
    /// Makes one without keys, locked.
    pub fn new() -> Self {
        let capabilities = Capabilities {
            mechanisms: BTreeSet::from([Mechanism::Eddsa]),
            generates: BTreeSet::from([Algorithm::Ed25519]),
            imports: BTreeSet::new(),
            erases: true,
            data_limit: DATA_LIMIT,
        };
        Self { id: TokenId::new("card:toy"), capabilities: Arc::new(capabilities), state: Mutex::default() }
    }

    /// Returns the secret that unlocks it.
    pub fn secret() -> Secret {
        Secret::new(SECRET.to_vec())
    }

    fn run(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        match operation {
            TokenOp::Unlock { secret, .. } => self.unlock(&secret),
            TokenOp::Lock => {
                self.state().unlocked = false;
                Ok(TokenOutput::Done)
            }
            TokenOp::Sign { key, mechanism, data, .. } => self.sign(&key, mechanism, &data),
            TokenOp::Decrypt { key, mechanism, .. }
            | TokenOp::Derive { key, mechanism, .. }
            | TokenOp::Decapsulate { key, mechanism, .. } => {
                Err(TokenError::MechanismNotSupported(mechanism, key.info.algorithm))
            }
            TokenOp::Generate { algorithm, .. } => self.generate(algorithm),
            TokenOp::Import { .. } => Err(TokenError::NotSupported("import keys")),
            TokenOp::Delete { key } => {
                let gone = self.state().seeds.remove(&*key.reference);
                gone.map(|_| TokenOutput::Done).ok_or(TokenError::NoSuchKey)
            }
        }
    }

    fn unlock(&self, secret: &Secret) -> Result<TokenOutput, TokenError> {
        if secret.expose() != SECRET {
            return Err(TokenError::WrongSecret { tries_left: None });
        }
        self.state().unlocked = true;
        Ok(TokenOutput::Done)
    }

    fn sign(&self, key: &KeyHandle, mechanism: Mechanism, data: &[u8]) -> Result<TokenOutput, TokenError> {
        if mechanism != Mechanism::Eddsa {
            return Err(TokenError::MechanismNotSupported(mechanism, key.info.algorithm));
        }
        if data.len() > DATA_LIMIT {
            return Err(TokenError::DataTooLarge { limit: DATA_LIMIT });
        }
        let seed = *self.open()?.seeds.get(&*key.reference).ok_or(TokenError::NoSuchKey)?;
        Ok(TokenOutput::Signature(key_pair(&seed)?.sign(data).as_ref().to_vec()))
    }

    fn generate(&self, algorithm: Algorithm) -> Result<TokenOutput, TokenError> {
        if algorithm != Algorithm::Ed25519 {
            return Err(TokenError::AlgorithmNotSupported(algorithm));
        }
        let mut state = self.open()?;
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| TokenError::Internal("no random bytes".into()))?;
        state.made += 1;
        let reference = format!("toy-{}", state.made);
        state.seeds.insert(reference.clone(), seed);
        let public_key = [PUBLIC_KEY_HEADER, key_pair(&seed)?.public_key().as_ref()].concat();
        Ok(TokenOutput::Generated(Generated {
            algorithm,
            usage: algorithm.usage(),
            public_key,
            reference,
            record: None,
            attestation: Vec::new(),
        }))
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, TokenError> {
        let state = self.state();
        if state.unlocked { Ok(state) } else { Err(TokenError::Locked) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ToyToken {
    fn default() -> Self {
        Self::new()
    }
}

impl Token for ToyToken {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn kind(&self) -> TokenKind {
        TokenKind::Card
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.capabilities)
    }

    fn presence(&self) -> Presence {
        Presence::Present
    }

    fn is_unlocked(&self) -> bool {
        self.state().unlocked
    }

    fn is_ready(&self, _key: &KeyHandle) -> bool {
        self.is_unlocked()
    }

    fn pace(&self, _operation: &TokenOp) -> Pace {
        Pace::InPlace
    }

    fn perform(&self, operation: TokenOp) -> Performing<'_> {
        Box::pin(async move { self.run(operation) })
    }

    fn on_behalf_of(self: Arc<Self>, _errand: Errand) -> Arc<dyn Token> {
        self
    }
}

fn key_pair(seed: &[u8; 32]) -> Result<Ed25519KeyPair, TokenError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| TokenError::Internal("no Ed25519 key".into()))
}

/// RFC 8410, 4.
const PUBLIC_KEY_HEADER: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// The toy token under the suite.
#[derive(Default)]
pub struct ToySubject {
    token: ToyToken,
    keys: AtomicU8,
}

impl Subject for ToySubject {
    fn token(&self) -> &dyn Token {
        &self.token
    }

    fn secret(&self) -> Secret {
        ToyToken::secret()
    }

    fn new_binding(&self) -> Binding {
        let key = KeyId::from_bytes([self.keys.fetch_add(1, Ordering::Relaxed); 16]);
        Binding { uid: 1000, user_name: "alice".into(), key, created: 1_700_000_000 }
    }
}
