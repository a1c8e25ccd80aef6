//! The fingerprint by which GnuPG knows a key (RFC 4880, 12.2, version 4).

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use claviger_token::Algorithm;

use super::slot::Slot;
use crate::spki;

/// Returns the fingerprint of a public key (DER SubjectPublicKeyInfo) at a place, made at that time (seconds since
/// 1970); `None` where the document is none.
pub(super) fn fingerprint(slot: Slot, document: &[u8], time: u32) -> Option<[u8; 20]> {
    let (algorithm, key) = spki::parse(document)?;
    let mut body = vec![0x04];
    body.extend_from_slice(&time.to_be_bytes());
    match algorithm.modulus_size() {
        Some(_) => {
            let (modulus, exponent) = spki::rsa_numbers(key)?;
            body.push(RSA);
            body.extend(mpi(modulus));
            body.extend(mpi(exponent));
        }
        None => body.extend(curve(slot, algorithm, key)?),
    }
    let length = u16::try_from(body.len()).ok()?.to_be_bytes();
    let whole = [&[0x99], &length[..], &body].concat();
    digest(&SHA1_FOR_LEGACY_USE_ONLY, &whole).as_ref().try_into().ok()
}

/// RFC 6637, 9 and 11, and the same for curve 25519 as GnuPG has it: number of the algorithm, curve, point, and for
/// ECDH what the key encryption key is derived with.
fn curve(slot: Slot, algorithm: Algorithm, point: &[u8]) -> Option<Vec<u8>> {
    let oid: &[u8] = match algorithm {
        Algorithm::P256 => b"\x2a\x86\x48\xce\x3d\x03\x01\x07",
        Algorithm::P384 => b"\x2b\x81\x04\x00\x22",
        Algorithm::P521 => b"\x2b\x81\x04\x00\x23",
        Algorithm::Ed25519 => b"\x2b\x06\x01\x04\x01\xda\x47\x0f\x01",
        Algorithm::X25519 => b"\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01",
        _ => return None,
    };
    // SHA-256 with AES-128, SHA-384 with AES-192, SHA-512 with AES-256 (RFC 6637, 12.1): part of what is hashed.
    let (number, derivation): (u8, &[u8]) = match (slot, algorithm) {
        (Slot::Decrypt, Algorithm::P256 | Algorithm::X25519) => (ECDH, b"\x03\x01\x08\x07"),
        (Slot::Decrypt, Algorithm::P384) => (ECDH, b"\x03\x01\x09\x08"),
        (Slot::Decrypt, Algorithm::P521) => (ECDH, b"\x03\x01\x0a\x09"),
        (_, Algorithm::Ed25519) => (EDDSA, b""),
        _ => (ECDSA, b""),
    };
    let native = [&[0x40], point].concat();
    let is_native = matches!(algorithm, Algorithm::Ed25519 | Algorithm::X25519);
    let point = mpi(if is_native { &native } else { point });
    Some([&[number, oid.len() as u8], oid, &point, derivation].concat())
}

/// Returns a number without leading zeros as OpenPGP writes it: its length in bits, and the bytes.
fn mpi(number: &[u8]) -> Vec<u8> {
    let bits = number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize);
    [&(bits as u16).to_be_bytes()[..], number].concat()
}

const RSA: u8 = 1;
const ECDH: u8 = 18;
const ECDSA: u8 = 19;
const EDDSA: u8 = 22;
