use crate::channel::{Hello, blake2s};
use crate::{Known, PairingId, PairingUri, Psk, PublicKey, Randomness, RandomnessFailed, StaticKey};

/// How the two ends make sure of each other the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// The phone scans or is given a [`PairingUri`].
    Uri,
    /// People compare six digits.
    Numbers,
}

/// What a host says of itself when it asks to be paired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The host's name.
    pub host: String,
    /// The user's name there.
    pub user: String,
    /// The user's number there.
    pub uid: u32,
}

/// A host's offer of one pairing: everything that is made for it. It may be made on several streams until one is taken.
#[derive(Clone)]
pub struct Offer {
    /// The pairing that will be.
    pub pairing: PairingId,
    /// Who offers.
    pub terms: Terms,
    pub(crate) proof: Proof,
    pub(crate) key: StaticKey,
}

/// How the two ends make sure of each other, with what it needs.
#[derive(Clone)]
pub(crate) enum Proof {
    Uri(Psk),
    Numbers,
}

impl Offer {
    /// Makes one, with an id, a key and a secret of its own.
    ///
    /// # Errors
    /// Where there are no random bytes.
    pub fn new(
        method: Method,
        terms: Terms,
        randomness: &mut dyn Randomness,
    ) -> Result<Self, RandomnessFailed> {
        let pairing = PairingId::generate(randomness)?;
        let key = StaticKey::generate(randomness)?;
        let proof = match method {
            Method::Uri => Proof::Uri(Psk::generate(randomness)?),
            Method::Numbers => Proof::Numbers,
        };
        Ok(Self { pairing, terms, proof, key })
    }

    /// Returns how the ends will make sure of each other.
    pub const fn method(&self) -> Method {
        match self.proof {
            Proof::Uri(_) => Method::Uri,
            Proof::Numbers => Method::Numbers,
        }
    }

    /// Returns what is shown to the phone, for [`Method::Uri`].
    pub fn uri(&self) -> Option<PairingUri> {
        match &self.proof {
            Proof::Uri(secret) => Some(PairingUri {
                pairing: self.pairing,
                secret: secret.clone(),
                key_hash: key_hash(&self.key.public()),
                uid: self.terms.uid,
                host: self.terms.host.clone(),
            }),
            Proof::Numbers => None,
        }
    }

    /// Returns how the host introduces itself with it.
    pub(crate) const fn hello(&self) -> Hello {
        match self.proof {
            Proof::Uri(_) => Hello::Uri(self.pairing),
            Proof::Numbers => Hello::Numbers(self.pairing),
        }
    }
}

/// Returns what a pairing URI promises of the host's key.
pub(crate) fn key_hash(key: &PublicKey) -> [u8; 32] {
    blake2s(&[key.as_bytes()])
}

/// A pairing that both ends agreed on.
#[derive(Clone)]
pub struct NewPairing {
    /// What opens channels under it.
    pub known: Known,
    /// The host: its name, its user. (On the host itself: what it said.)
    pub terms: Terms,
    /// The phone's name for people.
    pub phone: String,
    /// The phone's model.
    pub model: String,
}
