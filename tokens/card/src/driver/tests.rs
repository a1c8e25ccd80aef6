use std::collections::BTreeSet;

use claviger_token::{Algorithm, Capabilities};

use super::*;
use crate::PinRules;

fn contents(kind: Kind) -> Arc<Contents> {
    let capabilities = Capabilities {
        mechanisms: BTreeSet::new(),
        generates: BTreeSet::new(),
        imports: BTreeSet::new(),
        erases: false,
        data_limit: 1024,
    };
    Arc::new(Contents {
        kind,
        serial: "00".into(),
        name: "a card".into(),
        keys: vec![key("9a", b"first")],
        capabilities: Arc::new(capabilities),
        pin: PinRules { shortest: 6, longest: 8, digits_only: true },
        tries_left: Some(3),
        puk_tries_left: None,
    })
}

fn key(reference: &str, public_key: &[u8]) -> CardKey {
    CardKey {
        reference: reference.into(),
        algorithm: Algorithm::P256,
        public_key: public_key.into(),
        usage: Algorithm::P256.usage(),
        pin_policy: PinPolicy::Once,
        touch_policy: TouchPolicy::Never,
        certificates: Vec::new(),
    }
}

fn expected(reference: &str, public_key: &[u8]) -> ExpectedKey {
    ExpectedKey { reference: reference.into(), algorithm: Algorithm::P256, public_key: public_key.into() }
}

#[test]
fn a_key_is_used_only_where_it_is_the_one_that_is_meant() {
    let piv = contents(Kind::Piv);
    let same = with_expected_key(Arc::clone(&piv), Some(&expected("9a", b"first")));
    assert_eq!(same, Ok(Arc::clone(&piv)));
    assert_eq!(with_expected_key(Arc::clone(&piv), None), Ok(Arc::clone(&piv)));
    let other = with_expected_key(piv, Some(&expected("9a", b"second")));
    assert!(matches!(other, Err(CardError::Wrong(_))), "{other:?}");
}

#[test]
fn only_a_piv_card_may_have_keys_that_it_does_not_tell_of() {
    let untold = with_expected_key(contents(Kind::Piv), Some(&expected("9c", b"second")));
    let untold = untold.expect("a slot without a certificate may hold it");
    assert_eq!(untold.key("9c").map(|key| &*key.public_key), Some(&b"second"[..]));
    for kind in [Kind::OpenPgp, Kind::OpenSc] {
        let refused = with_expected_key(contents(kind), Some(&expected("9c", b"second")));
        assert_eq!(refused, Err(CardError::NoSuchKey), "{kind}");
    }
}

fn driver() -> Driver {
    let registry = Registry::new(CardsConfig::default());
    let mut driver = Driver::new(registry, Arc::new(Reader::new("A")));
    driver.card =
        Some(Known { stay: 1, contents: vec![contents(Kind::Piv)], made: Vec::new(), worn: Vec::new() });
    driver
}

fn generated(reference: &str, public_key: &[u8]) -> (CardOutput, CardOp) {
    let made = claviger_token::Generated {
        algorithm: Algorithm::P256,
        usage: Algorithm::P256.usage(),
        public_key: public_key.to_vec(),
        reference: reference.into(),
        record: None,
        attestation: Vec::new(),
    };
    let site = claviger_token::Site { pin_policy: Some(PinPolicy::Never), ..Default::default() };
    (CardOutput::Generated(made), CardOp::Generate { algorithm: Algorithm::P256, site })
}

#[test]
fn a_key_that_was_made_is_known_although_the_card_does_not_tell_of_it() {
    let mut driver = driver();
    let before = contents(Kind::Piv);
    let token = before.token();
    for public_key in [b"old", b"new"] {
        let (output, operation) = generated("9c", public_key);
        driver.remember(&token, &output, &operation);
        driver.replace(&before, Some((*before).clone()));
    }
    let now = driver.contents(&token).expect("it is there");
    let key = now.key("9c").expect("the key is known");
    assert_eq!((&*key.public_key, key.pin_policy), (&b"new"[..], PinPolicy::Never));
    // What the card itself tells is what counts.
    let mut told = (*before).clone();
    told.keys.push(self::key("9c", b"told"));
    driver.replace(&before, Some(told));
    let now = driver.contents(&token).expect("it is there");
    assert_eq!(now.keys.iter().filter(|key| key.reference == "9c").count(), 1);
    assert_eq!(now.key("9c").map(|key| &*key.public_key), Some(&b"told"[..]));
}

#[test]
fn a_card_that_gets_a_new_identity_is_found_under_it() {
    let mut driver = driver();
    let before = contents(Kind::Piv);
    let (output, operation) = generated("9c", b"made");
    driver.remember(&before.token(), &output, &operation);
    let fresh = Contents { serial: "01".into(), ..(*before).clone() };
    let token = driver.replace(&before, Some(fresh));
    assert_eq!(token, Kind::Piv.token("01"));
    assert_eq!(driver.contents(&before.token()).err(), Some(CardError::Gone));
    assert!(driver.contents(&token).expect("it is there").key("9c").is_some());
}

#[test]
fn the_tries_that_are_left_are_known_after_a_wrong_pin() {
    let mut driver = driver();
    let before = contents(Kind::Piv);
    for (error, expected) in [
        (CardError::WrongPin { tries_left: Some(2) }, 2),
        (CardError::Gone, 2),
        (CardError::WrongPin { tries_left: None }, 2),
        (CardError::PinBlocked, 0),
    ] {
        driver.note_tries(&before, &error);
        let now = driver.contents(&before.token()).expect("it is there");
        assert_eq!(now.tries_left, Some(expected), "{error:?}");
        assert!(driver.card.as_ref().is_some_and(|card| card.worn.contains(&before.token())));
    }
}
