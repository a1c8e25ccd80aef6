//! Random bytes from the operating system, by ring.

use claviger_token::{Secret, TokenError};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Returns `count` random bytes.
///
/// # Errors
/// [`TokenError::Internal`] where the operating system gives none.
pub fn random(count: usize) -> Result<Secret, TokenError> {
    let mut bytes = Zeroizing::new(vec![0; count]);
    fill(&mut bytes)?;
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}

/// Fills the buffer with random bytes.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), TokenError> {
    SystemRandom::new()
        .fill(buffer)
        .map_err(|_| TokenError::Internal("the operating system gives no random bytes".into()))
}
