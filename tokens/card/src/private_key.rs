//! A private key on its way into a card: DER PKCS#8 (RFC 5958, 5915, 8017, 8410) taken apart.

use aws_lc_rs::agreement::{self, ECDH_P256, ECDH_P384, ECDH_P521, X25519};
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use claviger_token::{Algorithm, Secret};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::der::Decode;
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef, UintRef};
use sec1::EcPrivateKey;

use crate::{CardError, spki};

/// A private key that was checked: its halves belong together.
pub(crate) struct PrivateKey {
    /// What kind of key it is.
    pub(crate) algorithm: Algorithm,
    /// The public key, DER SubjectPublicKeyInfo.
    pub(crate) public_key: Vec<u8>,
    /// The numbers.
    pub(crate) parts: Parts,
}

/// What a private key consists of; every number is unsigned, big-endian, and has its full length.
pub(crate) enum Parts {
    /// NIST curves: the private number, as long as the curve's field. Ed25519 and X25519: the 32 bytes of RFC 8410.
    Curve(Secret),
    /// RSA, with everything that a card may want.
    Rsa(Box<RsaParts>),
}

/// The numbers of an RSA key. The primes and what is counted modulo them have half the modulus's length.
pub(crate) struct RsaParts {
    pub(crate) modulus: Vec<u8>,
    /// Without leading zeros.
    pub(crate) exponent: Vec<u8>,
    /// p, prime1.
    pub(crate) prime1: Secret,
    /// q, prime2.
    pub(crate) prime2: Secret,
    /// d mod (p - 1).
    pub(crate) exponent1: Secret,
    /// d mod (q - 1).
    pub(crate) exponent2: Secret,
    /// 1 / q mod p.
    pub(crate) coefficient: Secret,
}

impl PrivateKey {
    /// Takes a document apart and checks the key.
    ///
    /// # Errors
    /// [`CardError::DataInvalid`] where it is not the DER of a sound key of an algorithm that cards have.
    pub(crate) fn from_pkcs8(document: &Secret) -> Result<Self, CardError> {
        if document.expose().len() > SIZE_LIMIT {
            return Err(CardError::DataInvalid("the private key is too long".into()));
        }
        let info = pkcs8::PrivateKeyInfoRef::from_der(document.expose()).map_err(|_| damaged())?;
        let inside = info.private_key.as_bytes();
        let outer_public = info.public_key.map(|bits| bits.as_bytes().ok_or_else(damaged)).transpose()?;
        let parameters = info.algorithm.parameters;
        match info.algorithm.oid {
            RSA => rsa(document, inside),
            EC => {
                let named = parameters.ok_or_else(damaged)?.decode_as().map_err(|_| damaged())?;
                ec(named, inside, outer_public)
            }
            ED25519 if parameters.is_none() => edwards(inside, outer_public),
            X25519_OID if parameters.is_none() => montgomery(inside, outer_public),
            _ => Err(damaged()),
        }
    }
}

fn rsa(document: &Secret, inside: &[u8]) -> Result<PrivateKey, CardError> {
    // aws-lc checks that all the numbers belong together.
    RsaKeyPair::from_pkcs8(document.expose()).map_err(|_| damaged())?;
    let key = RsaPrivateKeyRef::from_der(inside).map_err(|_| damaged())?;
    let (algorithm, public_key) =
        spki::of_rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes()).ok_or_else(damaged)?;
    let half = key.modulus.as_bytes().len() / 2;
    let number = |number: &UintRef<'_>| filled(number.as_bytes(), half);
    let parts = RsaParts {
        modulus: key.modulus.as_bytes().to_vec(),
        exponent: key.public_exponent.as_bytes().to_vec(),
        prime1: number(&key.prime1)?,
        prime2: number(&key.prime2)?,
        exponent1: number(&key.exponent1)?,
        exponent2: number(&key.exponent2)?,
        coefficient: number(&key.coefficient)?,
    };
    Ok(PrivateKey { algorithm, public_key, parts: Parts::Rsa(Box::new(parts)) })
}

fn ec(curve: ObjectIdentifier, inside: &[u8], outer: Option<&[u8]>) -> Result<PrivateKey, CardError> {
    let (algorithm, agreement) = match curve {
        P256 => (Algorithm::P256, &ECDH_P256),
        P384 => (Algorithm::P384, &ECDH_P384),
        P521 => (Algorithm::P521, &ECDH_P521),
        _ => return Err(damaged()),
    };
    let key = EcPrivateKey::from_der(inside).map_err(|_| damaged())?;
    let size = spki::field_size(algorithm).ok_or_else(damaged)?;
    let number = filled(key.private_key, size)?;
    of_curve(algorithm, agreement, number, &[key.public_key, outer])
}

fn montgomery(inside: &[u8], outer: Option<&[u8]>) -> Result<PrivateKey, CardError> {
    of_curve(Algorithm::X25519, &X25519, raw(inside)?, &[outer])
}

fn edwards(inside: &[u8], outer: Option<&[u8]>) -> Result<PrivateKey, CardError> {
    let seed = raw(inside)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| damaged())?;
    let point = pair.public_key().as_ref();
    agrees(point, &[outer])?;
    let public_key = spki::of_point(Algorithm::Ed25519, point).ok_or_else(damaged)?;
    Ok(PrivateKey { algorithm: Algorithm::Ed25519, public_key, parts: Parts::Curve(seed) })
}

/// Computes the public key, and holds those that the document brings against it.
fn of_curve(
    algorithm: Algorithm,
    agreement: &'static agreement::Algorithm,
    number: Secret,
    brought: &[Option<&[u8]>],
) -> Result<PrivateKey, CardError> {
    let key = agreement::PrivateKey::from_private_key(agreement, number.expose()).map_err(|_| damaged())?;
    let point = key.compute_public_key().map_err(|_| damaged())?;
    agrees(point.as_ref(), brought)?;
    let public_key = spki::of_point(algorithm, point.as_ref()).ok_or_else(damaged)?;
    Ok(PrivateKey { algorithm, public_key, parts: Parts::Curve(number) })
}

fn agrees(point: &[u8], brought: &[Option<&[u8]>]) -> Result<(), CardError> {
    if brought.iter().flatten().all(|public| *public == point) { Ok(()) } else { Err(damaged()) }
}

/// RFC 8410, 7: the private key is an OCTET STRING inside the OCTET STRING.
fn raw(inside: &[u8]) -> Result<Secret, CardError> {
    let seed: &OctetStringRef = Decode::from_der(inside).map_err(|_| damaged())?;
    match seed.as_bytes() {
        seed if seed.len() == 32 => Ok(Secret::new(seed.to_vec())),
        _ => Err(damaged()),
    }
}

/// Returns the number with zeros before it up to that length.
fn filled(number: &[u8], length: usize) -> Result<Secret, CardError> {
    let start = length.checked_sub(number.len()).ok_or_else(damaged)?;
    let mut bytes = vec![0; length];
    bytes[start..].copy_from_slice(number);
    Ok(Secret::new(bytes))
}

fn damaged() -> CardError {
    CardError::DataInvalid("the private key is not a sound pair for a card, in DER PKCS#8".into())
}

/// RSA-4096 takes 2400 bytes.
const SIZE_LIMIT: usize = 4096;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const X25519_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    };
    use claviger_token::{Algorithm, Secret};

    use super::{Parts, PrivateKey};
    use crate::CardError;

    /// Private and public documents of each algorithm, by aws-lc.
    fn documents() -> Vec<(Algorithm, Vec<u8>, Vec<u8>)> {
        let mut documents = Vec::new();
        for (algorithm, signing) in [
            (Algorithm::P256, &ECDSA_P256_SHA256_FIXED_SIGNING),
            (Algorithm::P384, &ECDSA_P384_SHA384_FIXED_SIGNING),
            (Algorithm::P521, &ECDSA_P521_SHA512_FIXED_SIGNING),
        ] {
            let key = EcdsaKeyPair::generate(signing).unwrap();
            let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
            documents.push((
                algorithm,
                key.to_pkcs8v1().unwrap().as_ref().to_vec(),
                public.as_ref().to_vec(),
            ));
        }
        let key = Ed25519KeyPair::generate().unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        for document in [key.to_pkcs8().unwrap(), key.to_pkcs8v1().unwrap()] {
            documents.push((Algorithm::Ed25519, document.as_ref().to_vec(), public.as_ref().to_vec()));
        }
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        documents.push((Algorithm::Rsa2048, private.as_ref().to_vec(), public.as_ref().to_vec()));
        documents
    }

    #[test]
    fn a_key_keeps_its_public_half() {
        for (algorithm, document, public) in documents() {
            let key =
                PrivateKey::from_pkcs8(&Secret::new(document)).unwrap_or_else(|_| panic!("{algorithm}"));
            assert_eq!((key.algorithm, key.public_key), (algorithm, public));
            assert_eq!(matches!(key.parts, Parts::Rsa(_)), algorithm == Algorithm::Rsa2048);
        }
    }

    /// RFC 7748, 6.1: Alice's private and public key, in the document of RFC 8410.
    #[test]
    fn an_x25519_key_is_taken() {
        let prefix = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20";
        let private = b"\x77\x07\x6d\x0a\x73\x18\xa5\x7d\x3c\x16\xc1\x72\x51\xb2\x66\x45\
            \xdf\x4c\x2f\x87\xeb\xc0\x99\x2a\xb1\x77\xfb\xa5\x1d\xb9\x2c\x2a";
        let key = PrivateKey::from_pkcs8(&Secret::new([&prefix[..], private].concat()));
        let Ok(key) = key else { panic!("it is refused") };
        assert_eq!(key.algorithm, Algorithm::X25519);
        let public = b"\x85\x20\xf0\x09\x89\x30\xa7\x54\x74\x8b\x7d\xdc\xb4\x3e\xf7\x5a\
            \x0d\xbf\x3a\x0d\x26\x38\x1a\xf4\xeb\xa4\xa9\x8e\xaa\x9b\x4e\x6a";
        assert!(key.public_key.ends_with(public), "{:02x?}", key.public_key);
    }

    #[test]
    fn what_is_not_the_whole_document_is_refused() {
        let refused = |document: &[u8]| {
            let outcome = PrivateKey::from_pkcs8(&Secret::new(document.to_vec()));
            matches!(outcome, Err(CardError::DataInvalid(_)))
        };
        for (algorithm, document, _) in documents() {
            for length in 0..document.len() {
                assert!(refused(&document[..length]), "{algorithm} {length}");
            }
            assert!(refused(&[&document[..], &[0]].concat()), "{algorithm}");
            if algorithm == Algorithm::P256 {
                // The last byte of the public key that the document brings.
                let mut other = document.clone();
                *other.last_mut().unwrap() ^= 1;
                assert!(refused(&other), "halves that do not belong together");
            }
        }
        assert!(refused(&[0x30; 5000]));
    }
}
