use std::fmt;

use crate::{Known, PairingId, PairingUri, Psk, Randomness, RandomnessFailed, StaticKey};

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
    pub(crate) method: Method,
    pub(crate) secret: Psk,
    pub(crate) key: StaticKey,
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
        let _ = (method, terms, randomness);
        todo!()
    }

    /// Returns how the ends will make sure of each other.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns what is shown to the phone, for [`Method::Uri`].
    pub fn uri(&self) -> Option<PairingUri> {
        todo!()
    }
}

/// The six digits that people compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub(crate) u32);

/// Prints all six digits.
impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06}", self.0)
    }
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
