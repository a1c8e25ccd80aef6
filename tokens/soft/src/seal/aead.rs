//! AES-256-GCM with random nonces: `nonce (12) | ciphertext | tag (16)`.
//!
//! aws-lc, not ring: it keeps the key schedule on a heap that it clears (docs/decisions/002-sealing.md).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use claviger_token::Secret;
use zeroize::Zeroizing;

use crate::random;
use crate::wipe::on_cleared_stack;

/// How much longer a sealed message is than the message.
pub(super) const OVERHEAD: usize = NONCE_LEN + 16;

/// The random generator or the cipher failed, which they do not.
pub(super) struct Broken;

/// The message is not what was sealed with that key and that associated data.
pub(super) struct NotGenuine;

/// Seals `plaintext` with a 256-bit key.
pub(super) fn seal(key: &[u8], associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut nonce = [0; NONCE_LEN];
    random::fill(&mut nonce).map_err(|_| Broken)?;
    // The buffer becomes ciphertext in place, so that no copy of the plaintext stays.
    let mut sealed = Zeroizing::new(Vec::with_capacity(plaintext.len() + OVERHEAD));
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plaintext);
    let tag = on_cleared_stack(|| {
        let (_, message) = sealed.split_at_mut(NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        load(key)?.seal_in_place_separate_tag(nonce, Aad::from(associated), message).map_err(|_| Broken)
    })?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(std::mem::take(&mut *sealed))
}

/// Opens what [`seal`] made.
pub(super) fn open(key: &[u8], associated: &[u8], sealed: &[u8]) -> Result<Secret, NotGenuine> {
    let (nonce, message) = sealed.split_at_checked(NONCE_LEN).ok_or(NotGenuine)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotGenuine)?;
    let mut message = Zeroizing::new(message.to_vec());
    let length = on_cleared_stack(|| {
        let key = load(key).map_err(|Broken| NotGenuine)?;
        let opened = key.open_in_place(nonce, Aad::from(associated), &mut message);
        opened.map(|plaintext| plaintext.len()).map_err(|_| NotGenuine)
    })?;
    message.truncate(length);
    Ok(Secret::new(std::mem::take(&mut *message)))
}

fn load(key: &[u8]) -> Result<LessSafeKey, Broken> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Broken)
}
