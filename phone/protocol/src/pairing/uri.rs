use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::PairingId;

/// The one-time secret of a pairing: 128 random bits, wiped when dropped.
#[derive(Clone)]
pub struct Psk(pub(crate) Zeroizing<[u8; 16]>);

/// What a host shows to the phone that it wants to be paired with. All of it is secret until it was used.
#[derive(Clone)]
pub struct PairingUri {
    /// The pairing that will be.
    pub pairing: PairingId,
    /// The one-time secret.
    pub secret: Psk,
    /// BLAKE2s of the host's static public key.
    pub key_hash: [u8; 32],
    /// The host's user.
    pub uid: u32,
    /// The host's name.
    pub host: String,
}

/// The text is no pairing URI: what is wrong with it. Nothing of the text is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUri(pub &'static str);

impl PairingUri {
    /// Returns the text that is shown; wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        todo!()
    }
}

impl FromStr for PairingUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let _ = text;
        todo!()
    }
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot read the pairing URI: {}", self.0)
    }
}

impl std::error::Error for InvalidUri {}
