//! Keys between the wire format of ssh and what the key store takes and gives: DER SubjectPublicKeyInfo and PKCS#8.

use std::fmt;

use claviger_client::Secret;
use crypto_bigint::{BoxedUint, NonZero};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use pkcs8::der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, Encode};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::protocol::{Curve, Numbers, PrivateKey, PublicKey};

/// A number of a key does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unencodable;

impl fmt::Display for Unencodable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("cannot write the key: a number in it does not fit")
    }
}

impl std::error::Error for Unencodable {}

/// Returns the key of a SubjectPublicKeyInfo, where ssh has such keys.
pub fn from_spki(spki: &[u8]) -> Option<PublicKey> {
    let spki = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
    let bits = spki.subject_public_key.as_bytes()?;
    match spki.algorithm.oid {
        ED25519 => bits.try_into().ok().map(PublicKey::Ed25519),
        EC => {
            let named = spki.algorithm.parameters_oid().ok()?;
            let curve = Curve::ALL.into_iter().find(|curve| oid(*curve) == named)?;
            let is_uncompressed = bits.first() == Some(&4) && bits.len() == 1 + 2 * curve.size();
            is_uncompressed.then(|| PublicKey::Ecdsa(curve, bits.to_vec()))
        }
        RSA => {
            let key = RsaPublicKeyRef::from_der(bits).ok()?;
            let (exponent, modulus) = (key.public_exponent.as_bytes(), key.modulus.as_bytes());
            Some(PublicKey::Rsa { exponent: exponent.to_vec(), modulus: modulus.to_vec() })
        }
        _ => None,
    }
}

/// Returns a key as SubjectPublicKeyInfo.
pub fn to_spki(key: &PublicKey) -> Result<Vec<u8>, Unencodable> {
    let write = |algorithm, bits: &[u8]| {
        let subject_public_key = BitStringRef::from_bytes(bits).map_err(|_| Unencodable)?;
        SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().map_err(|_| Unencodable)
    };
    match key {
        PublicKey::Ed25519(key) => write(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, key),
        PublicKey::Ecdsa(curve, point) => {
            let curve = oid(*curve);
            write(AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&curve)) }, point)
        }
        PublicKey::Rsa { exponent, modulus } => {
            let (public_exponent, modulus) = (integer(exponent)?, integer(modulus)?);
            let bits = RsaPublicKeyRef { modulus, public_exponent }.to_der().map_err(|_| Unencodable)?;
            write(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, &bits)
        }
    }
}

/// Returns a private key as PKCS#8.
pub fn to_pkcs8(key: &PrivateKey<'_>) -> Result<Secret, Unencodable> {
    match (key.identity.key(), key.numbers) {
        (PublicKey::Ed25519(_), Numbers::Ed25519(seed)) => {
            let inner = encode(&OctetStringRef::new(seed).map_err(|_| Unencodable)?)?;
            wrap(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &inner)
        }
        (PublicKey::Ecdsa(curve, point), Numbers::Ecdsa(_, number)) => {
            // It has as many bytes as the field, zeros included (RFC 5915, section 3); on the wire it has none.
            let zeros = curve.size().checked_sub(number.len()).ok_or(Unencodable)?;
            let mut padded = Zeroizing::new(vec![0; curve.size()]);
            padded[zeros..].copy_from_slice(number);
            let private_key = padded.as_slice();
            let inner = sec1::EcPrivateKey { private_key, parameters: None, public_key: Some(point) };
            let curve = oid(*curve);
            let algorithm = AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&curve)) };
            wrap(algorithm, &encode(&inner)?)
        }
        (PublicKey::Rsa { exponent, modulus }, Numbers::Rsa { d, iqmp, p, q }) => {
            if [modulus, d, p, q, iqmp].iter().any(|number| number.len() > RSA_LIMIT) {
                return Err(Unencodable);
            }
            let (exponent1, exponent2) = (reduced(d, p)?, reduced(d, q)?);
            let inner = RsaPrivateKeyRef {
                modulus: integer(modulus)?,
                public_exponent: integer(exponent)?,
                private_exponent: integer(d)?,
                prime1: integer(p)?,
                prime2: integer(q)?,
                exponent1: integer(&exponent1)?,
                exponent2: integer(&exponent2)?,
                coefficient: integer(iqmp)?,
                other_prime_infos: None,
            };
            let algorithm = AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) };
            wrap(algorithm, &encode(&inner)?)
        }
        (PublicKey::Ed25519(_) | PublicKey::Ecdsa(..) | PublicKey::Rsa { .. }, _) => Err(Unencodable),
    }
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, inner: &[u8]) -> Result<Secret, Unencodable> {
    let inner = OctetStringRef::new(inner).map_err(|_| Unencodable)?;
    encode(&PrivateKeyInfoRef::new(algorithm, inner)).map(Secret::from)
}

fn encode(value: &impl Encode) -> Result<Zeroizing<Vec<u8>>, Unencodable> {
    value.to_der().map(Zeroizing::new).map_err(|_| Unencodable)
}

fn integer(bytes: &[u8]) -> Result<UintRef<'_>, Unencodable> {
    UintRef::new(bytes).map_err(|_| Unencodable)
}

/// Returns `d` modulo `prime` - 1, which PKCS#1 has and ssh leaves out.
fn reduced(d: &[u8], prime: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unencodable> {
    let bits = u32::try_from(d.len().max(prime.len()) * 8).map_err(|_| Unencodable)?;
    let read = |bytes| BoxedUint::from_be_slice(bytes, bits).map(Zeroizing::new).map_err(|_| Unencodable);
    let (d, prime) = (read(d)?, read(prime)?);
    let one = BoxedUint::one_with_precision(prime.bits_precision());
    let modulus = NonZero::new(prime.wrapping_sub(one)).into_option();
    let modulus = Zeroizing::new(modulus.ok_or(Unencodable)?);
    let remainder = Zeroizing::new(d.rem(&modulus));
    Ok(Zeroizing::new(remainder.to_be_bytes().into_vec()))
}

const fn oid(curve: Curve) -> ObjectIdentifier {
    match curve {
        Curve::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        Curve::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        Curve::P521 => ObjectIdentifier::new_unwrap("1.3.132.0.35"),
    }
}

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// 16,384 bits.
const RSA_LIMIT: usize = 2048;

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
    }
}
