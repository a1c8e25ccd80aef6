//! RSAES-PKCS1-v1_5 decryption that never says "bad padding": draft-irtf-cfrg-rsa-guidance, the way of
//! OpenSSL 3.2 and NSS.
//!
//! A ciphertext with wrong padding decrypts to a message that depends on key and ciphertext only and looks
//! random, so that there is no answer to tell Bleichenbacher's oracle from. What is chosen is chosen without
//! branches or addresses that depend on the padding (docs/decisions/003-rsa-pkcs-decryption.md).

use claviger_token::{Hash, Secret, TokenError};
use ring::hmac;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};
use zeroize::Zeroizing;

use crate::digest::digest;
use crate::evp::{Failed, Pkey};

/// The least padding: 00 02, eight bytes, 00.
const LEAST_PADDING: usize = 11;

/// How many lengths are drawn for the synthetic message; the last one that fits is taken.
const LENGTHS: usize = 128;

/// Decrypts. `exponent_digest` is [`exponent_digest`] of the same key.
pub(crate) fn decrypt(key: &Pkey, exponent_digest: &Secret, ciphertext: &[u8]) -> Result<Secret, TokenError> {
    let block = key.private_transform(ciphertext).map_err(|Failed| {
        TokenError::DataInvalid("the ciphertext is not one block below the key's modulus".into())
    })?;
    Ok(unpad(block.expose(), exponent_digest, ciphertext))
}

/// Takes the padding off a block that has the modulus's size, as has the ciphertext.
pub(crate) fn unpad(block: &[u8], exponent_digest: &Secret, ciphertext: &[u8]) -> Secret {
    let derivation = hmac::sign(&hmac_key(exponent_digest.expose()), ciphertext);
    let synthetic = Synthetic::derive(derivation.as_ref(), ciphertext.len());
    select(block, &synthetic)
}

/// Returns SHA-256 over the private exponent as long as the modulus, from which the synthetic messages come.
pub(crate) fn exponent_digest(key: &Pkey) -> Result<Secret, Failed> {
    key.private_exponent().map(|exponent| Secret::new(digest(Hash::Sha256, exponent.expose())))
}

/// The message that comes out where the padding is wrong: the last `length` bytes of `bytes`.
struct Synthetic {
    bytes: Zeroizing<Vec<u8>>,
    length: u16,
}

impl Synthetic {
    fn derive(key: &[u8], size: usize) -> Self {
        let lengths = expand(key, b"length", 2 * LENGTHS);
        let most = size - LEAST_PADDING;
        // The smallest 2^n - 1 that is not below the most.
        let bits = (most + 1).next_power_of_two() - 1;
        let (most, bits) = (most as u16, bits as u16);
        let mut length = 0;
        for drawn in lengths.chunks_exact(2) {
            let candidate = u16::from_be_bytes([drawn[0], drawn[1]]) & bits;
            length.conditional_assign(&candidate, !candidate.ct_gt(&most));
        }
        Self { bytes: expand(key, b"message", size), length }
    }
}

/// Takes the message out of the block, or the synthetic one where the padding is wrong.
fn select(block: &[u8], synthetic: &Synthetic) -> Secret {
    let size = block.len() as u16;
    let mut good = block[0].ct_eq(&0) & block[1].ct_eq(&2);
    let mut found = Choice::from(0);
    let mut separator = 0_u16;
    for (index, byte) in (0_u16..).zip(block).skip(2) {
        let zero = byte.ct_eq(&0);
        separator.conditional_assign(&index, zero & !found);
        found |= zero;
    }
    good &= found & !separator.ct_lt(&(LEAST_PADDING as u16 - 1));
    let start = u16::conditional_select(&(size - synthetic.length), &(separator + 1), good);
    let mut chosen = Zeroizing::new(synthetic.bytes.to_vec());
    for (byte, real) in chosen.iter_mut().zip(block) {
        byte.conditional_assign(real, good);
    }
    // From here on only the length shows, and the caller gets that anyway.
    Secret::new(chosen[usize::from(start)..].to_vec())
}

/// The draft's PRF: HMAC(key, counter || label || bits wanted), one after the other.
fn expand(key: &[u8], label: &[u8], size: usize) -> Zeroizing<Vec<u8>> {
    let key = hmac_key(key);
    let bits = ((8 * size) as u16).to_be_bytes();
    let mut bytes = Zeroizing::new(vec![0; size]);
    for (counter, part) in (0_u16..).zip(bytes.chunks_mut(32)) {
        let mut context = hmac::Context::with_key(&key);
        context.update(&counter.to_be_bytes());
        context.update(label);
        context.update(&bits);
        part.copy_from_slice(&context.sign().as_ref()[..part.len()]);
    }
    bytes
}

fn hmac_key(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}
