use std::sync::Arc;

use claviger_token::{Binding, KeyHandle, KeyId, KeyInfo, Purpose, TokenId, TokenKind};

use crate::{Action, Confirm, Guesses, Registration};

/// A row of the user info table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number; the row is found by it.
    pub uid: u32,
    /// The name that the system gave for the number when the row was made; both must still agree.
    pub name: String,
    /// Where new keys are made, and nothing else.
    pub location: TokenKind,
    /// How far the registration is.
    pub registration: Registration,
    /// The default key per purpose.
    pub defaults: Defaults,
    /// Wrong guesses at the user's own `Unlock`.
    pub guesses: Guesses,
    /// Wrong guesses at logins, by whoever stands there; they count apart.
    pub login_guesses: Guesses,
    /// What the user wants to happen to sessions whose token is removed; `None` for what is configured.
    pub removal: Option<Action>,
    /// When the row was made, seconds since 1970.
    pub created: i64,
    /// The key slots of the local store, or those slots under a consent phrase while the registration is
    /// pending; `None` before a registration.
    pub slots: Option<Arc<[u8]>>,
}

/// The default key of a user per purpose; an empty selector means it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// For `Sign` and `SignFile`.
    pub sign: Option<KeyId>,
    /// For `Decrypt`.
    pub decrypt: Option<KeyId>,
    /// For `Derive` and `Decapsulate`.
    pub derive: Option<KeyId>,
    /// For login.
    pub authenticate: Option<KeyId>,
}

impl Defaults {
    /// Returns the default key for what an operation does.
    pub const fn for_purpose(&self, purpose: Purpose) -> Option<KeyId> {
        match purpose {
            Purpose::Sign => self.sign,
            Purpose::Decrypt => self.decrypt,
            Purpose::Derive | Purpose::Decapsulate => self.derive,
        }
    }

    /// Returns the four names and their keys.
    pub const fn by_name(&self) -> [(&'static str, Option<KeyId>); 4] {
        [
            ("sign", self.sign),
            ("decrypt", self.decrypt),
            ("derive", self.derive),
            ("authenticate", self.authenticate),
        ]
    }

    /// Sets the default of that name; an unknown name comes back.
    pub fn set<'a>(&mut self, name: &'a str, key: Option<KeyId>) -> Result<(), &'a str> {
        *match name {
            "sign" => &mut self.sign,
            "decrypt" => &mut self.decrypt,
            "derive" => &mut self.derive,
            "authenticate" => &mut self.authenticate,
            other => return Err(other),
        } = key;
        Ok(())
    }

    /// Takes over the keys of `new`: where there was none, or everywhere if `instead` of others.
    pub fn prefer(&mut self, new: Self, instead: bool) {
        let Self { sign, decrypt, derive, authenticate } = self;
        for (own, other) in
            [(sign, new.sign), (decrypt, new.decrypt), (derive, new.derive), (authenticate, new.authenticate)]
        {
            if other.is_some() && (instead || own.is_none()) {
                *own = other;
            }
        }
    }

    /// Forgets a key that is gone.
    pub fn forget(&mut self, key: KeyId) {
        let Self { sign, decrypt, derive, authenticate } = self;
        for default in [sign, decrypt, derive, authenticate] {
            if *default == Some(key) {
                *default = None;
            }
        }
    }
}

/// Whether a key is in use, or only its public half is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It is in use.
    Current,
    /// A newer key took its place; it still decrypts and derives.
    Retired,
    /// Its private half was erased; the public half is kept with the time.
    Revoked,
}

impl KeyState {
    /// Returns `current`, `retired` or `revoked`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// Returns the state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Current, Self::Retired, Self::Revoked].into_iter().find(|state| state.name() == name)
    }
}

/// A private key of one user.
#[derive(Clone, Debug)]
pub struct Key {
    /// Id, algorithm, usage and public key.
    pub info: Arc<KeyInfo>,
    /// What its sealed record is bound to: owner, id, time.
    pub binding: Arc<Binding>,
    /// What the owner calls it; empty for none.
    pub label: String,
    /// Whether it is in use.
    pub state: KeyState,
    /// When it was last used, seconds since 1970; written now and then, not at each use.
    pub last_used: Option<i64>,
    /// Where it stands; a revoked key stands nowhere.
    pub placements: Vec<Placement>,
    /// Its certificate and the chain of it, DER, the key's own first; empty for none.
    pub certificates: Vec<Vec<u8>>,
    /// Whether the owner is asked before it is used.
    pub confirm: Confirm,
    /// What the token said of how the key was made, DER certificates; empty where it said nothing.
    pub attestation: Vec<Vec<u8>>,
}

/// A card or phone that a user enrolled. Nobody else can enrol it meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledToken {
    /// Its id.
    pub id: TokenId,
    /// Whether it is a card or a phone.
    pub kind: TokenKind,
    /// What people call it.
    pub name: String,
    /// When it was enrolled, seconds since 1970.
    pub created: i64,
}

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The token it stands on.
    pub token: TokenId,
    /// The kind of place that token is.
    pub kind: TokenKind,
    /// Where on the token; empty for a local store.
    pub reference: Arc<str>,
    /// Whether the key is coming, there, or going.
    pub state: PlacementState,
    /// The sealed record of a local key.
    pub record: Option<Arc<[u8]>>,
}

/// Whether a key is coming to a token, there, or going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacementState {
    /// It is being written and not yet proven.
    Writing,
    /// It is there and works.
    Current,
    /// It is being erased.
    Erasing,
}

impl PlacementState {
    /// Returns `writing`, `current` or `erasing`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::Current => "current",
            Self::Erasing => "erasing",
        }
    }

    /// Returns the state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Writing, Self::Current, Self::Erasing].into_iter().find(|state| state.name() == name)
    }
}

impl Key {
    /// Returns the key's id.
    pub fn id(&self) -> KeyId {
        self.info.id
    }

    /// Returns the key as the token of `placement` finds it.
    pub fn handle(&self, placement: &Placement) -> KeyHandle {
        KeyHandle {
            info: Arc::clone(&self.info),
            reference: Arc::clone(&placement.reference),
            record: placement.record.clone(),
            binding: Arc::clone(&self.binding),
        }
    }
}
