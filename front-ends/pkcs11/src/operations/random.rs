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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use super::{random, seed};
    use crate::operations::testing::Fake;
    use crate::rv::Rv;

    #[test]
    fn any_length_is_filled_with_other_bytes_each_time() {
        let (store, []) = Fake::with([]);
        for length in [0, 1, 4096, 4097, 3 * 1024 * 1024] {
            for token in [None, Some("phone:1")] {
                let (mut one, mut other) = (vec![0; length], vec![0; length]);
                random(&store, token, &mut one).unwrap();
                random(&store, token, &mut other).unwrap();
                if length >= 32 {
                    assert_ne!(one, other, "{length}");
                    assert_ne!(one[length - 16..], [0; 16], "{length}: filled to its end");
                }
            }
        }
    }

    #[test]
    fn no_generator_takes_a_seed() {
        assert_eq!(seed(), Err(Rv::RANDOM_SEED_NOT_SUPPORTED));
    }
}
