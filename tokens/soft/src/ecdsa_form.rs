//! The two forms of an ECDSA signature: r || s as in PKCS#11, and DER `SEQUENCE { r, s }` as in X.509.

use claviger_token::{Algorithm, TokenError};

use crate::spki::element;

/// Returns the DER form of r || s.
///
/// # Errors
/// [`TokenError::DataInvalid`] where it does not have the size of two numbers of the curve.
pub fn ecdsa_raw_to_der(algorithm: Algorithm, signature: &[u8]) -> Result<Vec<u8>, TokenError> {
    let size = field_size(algorithm)?;
    if signature.len() != 2 * size {
        return Err(TokenError::DataInvalid(
            format!("r || s has {} bytes with {algorithm}", 2 * size).into(),
        ));
    }
    let (r, s) = signature.split_at(size);
    let numbers = [integer(r), integer(s)].concat();
    let mut der = match numbers.len() {
        // At most 2 * (66 + 1 + 2) bytes.
        length @ ..=0x7f => vec![0x30, length as u8],
        length => vec![0x30, 0x81, length as u8],
    };
    der.extend_from_slice(&numbers);
    Ok(der)
}

/// Returns r || s of the DER form, which must be the only DER of it.
///
/// # Errors
/// [`TokenError::DataInvalid`] where it is not, or a number is negative or longer than the curve's.
pub fn ecdsa_der_to_raw(algorithm: Algorithm, signature: &[u8]) -> Result<Vec<u8>, TokenError> {
    let size = field_size(algorithm)?;
    numbers(signature, size)
        .ok_or_else(|| TokenError::DataInvalid("the signature is not DER of two numbers of the curve".into()))
}

fn numbers(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let (content, []) = element(signature, 0x30)? else { return None };
    let (r, rest) = element(content, 0x02)?;
    let (s, []) = element(rest, 0x02)? else { return None };
    let mut raw = vec![0; 2 * size];
    let (first, second) = raw.split_at_mut(size);
    place(first, r)?;
    place(second, s)?;
    Some(raw)
}

/// Puts a DER integer right-aligned, where it is positive, as short as it can be, and fits.
fn place(target: &mut [u8], number: &[u8]) -> Option<()> {
    let digits = match number {
        [0, rest @ ..] if rest.first().is_none_or(|byte| byte & 0x80 != 0) => rest,
        [0, ..] | [] => return None,
        [first, ..] if first & 0x80 != 0 => return None,
        digits => digits,
    };
    let start = target.len().checked_sub(digits.len())?;
    target[start..].copy_from_slice(digits);
    Some(())
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[zeros..];
    let sign = digits.first().is_none_or(|byte| byte & 0x80 != 0);
    // At most 66 digits and a sign.
    let mut der = vec![0x02, (digits.len() + usize::from(sign)) as u8];
    if sign {
        der.push(0);
    }
    der.extend_from_slice(digits);
    der
}

/// Returns the size of a number of the curve in bytes.
pub(crate) fn field_size(algorithm: Algorithm) -> Result<usize, TokenError> {
    match algorithm {
        Algorithm::P256 => Ok(32),
        Algorithm::P384 => Ok(48),
        Algorithm::P521 => Ok(66),
        _ => Err(TokenError::DataInvalid(format!("{algorithm} keys make no ECDSA signatures").into())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use claviger_token::Algorithm;

    use super::{ecdsa_der_to_raw, ecdsa_raw_to_der};

    #[test]
    fn both_forms_say_the_same() {
        for (algorithm, size) in [(Algorithm::P256, 32), (Algorithm::P384, 48), (Algorithm::P521, 66)] {
            for fill in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                let mut raw = vec![fill; 2 * size];
                raw[..3].copy_from_slice(&[0, 0, 0x80]);
                let der = ecdsa_raw_to_der(algorithm, &raw).unwrap();
                assert_eq!(ecdsa_der_to_raw(algorithm, &der).unwrap(), raw, "{algorithm} {fill:02x}");
            }
            assert!(ecdsa_raw_to_der(algorithm, &vec![1; 2 * size - 1]).is_err());
        }
        assert!(ecdsa_raw_to_der(Algorithm::Ed25519, &[1; 64]).is_err());
    }

    #[test]
    fn what_is_not_the_one_der_is_refused() {
        for der in [
            &b""[..],
            b"\x30\x06\x02\x01\x01\x02\x01\x01\x00",
            b"\x30\x06\x02\x01\x81\x02\x01\x01",
            b"\x30\x07\x02\x02\x00\x01\x02\x01\x01",
            b"\x30\x05\x02\x00\x02\x01\x01",
            b"\x30\x81\x06\x02\x01\x01\x02\x01\x01",
            b"\x30\x09\x02\x01\x01\x02\x01\x01\x02\x01\x01",
        ] {
            assert!(ecdsa_der_to_raw(Algorithm::P256, der).is_err(), "{der:02x?}");
        }
        assert!(ecdsa_der_to_raw(Algorithm::P256, b"\x30\x06\x02\x01\x01\x02\x01\x01").is_ok());
    }
}
