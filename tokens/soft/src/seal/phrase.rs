//! Phrases that this program makes: random bits in base32 (RFC 4648), in groups of four.

use claviger_token::Secret;
use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use super::SlotError;
use crate::random::random;

/// The bits of a recovery code.
pub(super) const RECOVERY_BITS: usize = 160;

/// The bits of a consent phrase.
pub(super) const CONSENT_BITS: usize = 80;

/// The letters between two hyphens.
const GROUP: usize = 4;

/// Makes a phrase of so many bits, a multiple of 40.
pub(super) fn generate(bits: usize) -> Result<Secret, SlotError> {
    let bytes = random(bits / 8).map_err(|_| SlotError::Internal("there are no random bytes"))?;
    let mut letters = Zeroizing::new(vec![0; BASE32_NOPAD.encode_len(bytes.expose().len())]);
    BASE32_NOPAD.encode_mut(bytes.expose(), &mut letters);
    let mut phrase = Vec::with_capacity(letters.len() + letters.len() / GROUP);
    for (index, letter) in letters.iter().enumerate() {
        if index > 0 && index % GROUP == 0 {
            phrase.push(b'-');
        }
        phrase.push(*letter);
    }
    Ok(Secret::new(phrase))
}

/// Returns the letters that count: upper case, no spaces or hyphens, and what is often mistaken for a letter
/// put right (base32 has no 0, 1 and 8).
pub(super) fn normalise(phrase: &Secret) -> Secret {
    let mut letters = Vec::with_capacity(phrase.expose().len());
    for byte in phrase.expose() {
        match byte {
            b'-' | b' ' | b'\t' | b'\r' | b'\n' => {}
            b'0' => letters.push(b'O'),
            b'1' => letters.push(b'I'),
            b'8' => letters.push(b'B'),
            byte => letters.push(byte.to_ascii_uppercase()),
        }
    }
    Secret::new(letters)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use claviger_token::Secret;

    use super::{CONSENT_BITS, RECOVERY_BITS, generate, normalise};

    #[test]
    fn a_phrase_has_its_bits_in_groups_of_four() {
        for (bits, groups) in [(CONSENT_BITS, 4), (RECOVERY_BITS, 8)] {
            let phrase = generate(bits).unwrap();
            let text = String::from_utf8(phrase.expose().to_vec()).unwrap();
            assert_eq!(text.split('-').count(), groups, "{text}");
            assert!(text.split('-').all(|group| group.len() == 4), "{text}");
            assert_ne!(generate(bits).unwrap().expose(), phrase.expose());
        }
    }

    #[test]
    fn people_may_write_a_phrase_as_they_like() {
        let written = normalise(&Secret::new(b" abcd-efgh\tIJKL 01 8\n".to_vec()));
        assert_eq!(written.expose(), b"ABCDEFGHIJKLOIB");
    }
}
