use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use claviger_phone_protocol::NewKey;
use claviger_soft::{Cost, KeySlots, SoftToken};
use claviger_token::{
    Binding, Capabilities, Generated, KeyHandle, KeyInfo, Pace, Secret, Site, Spare, Token as _, TokenError,
    TokenId, TokenOp, TokenOutput,
};
use tokio::sync::watch;

use super::{Doing, Making, Module, ModuleKey, Stand};
use crate::store::{DamagedDocument, KeyDocument, Store, StoreError};

/// Keys sealed in the store, used by software.
pub struct SoftModule {
    token: Arc<SoftToken>,
    store: Arc<Store>,
    slots: Arc<[u8]>,
    keys: RwLock<BTreeMap<String, Arc<ModuleKey>>>,
    /// The names of keys that are being made.
    reserved: Mutex<BTreeSet<String>>,
    stand: watch::Sender<Stand>,
}

/// Makes the key slots of a new store: its data key under that pass phrase.
///
/// # Errors
/// [`StoreError::Exists`] where there are some; [`TokenError`] for a pass phrase that is none.
pub fn init(store: &Store, passphrase: &Secret) -> Result<(), InitError> {
    let cost = Cost::calibrate(A_GUESS);
    let (slots, _data_key) =
        KeySlots::create(passphrase, None, cost).map_err(|error| InitError::PassPhrase(error.into()))?;
    store.create_slots(&slots.to_bytes()).map_err(InitError::Store)
}

/// Why no store was made.
#[derive(Debug)]
pub enum InitError {
    /// The pass phrase is none.
    PassPhrase(TokenError),
    /// It cannot be written.
    Store(StoreError),
}

impl SoftModule {
    /// Opens the keys of the store, locked. Returns what of it is damaged as well; `None` where there are no key slots yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(store: Arc<Store>) -> Result<Option<(Self, Vec<DamagedDocument>)>, StoreError> {
        let Some(slots) = store.slots()? else { return Ok(None) };
        let (documents, damaged) = store.keys()?;
        let keys = documents.into_iter().map(|document| {
            let key = module_key(document);
            (key.reference().to_owned(), Arc::new(key))
        });
        let module = Self {
            token: Arc::new(SoftToken::new(TokenId::new("local:phone"), None)),
            slots: slots.into(),
            keys: RwLock::new(keys.collect()),
            reserved: Mutex::default(),
            stand: watch::Sender::default(),
            store,
        };
        Ok(Some((module, damaged)))
    }

    async fn run(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        match self.token.pace(&operation) {
            Pace::InPlace | Pace::Own => self.token.perform(operation).await,
            Pace::Worker => {
                let token = Arc::clone(&self.token);
                let runtime = tokio::runtime::Handle::current();
                let worker = move || runtime.block_on(token.perform(operation));
                let gone = |_| TokenError::Internal("the worker is gone".into());
                tokio::task::spawn_blocking(worker).await.map_err(gone)?
            }
        }
    }

    async fn make_key(&self, making: Making, new: NewKey, host: &str) -> Result<Arc<ModuleKey>, TokenError> {
        let _reserved = self.reserve(new.id.to_string())?;
        let created = now();
        let binding = binding(new.id, created);
        let operation = match making {
            Making::Generate(algorithm) => TokenOp::Generate { algorithm, binding, site: Site::default() },
            Making::Import(private_key) => TokenOp::Import { private_key, binding, site: Site::default() },
        };
        let TokenOutput::Generated(generated) = self.run(operation).await? else {
            return Err(TokenError::Internal("no key came of it".into()));
        };
        let Generated { algorithm, usage, public_key, reference: _, record, attestation: _ } = generated;
        let document = KeyDocument {
            id: new.id,
            label: new.label,
            algorithm,
            usage,
            created,
            made_by: host.to_owned(),
            public_key,
            record: record.ok_or(TokenError::Internal("there is no record of it".into()))?,
            certificates: Vec::new(),
        };
        self.store.keep_key(&document)?;
        let key = Arc::new(module_key(document));
        self.insert(Arc::clone(&key));
        Ok(key)
    }

    /// Holds the name of a key to be made against a second one that comes meanwhile.
    fn reserve(&self, name: String) -> Result<Reserved<'_>, TokenError> {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        if self.key(&name).is_some() || !reserved.insert(name.clone()) {
            return Err(TokenError::DataInvalid("there is a key of that id already".into()));
        }
        drop(reserved);
        Ok(Reserved { module: self, name })
    }

    fn insert(&self, key: Arc<ModuleKey>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let replaced = keys.insert(key.reference().to_owned(), key);
        drop((replaced, keys));
        self.stand.send_modify(|stand| stand.keys += 1);
    }

    fn document(&self, key: &ModuleKey) -> Result<KeyDocument, TokenError> {
        let (documents, _) = self.store.keys()?;
        let found = documents.into_iter().find(|document| document.id == key.handle.info.id);
        found.ok_or(TokenError::NoSuchKey)
    }
}

/// The name of a key that is being made; free again when this is dropped.
struct Reserved<'a> {
    module: &'a SoftModule,
    name: String,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.module.reserved.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

impl Module for SoftModule {
    fn name(&self) -> String {
        "sealed store".to_owned()
    }

    fn place(&self) -> Option<String> {
        Some(self.name())
    }

    fn wants(&self) -> &'static str {
        "pass phrase"
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        self.token.capabilities()
    }

    fn is_unlocked(&self) -> bool {
        self.token.is_unlocked()
    }

    fn is_ready(&self, _key: &ModuleKey) -> bool {
        self.is_unlocked()
    }

    fn changes(&self) -> watch::Receiver<Stand> {
        self.stand.subscribe()
    }

    fn keys(&self) -> Vec<Arc<ModuleKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn key(&self, reference: &str) -> Option<Arc<ModuleKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(reference).cloned()
    }

    fn unlock(&self, secret: Secret, spare: Spare) -> Doing<'_, ()> {
        Box::pin(async move {
            let slots = Some(Arc::clone(&self.slots));
            self.run(TokenOp::Unlock { secret, slots, spare }).await?;
            self.stand.send_modify(|stand| stand.unlocked = true);
            Ok(())
        })
    }

    fn lock(&self) {
        self.token.lock();
        self.stand.send_modify(|stand| stand.unlocked = false);
    }

    fn perform(&self, operation: TokenOp) -> Doing<'_, TokenOutput> {
        Box::pin(self.run(operation))
    }

    fn make<'a>(&'a self, making: Making, new: NewKey, host: &'a str) -> Doing<'a, Arc<ModuleKey>> {
        Box::pin(self.make_key(making, new, host))
    }

    fn erase<'a>(&'a self, key: &'a ModuleKey) -> Doing<'a, ()> {
        Box::pin(async move {
            self.store.erase_key(key.handle.info.id)?;
            let erased = self.keys.write().unwrap_or_else(PoisonError::into_inner).remove(key.reference());
            drop(erased);
            self.run(TokenOp::Delete { key: key.handle.clone() }).await?;
            self.stand.send_modify(|stand| stand.keys += 1);
            Ok(())
        })
    }

    fn certify<'a>(&'a self, key: &'a ModuleKey, certificates: Vec<Vec<u8>>) -> Doing<'a, ()> {
        Box::pin(async move {
            let document = KeyDocument { certificates, ..self.document(key)? };
            self.store.keep_key(&document)?;
            self.insert(Arc::new(module_key(document)));
            Ok(())
        })
    }
}

fn module_key(document: KeyDocument) -> ModuleKey {
    let KeyDocument { id, label, algorithm, usage, created, made_by: _, public_key, record, certificates } =
        document;
    let info = KeyInfo { id, algorithm, usage, public_key: public_key.into() };
    ModuleKey {
        handle: KeyHandle {
            info: Arc::new(info),
            reference: id.to_string().into(),
            record: Some(record.into()),
            binding: Arc::new(binding(id, created)),
        },
        label,
        id: Some(id),
        created: Some(created),
        certificates,
    }
}

/// What the records of this store are bound to: it has one user, whoever runs it on whichever device.
fn binding(key: claviger_token::KeyId, created: i64) -> Binding {
    Binding { uid: 0, user_name: "claviger-phone".to_owned(), key, created }
}

/// Returns the seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// What one guess at the pass phrase costs.
const A_GUESS: Duration = Duration::from_millis(250);
