//! Keys between the wire format of ssh and what the key store takes and gives.

use claviger_client::{Secret, der};

use crate::protocol::{Numbers, PrivateKey, PublicKey};

pub use claviger_client::der::BadKey;

/// Returns the key of a SubjectPublicKeyInfo, where ssh has such keys.
pub fn from_spki(spki: &[u8]) -> Option<PublicKey> {
    match der::PublicKey::read(spki)? {
        der::PublicKey::Ec(curve, point) => {
            let is_uncompressed = point.first() == Some(&4) && point.len() == 1 + 2 * curve.size();
            is_uncompressed.then(|| PublicKey::Ecdsa(curve, point.to_vec()))
        }
        der::PublicKey::Rsa { modulus, exponent } => {
            Some(PublicKey::Rsa { exponent: exponent.to_vec(), modulus: modulus.to_vec() })
        }
        der::PublicKey::Ed25519(key) => Some(PublicKey::Ed25519(*key)),
    }
}

/// Returns a key as SubjectPublicKeyInfo.
pub fn to_spki(key: &PublicKey) -> Result<Vec<u8>, BadKey> {
    match key {
        PublicKey::Ed25519(key) => der::PublicKey::Ed25519(key),
        PublicKey::Ecdsa(curve, point) => der::PublicKey::Ec(*curve, point),
        PublicKey::Rsa { exponent, modulus } => der::PublicKey::Rsa { modulus, exponent },
    }
    .to_spki()
}

/// Returns a private key as PKCS#8.
pub fn to_pkcs8(key: &PrivateKey<'_>) -> Result<Secret, BadKey> {
    match (key.identity.key(), key.numbers) {
        (PublicKey::Ed25519(_), Numbers::Ed25519(seed)) => der::PrivateKey::Ed25519(seed),
        (PublicKey::Ecdsa(curve, point), Numbers::Ecdsa(_, number)) => {
            der::PrivateKey::Ec { curve: *curve, number, point }
        }
        (PublicKey::Rsa { exponent, modulus }, Numbers::Rsa { d, iqmp, p, q }) => {
            der::PrivateKey::Rsa { modulus, exponent, d, p, q, iqmp }
        }
        (PublicKey::Ed25519(_) | PublicKey::Ecdsa(..) | PublicKey::Rsa { .. }, _) => {
            return Err(BadKey::Number);
        }
    }
    .to_pkcs8()
}

#[cfg(test)]
mod tests {
    use super::{from_spki, to_spki};
    use crate::protocol::{Curve, PublicKey};

    #[test]
    fn a_public_key_is_read_as_it_was_written() {
        let point = |size: usize| [vec![4], vec![9; 2 * size]].concat();
        let mut keys: Vec<_> =
            Curve::ALL.map(|curve| PublicKey::Ecdsa(curve, point(curve.size()))).into_iter().collect();
        keys.push(PublicKey::Ed25519([3; 32]));
        keys.push(PublicKey::Rsa { exponent: vec![1, 0, 1], modulus: vec![0xc1; 256] });
        for key in keys {
            let spki = to_spki(&key).expect("it fits");
            assert_eq!(from_spki(&spki).as_ref(), Some(&key));
            assert_eq!(PublicKey::parse(&key.to_blob()), Ok(key));
        }
        assert_eq!(from_spki(b"\x30\x00"), None);
        let compressed = to_spki(&PublicKey::Ecdsa(Curve::P256, vec![2; 33])).expect("it fits");
        assert_eq!(from_spki(&compressed), None, "ssh has no compressed points");
    }
}
