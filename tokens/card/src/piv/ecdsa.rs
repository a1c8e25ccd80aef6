//! An ECDSA signature as cards give it, DER `SEQUENCE { r, s }`, as r || s.

use crate::spki;

/// Returns r || s, each of `size` bytes. `None` where it is not the one DER of two numbers of that size that can be in
/// a signature.
pub(crate) fn raw(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let (content, []) = spki::take(0x30, signature)? else { return None };
    let (r, rest) = spki::take(0x02, content)?;
    let (s, []) = spki::take(0x02, rest)? else { return None };
    let mut raw = vec![0; 2 * size];
    let (first, second) = raw.split_at_mut(size);
    place(first, r)?;
    place(second, s)?;
    Some(raw)
}

/// Puts a DER integer right-aligned, where it is positive, as short as it can be, and fits.
fn place(target: &mut [u8], number: &[u8]) -> Option<()> {
    let digits = match number {
        [0, digits @ ..] if digits.first().is_some_and(|first| first & 0x80 != 0) => digits,
        [1..=0x7f, ..] => number,
        _ => return None,
    };
    let start = target.len().checked_sub(digits.len())?;
    target[start..].copy_from_slice(digits);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::raw;

    #[test]
    fn numbers_stand_at_the_right() {
        let signature = raw(b"\x30\x08\x02\x01\x7f\x02\x03\x00\x80\x01", 4);
        assert_eq!(signature.as_deref(), Some(&b"\x00\x00\x00\x7f\x00\x00\x80\x01"[..]));
    }

    #[test]
    fn what_is_not_the_one_der_of_a_signature_is_refused() {
        for der in [
            &b""[..],
            b"\x30\x06\x02\x01\x01\x02\x01\x01\x00",
            b"\x30\x06\x02\x01\x81\x02\x01\x01",
            b"\x30\x07\x02\x02\x00\x01\x02\x01\x01",
            b"\x30\x05\x02\x00\x02\x01\x01",
            b"\x30\x06\x02\x01\x00\x02\x01\x01",
            b"\x30\x81\x06\x02\x01\x01\x02\x01\x01",
            b"\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01",
            b"\x30\x08\x02\x03\x01\x02\x03\x02\x01\x01",
        ] {
            assert_eq!(raw(der, 2), None, "{der:02x?}");
        }
        assert!(raw(b"\x30\x06\x02\x01\x01\x02\x01\x01", 2).is_some());
    }
}
