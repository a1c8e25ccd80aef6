//! The local store of one user, as a token.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use claviger_token::{
    Algorithm, Binding, Capabilities, Errand, Generated, KeyHandle, KeyId, Mechanism, Pace, Performing,
    Presence, Secret, Token, TokenError, TokenId, TokenKind, TokenOp, TokenOutput,
};

use crate::generate::{generate_with, import_with};
use crate::private_key::PrivateKey;
use crate::seal::{DataKey, HostSecret, KeySlots, open_record};

/// The most data that one operation takes.
const DATA_LIMIT: usize = 1024 * 1024;

/// Longer messages are hashed on a worker: SHA-256 of so many bytes takes some 30 us.
const IN_PLACE_LIMIT: usize = 64 * 1024;

/// The local store of one user: private keys come as sealed records and are open only between unlock and lock.
pub struct SoftToken {
    id: TokenId,
    host: Option<Arc<HostSecret>>,
    capabilities: Arc<Capabilities>,
    opened: RwLock<Option<Opened>>,
}

/// What there is between unlock and lock.
struct Opened {
    data_key: DataKey,
    keys: HashMap<KeyId, Arc<ParsedKey>>,
}

/// A key that was used, and what it was opened from: a handle that differs in anything is opened anew.
struct ParsedKey {
    key: PrivateKey,
    record: Arc<[u8]>,
    public_key: Arc<[u8]>,
    binding: Arc<Binding>,
}

impl SoftToken {
    /// Makes the token, locked. The host secret is needed where the pass phrase slots are bound to one.
    pub fn new(id: TokenId, host: Option<Arc<HostSecret>>) -> Self {
        Self { id, host, capabilities: Arc::new(capabilities()), opened: RwLock::new(None) }
    }

    /// Unlocks the token with a data key that was come by in another way: registration, recovery.
    pub fn admit(&self, data_key: DataKey) {
        let mut opened = self.write();
        match &*opened {
            // Keys that are parsed already stay so.
            Some(open) if open.data_key.is(&data_key) => {}
            _ => *opened = Some(Opened { data_key, keys: HashMap::new() }),
        }
    }

    /// Wipes the data key and every parsed key; an operation that runs keeps its key until it ends.
    pub fn lock(&self) {
        let wiped = self.write().take();
        drop(wiped);
    }

    /// Returns the data key, to make another slot for it.
    ///
    /// # Errors
    /// [`TokenError::Locked`].
    pub fn data_key(&self) -> Result<DataKey, TokenError> {
        self.read().as_ref().map(|opened| opened.data_key.clone()).ok_or(TokenError::Locked)
    }

    fn run(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        match operation {
            TokenOp::Sign { key, mechanism, parameters, data } => {
                check_size(&data)?;
                self.key(&key)?.key.sign(mechanism, &parameters, &data).map(TokenOutput::Signature)
            }
            TokenOp::Decrypt { key, mechanism, parameters, ciphertext } => {
                check_size(&ciphertext)?;
                let plaintext = self.key(&key)?.key.decrypt(mechanism, &parameters, &ciphertext);
                plaintext.map(TokenOutput::Plaintext)
            }
            TokenOp::Derive { key, mechanism, peer } => {
                check_size(&peer)?;
                self.key(&key)?.key.derive(mechanism, &peer).map(TokenOutput::SharedSecret)
            }
            TokenOp::Decapsulate { key, mechanism, ciphertext } => {
                check_size(&ciphertext)?;
                self.key(&key)?.key.decapsulate(mechanism, &ciphertext).map(TokenOutput::SharedSecret)
            }
            TokenOp::Generate { algorithm, binding, site: _ } => {
                self.make(|data_key| generate_with(data_key, algorithm, &binding))
            }
            TokenOp::Import { private_key, binding, site: _ } => {
                self.make(|data_key| import_with(data_key, &private_key, &binding))
            }
            TokenOp::Delete { key } => {
                self.forget(key.info.id);
                Ok(TokenOutput::Done)
            }
            TokenOp::Unlock { secret, slots, .. } => self.unlock(&secret, slots.as_deref()),
            TokenOp::Lock => {
                self.lock();
                Ok(TokenOutput::Done)
            }
        }
    }

    /// Returns the key, parsed: from memory where it was used before, else from its record.
    fn key(&self, handle: &KeyHandle) -> Result<Arc<ParsedKey>, TokenError> {
        let data_key = {
            let opened = self.read();
            let opened = opened.as_ref().ok_or(TokenError::Locked)?;
            match opened.keys.get(&handle.info.id) {
                Some(parsed) if parsed.is(handle) => return Ok(Arc::clone(parsed)),
                _ => opened.data_key.clone(),
            }
        };
        let parsed = Arc::new(ParsedKey::open(&data_key, handle)?);
        let mut opened = self.write();
        // Locked while it was parsed: this operation was let in before and ends, but nothing is kept.
        if let Some(opened) = opened.as_mut().filter(|opened| opened.data_key.is(&data_key)) {
            opened.keys.insert(handle.info.id, Arc::clone(&parsed));
        }
        Ok(parsed)
    }

    fn make(
        &self,
        make: impl FnOnce(&DataKey) -> Result<Generated, TokenError>,
    ) -> Result<TokenOutput, TokenError> {
        let data_key = self.read().as_ref().ok_or(TokenError::Locked)?.data_key.clone();
        make(&data_key).map(TokenOutput::Generated)
    }

    fn forget(&self, id: KeyId) {
        let forgotten = self.write().as_mut().and_then(|opened| opened.keys.remove(&id));
        drop(forgotten);
    }

    fn unlock(&self, secret: &Secret, slots: Option<&[u8]>) -> Result<TokenOutput, TokenError> {
        let slots =
            slots.ok_or(TokenError::DataInvalid("a local store unlocks with its key slots".into()))?;
        let data_key = KeySlots::from_bytes(slots)?.open(secret, self.host.as_deref())?;
        self.admit(data_key);
        Ok(TokenOutput::Done)
    }

    /// A poisoned lock is taken all the same: nothing here leaves the map half changed.
    fn read(&self) -> RwLockReadGuard<'_, Option<Opened>> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Opened>> {
        self.opened.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token for SoftToken {
    fn id(&self) -> &TokenId {
        &self.id
    }

    fn kind(&self) -> TokenKind {
        TokenKind::Local
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.capabilities)
    }

    fn presence(&self) -> Presence {
        Presence::Present
    }

    fn is_unlocked(&self) -> bool {
        self.read().is_some()
    }

    fn is_ready(&self, _key: &KeyHandle) -> bool {
        self.is_unlocked()
    }

    fn pace(&self, operation: &TokenOp) -> Pace {
        let quick = match operation {
            TokenOp::Sign { key, data, .. } => is_quick(key.info.algorithm) && data.len() <= IN_PLACE_LIMIT,
            TokenOp::Decrypt { key, .. } | TokenOp::Derive { key, .. } | TokenOp::Decapsulate { key, .. } => {
                is_quick(key.info.algorithm)
            }
            TokenOp::Generate { algorithm, .. } => is_quick(*algorithm),
            TokenOp::Import { .. } | TokenOp::Unlock { .. } => false,
            TokenOp::Delete { .. } | TokenOp::Lock => true,
        };
        if quick { Pace::InPlace } else { Pace::Worker }
    }

    fn perform(&self, operation: TokenOp) -> Performing<'_> {
        Box::pin(async move { self.run(operation) })
    }

    fn on_behalf_of(self: Arc<Self>, _errand: Errand) -> Arc<dyn Token> {
        self
    }
}

impl ParsedKey {
    fn open(data_key: &DataKey, handle: &KeyHandle) -> Result<Self, TokenError> {
        let KeyHandle { info, record, binding, .. } = handle;
        let record = record.as_ref().ok_or(TokenError::NoSuchKey)?;
        let document = open_record(data_key, binding, &info.public_key, record)?;
        Ok(Self {
            key: PrivateKey::load(info.algorithm, &document)?,
            record: Arc::clone(record),
            public_key: Arc::clone(&info.public_key),
            binding: Arc::clone(binding),
        })
    }

    /// Returns true where the handle says the same as the one that the key was opened from.
    fn is(&self, handle: &KeyHandle) -> bool {
        handle.record.as_ref() == Some(&self.record)
            && handle.info.public_key == self.public_key
            && handle.binding == self.binding
    }
}

/// Returns true where the algorithm's private operations take some tens of microseconds.
const fn is_quick(algorithm: Algorithm) -> bool {
    match algorithm {
        Algorithm::P256
        | Algorithm::P384
        | Algorithm::P521
        | Algorithm::Ed25519
        | Algorithm::X25519
        | Algorithm::MlKem512
        | Algorithm::MlKem768
        | Algorithm::MlKem1024 => true,
        Algorithm::Rsa2048
        | Algorithm::Rsa3072
        | Algorithm::Rsa4096
        | Algorithm::MlDsa44
        | Algorithm::MlDsa65
        | Algorithm::MlDsa87 => false,
    }
}

fn check_size(data: &[u8]) -> Result<(), TokenError> {
    if data.len() > DATA_LIMIT { Err(TokenError::DataTooLarge { limit: DATA_LIMIT }) } else { Ok(()) }
}

fn capabilities() -> Capabilities {
    Capabilities {
        mechanisms: Mechanism::ALL.into_iter().filter(|mechanism| mechanism.is_offered()).collect(),
        generates: Algorithm::ALL.into_iter().collect(),
        imports: Algorithm::ALL.into_iter().collect(),
        erases: true,
        data_limit: DATA_LIMIT,
    }
}
