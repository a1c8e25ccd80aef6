use crate::rv::{Answer, Rv};
use crate::store::Store;

/// The most bytes that a token's own generator gives at once.
const FROM_TOKEN: usize = 4096;

/// The most bytes that the key store gives at once.
const FROM_STORE: usize = 1024 * 1024;

/// Fills `bytes` with random ones: of a token's own generator where one is named, else of the operating system's.
///
/// # Errors
/// What the key store refuses with.
pub(crate) fn random(store: &dyn Store, token: Option<&str>, bytes: &mut [u8]) -> Answer<()> {
    let most = if token.is_some() { FROM_TOKEN } else { FROM_STORE };
    for piece in bytes.chunks_mut(most) {
        // At most 1 MiB, as said above.
        let random = store.random(piece.len() as u32, token)?;
        if random.as_bytes().len() != piece.len() {
            return Err(Rv::DEVICE_ERROR);
        }
        piece.copy_from_slice(random.as_bytes());
    }
    Ok(())
}

/// Refuses a seed: no generator here takes any.
pub(crate) const fn seed() -> Answer<()> {
    Err(Rv::RANDOM_SEED_NOT_SUPPORTED)
}
