#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::Decode as _;

use super::{BadKey, Curve, PrivateKey, PublicKey, from_pkcs1, from_sec1};
use crate::Secret;

#[test]
fn a_public_key_is_read_as_it_was_written() {
    let points = Curve::ALL.map(|curve| (curve, [vec![4], vec![9; 2 * curve.size()]].concat()));
    let mut keys: Vec<_> = points.iter().map(|(curve, point)| PublicKey::Ec(*curve, point)).collect();
    keys.push(PublicKey::Ed25519(&[3; 32]));
    keys.push(PublicKey::Rsa { modulus: &[0xc1; 256], exponent: &[1, 0, 1] });
    for key in keys {
        let spki = key.to_spki().expect("it fits");
        assert_eq!(PublicKey::read(&spki), Some(key));
    }
    assert_eq!(PublicKey::read(b"\x30\x00"), None);
}

/// RFC 8017, 3.2: dP = d mod (p - 1), dQ = d mod (q - 1); the key of RFC 8017's smallest kind: p = 61, q = 53.
#[test]
fn exponents_that_are_left_out_are_computed() {
    let [modulus, exponent, d] = [&[0x0c, 0xa1][..], &[17], &[0x0a, 0xc1]];
    for (d, p) in [(d, &[61][..]), (&[0, 0x0a, 0xc1], &[0, 61])] {
        let key = PrivateKey::Rsa { modulus, exponent, d, p, q: &[53], iqmp: &[38] };
        let pkcs8 = key.to_pkcs8().expect("it fits");
        let inner = PrivateKeyInfoRef::from_der(pkcs8.as_bytes()).expect("PKCS#8").private_key;
        let written = pkcs1::RsaPrivateKeyRef::from_der(inner.as_bytes()).expect("PKCS#1");
        // 2753 mod 60, 2753 mod 52.
        assert_eq!((written.exponent1.as_bytes(), written.exponent2.as_bytes()), (&[53][..], &[49][..]));
        assert_eq!(from_pkcs1(inner.as_bytes()).as_ref().map(Secret::as_bytes), Ok(pkcs8.as_bytes()));
    }
}

#[test]
fn a_number_on_a_curve_has_the_size_of_the_field() {
    for curve in Curve::ALL {
        let point = [vec![4], vec![9; 2 * curve.size()]].concat();
        let short = vec![7; curve.size() - 1];
        let long = [&[0, 0][..], &short].concat();
        let [short, long] = [&short, &long].map(|number| {
            PrivateKey::Ec { curve, number, point: &point }.to_pkcs8().expect("it fits").as_bytes().to_vec()
        });
        assert_eq!(short, long);
        let inner = PrivateKeyInfoRef::from_der(&short).expect("PKCS#8").private_key;
        let written = sec1::EcPrivateKey::from_der(inner.as_bytes()).expect("SEC1");
        assert_eq!((written.private_key.len(), written.private_key[0]), (curve.size(), 0));
        assert_eq!(from_sec1(inner.as_bytes()).err(), Some(BadKey::NoCurve), "it stands outside");
    }
}

#[test]
fn numbers_that_are_no_key_are_refused() {
    let small = &[1][..];
    let rsa = |modulus, p| PrivateKey::Rsa { modulus, exponent: small, d: small, p, q: small, iqmp: small };
    assert_eq!(rsa(&[1; 2049], &[3]).to_pkcs8().err(), Some(BadKey::TooLarge));
    assert_eq!(rsa(small, &[1]).to_pkcs8().err(), Some(BadKey::Number), "1 - 1 divides nothing");
    assert_eq!(rsa(small, &[]).to_pkcs8().err(), Some(BadKey::Number));
    let point = [4; 65];
    let ec = PrivateKey::Ec { curve: Curve::P256, number: &[1; 33], point: &point };
    assert_eq!(ec.to_pkcs8().err(), Some(BadKey::Number));
    assert_eq!(from_pkcs1(b"\x30\x00").err(), Some(BadKey::NoPkcs1));
    assert_eq!(from_sec1(b"\x30\x00").err(), Some(BadKey::NoSec1));
}
