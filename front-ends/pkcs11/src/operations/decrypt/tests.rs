#![allow(clippy::unwrap_used, reason = "these are tests")]

use claviger_token::{Algorithm, Hash};
use cryptoki_sys as sys;

use super::Decrypt;
use crate::key::Key;
use crate::operations::encrypt::Encrypt;
use crate::operations::parameter::{Parameter, Value};
use crate::operations::testing::{Fake, plain, row};
use crate::operations::wrap::{unwrap, wrap, wrapped_length};
use crate::rv::{Answer, Rv};

fn oaep(hash: Hash, mgf: Hash, label: &[u8]) -> Parameter {
    let value = Value::Oaep { hash, mgf, label: label.to_vec() };
    Parameter { mechanism: sys::CKM_RSA_PKCS_OAEP, value }
}

fn rsa() -> (Fake, Key) {
    let (store, [key]) = Fake::with([Algorithm::Rsa2048]);
    (store, key)
}

fn bytes(answer: Answer<claviger_client::Secret>) -> Answer<Vec<u8>> {
    answer.map(|secret| secret.as_bytes().to_vec())
}

#[test]
fn every_mechanism_decrypts_what_it_encrypted_whole_and_in_pieces() {
    let (store, key) = rsa();
    for parameter in [
        plain(sys::CKM_RSA_PKCS),
        oaep(Hash::Sha1, Hash::Sha1, b""),
        oaep(Hash::Sha256, Hash::Sha256, b""),
        oaep(Hash::Sha256, Hash::Sha1, b"label"),
        oaep(Hash::Sha512, Hash::Sha384, b"label"),
    ] {
        let longest = Decrypt::begin(&key, &parameter).unwrap().length();
        for data in [vec![], b"a session key".to_vec(), vec![7; longest]] {
            let encrypt = Encrypt::begin(key.public(), &parameter).unwrap();
            assert_eq!(encrypt.length(), 256);
            let whole = encrypt.once(&store, &data).unwrap();
            let mut encrypt = Encrypt::begin(key.public(), &parameter).unwrap();
            for piece in data.chunks(9) {
                encrypt.update(piece).unwrap();
            }
            for ciphertext in [whole, encrypt.finish(&store).unwrap()] {
                assert_eq!(ciphertext.len(), 256);
                let decrypt = Decrypt::begin(&key, &parameter).unwrap();
                assert_eq!(bytes(decrypt.once(&store, &ciphertext)), Ok(data.clone()), "{parameter:?}");
                let mut decrypt = Decrypt::begin(&key, &parameter).unwrap();
                for piece in ciphertext.chunks(100) {
                    decrypt.update(piece).unwrap();
                }
                assert_eq!(bytes(decrypt.finish(&store)), Ok(data.clone()), "{parameter:?}");
            }
        }
        let too_long = vec![7; longest + 1];
        let begin = || Encrypt::begin(key.public(), &parameter).unwrap();
        assert_eq!(begin().once(&store, &too_long), Err(Rv::DATA_LEN_RANGE), "{parameter:?}");
        assert_eq!(begin().update(&too_long), Err(Rv::DATA_LEN_RANGE), "{parameter:?}");
    }
}

/// RFC 8017, 7.2.2, note: "Care must be taken to ensure that an opponent cannot distinguish the different error
/// conditions in step 3".
#[test]
fn a_wrong_padding_gives_a_message_and_no_error() {
    let (store, key) = rsa();
    let parameter = plain(sys::CKM_RSA_PKCS);
    // Encrypted for OAEP: for PKCS#1 v1.5 the padding is wrong.
    let encrypt = Encrypt::begin(key.public(), &oaep(Hash::Sha256, Hash::Sha256, b"")).unwrap();
    let ciphertext = encrypt.once(&store, b"x").unwrap();
    let decrypt = || bytes(Decrypt::begin(&key, &parameter).unwrap().once(&store, &ciphertext));
    assert!(decrypt().is_ok());
    assert_eq!(decrypt(), decrypt(), "the same message each time");
    assert_eq!(bytes(unwrap(&store, &key, &parameter, &ciphertext)), decrypt());
}

#[test]
fn oaep_with_other_parameters_is_invalid() {
    let (store, key) = rsa();
    let encrypt = Encrypt::begin(key.public(), &oaep(Hash::Sha256, Hash::Sha256, b"label")).unwrap();
    let ciphertext = encrypt.once(&store, b"x").unwrap();
    for parameter in [
        oaep(Hash::Sha256, Hash::Sha256, b""),
        oaep(Hash::Sha256, Hash::Sha1, b"label"),
        oaep(Hash::Sha384, Hash::Sha256, b"label"),
    ] {
        let decrypt = Decrypt::begin(&key, &parameter).unwrap();
        assert_eq!(bytes(decrypt.once(&store, &ciphertext)), Err(Rv::ENCRYPTED_DATA_INVALID));
        assert_eq!(bytes(unwrap(&store, &key, &parameter, &ciphertext)), Err(Rv::WRAPPED_KEY_INVALID));
    }
}

#[test]
fn a_ciphertext_has_the_length_of_the_modulus() {
    let (store, key) = rsa();
    let parameter = plain(sys::CKM_RSA_PKCS);
    let begin = || Decrypt::begin(&key, &parameter).unwrap();
    for length in [0, 255, 257] {
        let wrong = vec![1; length];
        assert_eq!(bytes(begin().once(&store, &wrong)), Err(Rv::ENCRYPTED_DATA_LEN_RANGE), "{length}");
        assert_eq!(
            bytes(unwrap(&store, &key, &parameter, &wrong)),
            Err(Rv::WRAPPED_KEY_LEN_RANGE),
            "{length}"
        );
    }
    let mut pieces = begin();
    pieces.update(&[1; 255]).unwrap();
    assert_eq!(pieces.update(&[1; 2]), Err(Rv::ENCRYPTED_DATA_LEN_RANGE));
    assert_eq!(bytes(pieces.finish(&store)), Err(Rv::ENCRYPTED_DATA_LEN_RANGE));
    assert!(store.asked().is_empty());
}

#[test]
fn pieces_are_not_ended_by_a_whole_message() {
    let (store, key) = rsa();
    let mut decrypt = Decrypt::begin(&key, &plain(sys::CKM_RSA_PKCS)).unwrap();
    decrypt.update(b"a").unwrap();
    assert_eq!(bytes(decrypt.once(&store, &[1; 256])), Err(Rv::OPERATION_NOT_INITIALIZED));
    let mut encrypt = Encrypt::begin(key.public(), &plain(sys::CKM_RSA_PKCS)).unwrap();
    encrypt.update(b"a").unwrap();
    assert_eq!(encrypt.once(&store, b"b"), Err(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn keys_decrypt_only_what_they_are_for() {
    let (store, [rsa, ec]) = Fake::with([Algorithm::Rsa2048, Algorithm::P256]);
    let begin = |key: &Key, mechanism| Decrypt::begin(key, &plain(mechanism)).err();
    assert_eq!(begin(&ec, sys::CKM_RSA_PKCS), Some(Rv::KEY_TYPE_INCONSISTENT));
    assert_eq!(begin(&rsa, sys::CKM_SHA256_RSA_PKCS), Some(Rv::MECHANISM_INVALID));
    assert_eq!(begin(&rsa, sys::CKM_RSA_PKCS_OAEP), Some(Rv::MECHANISM_INVALID), "without its parameter");
    let parameter = plain(sys::CKM_RSA_PKCS);
    let unwrapped = bytes(unwrap(&store, &ec, &parameter, &[1; 256]));
    assert_eq!(unwrapped, Err(Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT));
    assert_eq!(wrap(&store, ec.public(), &parameter, b"k"), Err(Rv::WRAPPING_KEY_TYPE_INCONSISTENT));
    assert_eq!(wrapped_length(ec.public(), &parameter), Err(Rv::WRAPPING_KEY_TYPE_INCONSISTENT));
    let mut signs = row(Algorithm::Rsa2048, rsa.public().spki());
    signs.usage = vec!["sign".to_owned()];
    let signs = Key::of_row(rsa.id().to_owned(), signs).unwrap();
    assert_eq!(begin(&signs, sys::CKM_RSA_PKCS), Some(Rv::KEY_FUNCTION_NOT_PERMITTED));
    let mut without = row(Algorithm::Rsa2048, rsa.public().spki());
    without.mechanisms = vec!["RSA_PKCS_OAEP".to_owned()];
    let without = Key::of_row(rsa.id().to_owned(), without).unwrap();
    assert_eq!(begin(&without, sys::CKM_RSA_PKCS), Some(Rv::MECHANISM_INVALID));
}

#[test]
fn secret_keys_are_wrapped_and_come_out_again() {
    let (store, key) = rsa();
    for parameter in [plain(sys::CKM_RSA_PKCS), oaep(Hash::Sha256, Hash::Sha256, b"")] {
        let wrapped = wrap(&store, key.public(), &parameter, &[9; 32]).unwrap();
        assert_eq!(wrapped_length(key.public(), &parameter), Ok(wrapped.len()));
        assert_eq!(bytes(unwrap(&store, &key, &parameter, &wrapped)), Ok(vec![9; 32]));
        assert_eq!(wrap(&store, key.public(), &parameter, &[9; 250]), Err(Rv::KEY_SIZE_RANGE));
    }
}
