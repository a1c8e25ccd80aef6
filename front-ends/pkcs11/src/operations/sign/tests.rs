#![allow(clippy::unwrap_used, reason = "these are tests")]

use claviger_token::{Algorithm, Hash, Mechanism, Parameters};
use cryptoki_sys as sys;

use super::Sign;
use crate::key::Key;
use crate::operations::parameter::{Hedge, Parameter, Value};
use crate::operations::scheme::{Primitive, Scheme};
use crate::operations::testing::{Fake, plain, row};
use crate::operations::verify::Verify;
use crate::rv::Rv;

const SIGNING: [Algorithm; 8] = [
    Algorithm::P256,
    Algorithm::P384,
    Algorithm::P521,
    Algorithm::Ed25519,
    Algorithm::Rsa2048,
    Algorithm::MlDsa44,
    Algorithm::MlDsa65,
    Algorithm::MlDsa87,
];

const MESSAGE: &[u8] = b"what I mean, in words that take several pieces";

fn parameter(scheme: Scheme) -> Parameter {
    let hash = scheme.hash.unwrap_or(Hash::Sha256);
    let value = match scheme.primitive {
        Primitive::RsaPss => Value::Pss { hash, mgf: hash, salt: 17 },
        _ => Value::None,
    };
    Parameter { mechanism: scheme.number, value }
}

/// Returns what a program gives: the message, or for mechanisms that do not hash what it made of it.
fn data(scheme: Scheme) -> Vec<u8> {
    let digest = claviger_soft::digest(Hash::Sha256, MESSAGE);
    match (scheme.primitive, scheme.hash) {
        (Primitive::Ecdsa | Primitive::RsaPss, None) => digest,
        (Primitive::RsaPkcs, None) => [Hash::Sha256.digest_info_prefix(), digest].concat(),
        _ => MESSAGE.to_vec(),
    }
}

/// Checks a signature in another way than the module does: the digest comes from other code.
fn is_signed(scheme: Scheme, key: &Key, signature: &[u8]) -> bool {
    let hash = scheme.hash.unwrap_or(Hash::Sha256);
    let digest = claviger_soft::digest(hash, MESSAGE);
    let pss =
        Parameters { hash: Some(hash), mgf_hash: Some(hash), salt_length: Some(17), ..Parameters::default() };
    let (mechanism, parameters, data) = match scheme.primitive {
        Primitive::Ecdsa => (Mechanism::Ecdsa, Parameters::default(), digest),
        Primitive::RsaPkcs => {
            (Mechanism::RsaPkcs, Parameters::default(), claviger_soft::digest_info(hash, &digest))
        }
        Primitive::RsaPss => (Mechanism::RsaPkcsPss, pss, digest),
        Primitive::Eddsa => (Mechanism::Eddsa, Parameters::default(), MESSAGE.to_vec()),
        Primitive::MlDsa => (Mechanism::MlDsa, Parameters::default(), MESSAGE.to_vec()),
    };
    claviger_soft::verify(key.public().spki(), mechanism, &parameters, &data, signature).unwrap()
}

fn in_pieces(mut sign: Sign, store: &Fake, data: &[u8]) -> Result<Vec<u8>, Rv> {
    for piece in data.chunks(7) {
        sign.update(piece)?;
    }
    sign.finish(store)
}

#[test]
fn every_mechanism_signs_whole_messages_and_pieces_alike() {
    let (store, keys) = Fake::with(SIGNING);
    let mut done = 0;
    for scheme in Scheme::ALL {
        for key in keys.iter().filter(|key| scheme.fits(key.algorithm())) {
            let (parameter, data) = (parameter(scheme), data(scheme));
            let begin = || Sign::begin(key, &parameter).unwrap();
            let whole = begin().once(&store, &data).unwrap();
            let pieces = in_pieces(begin(), &store, &data).unwrap();
            let what = format!("{scheme:?} {}", key.algorithm());
            for signature in [&whole, &pieces] {
                assert_eq!(signature.len(), begin().length(), "{what}");
                assert!(is_signed(scheme, key, signature), "{what}");
                let mut verify = Verify::begin(key.public(), &parameter).unwrap();
                for piece in data.chunks(5) {
                    verify.update(piece).unwrap();
                }
                assert_eq!(verify.finish(&store, signature), Ok(()), "{what}");
                let verify = Verify::begin(key.public(), &parameter).unwrap();
                assert_eq!(verify.once(&store, &data, signature), Ok(()), "{what}");
            }
            if matches!(scheme.primitive, Primitive::RsaPkcs | Primitive::Eddsa) {
                assert_eq!(whole, pieces, "{what}");
            }
            done += 1;
        }
    }
    // ECDSA with three curves, RSA twice with one key, EdDSA, ML-DSA with three.
    assert_eq!(done, 3 * 9 + 2 * 9 + 1 + 3);
}

#[test]
fn an_empty_message_is_one() {
    let (store, [key]) = Fake::with([Algorithm::P256]);
    let parameter = plain(sys::CKM_ECDSA_SHA256);
    let signature = Sign::begin(&key, &parameter).unwrap().finish(&store).unwrap();
    let verify = Verify::begin(key.public(), &parameter).unwrap();
    assert_eq!(verify.once(&store, b"", &signature), Ok(()));
}

#[test]
fn whole_messages_go_to_the_store_and_pieces_as_a_digest() {
    let (store, [key]) = Fake::with([Algorithm::P256]);
    let begin = || Sign::begin(&key, &plain(sys::CKM_ECDSA_SHA256)).unwrap();
    let long = vec![7; 1024 * 1024 + 1];
    begin().once(&store, &long[1..]).unwrap();
    begin().once(&store, &long).unwrap();
    in_pieces(begin(), &store, MESSAGE).unwrap();
    assert_eq!(store.asked(), ["ECDSA_SHA256", "ECDSA", "ECDSA"]);
}

#[test]
fn a_key_that_signs_no_digests_gets_the_pieces_as_a_message() {
    let (store, [key]) = Fake::with([Algorithm::P256]);
    let mut row = row(Algorithm::P256, key.public().spki());
    row.mechanisms = vec!["ECDSA_SHA256".to_owned()];
    let key = Key::of_row(key.id().to_owned(), row).unwrap();
    let begin = || Sign::begin(&key, &plain(sys::CKM_ECDSA_SHA256)).unwrap();
    in_pieces(begin(), &store, MESSAGE).unwrap();
    assert_eq!(store.asked(), ["ECDSA_SHA256"]);
    let mut long = begin();
    assert_eq!(long.update(&vec![7; 1024 * 1024]), Ok(()));
    assert_eq!(long.update(&[7]), Err(Rv::DATA_LEN_RANGE));
    assert_eq!(begin().once(&store, &vec![7; 1024 * 1024 + 1]), Err(Rv::DATA_LEN_RANGE));
    assert_eq!(Sign::begin(&key, &plain(sys::CKM_ECDSA)).err(), Some(Rv::MECHANISM_INVALID));
    assert_eq!(Sign::begin(&key, &plain(sys::CKM_ECDSA_SHA384)).err(), Some(Rv::MECHANISM_INVALID));
}

#[test]
fn pieces_are_not_ended_by_a_whole_message() {
    let (store, [key]) = Fake::with([Algorithm::Ed25519]);
    let mut sign = Sign::begin(&key, &plain(sys::CKM_EDDSA)).unwrap();
    sign.update(b"").unwrap();
    assert_eq!(sign.once(&store, MESSAGE), Err(Rv::OPERATION_NOT_INITIALIZED));
    let mut verify = Verify::begin(key.public(), &plain(sys::CKM_EDDSA)).unwrap();
    verify.update(b"a").unwrap();
    assert_eq!(verify.once(&store, MESSAGE, &[0; 64]), Err(Rv::OPERATION_NOT_INITIALIZED));
    assert!(store.asked().is_empty());
}

#[test]
fn keys_sign_only_what_they_are_for() {
    let (_store, [ec, rsa, x25519]) = Fake::with([Algorithm::P256, Algorithm::Rsa2048, Algorithm::X25519]);
    let begin = |key: &Key, mechanism| Sign::begin(key, &plain(mechanism)).err();
    assert_eq!(begin(&ec, sys::CKM_RSA_PKCS), Some(Rv::KEY_TYPE_INCONSISTENT));
    assert_eq!(begin(&rsa, sys::CKM_EDDSA), Some(Rv::KEY_TYPE_INCONSISTENT));
    assert_eq!(begin(&x25519, sys::CKM_EDDSA), Some(Rv::KEY_TYPE_INCONSISTENT));
    assert_eq!(begin(&ec, sys::CKM_SHA256), Some(Rv::MECHANISM_INVALID));
    assert_eq!(begin(&ec, sys::CKM_ECDH1_DERIVE), Some(Rv::MECHANISM_INVALID));
    assert_eq!(begin(&ec, u64::MAX), Some(Rv::MECHANISM_INVALID));
    let mut retired = row(Algorithm::P256, ec.public().spki());
    retired.state = "retired".to_owned();
    let retired = Key::of_row(ec.id().to_owned(), retired).unwrap();
    assert_eq!(begin(&retired, sys::CKM_ECDSA), Some(Rv::KEY_FUNCTION_NOT_PERMITTED));
    assert!(Verify::begin(retired.public(), &plain(sys::CKM_ECDSA)).is_ok(), "what it signed stays signed");
}

#[test]
fn digests_have_the_length_of_digests() {
    let (store, [ec, rsa]) = Fake::with([Algorithm::P256, Algorithm::Rsa2048]);
    let pss = Scheme::of(sys::CKM_RSA_PKCS_PSS).unwrap();
    for (key, parameter, lengths) in [
        (&ec, plain(sys::CKM_ECDSA), [0, 65]),
        (&rsa, plain(sys::CKM_RSA_PKCS), [0, 246]),
        (&rsa, parameter(pss), [31, 33]),
    ] {
        for length in lengths {
            let begin = || Sign::begin(key, &parameter).unwrap();
            assert_eq!(
                begin().once(&store, &vec![1; length]),
                Err(Rv::DATA_LEN_RANGE),
                "{parameter:?} {length}"
            );
            let pieces = in_pieces(begin(), &store, &vec![1; length]);
            assert_eq!(pieces, Err(Rv::DATA_LEN_RANGE), "{parameter:?} {length}");
        }
    }
    assert!(store.asked().is_empty());
    let padded = |data: &[u8]| Sign::begin(&rsa, &plain(sys::CKM_RSA_PKCS)).unwrap().once(&store, data);
    assert_eq!(padded(&[]), Err(Rv::DATA_LEN_RANGE));
    // TLS before 1.2 signs two digests side by side, and no DigestInfo.
    assert_eq!(padded(&[1; 36]).map(|signature| signature.len()), Ok(256));
}

#[test]
fn what_is_no_signature_is_refused() {
    let (store, [key]) = Fake::with([Algorithm::P256]);
    let parameter = plain(sys::CKM_ECDSA_SHA256);
    let mut signature = Sign::begin(&key, &parameter).unwrap().once(&store, MESSAGE).unwrap();
    let verify = || Verify::begin(key.public(), &parameter).unwrap();
    for length in [0, 63, 65] {
        let wrong = vec![1; length];
        assert_eq!(verify().once(&store, MESSAGE, &wrong), Err(Rv::SIGNATURE_LEN_RANGE), "{length}");
        assert_eq!(verify().finish(&store, &wrong), Err(Rv::SIGNATURE_LEN_RANGE), "{length}");
    }
    assert_eq!(verify().once(&store, b"something else", &signature), Err(Rv::SIGNATURE_INVALID));
    signature[5] ^= 1;
    assert_eq!(verify().once(&store, MESSAGE, &signature), Err(Rv::SIGNATURE_INVALID));
}

#[test]
fn pss_is_signed_with_the_parameters_given() {
    let (store, [key]) = Fake::with([Algorithm::Rsa2048]);
    let with = |mgf, salt| {
        let value = Value::Pss { hash: Hash::Sha256, mgf, salt };
        Parameter { mechanism: sys::CKM_SHA256_RSA_PKCS_PSS, value }
    };
    let odd = with(Hash::Sha1, 3);
    let signature = Sign::begin(&key, &odd).unwrap().once(&store, MESSAGE).unwrap();
    let pieces = in_pieces(Sign::begin(&key, &odd).unwrap(), &store, MESSAGE).unwrap();
    for (parameter, held) in [
        (odd, Ok(())),
        (with(Hash::Sha256, 3), Err(Rv::SIGNATURE_INVALID)),
        (with(Hash::Sha1, 4), Err(Rv::SIGNATURE_INVALID)),
    ] {
        for signature in [&signature, &pieces] {
            let verify = Verify::begin(key.public(), &parameter).unwrap();
            assert_eq!(verify.once(&store, MESSAGE, signature), held, "{parameter:?}");
        }
    }
}

#[test]
fn ml_dsa_signs_in_a_context_and_promises_no_randomness() {
    let (store, [key]) = Fake::with([Algorithm::MlDsa44]);
    let with = |hedge, context: &[u8]| Parameter {
        mechanism: sys::CKM_ML_DSA,
        value: Value::MlDsa { hedge, context: context.to_vec() },
    };
    let begin = |parameter| Sign::begin(&key, &parameter);
    let signature = begin(with(Hedge::Preferred, b"mail")).unwrap().once(&store, MESSAGE).unwrap();
    let verify =
        |parameter| Verify::begin(key.public(), &parameter).unwrap().once(&store, MESSAGE, &signature);
    assert_eq!(verify(with(Hedge::Never, b"mail")), Ok(()));
    assert_eq!(verify(with(Hedge::Preferred, b"")), Err(Rv::SIGNATURE_INVALID));
    assert_eq!(verify(plain(sys::CKM_ML_DSA)), Err(Rv::SIGNATURE_INVALID));
    for hedge in [Hedge::Required, Hedge::Never] {
        assert_eq!(begin(with(hedge, b"mail")).err(), Some(Rv::MECHANISM_PARAM_INVALID), "{hedge:?}");
    }
}

#[test]
fn a_key_that_went_is_told_of() {
    let (_, [key]) = Fake::with([Algorithm::Ed25519]);
    let (empty, []) = Fake::with([]);
    let sign = Sign::begin(&key, &plain(sys::CKM_EDDSA)).unwrap();
    assert_eq!(sign.once(&empty, MESSAGE), Err(Rv::KEY_HANDLE_INVALID));
}
