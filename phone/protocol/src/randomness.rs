use std::fmt;

use snow::resolvers::{CryptoResolver, DefaultResolver};

/// Where random bytes come from: the system, or in tests a fixed sequence.
pub trait Randomness: Send + Sync {
    /// Fills `bytes` with bytes that nobody can guess.
    ///
    /// # Errors
    /// Where there are none; nothing secret can be made then.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessFailed>;
}

/// The system has no random bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomnessFailed;

impl fmt::Display for RandomnessFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cannot make a secret: the system has no random bytes")
    }
}

impl std::error::Error for RandomnessFailed {}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        let mut system = DefaultResolver.resolve_rng().ok_or(RandomnessFailed)?;
        system.try_fill_bytes(bytes).map_err(|_| RandomnessFailed)
    }
}
