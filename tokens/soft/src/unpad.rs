//! Padding taken off on the host, for tokens that have only the RSA primitive (PIV).

use claviger_token::{Hash, Parameters, Secret, TokenError};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::digest::digest;
use crate::implicit_rejection;

/// Takes the padding of RSAES-PKCS1-v1_5 off the block that the token made of `ciphertext`.
///
/// Wrong padding gives a synthetic message, as decryption in the local store does. There it is derived from the
/// private exponent; here nobody has that, so `secret` stands for it: at least 32 random bytes that no caller
/// knows, the same as long as the same ciphertext must give the same message.
pub fn unpad_pkcs1(block: &Secret, ciphertext: &[u8], secret: &Secret) -> Result<Secret, TokenError> {
    if block.expose().len() != ciphertext.len() || ciphertext.len() < SMALLEST {
        return Err(TokenError::Device("the decrypted block has another size than the modulus".into()));
    }
    Ok(implicit_rejection::unpad(block.expose(), secret, ciphertext))
}

/// Takes the padding of RSAES-OAEP (RFC 8017, 7.1.2) off the block that the token made; `hash`, `mgf-hash` and
/// `label` come from the parameters. There is one error for whatever is wrong, found without branches that depend
/// on the block (Manger's attack).
pub fn unpad_oaep(block: &Secret, parameters: &Parameters) -> Result<Secret, TokenError> {
    let hash = parameters.hash_or_default();
    let mgf_hash = parameters.mgf_hash_or(hash);
    let label = digest(hash, parameters.label.as_deref().unwrap_or_default());
    let block = block.expose();
    // RFC 8017, 7.1.2, 1c: "If k < 2hLen + 2, output "decryption error" and stop."
    if block.len() < 2 * hash.size() + 2 {
        return Err(TokenError::DataInvalid("the key is too short for OAEP with this hash".into()));
    }
    let (masked_seed, masked_db) = block[1..].split_at(hash.size());
    let seed = masked(masked_seed, mgf_hash, masked_db);
    let db = masked(masked_db, mgf_hash, &seed);
    let (found_label, rest) = db.split_at(hash.size());
    let mut good = block[0].ct_eq(&0) & found_label.ct_eq(&label);
    let mut looking = Choice::from(1);
    let mut start = 0_u16;
    for (index, byte) in (0_u16..).zip(rest) {
        let (zero, one) = (byte.ct_eq(&0), byte.ct_eq(&1));
        start.conditional_assign(&(index + 1), looking & one);
        good &= !looking | zero | one;
        looking &= !one;
    }
    good &= !looking;
    if bool::from(good) {
        Ok(Secret::new(rest[usize::from(start)..].to_vec()))
    } else {
        Err(TokenError::DataInvalid(
            "the ciphertext does not decrypt with this key and these parameters".into(),
        ))
    }
}

/// Returns `bytes` xor MGF1(`seed`) (RFC 8017, B.2.1).
fn masked(bytes: &[u8], hash: Hash, seed: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut unmasked = Zeroizing::new(bytes.to_vec());
    for (counter, part) in (0_u32..).zip(unmasked.chunks_mut(hash.size())) {
        let input = Zeroizing::new([seed, &counter.to_be_bytes()].concat());
        let mask = Zeroizing::new(digest(hash, &input));
        part.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    unmasked
}

/// The smallest modulus in bytes of any key here.
const SMALLEST: usize = 128;

#[cfg(test)]
mod tests;
