//! Public keys as DER SubjectPublicKeyInfo (RFC 5280, 5480, 8410, 9881, 9935).

use claviger_token::{Algorithm, TokenError};

use crate::evp::Pkey;

/// The most that a public key of an offered algorithm takes: ML-DSA-87 with 2614 bytes.
const SIZE_LIMIT: usize = 4096;

/// Returns the algorithm of a public key.
///
/// The document must be the one DER encoding of a key of an offered algorithm: EC points uncompressed and on
/// their curve, curves by name, RSA moduli of 2048, 3072 or 4096 bits, nothing after it.
///
/// # Errors
/// [`TokenError::DataInvalid`] where it is anything else.
pub fn algorithm_of(spki: &[u8]) -> Result<Algorithm, TokenError> {
    parse(spki).map(|(algorithm, _)| algorithm)
}

/// Reads a public key under the rules of [`algorithm_of`].
pub(crate) fn parse(spki: &[u8]) -> Result<(Algorithm, Pkey), TokenError> {
    let algorithm = announced(spki)?;
    let key = Pkey::from_spki(spki).map_err(|_| invalid("the public key is damaged or not on its curve"))?;
    match key.to_spki() {
        Ok(again) if again == spki => Ok((algorithm, key)),
        _ => Err(invalid("the public key is not in its one DER encoding")),
    }
}

/// Returns the bytes of the key itself: an EC point, a raw key, a PKCS#1 RSAPublicKey.
pub(crate) fn raw(spki: &[u8]) -> Result<&[u8], TokenError> {
    let fixed = FIXED.iter().find(|form| spki.len() == form.size && spki.starts_with(form.prefix));
    match fixed {
        Some(form) => Ok(&spki[form.prefix.len()..]),
        None => rsa_public_key(spki).ok_or_else(unknown),
    }
}

/// Makes the document of a raw key: an uncompressed point or the raw key of the other algorithms but RSA.
pub(crate) fn of_raw(algorithm: Algorithm, raw: &[u8]) -> Option<Vec<u8>> {
    let form = FIXED.iter().find(|form| form.algorithm == algorithm)?;
    (form.prefix.len() + raw.len() == form.size).then(|| [form.prefix, raw].concat())
}

/// Returns the algorithm that the header announces; the key itself is not looked at.
pub(crate) fn announced(spki: &[u8]) -> Result<Algorithm, TokenError> {
    if spki.len() > SIZE_LIMIT {
        return Err(invalid("the public key is too long"));
    }
    let fixed = FIXED.iter().find(|form| spki.len() == form.size && spki.starts_with(form.prefix));
    match fixed {
        Some(form) => Ok(form.algorithm),
        None => rsa_algorithm(spki),
    }
}

fn rsa_algorithm(spki: &[u8]) -> Result<Algorithm, TokenError> {
    let key = rsa_public_key(spki).ok_or_else(unknown)?;
    let (sequence, []) = element(key, 0x30).ok_or_else(unknown)? else {
        return Err(unknown());
    };
    let (modulus, _) = element(sequence, 0x02).ok_or_else(unknown)?;
    // A modulus of whole bytes has its top bit set, so DER puts one zero before it.
    match (modulus.first(), modulus.get(1).map(|byte| byte & 0x80), modulus.len()) {
        (Some(0), Some(0x80), 257) => Ok(Algorithm::Rsa2048),
        (Some(0), Some(0x80), 385) => Ok(Algorithm::Rsa3072),
        (Some(0), Some(0x80), 513) => Ok(Algorithm::Rsa4096),
        _ => Err(invalid("RSA keys have 2048, 3072 or 4096 bits here")),
    }
}

/// Returns the PKCS#1 RSAPublicKey inside an rsaEncryption document.
fn rsa_public_key(spki: &[u8]) -> Option<&[u8]> {
    const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let (document, rest) = element(spki, 0x30)?;
    let (key, after) = element(document.strip_prefix(RSA_ENCRYPTION)?, 0x03)?;
    (rest.is_empty() && after.is_empty()).then(|| key.strip_prefix(&[0]))?
}

/// Returns the content of the DER element with that tag at the start of `der`, and what follows it.
pub(crate) fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
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

fn unknown() -> TokenError {
    invalid("the public key is not one of an offered algorithm, in DER SubjectPublicKeyInfo")
}

fn invalid(why: &'static str) -> TokenError {
    TokenError::DataInvalid(why.into())
}

/// A public key whose document always has the same beginning and the same size.
struct Fixed {
    algorithm: Algorithm,
    prefix: &'static [u8],
    size: usize,
}

const fn fixed(algorithm: Algorithm, size: usize, prefix: &'static [u8]) -> Fixed {
    Fixed { algorithm, prefix, size }
}

/// The points' prefixes end with the 04 of X9.62's uncompressed form left to the point.
const FIXED: [Fixed; 11] = [
    fixed(
        Algorithm::P256,
        91,
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
    ),
    fixed(
        Algorithm::P384,
        120,
        b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
    ),
    fixed(
        Algorithm::P521,
        158,
        b"\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x81\x86\x00",
    ),
    fixed(Algorithm::Ed25519, 44, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"),
    fixed(Algorithm::X25519, 44, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00"),
    fixed(
        Algorithm::MlDsa44,
        1334,
        b"\x30\x82\x05\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x03\x82\x05\x21\x00",
    ),
    fixed(
        Algorithm::MlDsa65,
        1974,
        b"\x30\x82\x07\xb2\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12\x03\x82\x07\xa1\x00",
    ),
    fixed(
        Algorithm::MlDsa87,
        2614,
        b"\x30\x82\x0a\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13\x03\x82\x0a\x21\x00",
    ),
    fixed(
        Algorithm::MlKem512,
        822,
        b"\x30\x82\x03\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x01\x03\x82\x03\x21\x00",
    ),
    fixed(
        Algorithm::MlKem768,
        1206,
        b"\x30\x82\x04\xb2\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x02\x03\x82\x04\xa1\x00",
    ),
    fixed(
        Algorithm::MlKem1024,
        1590,
        b"\x30\x82\x06\x32\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x03\x03\x82\x06\x21\x00",
    ),
];

#[cfg(test)]
mod tests {
    use super::{FIXED, element};

    #[test]
    fn every_fixed_header_announces_the_size_it_stands_before() {
        for form in &FIXED {
            let document = [form.prefix, &vec![0; form.size - form.prefix.len()]].concat();
            let (content, rest) = element(&document, 0x30).expect("a sequence");
            assert!(rest.is_empty(), "{}", form.algorithm);
            let (_, key) = element(content, 0x30).expect("an algorithm");
            let (key, rest) = element(key, 0x03).expect("a bit string");
            assert!(rest.is_empty() && key.starts_with(&[0]), "{}", form.algorithm);
        }
    }

    #[test]
    fn lengths_that_are_not_the_shortest_are_refused() {
        assert_eq!(element(b"\x30\x01\xaa\xbb", 0x30), Some((&b"\xaa"[..], &b"\xbb"[..])));
        for der in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x81\x01\xaa", b"\x30\x82\x00\x81", b"\x30\x02\xaa"]
        {
            assert_eq!(element(der, 0x30), None, "{der:02x?}");
        }
    }
}
