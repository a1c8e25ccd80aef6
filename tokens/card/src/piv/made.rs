//! Public keys as PIV cards write them (SP 800-73-4 part 2, table 8): in the answer to GENERATE and in the metadata.

use claviger_token::Algorithm;

use super::number;
use crate::{peer, spki, tlv};

/// Returns the key in the value of a 7F49, as DER SubjectPublicKeyInfo. `None` where it is not a sound key of the
/// algorithm of that number.
pub(crate) fn public_key(number: u8, value: &[u8]) -> Option<(Algorithm, Vec<u8>)> {
    let algorithm = number::algorithm(number)?;
    let elements = tlv::all(value)?;
    let document = match algorithm.modulus_size() {
        Some(_) => {
            let (modulus, exponent) = (tlv::find(&elements, 0x81)?, tlv::find(&elements, 0x82)?);
            let (found, document) = spki::of_rsa(modulus, exponent)?;
            (found == algorithm).then_some(document)?
        }
        None => {
            let point = tlv::find(&elements, 0x86)?;
            peer::is_sound(algorithm, point).then(|| spki::of_point(algorithm, point))??
        }
    };
    Some((algorithm, document))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
    use claviger_token::Algorithm;

    use super::public_key;
    use crate::tlv;

    #[test]
    fn a_point_must_be_on_its_curve_and_a_modulus_of_its_size() {
        let point = PrivateKey::generate(&ECDH_P256).unwrap().compute_public_key().unwrap();
        let mut point = point.as_ref().to_vec();
        assert_eq!(public_key(0x11, &tlv::element(0x86, &[&point])).unwrap().0, Algorithm::P256);
        assert!(public_key(0x14, &tlv::element(0x86, &[&point])).is_none(), "another curve");
        assert!(public_key(0x11, &tlv::element(0x86, &[&point[..64]])).is_none(), "cut off");
        point[64] ^= 1;
        assert!(public_key(0x11, &tlv::element(0x86, &[&point])).is_none(), "off the curve");

        let rsa = |modulus: &[u8]| {
            [tlv::element(0x81, &[modulus]).to_vec(), b"\x82\x03\x01\x00\x01".to_vec()].concat()
        };
        assert_eq!(public_key(0x07, &rsa(&[0x81; 256])).unwrap().0, Algorithm::Rsa2048);
        assert!(public_key(0x05, &rsa(&[0x81; 256])).is_none(), "another size");
        assert!(public_key(0x06, &rsa(&[0x81; 128])).is_none(), "no algorithm of ours");
        assert!(public_key(0x07, b"\x82\x03\x01\x00\x01").is_none());
    }
}
