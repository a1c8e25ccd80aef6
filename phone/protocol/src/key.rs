use std::fmt;
use std::str::FromStr;

use curve25519_dalek::MontgomeryPoint;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::{Randomness, RandomnessFailed};

/// The name of a pairing: 128 random bits, written as 32 lower-case hexadecimal digits. The host makes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairingId([u8; 16]);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPairingId;

/// One end's X25519 private key, made for one pairing and wiped when dropped.
#[derive(Clone)]
pub struct StaticKey(Zeroizing<[u8; 32]>);

/// One end's X25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; 32]);

/// What one end keeps of a pairing to open a channel under it.
#[derive(Clone)]
pub struct Known {
    /// The pairing.
    pub pairing: PairingId,
    /// The host's user that it belongs to, by number.
    pub uid: u32,
    /// This end's key.
    pub own: StaticKey,
    /// The other end's key.
    pub peer: PublicKey,
}

impl PairingId {
    /// Makes a new one.
    ///
    /// # Errors
    /// Where there are no random bytes.
    pub fn generate(randomness: &mut dyn Randomness) -> Result<Self, RandomnessFailed> {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns the id of those bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 128 bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for PairingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PairingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PairingId({self})")
    }
}

impl FromStr for PairingId {
    type Err = InvalidPairingId;

    fn from_str(text: &str) -> Result<Self, InvalidPairingId> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| InvalidPairingId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidPairingId)
    }
}

impl fmt::Display for InvalidPairingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a pairing id has 32 hexadecimal digits")
    }
}

impl std::error::Error for InvalidPairingId {}

impl StaticKey {
    /// Makes a new one.
    ///
    /// # Errors
    /// Where there are no random bytes.
    pub fn generate(randomness: &mut dyn Randomness) -> Result<Self, RandomnessFailed> {
        let mut bytes = Zeroizing::new([0; 32]);
        randomness.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// Takes one over that was kept.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// Returns the bytes, for as long as they are needed: to keep them sealed.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(MontgomeryPoint::mul_base_clamped(*self.expose()).to_bytes())
    }
}

impl PublicKey {
    /// Returns the key of those bytes (RFC 7748, u coordinate).
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the u coordinate.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns whether an agreement with it is worth anything: with a point of small order everybody agrees on zero
    /// (RFC 7748, 6.1), and snow does not look.
    pub(crate) fn is_sound(&self) -> bool {
        MontgomeryPoint(self.0).mul_clamped([1; 32]).to_bytes() != [0; 32]
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", HEXLOWER.encode(&self.0))
    }
}
