//! Public keys as cards give them, and as DER SubjectPublicKeyInfo (RFC 5280, 5480, 8410).
//!
//! There is exactly one document for each key: curves by name, points uncompressed, integers as short as they can be.

use claviger_token::Algorithm;

/// Makes the document of an elliptic curve key: an uncompressed point (X9.62), or 32 bytes for Ed25519 and X25519.
/// `None` where the size does not fit, or the algorithm is another. Whether a point is on its curve is
/// [`peer::check`](crate::peer::check)'s business.
pub(crate) fn of_point(algorithm: Algorithm, point: &[u8]) -> Option<Vec<u8>> {
    let form = FIXED.iter().find(|form| form.algorithm == algorithm)?;
    let fits = form.prefix.len() + point.len() == form.size && (form.is_raw() || point.first() == Some(&4));
    fits.then(|| [form.prefix, point].concat())
}

/// Makes the document of an RSA key from two unsigned big-endian numbers, and says which algorithm it is. `None`
/// where the modulus has not 2048, 3072 or 4096 bits, or the exponent is even, one, or longer than four bytes.
pub(crate) fn of_rsa(modulus: &[u8], exponent: &[u8]) -> Option<(Algorithm, Vec<u8>)> {
    let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
    let algorithm = match (modulus.len(), modulus.first()?) {
        (256, 0x80..) => Algorithm::Rsa2048,
        (384, 0x80..) => Algorithm::Rsa3072,
        (512, 0x80..) => Algorithm::Rsa4096,
        _ => return None,
    };
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    if !odd(modulus) || !odd(exponent) || exponent == [1] || exponent.len() > 4 {
        return None;
    }
    let key = element(0x30, &[integer(modulus), integer(exponent)].concat());
    let bits = element(0x03, &[&[0], &key[..]].concat());
    Some((algorithm, element(0x30, &[RSA_ENCRYPTION, &bits].concat())))
}

/// Returns the algorithm of a document, and the key in it: the point, the 32 bytes, or the PKCS#1 RSAPublicKey.
/// `None` where it is not the one document of a key that cards have.
pub(crate) fn parse(document: &[u8]) -> Option<(Algorithm, &[u8])> {
    if let Some(form) = FIXED.iter().find(|form| document.starts_with(form.prefix)) {
        let key = &document[form.prefix.len()..];
        let whole = document.len() == form.size && (form.is_raw() || key.first() == Some(&4));
        return whole.then_some((form.algorithm, key));
    }
    let (content, []) = take(0x30, document)? else { return None };
    let (bits, []) = take(0x03, content.strip_prefix(RSA_ENCRYPTION)?)? else { return None };
    let key = bits.strip_prefix(&[0])?;
    let (modulus, exponent) = rsa_numbers(key)?;
    let (algorithm, again) = of_rsa(modulus, exponent)?;
    (again == document).then_some((algorithm, key))
}

/// Returns modulus and exponent of a PKCS#1 RSAPublicKey, unsigned and without leading zeros.
pub(crate) fn rsa_numbers(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, []) = take(0x30, key)? else { return None };
    let (modulus, rest) = take(0x02, numbers)?;
    let (exponent, []) = take(0x02, rest)? else { return None };
    Some((without_zeros(modulus), without_zeros(exponent)))
}

/// Returns the content of the DER element with that tag at the start, and what follows it.
pub(crate) fn take(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, content) = match der {
        [found, first @ 0..=0x7f, content @ ..] if *found == tag => (usize::from(*first), content),
        [found, 0x81, first @ 0x80..=0xff, content @ ..] if *found == tag => (usize::from(*first), content),
        [found, 0x82, high @ 1..=0xff, low, content @ ..] if *found == tag => {
            (usize::from(*high) << 8 | usize::from(*low), content)
        }
        _ => return None,
    };
    content.split_at_checked(length)
}

/// Returns the size of a number of the curve in bytes, for the NIST curves.
pub(crate) const fn field_size(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::P256 => Some(32),
        Algorithm::P384 => Some(48),
        Algorithm::P521 => Some(66),
        _ => None,
    }
}

/// Returns a DER element of less than 64 KiB.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let header = match content.len() {
        length @ ..=0x7f => vec![tag, length as u8],
        length @ ..=0xff => vec![tag, 0x81, length as u8],
        length => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [header, content.to_vec()].concat()
}

/// Returns the DER of an unsigned number without leading zeros.
fn integer(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number.first().is_none_or(|byte| byte & 0x80 != 0) { &[0] } else { &[] };
    element(0x02, &[sign, number].concat())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// `SEQUENCE { rsaEncryption, NULL }`.
const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

/// A public key whose document always has the same beginning and the same size.
struct Fixed {
    algorithm: Algorithm,
    size: usize,
    prefix: &'static [u8],
}

impl Fixed {
    const fn is_raw(&self) -> bool {
        matches!(self.algorithm, Algorithm::Ed25519 | Algorithm::X25519)
    }
}

const FIXED: [Fixed; 5] = [
    Fixed {
        algorithm: Algorithm::P256,
        size: 91,
        prefix: b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
    },
    Fixed {
        algorithm: Algorithm::P384,
        size: 120,
        prefix: b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
    },
    Fixed {
        algorithm: Algorithm::P521,
        size: 158,
        prefix: b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00",
    },
    Fixed {
        algorithm: Algorithm::Ed25519,
        size: 44,
        prefix: b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00",
    },
    Fixed {
        algorithm: Algorithm::X25519,
        size: 44,
        prefix: b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00",
    },
];

#[cfg(test)]
mod tests {
    use claviger_token::Algorithm;

    use super::{FIXED, of_point, of_rsa, parse};

    #[test]
    fn a_point_is_read_back_from_its_document() {
        for form in &FIXED {
            let mut point = vec![4; form.size - form.prefix.len()];
            let document = of_point(form.algorithm, &point).expect("it fits");
            assert_eq!(parse(&document), Some((form.algorithm, &point[..])));
            assert_eq!(parse(&document[..document.len() - 1]), None, "{}", form.algorithm);
            assert_eq!(parse(&[&document[..], &[0]].concat()), None, "{}", form.algorithm);
            assert_eq!(of_point(form.algorithm, &point[1..]), None, "{}", form.algorithm);
            point[0] = 2;
            assert_eq!(of_point(form.algorithm, &point).is_some(), form.is_raw(), "{}", form.algorithm);
        }
        assert_eq!(of_point(Algorithm::Rsa2048, &[4; 65]), None);
    }

    #[test]
    fn an_rsa_key_has_one_document() {
        let modulus = [&[0x80], &[7; 255][..]].concat();
        let (algorithm, document) = of_rsa(&modulus, &[1, 0, 1]).expect("it is one");
        assert_eq!(algorithm, Algorithm::Rsa2048);
        assert_eq!(parse(&document).map(|found| found.0), Some(algorithm));
        let padded = of_rsa(&[&[0, 0], &modulus[..]].concat(), &[0, 1, 0, 1]);
        assert_eq!(padded, Some((algorithm, document.clone())), "cards pad as they like");
        for length in 0..document.len() {
            assert_eq!(parse(&document[..length]), None, "{length}");
        }
        for (modulus, exponent) in [
            (&modulus[1..], &[1, 0, 1][..]),
            (&[0x7f; 256], &[1, 0, 1]),
            (&[0x80; 256], &[1, 0, 1]),
            (&modulus, &[]),
            (&modulus, &[1]),
            (&modulus, &[1, 0, 0]),
            (&modulus, &[1, 0, 0, 0, 1]),
        ] {
            assert_eq!(of_rsa(modulus, exponent), None, "{exponent:?}");
        }
    }
}
