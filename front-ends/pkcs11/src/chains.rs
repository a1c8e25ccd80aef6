use std::collections::BTreeMap;
use std::sync::Arc;

use claviger_client::{Error, ErrorName};

use crate::Store;
use crate::certificate::Certificate;
use crate::slot::Slot;

/// The certificates of the user's keys, as far as they were asked for.
#[derive(Default)]
pub(crate) struct Chains(BTreeMap<String, Chain>);

/// The certificates of one key.
#[derive(Default)]
pub(crate) struct Chain {
    /// The key's own.
    pub(crate) own: Option<Arc<Certificate>>,
    /// Those above it, the issuer's first.
    pub(crate) above: Vec<Arc<Certificate>>,
}

impl Chains {
    /// Returns what is known of a key's certificates.
    pub(crate) fn of(&self, key: &str) -> Option<&Chain> {
        self.0.get(key)
    }

    /// Takes the keys' own certificates as they are told with the keys. What stood above another one is forgotten.
    pub(crate) fn renew(&mut self, slots: &[Arc<Slot>]) {
        let mut renewed = BTreeMap::new();
        for key in slots.iter().flat_map(|slot| &slot.keys) {
            let Some(own) = &key.row().certificate else { continue };
            let before = self.0.remove(key.id()).filter(|chain| chain.is_of(own));
            let chain = before.unwrap_or_else(|| Chain { own: parsed(own), above: Vec::new() });
            renewed.entry(key.id().to_owned()).or_insert(chain);
        }
        self.0 = renewed;
    }

    /// Takes a key's whole chain, its own first.
    pub(crate) fn set(&mut self, key: &str, chain: &[Vec<u8>]) {
        let Some((own, above)) = chain.split_first() else { return };
        let chain = self.0.entry(key.to_owned()).or_default();
        if !chain.is_of(own) {
            chain.own = parsed(own);
        }
        let known = |der: &Vec<u8>| chain.above.iter().find(|before| before.value == *der).cloned();
        chain.above = above.iter().filter_map(|der| known(der).or_else(|| parsed(der))).collect();
    }
}

impl Chain {
    fn is_of(&self, own: &[u8]) -> bool {
        self.own.as_ref().is_some_and(|certificate| certificate.value == own)
    }
}

/// A key's id and its whole chain, DER, its own first.
pub(crate) type Fetched = (String, Vec<Vec<u8>>);

/// Asks for the chains of the keys of a slot that have certificates.
pub(crate) fn fetched(store: &dyn Store, slot: &Slot) -> Result<Vec<Fetched>, Error> {
    let keys = slot.keys.iter().filter(|key| key.row().certificate.is_some());
    let mut fetched = Vec::new();
    for key in keys {
        match store.certificates(key.id()) {
            Ok(chain) => fetched.push((key.id().to_owned(), chain)),
            // It went after it was listed; the others are there.
            Err(error) if error.name() == Some(ErrorName::NoSuchKey) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(fetched)
}

fn parsed(der: &[u8]) -> Option<Arc<Certificate>> {
    Certificate::parse(der).map(Arc::new)
}
