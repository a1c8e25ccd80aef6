use std::fmt;
use std::str::FromStr;

use crate::PairingId;

/// How a host introduces itself: the first parameter of `AT+CKHS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// As one that is known.
    Known(PairingId),
    /// As the one whose URI was scanned.
    Uri(PairingId),
    /// As one to compare numbers with.
    Numbers(PairingId),
}

impl Hello {
    /// Returns the pairing that is, or will be.
    pub const fn pairing(self) -> PairingId {
        match self {
            Self::Known(pairing) | Self::Uri(pairing) | Self::Numbers(pairing) => pairing,
        }
    }

    /// Returns the Noise protocol that is spoken then.
    pub(super) const fn protocol(self) -> &'static str {
        match self {
            Self::Known(_) => "Noise_KK_25519_ChaChaPoly_BLAKE2s",
            Self::Uri(_) => "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2s",
            Self::Numbers(_) => "Noise_XX_25519_ChaChaPoly_BLAKE2s",
        }
    }
}

impl fmt::Display for Hello {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(pairing) => write!(formatter, "{pairing}"),
            Self::Uri(pairing) => write!(formatter, "uri:{pairing}"),
            Self::Numbers(pairing) => write!(formatter, "numbers:{pairing}"),
        }
    }
}

impl FromStr for Hello {
    type Err = crate::InvalidPairingId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(pairing) = text.strip_prefix("uri:") {
            return pairing.parse().map(Self::Uri);
        }
        if let Some(pairing) = text.strip_prefix("numbers:") {
            return pairing.parse().map(Self::Numbers);
        }
        text.parse().map(Self::Known)
    }
}
