//! The crypto module behind the security manager: where the private keys are.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Module`], [`ModuleKey`], [`Making`] |
//! | `soft` | [`SoftModule`]: keys sealed in the store |
//! | `card` | [`CardModule`]: a card in a reader of this device |
//!
//! A SIM or eSIM behind a modem would be a third one: its applet is reached through an `Exchange` of tokens/card (APDU in,
//! answer out), which `AT+CCHO`/`AT+CGLA` (3GPP TS 27.007) can carry as well as PC/SC does.

mod card;
mod soft;

use std::pin::Pin;
use std::sync::Arc;

use claviger_phone_protocol::{KeyEntry, NewKey};
use claviger_token::{Capabilities, KeyHandle, KeyId, Secret, Spare, TokenError, TokenOp, TokenOutput};
use tokio::sync::watch;

pub use card::CardModule;
pub(crate) use soft::now;
pub use soft::{InitError, SoftModule, init};

/// Something under way in a module.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, TokenError>> + Send + 'a>>;

/// Where the private keys are.
pub trait Module: Send + Sync {
    /// Returns what people call it.
    fn name(&self) -> String;

    /// Returns which one it is: another card is another module. `None` while there is none.
    fn place(&self) -> Option<String>;

    /// Returns what unlocks it: "pass phrase", "PIN".
    fn wants(&self) -> &'static str;

    /// Returns what it can do now.
    fn capabilities(&self) -> Arc<Capabilities>;

    /// Returns true while its keys can be used without a further secret.
    fn is_unlocked(&self) -> bool;

    /// Returns true while this key can be used without a further secret: some keys of cards want none.
    fn is_ready(&self, key: &ModuleKey) -> bool;

    /// Returns what changes with every change: it was locked or unlocked, keys came or went.
    fn changes(&self) -> watch::Receiver<Stand>;

    /// Returns every key.
    fn keys(&self) -> Vec<Arc<ModuleKey>>;

    /// Returns the key of that name.
    fn key(&self, reference: &str) -> Option<Arc<ModuleKey>>;

    /// Unlocks it.
    fn unlock(&self, secret: Secret, spare: Spare) -> Doing<'_, ()>;

    /// Wipes what unlocking left in memory.
    fn lock(&self);

    /// Does an operation with one of its keys.
    fn perform(&self, operation: TokenOp) -> Doing<'_, TokenOutput>;

    /// Makes a key, or takes one over, and keeps it. `host` is the computer that asked for it.
    fn make<'a>(&'a self, making: Making, new: NewKey, host: &'a str) -> Doing<'a, Arc<ModuleKey>>;

    /// Erases a key.
    fn erase<'a>(&'a self, key: &'a ModuleKey) -> Doing<'a, ()>;

    /// Puts certificates beside a key in place of those there are.
    fn certify<'a>(&'a self, key: &'a ModuleKey, certificates: Vec<Vec<u8>>) -> Doing<'a, ()>;
}

/// How a module stands; two that differ in anything were different.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    /// Whether its keys can be used.
    pub unlocked: bool,
    /// How often its keys changed.
    pub keys: u64,
}

/// A key of a module.
#[derive(Clone, Debug)]
pub struct ModuleKey {
    /// The key as the module's token finds it; its reference is its name.
    pub handle: KeyHandle,
    /// What people call it.
    pub label: String,
    /// The host's id of it, where one gave one.
    pub id: Option<KeyId>,
    /// When it was made, seconds since 1970, where that is known.
    pub created: Option<i64>,
    /// Its certificates, DER, its own first.
    pub certificates: Vec<Vec<u8>>,
}

impl ModuleKey {
    /// Returns its name in the module.
    pub fn reference(&self) -> &str {
        &self.handle.reference
    }

    /// Returns what hosts get to know of it.
    pub fn entry(&self) -> KeyEntry {
        let info = &self.handle.info;
        KeyEntry {
            reference: self.handle.reference.to_string(),
            id: self.id,
            label: self.label.clone(),
            algorithm: info.algorithm,
            usage: info.usage,
            public_key: info.public_key.to_vec(),
        }
    }
}

/// How a key comes to be.
pub enum Making {
    /// It is made here.
    Generate(claviger_token::Algorithm),
    /// It was made elsewhere: DER PKCS#8.
    Import(Secret),
}
