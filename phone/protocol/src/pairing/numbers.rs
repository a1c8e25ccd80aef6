use std::fmt;

use crate::channel::blake2s;
use crate::{Closed, Randomness};

/// The six digits that people compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(u32);

/// Prints all six digits.
impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:06}", self.0)
    }
}

/// One end's share in the code. It is random, and it is shown only after the phone's end has bound itself to its own: whoever
/// stands between has to choose before there is anything to choose by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nonce([u8; 32]);

/// What binds the phone to its nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Commitment([u8; 32]);

impl Nonce {
    pub(crate) fn generate(randomness: &mut dyn Randomness) -> Result<Self, Closed> {
        let mut bytes = [0; 32];
        randomness.fill(&mut bytes).map_err(|_| Closed::NoRandomness)?;
        Ok(Self(bytes))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Closed> {
        bytes.try_into().map(Self).map_err(|_| Closed::Malformed("a nonce has not 32 bytes"))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Commitment {
    /// Returns the one to the phone's nonce, in the handshake of that hash.
    pub(crate) fn to(phone: &Nonce, handshake: &[u8; 32]) -> Self {
        Self(blake2s(&[b"claviger sas commit", handshake, &phone.0]))
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Closed> {
        bytes.try_into().map(Self).map_err(|_| Closed::Malformed("a commitment has not 32 bytes"))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Code {
    /// Returns the code of a handshake in which both nonces are known.
    pub(crate) fn new(handshake: &[u8; 32], host: &Nonce, phone: &Nonce) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = blake2s(&[b"claviger sas code", handshake, &host.0, &phone.0]);
        // Less than a million.
        Self((u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000) as u32)
    }
}
