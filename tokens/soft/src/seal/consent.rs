use claviger_token::Secret;

use super::bytes::{Reader, with_sum, without_sum};
use super::phrase::{self, CONSENT_BITS};
use super::{Cost, SlotError, aead};
use crate::random::random;

/// What a consent seal begins with.
const MAGIC: &[u8] = b"CLVCONS\x01";

/// The size of the salt.
const SALT_SIZE: usize = 32;

/// The most bytes that are looked at: key slots, sealed once more.
const SIZE_LIMIT: usize = 96 * 1024;

/// Makes a consent phrase: 80 random bits in base32, in groups of four.
///
/// # Errors
/// [`SlotError::Internal`] where the operating system gives no random bytes.
pub fn consent_phrase() -> Result<Secret, SlotError> {
    phrase::generate(CONSENT_BITS)
}

/// The outer seal of an account that is issued but not consented to: from issuing on nobody can open it
/// without the phrase, the daemon included.
///
/// `CLVCONS 01 | cost (12) | salt (32) | nonce (12) | sealed bytes | tag (16) | SHA-256 (32)`.
pub struct ConsentSeal;

impl ConsentSeal {
    /// Seals `inner`, the key slots, under the phrase.
    ///
    /// # Errors
    /// [`SlotError::TooWeak`] for a cost below [`Cost::FLOOR`].
    pub fn seal(inner: &[u8], phrase: &Secret, cost: Cost) -> Result<Vec<u8>, SlotError> {
        let salt = random(SALT_SIZE).map_err(|_| SlotError::Internal("there are no random bytes"))?;
        let mut bytes = MAGIC.to_vec();
        cost.write(&mut bytes);
        bytes.extend_from_slice(salt.expose());
        let key = cost.derive(phrase::normalise(phrase).expose(), salt.expose(), None)?;
        let sealed = aead::seal(key.expose(), &bytes, inner)
            .map_err(|aead::Broken| SlotError::Internal("the consent seal cannot be made"))?;
        bytes.extend_from_slice(&sealed);
        Ok(with_sum(bytes))
    }

    /// Opens what [`seal`](Self::seal) made; case, spaces and hyphens of the phrase do not matter.
    ///
    /// # Errors
    /// [`SlotError::WrongSecret`]; [`SlotError::Damaged`] where one bit differs.
    pub fn open(sealed: &[u8], phrase: &Secret) -> Result<Secret, SlotError> {
        if sealed.len() > SIZE_LIMIT {
            return Err(SlotError::Damaged("the consent seal is too long"));
        }
        let body = without_sum(sealed)?;
        let mut reader = Reader(body);
        if reader.take(MAGIC.len()) != Some(MAGIC) {
            return Err(SlotError::Damaged("the consent seal is of a version that is not known here"));
        }
        let cost = Cost::read(&mut reader)?;
        let salt = reader.take(SALT_SIZE).ok_or(SlotError::Damaged("the consent seal is cut off"))?;
        let key = cost.derive(phrase::normalise(phrase).expose(), salt, None)?;
        let header = &body[..body.len() - reader.0.len()];
        aead::open(key.expose(), header, reader.0).map_err(|aead::NotGenuine| SlotError::WrongSecret)
    }
}
