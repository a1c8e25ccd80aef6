use std::collections::BTreeSet;

use claviger_token::{Algorithm, Capabilities, Presence, Secret, Spare};

use super::*;
use crate::presence::{Observed, Slot};
use crate::registry::played;
use crate::{CardEvent, PinRules};

pub(super) fn contents(kind: Kind) -> Arc<Contents> {
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
    driver.card = Some(known(Kind::Piv));
    driver
}

fn known(kind: Kind) -> Known {
    Known { stay: 1, contents: vec![contents(kind)], made: Vec::new(), worn: Vec::new(), unread: None }
}

/// A driver whose card the registry knows, and what the registry tells from now on.
fn watched(kind: Kind) -> (Driver, tokio::sync::mpsc::UnboundedReceiver<CardEvent>) {
    let (registry, reader) = played::with_card((*contents(kind)).clone());
    let events = registry.subscribe();
    let mut driver = Driver::new(registry, reader);
    driver.card = Some(known(kind));
    (driver, events)
}

fn changes(events: &mut tokio::sync::mpsc::UnboundedReceiver<CardEvent>) -> Vec<(TokenId, Presence)> {
    let events = std::iter::from_fn(|| events.try_recv().ok());
    let token = |event| match event {
        CardEvent::Token { token, presence, .. } => Some((token, presence)),
        CardEvent::Readers => None,
    };
    events.filter_map(token).collect()
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

/// A session that is bound to the old id must not end because its user gives the card a fresh identity.
#[test]
fn a_card_that_gets_a_new_identity_goes_under_neither_until_it_is_pulled() {
    let (mut driver, mut events) = watched(Kind::Piv);
    let before = contents(Kind::Piv);
    let old = before.token();
    let fresh = Contents { serial: "01".into(), ..(*before).clone() };
    let new = driver.replace(&before, Some(fresh));
    assert_eq!(changes(&mut events), [(new.clone(), Presence::Present)]);
    // The daemon asks for the old one as long as it knows no other.
    driver.registry.expect(std::slice::from_ref(&old));
    assert_eq!(changes(&mut events), []);
    assert_eq!(driver.registry.presence(&old), Presence::Present);
    assert!(driver.registry.locate(&old).is_none() && driver.registry.locate(&new).is_some());
    let empty = Observed { reader: "A".into(), slot: Slot::Empty, count: 2, exclusive: false };
    driver.registry.observe(Instant::now(), &[empty]);
    assert_eq!(changes(&mut events), [(new, Presence::Removed), (old, Presence::Removed)]);
}

#[test]
fn an_application_that_fails_is_read_again_and_takes_no_token_away() {
    let (mut driver, mut events) = watched(Kind::Piv);
    let (piv, openpgp) = (contents(Kind::Piv), contents(Kind::OpenPgp));
    driver.registry.stands("A", 1, (&[Arc::clone(&piv), Arc::clone(&openpgp)], None));
    assert_eq!(changes(&mut events), [(openpgp.token(), Presence::Present)]);
    let failed = || (Kind::Piv, CardError::Status("SELECT", 0x6F00));
    for attempts in 0..=MOST_ATTEMPTS {
        let reading = Reading { found: vec![(*openpgp).clone()], failed: vec![failed()] };
        driver.retry = None;
        driver.identified(1, attempts, reading);
        let next = driver.retry.as_ref().map(|retry| retry.attempts);
        assert_eq!(next, (attempts < MOST_ATTEMPTS).then_some(attempts + 1), "not for ever");
    }
    assert_eq!(changes(&mut events), [(piv.token(), Presence::Unreachable)]);
    // What happens to the other application meanwhile says nothing of this one.
    driver.note_tries(&openpgp, &CardError::WrongPin { tries_left: Some(2) });
    driver.replace(&openpgp, Some((*openpgp).clone()));
    assert_eq!(changes(&mut events), []);
    driver.identified(1, 1, Reading { found: vec![(*piv).clone(), (*openpgp).clone()], failed: Vec::new() });
    assert_eq!(changes(&mut events), [(piv.token(), Presence::Present)]);
    assert!(driver.card.as_ref().is_some_and(|card| card.unread.is_none()));
}

#[test]
fn one_guess_at_a_login_is_the_last_where_a_card_does_not_count_until_the_right_pin_came() {
    let (mut driver, _events) = watched(Kind::OpenSc);
    let token = contents(Kind::OpenSc).token();
    let wrong = CardError::WrongPin { tries_left: None };
    let pin = || Secret::new(b"123456".to_vec());
    let given = || PinSource::Given(pin());
    let verify = |spare| CardOp::Verify { spare };
    driver.note_guess(&token, (&verify(Spare::Last), &given()), Some(&wrong));
    assert!(!driver.registry.is_guessed(&token), "its owner, in her session");
    let set_pin = CardOp::UnblockPin { puk: pin(), new: pin() };
    for (right, source) in [(verify(Spare::Last), given()), (set_pin, PinSource::None)] {
        driver.note_guess(&token, (&verify(Spare::Two), &given()), Some(&wrong));
        driver.note_guess(&token, (&verify(Spare::Two), &given()), Some(&CardError::Gone));
        driver.note_guess(&token, (&verify(Spare::Last), &PinSource::None), None);
        let (operation, limit) = (verify(Spare::Two), Duration::ZERO);
        let request =
            Request { token: token.clone(), key: None, pin: given(), operation, changes: false, limit };
        let (ticket, _outcome) = Ticket::new(
            Work::Read { token: token.clone() },
            Arc::clone(&driver.reader.activity),
            Duration::ZERO,
            Duration::ZERO,
        );
        let refused = driver.perform(&ticket, &request).err();
        assert_eq!(refused, Some(CardError::TriesKept { tries_left: 2 }));
        driver.note_guess(&token, (&right, &source), None);
        assert!(!driver.registry.is_guessed(&token));
    }
    assert_eq!(tries::after_a_guess(true), Ok(()), "a card that counts");
}
