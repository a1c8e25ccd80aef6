#![allow(clippy::unwrap_used, reason = "these are tests")]

use claviger_client::Secret;
use claviger_token::{Algorithm, Hash};
use cryptoki_sys as sys;

use super::{derive, x963};
use crate::key::Key;
use crate::operations::ffi::LONGEST;
use crate::operations::parameter::{Parameter, Value};
use crate::operations::testing::{Fake, plain, row};
use crate::rv::{Answer, Rv};

const AGREEING: [Algorithm; 4] = [Algorithm::P256, Algorithm::P384, Algorithm::P521, Algorithm::X25519];

fn parameter(kdf: Option<Hash>, shared: &[u8], peer: Vec<u8>) -> Parameter {
    Parameter { mechanism: sys::CKM_ECDH1_DERIVE, value: Value::Ecdh { kdf, shared: shared.to_vec(), peer } }
}

fn bytes(answer: Answer<Secret>) -> Answer<Vec<u8>> {
    answer.map(|secret| secret.as_bytes().to_vec())
}

/// Agrees in another way than the module does: with a key made for this once.
fn peer_of(key: &Key) -> (Vec<u8>, Vec<u8>) {
    let (peer, secret) = claviger_soft::agree(key.public().spki()).unwrap();
    (peer, secret.expose().to_vec())
}

#[test]
fn both_sides_agree_on_every_curve_with_bare_points_and_octet_strings() {
    let (store, keys) = Fake::with(AGREEING);
    for key in &keys {
        let (peer, secret) = peer_of(key);
        let head = if peer.len() < 128 { vec![4, peer.len() as u8] } else { vec![4, 0x81, peer.len() as u8] };
        for peer in [peer.clone(), [head, peer].concat()] {
            let parameter = parameter(None, b"", peer);
            assert_eq!(
                bytes(derive(&store, key, &parameter, None)),
                Ok(secret.clone()),
                "{}",
                key.algorithm()
            );
            let all = bytes(derive(&store, key, &parameter, Some(secret.len())));
            assert_eq!(all, Ok(secret.clone()));
        }
    }
}

/// PKCS#11, Elliptic curve Diffie-Hellman key derivation: "The truncation removes bytes from the leading end of the secret value."
#[test]
fn a_shorter_key_is_the_end_of_the_secret() {
    let (store, [key]) = Fake::with([Algorithm::P384]);
    let (peer, secret) = peer_of(&key);
    let parameter = parameter(None, b"", peer);
    assert_eq!(bytes(derive(&store, &key, &parameter, Some(32))), Ok(secret[16..].to_vec()));
    for wrong in [0, 49, usize::MAX] {
        assert_eq!(bytes(derive(&store, &key, &parameter, Some(wrong))), Err(Rv::TEMPLATE_INCONSISTENT));
    }
    assert_eq!(store.asked().len(), 1, "nobody is asked for what cannot be");
}

/// NIST CAVP, "ANSI X9.63 key derivation" (ansx963_2001.rsp), SHA-256, shared secret of 192 bits, 128 bits out, count 0.
#[test]
fn the_derivation_function_is_that_of_x9_63() {
    let agreed = [
        0x96, 0xc0, 0x56, 0x19, 0xd5, 0x6c, 0x32, 0x8a, 0xb9, 0x5f, 0xe8, 0x4b, 0x18, 0x26, 0x4b, 0x08, 0x72,
        0x5b, 0x85, 0xe3, 0x3f, 0xd3, 0x4f, 0x08,
    ];
    let derived =
        [0x44, 0x30, 0x24, 0xc3, 0xda, 0xe6, 0x6b, 0x95, 0xe6, 0xf5, 0x67, 0x06, 0x01, 0x55, 0x8f, 0x71];
    assert_eq!(x963(Hash::Sha256, &agreed, b"", 16).as_bytes(), derived);
}

#[test]
fn a_derivation_function_gives_as_many_bytes_as_are_wanted() {
    let (store, [key]) = Fake::with([Algorithm::P256]);
    let (peer, secret) = peer_of(&key);
    for hash in Hash::ALL {
        let digest = |counter: u8| {
            claviger_soft::digest(hash, &[&secret[..], &[0, 0, 0, counter], b"shared"].concat())
        };
        let expected = [digest(1), digest(2), digest(3)].concat();
        let parameter = parameter(Some(hash), b"shared", peer.clone());
        for length in [1, hash.size(), hash.size() + 1, 3 * hash.size()] {
            let derived = bytes(derive(&store, &key, &parameter, Some(length)));
            assert_eq!(derived, Ok(expected[..length].to_vec()), "{hash} {length}");
        }
        assert_eq!(bytes(derive(&store, &key, &parameter, None)), Err(Rv::TEMPLATE_INCOMPLETE));
        for wrong in [0, LONGEST + 1, usize::MAX] {
            assert_eq!(bytes(derive(&store, &key, &parameter, Some(wrong))), Err(Rv::TEMPLATE_INCONSISTENT));
        }
    }
}

#[test]
fn what_is_no_point_of_the_curve_is_refused() {
    let (store, keys) = Fake::with(AGREEING);
    for key in &keys {
        let (peer, _) = peer_of(key);
        let short = peer[1..].to_vec();
        let long = [&peer[..], &[0]].concat();
        let wrong_head = [&[4, peer.len() as u8 - 1][..], &peer].concat();
        let cut = [&[4, peer.len() as u8][..], &peer[..peer.len() - 1]].concat();
        let indefinite = [&[4, 0x80][..], &peer].concat();
        for wrong in [vec![4], short, long, wrong_head, cut, indefinite] {
            let answer = bytes(derive(&store, key, &parameter(None, b"", wrong.clone()), None));
            assert_eq!(answer, Err(Rv::MECHANISM_PARAM_INVALID), "{} {wrong:?}", key.algorithm());
        }
    }
    assert!(store.asked().is_empty());
    let mut beside = peer_of(&keys[0]).0;
    beside[40] ^= 1;
    let answer = bytes(derive(&store, &keys[0], &parameter(None, b"", beside), None));
    assert_eq!(answer, Err(Rv::MECHANISM_PARAM_INVALID));
}

#[test]
fn keys_agree_only_where_they_are_for_it() {
    let (store, [ec, rsa]) = Fake::with([Algorithm::P256, Algorithm::Rsa2048]);
    let peer = peer_of(&ec).0;
    let ecdh = parameter(None, b"", peer);
    assert_eq!(bytes(derive(&store, &rsa, &ecdh, None)), Err(Rv::KEY_TYPE_INCONSISTENT));
    assert_eq!(bytes(derive(&store, &ec, &plain(sys::CKM_ECDSA), None)), Err(Rv::MECHANISM_INVALID));
    let mut signs = row(Algorithm::P256, ec.public().spki());
    signs.usage = vec!["sign".to_owned()];
    let signs = Key::of_row(ec.id().to_owned(), signs).unwrap();
    assert_eq!(bytes(derive(&store, &signs, &ecdh, None)), Err(Rv::KEY_FUNCTION_NOT_PERMITTED));
    let mut without = row(Algorithm::P256, ec.public().spki());
    without.mechanisms = vec!["ECDSA".to_owned()];
    let without = Key::of_row(ec.id().to_owned(), without).unwrap();
    assert_eq!(bytes(derive(&store, &without, &ecdh, None)), Err(Rv::MECHANISM_INVALID));
    assert!(store.asked().is_empty());
}
