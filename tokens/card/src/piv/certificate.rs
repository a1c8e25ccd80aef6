//! The certificate of a place: the object around it (SP 800-73-4 part 1, appendix A, table 10) and the key in it.

use std::io::Read;

use claviger_token::Algorithm;
use flate2::read::GzDecoder;
use zeroize::Zeroizing;

use super::object;
use super::place::Place;
use crate::{CardError, Exchange, peer, spki, tlv};

/// Reads the certificate of a place, DER; `None` where there is none. Whether there is a key in it is not looked at.
///
/// # Errors
/// As [`object::read`]; [`CardError::Malformed`] where the object is none, and where a compressed one cannot be
/// unpacked or is larger than any certificate.
pub(crate) fn read(card: &mut dyn Exchange, place: Place) -> Result<Option<Vec<u8>>, CardError> {
    read_object(card, place.certificate())
}

/// Reads the certificate in any object.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_object(card: &mut dyn Exchange, tag: u32) -> Result<Option<Vec<u8>>, CardError> {
    match object::read(card, tag)? {
        Some(content) => unwrap(&content),
        None => Ok(None),
    }
}

/// Makes the content of the object of a certificate, uncompressed.
pub(crate) fn wrap(certificate: &[u8]) -> Zeroizing<Vec<u8>> {
    let elements = [tlv::element(0x70, &[certificate]), tlv::element(0x71, &[&[0]]), tlv::element(0xFE, &[])];
    Zeroizing::new(elements.iter().flat_map(|element| element.iter().copied()).collect())
}

/// Returns the certificate in the content of an object.
pub(crate) fn unwrap(content: &[u8]) -> Result<Option<Vec<u8>>, CardError> {
    let malformed = || CardError::Malformed("of a certificate's object".into());
    let elements = tlv::all(content).ok_or_else(malformed)?;
    let Some(certificate) = tlv::find(&elements, 0x70).filter(|certificate| !certificate.is_empty()) else {
        return Ok(None);
    };
    // CertInfo: bit 1 says gzip. Some cards leave the element out.
    let is_compressed = match tlv::find(&elements, 0x71) {
        Some([info]) => info & 1 != 0,
        Some([]) | None => false,
        Some(_) => return Err(malformed()),
    };
    let certificate = if is_compressed { inflate(certificate)? } else { certificate.to_vec() };
    Ok(Some(certificate).filter(|certificate| !certificate.is_empty()))
}

/// Returns the public key of a certificate, and its algorithm: the one DER SubjectPublicKeyInfo of a key that cards have.
/// `None` where the certificate is none, or of another kind of key.
///
/// Nothing else of a certificate is looked at here: what it says of its holder is the applications' business, and a
/// certificate with an odd name still has a key.
pub(crate) fn public_key(certificate: &[u8]) -> Option<(Algorithm, Vec<u8>)> {
    // RFC 5280, 4.1: SEQUENCE { tbsCertificate SEQUENCE { [0] version, serialNumber, signature, issuer, validity,
    // subject, subjectPublicKeyInfo, … }, … }.
    let (content, []) = spki::take(0x30, certificate)? else { return None };
    let (to_be_signed, _) = spki::take(0x30, content)?;
    let mut rest = spki::take(0xA0, to_be_signed).map_or(to_be_signed, |(_, rest)| rest);
    for tag in [0x02, 0x30, 0x30, 0x30, 0x30] {
        rest = spki::take(tag, rest)?.1;
    }
    let (_, after) = spki::take(0x30, rest)?;
    let document = &rest[..rest.len() - after.len()];
    let (algorithm, key) = spki::parse(document)?;
    let sound = algorithm.modulus_size().is_some() || peer::is_sound(algorithm, key);
    sound.then(|| (algorithm, document.to_vec()))
}

fn inflate(compressed: &[u8]) -> Result<Vec<u8>, CardError> {
    let mut certificate = Vec::new();
    let read = GzDecoder::new(compressed).take(SIZE_LIMIT as u64 + 1).read_to_end(&mut certificate);
    match read {
        Ok(length) if length <= SIZE_LIMIT => Ok(certificate),
        Ok(_) => Err(CardError::Malformed("a compressed certificate is too large".into())),
        Err(_) => Err(CardError::Malformed("a compressed certificate cannot be unpacked".into())),
    }
}

/// The most that an unpacked certificate may have.
const SIZE_LIMIT: usize = 32_768;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::{SIZE_LIMIT, unwrap, wrap};
    use crate::{CardError, tlv};

    fn packed(certificate: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(certificate).unwrap();
        let packed = encoder.finish().unwrap();
        [tlv::element(0x70, &[&packed]), tlv::element(0x71, &[&[1]]), tlv::element(0xFE, &[])]
            .iter()
            .flat_map(|element| element.to_vec())
            .collect()
    }

    #[test]
    fn a_certificate_is_read_back_packed_or_not() {
        let certificate = vec![0x30; 2000];
        assert_eq!(unwrap(&wrap(&certificate)), Ok(Some(certificate.clone())));
        assert_eq!(unwrap(&packed(&certificate)), Ok(Some(certificate)));
        for nothing in [&wrap(&[])[..], &packed(&[]), b"\x70\x00\x71\x01\x01"] {
            assert_eq!(unwrap(nothing), Ok(None));
        }
        assert_eq!(unwrap(b"\x71\x01\x00\xfe\x00"), Ok(None));
    }

    #[test]
    fn what_unpacks_to_too_much_or_not_at_all_is_refused() {
        assert_eq!(unwrap(&packed(&vec![0; SIZE_LIMIT])).unwrap().unwrap().len(), SIZE_LIMIT);
        assert!(matches!(unwrap(&packed(&vec![0; SIZE_LIMIT + 1])), Err(CardError::Malformed(_))));
        let mut broken = packed(b"a certificate that is packed");
        broken[20] ^= 0xff;
        assert!(matches!(unwrap(&broken), Err(CardError::Malformed(_))));
        assert!(matches!(unwrap(b"\x70\x01\x30\x71\x02\x00\x00"), Err(CardError::Malformed(_))));
        assert!(matches!(unwrap(b"\x70\x02\x30"), Err(CardError::Malformed(_))));
    }
}
