//! What comes into the store from outside, and what does not.

#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, ML_DSA_44_SIGNING, PqdsaKeyPair,
};
use claviger_soft::{algorithm_of, open_record, verify};
use claviger_token::{Algorithm, Mechanism, Parameters, TokenError};

#[test]
fn keys_of_other_kinds_and_sizes_are_refused_with_the_reason() {
    let store = common::store();
    let refused = |arguments: &[&str]| {
        let document = openssl(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &openssl(arguments, &[]));
        match store.import(&document, 1) {
            Err(TokenError::DataInvalid(why)) => why.into_owned(),
            other => panic!("{arguments:?}: {:?}", other.err()),
        }
    };
    for bits in ["1024", "2056", "3000"] {
        let option = format!("rsa_keygen_bits:{bits}");
        let why = refused(&["genpkey", "-algorithm", "RSA", "-pkeyopt", &option]);
        assert!(why.contains("2048, 3072 or 4096"), "{bits}: {why}");
    }
    for curve in ["secp256k1", "P-224", "brainpoolP256r1"] {
        let option = format!("ec_paramgen_curve:{curve}");
        refused(&["genpkey", "-algorithm", "EC", "-pkeyopt", &option]);
    }
    refused(&["genpkey", "-algorithm", "ED448"]);
    refused(&["genpkey", "-algorithm", "X448"]);
    refused(&["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]);
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let store = common::store();
    let pairs = [
        [0, 1].map(|_| {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            (key.to_pkcs8v1().unwrap().as_ref().to_vec(), 65)
        }),
        [0, 1].map(|_| (Ed25519KeyPair::generate().unwrap().to_pkcs8().unwrap().as_ref().to_vec(), 32)),
    ];
    for [(mut one, size), (other, _)] in pairs {
        assert!(store.import(&one, 1).is_ok(), "the control");
        // Both documents end with the public key.
        let end = one.len() - size..;
        one[end.clone()].copy_from_slice(&other[end]);
        assert!(matches!(store.import(&one, 1), Err(TokenError::DataInvalid(_))));
    }
}

/// RFC 5958: `attributes [0]` may follow the private key; they do not get into the store.
#[test]
fn attributes_are_dropped_and_the_document_is_written_anew() {
    let store = common::store();
    let plain = PqdsaKeyPair::generate(&ML_DSA_44_SIGNING).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec();
    let mut with_attributes = plain.clone();
    with_attributes.extend_from_slice(b"\xa0\x0f\x30\x0d\x06\x03\x55\x04\x03\x31\x06\x0c\x04name");
    with_attributes[1] += 17;
    let key = store.import(&with_attributes, 1).unwrap();
    let record = key.record.as_ref().unwrap();
    let kept = open_record(&store.data_key, &key.binding, &key.info.public_key, record).unwrap();
    assert_eq!(kept.expose(), plain);
}

#[test]
fn every_generated_key_has_a_document_that_imports_as_the_same_key() {
    let store = common::store();
    for (id, algorithm) in (1..).zip(Algorithm::ALL) {
        let key = store.generate(algorithm, id);
        assert_eq!(algorithm_of(&key.info.public_key), Ok(algorithm));
        let record = key.record.as_ref().unwrap();
        let document = open_record(&store.data_key, &key.binding, &key.info.public_key, record).unwrap();
        let again = store.import(document.expose(), id + 100).unwrap();
        assert_eq!(again.info.public_key, key.info.public_key, "{algorithm}");
        assert_ne!(again.record, key.record, "{algorithm}: sealed anew for another key id");
    }
}

#[test]
fn a_signature_of_one_key_is_not_another_s() {
    let store = common::store();
    let none = Parameters::default();
    for algorithm in Algorithm::ALL {
        let Some(mechanism) = algorithm.default_signature() else { continue };
        let (one, other) = (store.generate(algorithm, 1), store.generate(algorithm, 2));
        let signature = store.sign(&one, mechanism, &none, b"message").unwrap();
        let held = |key: &[u8]| verify(key, mechanism, &none, b"message", &signature);
        assert_eq!(held(&one.info.public_key), Ok(true), "{algorithm}");
        assert_eq!(held(&other.info.public_key), Ok(false), "{algorithm}");
        let unfit = verify(&one.info.public_key, Mechanism::Ecdh1Derive, &none, b"message", &signature);
        assert_eq!(unfit, Err(TokenError::MechanismNotSupported(Mechanism::Ecdh1Derive, algorithm)));
    }
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the openssl command is there");
    // `genpkey` ends without reading.
    let _written = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}");
    output.stdout
}
