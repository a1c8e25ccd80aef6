use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Algorithm, Errand, KeyHandle, Mechanism, TokenError, TokenOp, TokenOutput};

/// The name of one token, stable while it is known: `local:1000`, `card:…`, `phone:…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(String);

impl TokenId {
    /// Returns the id of that text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the id of the local store of a user.
    pub fn local(uid: u32) -> Self {
        Self(format!("local:{uid}"))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The kind of place where private keys live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// The local encrypted store.
    Local,
    /// A PC/SC card.
    Card,
    /// A paired phone.
    Phone,
}

impl TokenKind {
    /// Returns `local`, `card` or `phone`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Card => "card",
            Self::Phone => "phone",
        }
    }

    /// Returns the kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Local, Self::Card, Self::Phone].into_iter().find(|kind| kind.name() == name)
    }
}

/// Whether a token can be reached now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It answers.
    Present,
    /// It does not answer; nothing is known of why.
    Unreachable,
    /// It is known to have been taken away.
    Removed,
}

impl Presence {
    /// Returns `present`, `unreachable` or `removed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Unreachable => "unreachable",
            Self::Removed => "removed",
        }
    }
}

/// How an operation is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It takes some tens of microseconds: run it where the request is, a hand-over costs more.
    InPlace,
    /// It takes long on the host's processor: run it on a worker thread.
    Worker,
    /// The token has a task or thread of its own; awaiting it costs nothing.
    Own,
}

/// What a token can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The mechanisms that it runs itself.
    pub mechanisms: BTreeSet<Mechanism>,
    /// The algorithms of keys that it can make.
    pub generates: BTreeSet<Algorithm>,
    /// The algorithms of keys that it can take from outside.
    pub imports: BTreeSet<Algorithm>,
    /// Whether a key can be erased from it. Otherwise a key that its owner gives up stays there, forgotten.
    pub erases: bool,
    /// The most data that one operation takes, in bytes.
    pub data_limit: usize,
}

/// An operation under way.
pub type Performing<'a> = Pin<Box<dyn Future<Output = Result<TokenOutput, TokenError>> + Send + 'a>>;

/// One concrete thing that holds private keys.
pub trait Token: Send + Sync {
    /// Returns its name.
    fn id(&self) -> &TokenId;

    /// Returns the kind of place it is.
    fn kind(&self) -> TokenKind;

    /// Returns what it can do; of hardware that is away, what it could when it was last seen.
    fn capabilities(&self) -> Arc<Capabilities>;

    /// Returns whether it can be reached now.
    fn presence(&self) -> Presence;

    /// Returns true while its keys can be used without a further secret.
    fn is_unlocked(&self) -> bool;

    /// Returns true while this key can be used without a further secret: the token is unlocked, or the key
    /// wants none, or the token asks for it itself (a pin pad).
    fn is_ready(&self, key: &KeyHandle) -> bool;

    /// Returns how an operation wants to be run.
    fn pace(&self, operation: &TokenOp) -> Pace;

    /// Does it. Dropping the future gives the operation up; a card or phone is told to stop, a computation
    /// that already runs ends unheard.
    fn perform(&self, operation: TokenOp) -> Performing<'_>;

    /// Returns the token as one that knows for whom it works: one with a screen tells its owner. What shows nothing
    /// returns itself.
    fn on_behalf_of(self: Arc<Self>, errand: Errand) -> Arc<dyn Token>;
}
