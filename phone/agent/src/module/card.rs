use std::sync::Arc;

use claviger_card::{CardEvent, CardKey, CardToken, Cards, CardsConfig, Contents, Inside, Kind};
use claviger_phone_protocol::NewKey;
use claviger_soft::digest;
use claviger_token::{
    Binding, Capabilities, Hash, KeyHandle, KeyId, KeyInfo, Presence, Secret, Site, Spare, Token as _,
    TokenError, TokenOp, TokenOutput,
};
use tokio::sync::watch;

use super::{Doing, Making, Module, ModuleKey, Stand};

/// The first card in a reader of this device.
pub struct CardModule {
    cards: Arc<Cards>,
    stand: watch::Sender<Stand>,
}

impl CardModule {
    /// Starts to watch the readers. What only OpenSC knows is left out: it would want a helper process.
    pub fn start() -> Arc<Self> {
        let config = CardsConfig { applications: vec![Kind::Piv, Kind::OpenPgp], ..CardsConfig::default() };
        let cards = Cards::start(config);
        let events = cards.subscribe();
        let module = Arc::new(Self { cards, stand: watch::Sender::default() });
        tokio::spawn(follow(events, Arc::downgrade(&module)));
        module
    }

    /// Returns the card that is there.
    fn contents(&self) -> Option<Arc<Contents>> {
        self.cards.snapshot().into_iter().find_map(|reader| match reader.inside {
            Inside::Applications(applications) => applications.into_iter().next(),
            Inside::Empty | Inside::Reading | Inside::Unknown | Inside::Unreadable(_) => None,
        })
    }

    fn token(&self) -> Result<Arc<CardToken>, TokenError> {
        let contents = self.contents().ok_or(TokenError::Absent)?;
        Ok(self.cards.token(&contents.token()))
    }

    fn changed(&self) {
        let unlocked = self.is_unlocked();
        self.stand.send_modify(|stand| *stand = Stand { unlocked, keys: stand.keys + 1 });
    }

    /// A card that refuses a PIN which it took before says so by the operation alone.
    fn look_again(&self) {
        let unlocked = self.is_unlocked();
        self.stand.send_if_modified(|stand| std::mem::replace(&mut stand.unlocked, unlocked) != unlocked);
    }

    async fn make_key(&self, making: Making) -> Result<Arc<ModuleKey>, TokenError> {
        let token = self.token()?;
        // A card binds nothing to it: what it makes stays inside.
        let binding = unbound();
        let operation = match making {
            Making::Generate(algorithm) => TokenOp::Generate { algorithm, binding, site: Site::default() },
            Making::Import(private_key) => TokenOp::Import { private_key, binding, site: Site::default() },
        };
        let TokenOutput::Generated(generated) = token.perform(operation).await? else {
            return Err(TokenError::Internal("no key came of it".into()));
        };
        let contents = self.cards.reread(token.id()).await?;
        self.changed();
        let key = contents.key(&generated.reference).ok_or(TokenError::NoSuchKey)?;
        Ok(Arc::new(module_key(&contents, key)))
    }
}

async fn follow(
    mut events: tokio::sync::mpsc::UnboundedReceiver<CardEvent>,
    module: std::sync::Weak<CardModule>,
) {
    while events.recv().await.is_some() {
        let Some(module) = module.upgrade() else { return };
        module.changed();
    }
}

impl Module for CardModule {
    fn name(&self) -> String {
        self.contents().map_or_else(|| "card reader".to_owned(), |contents| contents.name.clone())
    }

    fn place(&self) -> Option<String> {
        self.contents().map(|contents| contents.token().to_string())
    }

    fn wants(&self) -> &'static str {
        "PIN"
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        let none = || {
            Arc::new(Capabilities {
                mechanisms: std::collections::BTreeSet::new(),
                generates: std::collections::BTreeSet::new(),
                imports: std::collections::BTreeSet::new(),
                erases: false,
                data_limit: 0,
            })
        };
        // A card makes, takes and erases keys for whoever knows its administrator's secret, which does not travel.
        let of = |contents: Arc<Contents>| {
            Arc::new(Capabilities {
                generates: std::collections::BTreeSet::new(),
                imports: std::collections::BTreeSet::new(),
                erases: false,
                ..(*contents.capabilities).clone()
            })
        };
        self.contents().map_or_else(none, of)
    }

    fn is_unlocked(&self) -> bool {
        self.token().is_ok_and(|token| token.presence() == Presence::Present && token.is_unlocked())
    }

    fn is_ready(&self, key: &ModuleKey) -> bool {
        self.token().is_ok_and(|token| token.is_ready(&key.handle))
    }

    fn changes(&self) -> watch::Receiver<Stand> {
        self.stand.subscribe()
    }

    fn keys(&self) -> Vec<Arc<ModuleKey>> {
        let Some(contents) = self.contents() else { return Vec::new() };
        contents.keys.iter().map(|key| Arc::new(module_key(&contents, key))).collect()
    }

    fn key(&self, reference: &str) -> Option<Arc<ModuleKey>> {
        let contents = self.contents()?;
        contents.key(reference).map(|key| Arc::new(module_key(&contents, key)))
    }

    fn unlock(&self, secret: Secret, spare: Spare) -> Doing<'_, ()> {
        Box::pin(async move {
            let unlocked = self.token()?.perform(TokenOp::Unlock { secret, slots: None, spare }).await;
            if unlocked.is_ok() {
                self.changed();
            } else {
                self.look_again();
            }
            unlocked.map(drop)
        })
    }

    fn lock(&self) {
        if let Ok(token) = self.token() {
            token.lock();
        }
        self.changed();
    }

    fn perform(&self, operation: TokenOp) -> Doing<'_, TokenOutput> {
        Box::pin(async move {
            let done = self.token()?.perform(operation).await;
            if done.is_err() {
                self.look_again();
            }
            done
        })
    }

    fn make<'a>(&'a self, making: Making, _new: NewKey, _host: &'a str) -> Doing<'a, Arc<ModuleKey>> {
        Box::pin(self.make_key(making))
    }

    fn erase<'a>(&'a self, _key: &'a ModuleKey) -> Doing<'a, ()> {
        Box::pin(async { Err(TokenError::NotSupported("erase a key")) })
    }

    fn certify<'a>(&'a self, key: &'a ModuleKey, certificates: Vec<Vec<u8>>) -> Doing<'a, ()> {
        Box::pin(async move {
            let token = self.token()?;
            // A card has room for one beside a key.
            let own = certificates.into_iter().next().unwrap_or_default();
            token.write_certificate(key.reference(), own, None).await?;
            self.changed();
            Ok(())
        })
    }
}

fn module_key(contents: &Contents, key: &CardKey) -> ModuleKey {
    let fingerprint = digest(Hash::Sha256, &key.public_key);
    let mut id = [0; 16];
    id.copy_from_slice(&fingerprint[..16]);
    let info = KeyInfo {
        id: KeyId::from_bytes(id),
        algorithm: key.algorithm,
        usage: key.usage,
        public_key: Arc::clone(&key.public_key),
    };
    ModuleKey {
        handle: KeyHandle {
            info: Arc::new(info),
            reference: key.reference.as_str().into(),
            record: None,
            binding: Arc::new(unbound()),
        },
        label: format!("{} {}", contents.name, key.reference),
        id: None,
        created: None,
        certificates: key.certificates.clone(),
    }
}

fn unbound() -> Binding {
    Binding { uid: 0, user_name: String::new(), key: KeyId::from_bytes([0; 16]), created: 0 }
}
