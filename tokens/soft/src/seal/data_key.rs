use claviger_token::Secret;

use super::SlotError;
use crate::random::random;

/// The key under which the records of one user are sealed: 256 random bits on the heap, wiped when dropped.
#[derive(Clone)]
pub struct DataKey(Secret);

impl DataKey {
    /// The size in bytes.
    pub(super) const SIZE: usize = 32;

    /// Makes a new one.
    ///
    /// # Errors
    /// [`SlotError::Internal`] where the operating system gives no random bytes.
    pub fn generate() -> Result<Self, SlotError> {
        random(Self::SIZE).map(Self).map_err(|_| SlotError::Internal("there are no random bytes"))
    }

    /// Takes the bytes of an opened slot over.
    pub(super) fn from_secret(bytes: Secret) -> Result<Self, SlotError> {
        if bytes.expose().len() == Self::SIZE {
            Ok(Self(bytes))
        } else {
            Err(SlotError::Damaged("the data key in it has another size"))
        }
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Returns true where both are the same key; the time it takes says nothing of where they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.expose(), other.expose()).is_ok()
    }
}
