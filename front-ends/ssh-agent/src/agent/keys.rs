use claviger_client::{Error, ErrorName, KeyRow};

use crate::der;
use crate::protocol::{PublicKey, Scheme};
use crate::store::Store;

use super::refusal::Refusal;
use super::{Agent, held};

/// A key of the store, of a kind that ssh has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Its id in the store.
    pub(super) id: String,
    /// What people call it.
    pub(super) label: String,
    /// In the wire format.
    pub(super) blob: Vec<u8>,
    /// What it is.
    pub(super) public: PublicKey,
    /// True where it may sign now: one that is retired or for other uses only may not.
    pub(super) signs: bool,
    /// True where its use is likely to ask nobody.
    pub(super) is_quiet: bool,
    /// True where the store of this machine has it, and nothing else.
    pub(super) is_only_local: bool,
    /// How it signs.
    mechanisms: Vec<String>,
    /// Keys are shown in this order.
    rank: u8,
}

impl Key {
    fn of((id, row): (String, KeyRow)) -> Option<Self> {
        let public = der::from_spki(&row.public_key)?;
        let can = |scheme: Scheme| row.mechanisms.iter().any(|mechanism| mechanism == scheme.mechanism);
        let signs = row.state == "current"
            && row.usage.iter().any(|usage| usage == "sign")
            && Scheme::all_of(&public).any(can);
        let is_unasked = row.confirm.as_deref().is_none_or(|policy| policy == "never");
        let is_only_local = row.location == ["local"];
        let is_quiet = is_unasked && is_only_local;
        let is_default = |purpose| row.default_for.iter().any(|default| default == purpose);
        let rank = match (is_default("sign"), is_default("authenticate")) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        let (label, mechanisms) = (row.label, row.mechanisms);
        let blob = public.to_blob();
        Some(Self { id, label, blob, public, signs, is_quiet, is_only_local, mechanisms, rank })
    }

    /// Returns how it signs with these flags.
    pub(super) fn scheme(&self, flags: u32) -> Option<Scheme> {
        let scheme = Scheme::of(&self.public, flags)?;
        self.mechanisms.iter().any(|mechanism| mechanism == scheme.mechanism).then_some(scheme)
    }

    /// Returns what ssh shows of it.
    pub(super) fn comment(&self) -> String {
        if self.label.is_empty() { self.id.clone() } else { self.label.clone() }
    }
}

impl<S: Store> Agent<S> {
    /// Asks the store for its keys; those that sign by default are the first.
    pub(super) async fn look(&self) -> Result<Vec<Key>, Refusal> {
        let rows = match self.store.list().await {
            Ok(rows) => rows,
            // Who has no account has no keys: ssh goes on without.
            Err(Error::Refused(refusal)) if refusal.name == ErrorName::NotRegistered => {
                self.journal.detail(refusal);
                Vec::new()
            }
            Err(error) => return Err(Refusal::Store("list the keys", String::new(), error)),
        };
        let mut keys: Vec<Key> = rows.into_iter().filter_map(Key::of).collect();
        keys.sort_by_key(|key| key.rank);
        keys.clone_into(&mut held(&self.keys));
        Ok(keys)
    }

    /// Returns a key; the store is asked only where it is not known yet.
    pub(super) async fn find(&self, public: &PublicKey) -> Result<Option<Key>, Refusal> {
        let known = held(&self.keys).iter().find(|key| key.public == *public).cloned();
        match known {
            Some(key) => Ok(Some(key)),
            None => Ok(self.look().await?.into_iter().find(|key| key.public == *public)),
        }
    }

    /// Makes sure that the store is asked for its keys again.
    pub(super) fn forget_keys(&self) {
        held(&self.keys).clear();
    }
}
