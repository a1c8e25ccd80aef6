#![allow(clippy::unwrap_used, reason = "these are tests")]

use claviger_client::TokenRow;
use claviger_token::{Algorithm, Hash, Mechanism, Purpose};
use cryptoki_sys as sys;

use super::{Info, mechanisms};
use crate::key::Key;
use crate::operations::hasher::number_of;
use crate::operations::parameter::Form;
use crate::operations::testing::{Fake, row};

fn find(list: &[Info], mechanism: u64) -> Option<Info> {
    list.iter().copied().find(|info| info.mechanism == mechanism)
}

fn card(generates: &[Algorithm], mechanisms: &[Mechanism]) -> TokenRow {
    TokenRow {
        kind: "card".to_owned(),
        generates: generates.iter().map(|algorithm| algorithm.name().to_owned()).collect(),
        mechanisms: mechanisms.iter().map(|mechanism| mechanism.name().to_owned()).collect(),
        ..TokenRow::default()
    }
}

#[test]
fn every_mechanism_stands_once_and_its_parameter_can_be_read() {
    let (_, keys) = Fake::with([Algorithm::P256, Algorithm::P521, Algorithm::Rsa2048, Algorithm::MlKem512]);
    let list = mechanisms(&card(&Algorithm::ALL, &Mechanism::ALL), &keys);
    assert!(list.is_sorted_by(|left, right| left.mechanism < right.mechanism));
    for info in &list {
        assert!(Form::of(info.mechanism).is_some(), "{info:?}");
        assert!(info.smallest <= info.largest && info.flags & !sys::CKF_HW != 0, "{info:?}");
    }
    for mechanism in Mechanism::ALL {
        let offered = find(&list, mechanism.number());
        assert_eq!(offered.is_some(), mechanism.is_offered(), "{mechanism}");
        let flags = offered.map_or(0, |info| info.flags);
        let signs = mechanism.is_offered() && mechanism.serves(Purpose::Sign);
        assert_eq!(flags & sys::CKF_SIGN != 0, signs, "{mechanism}");
        assert_eq!(flags & sys::CKF_VERIFY != 0, signs, "{mechanism}");
        let decrypts = mechanism.is_offered() && mechanism.serves(Purpose::Decrypt);
        assert_eq!(flags & sys::CKF_DECRYPT != 0, decrypts, "{mechanism}");
        assert_eq!(flags & sys::CKF_UNWRAP != 0, decrypts, "{mechanism}");
        assert_eq!(flags & sys::CKF_DERIVE != 0, mechanism.serves(Purpose::Derive), "{mechanism}");
        assert_eq!(flags & sys::CKF_DECAPSULATE != 0, mechanism.serves(Purpose::Decapsulate), "{mechanism}");
    }
}

#[test]
fn a_slot_offers_what_its_keys_can() {
    let (_, [p256, p521]) = Fake::with([Algorithm::P256, Algorithm::P521]);
    let mut only_whole = row(Algorithm::P521, p521.public().spki());
    only_whole.mechanisms = vec!["ECDSA_SHA256".to_owned()];
    let only_whole = Key::of_row(p521.id().to_owned(), only_whole).unwrap();
    let list = mechanisms(&card(&[], &[]), &[p256, only_whole.clone()]);
    let sizes = |mechanism| find(&list, mechanism).map(|info| (info.smallest, info.largest));
    assert_eq!(sizes(sys::CKM_ECDSA_SHA256), Some((256, 521)));
    assert_eq!(sizes(sys::CKM_ECDSA), Some((256, 256)));
    assert_eq!(sizes(sys::CKM_ECDSA_SHA3_256), Some((256, 256)), "a digest away");
    assert_eq!(sizes(sys::CKM_RSA_PKCS), None);
    assert_eq!(sizes(sys::CKM_EC_KEY_PAIR_GEN), None);
    let list = mechanisms(&card(&[], &[]), &[only_whole]);
    assert_eq!(find(&list, sys::CKM_ECDSA_SHA3_256), None, "no digests are signed");
}

#[test]
fn a_slot_offers_what_the_keys_made_there_could() {
    let list = mechanisms(
        &card(&[Algorithm::Rsa2048, Algorithm::Rsa3072], &[Mechanism::RsaPkcs, Mechanism::Ecdsa]),
        &[],
    );
    let generation = find(&list, sys::CKM_RSA_PKCS_KEY_PAIR_GEN).unwrap();
    assert_eq!((generation.smallest, generation.largest), (2048, 3072));
    assert_eq!(generation.flags, sys::CKF_GENERATE_KEY_PAIR | sys::CKF_HW);
    assert!(find(&list, sys::CKM_SHA256_RSA_PKCS).is_some());
    assert_eq!(find(&list, sys::CKM_ECDSA), None, "no key there does that");
}

#[test]
fn digests_are_everywhere_and_of_no_hardware() {
    let list = mechanisms(&card(&[], &[]), &[]);
    assert_eq!(list.len(), Hash::ALL.len());
    for hash in Hash::ALL {
        assert_eq!(find(&list, number_of(hash)).map(|info| info.flags), Some(sys::CKF_DIGEST), "{hash}");
    }
}

#[test]
fn only_what_a_device_does_is_marked_as_hardware() {
    let (_, keys) = Fake::with([Algorithm::P256]);
    for (kind, hardware) in [("local", false), ("card", true), ("phone", true)] {
        let token = TokenRow { kind: kind.to_owned(), ..TokenRow::default() };
        let info = find(&mechanisms(&token, &keys), sys::CKM_ECDSA).unwrap();
        assert_eq!(info.flags & sys::CKF_HW != 0, hardware, "{kind}");
    }
}
