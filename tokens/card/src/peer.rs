//! The peer's public key of an agreement, checked on the host: a card is not trusted to see that a point is none.

use aws_lc_rs::agreement::{
    ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, PrivateKey, UnparsedPublicKey, X25519, agree,
};
use claviger_token::Algorithm;

use crate::{CardError, spki};

/// Reads a peer's public key: DER SubjectPublicKeyInfo, an uncompressed point (X9.62), a point inside a DER OCTET
/// STRING (PKCS#11), or 32 bytes of X25519. Returns the uncompressed point, or the 32 bytes.
///
/// # Errors
/// [`CardError::DataInvalid`] where it is of another algorithm, not on the curve, or of an order so low that every
/// private key agrees on the same secret (RFC 7748, section 6.1).
pub(crate) fn parse(algorithm: Algorithm, peer: &[u8]) -> Result<&[u8], CardError> {
    let point = match (spki::parse(peer), spki::take(0x04, peer)) {
        (Some((found, point)), _) if found == algorithm => point,
        (Some((found, _)), _) => return Err(invalid(format!("the peer's key is {found}, not {algorithm}"))),
        (None, Some((point, []))) if spki::of_point(algorithm, point).is_some() => point,
        (None, _) => peer,
    };
    if is_sound(algorithm, point) {
        Ok(point)
    } else {
        Err(invalid(format!("the peer's key is no {algorithm} key")))
    }
}

/// Returns true where the public key of a card, or of a peer, is a point of its curve that can be agreed with, or
/// verified with. Ed25519 has no such check before a signature is verified.
pub(crate) fn is_sound(algorithm: Algorithm, point: &[u8]) -> bool {
    if spki::of_point(algorithm, point).is_none() {
        return false;
    }
    let curve = match algorithm {
        Algorithm::P256 => &ECDH_P256,
        Algorithm::P384 => &ECDH_P384,
        Algorithm::P521 => &ECDH_P521,
        Algorithm::X25519 => return agrees(point),
        _ => return algorithm == Algorithm::Ed25519,
    };
    ParsedPublicKey::try_from(UnparsedPublicKey::new(curve, point)).is_ok()
}

/// A point of low order shows only in the secret, which is all zeros then whatever the private key is.
fn agrees(point: &[u8]) -> bool {
    PrivateKey::generate(&X25519)
        .is_ok_and(|key| agree(&key, UnparsedPublicKey::new(&X25519, point), (), |_| Ok(())).is_ok())
}

fn invalid(why: String) -> CardError {
    CardError::DataInvalid(why.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use aws_lc_rs::agreement::{ECDH_P256, ECDH_P384, ECDH_P521, PrivateKey, X25519};
    use claviger_token::Algorithm;

    use super::parse;
    use crate::{CardError, spki};

    #[test]
    fn every_form_of_a_peer_is_the_same_point() {
        for (algorithm, curve) in [
            (Algorithm::P256, &ECDH_P256),
            (Algorithm::P384, &ECDH_P384),
            (Algorithm::P521, &ECDH_P521),
            (Algorithm::X25519, &X25519),
        ] {
            let key = PrivateKey::generate(curve).unwrap().compute_public_key().unwrap();
            let point = key.as_ref();
            let document = spki::of_point(algorithm, point).unwrap();
            let header = if point.len() > 127 { vec![4, 0x81] } else { vec![4] };
            let wrapped = [&header[..], &[point.len() as u8], point].concat();
            for form in [point, &document, &wrapped] {
                assert_eq!(parse(algorithm, form), Ok(point), "{algorithm}");
            }
            let other = if algorithm == Algorithm::P256 { Algorithm::P384 } else { Algorithm::P256 };
            for form in [&point[1..], &document[1..], &[], &[0; 32], &[4; 65]] {
                assert!(matches!(parse(algorithm, form), Err(CardError::DataInvalid(_))), "{algorithm}");
            }
            assert!(matches!(parse(other, &document), Err(CardError::DataInvalid(_))), "{algorithm}");
        }
    }

    /// RFC 7748, 6.1: "may check ... whether the resulting shared K is the all-zero value and abort if so".
    #[test]
    fn points_of_no_use_are_refused() {
        let key = PrivateKey::generate(&ECDH_P256).unwrap().compute_public_key().unwrap();
        let mut off_the_curve = key.as_ref().to_vec();
        *off_the_curve.last_mut().unwrap() ^= 1;
        assert!(matches!(parse(Algorithm::P256, &off_the_curve), Err(CardError::DataInvalid(_))));
        let one = [&[1], &[0; 31][..]].concat();
        for low in [&[0; 32][..], &one] {
            assert!(matches!(parse(Algorithm::X25519, low), Err(CardError::DataInvalid(_))));
        }
    }
}
