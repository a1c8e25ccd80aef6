use std::sync::Arc;

use claviger_core::{
    Confirm, Defaults, EnrolledToken, Guesses, Key, KeyState, Placement, PlacementState, Refusal,
    Registration, User,
};
use claviger_token::{Algorithm, Binding, KeyId, KeyInfo, TokenId, TokenKind};

use super::{Means, Wish, choose};
use crate::table::Account;

const PIV: &str = "card:piv:01";
const OTHER: &str = "card:openpgp:02";
const PHONE: &str = "phone:03";
const STORE: &str = "local:1";

fn id(number: u8) -> KeyId {
    KeyId::from_bytes([number; 16])
}

/// Returns a key with those places, `token` and `reference`.
fn key(number: u8, algorithm: Algorithm, places: &[(&str, &str)]) -> Key {
    let place = |(token, reference): &(&str, &str)| Placement {
        token: TokenId::new(*token),
        kind: match *token {
            STORE => TokenKind::Local,
            PHONE => TokenKind::Phone,
            _ => TokenKind::Card,
        },
        reference: Arc::from(*reference),
        state: PlacementState::Current,
        record: None,
    };
    Key {
        info: Arc::new(KeyInfo {
            id: id(number),
            algorithm,
            usage: algorithm.usage(),
            public_key: vec![number].into(),
        }),
        binding: Arc::new(Binding { uid: 1, user_name: "alice".into(), key: id(number), created: 0 }),
        label: String::new(),
        state: KeyState::Current,
        last_used: None,
        placements: places.iter().map(place).collect(),
        certificates: Vec::new(),
        attestation: Vec::new(),
        confirm: Confirm::Always,
    }
}

/// Returns an account with a local store, a PIV card with three keys and another card with one. The numbers are: 1 in
/// the store, 2 at 9c, 3 at 9a, 4 at 9d (which cannot sign), 5 on the other card.
fn account() -> Account {
    let token = |token: &str| EnrolledToken {
        id: TokenId::new(token),
        kind: TokenKind::Card,
        name: token.to_uppercase(),
        created: 0,
    };
    Account {
        user: User {
            uid: 1,
            name: "alice".into(),
            location: TokenKind::Local,
            registration: Registration::Active,
            defaults: Defaults::default(),
            guesses: Guesses::default(),
            login_guesses: Guesses::default(),
            removal: None,
            created: 0,
            slots: Some(Arc::from(&b"slots"[..])),
        },
        keys: vec![
            key(1, Algorithm::P256, &[(STORE, "")]),
            key(2, Algorithm::P256, &[(PIV, "9c")]),
            key(3, Algorithm::P256, &[(PIV, "9a")]),
            key(4, Algorithm::X25519, &[(PIV, "9d")]),
            key(5, Algorithm::Ed25519, &[(OTHER, "auth")]),
        ],
        tokens: vec![token(PIV), token(OTHER)],
    }
}

/// Returns the token and the number of the key that are chosen, with those cards in a reader.
fn chosen(account: &Account, wish: &Wish, there: &[&str]) -> Result<(String, Option<u8>), Refusal> {
    let number = |key: &Key| key.info.public_key[0];
    choose(account, wish, |token| there.contains(&token.as_str())).map(|means| match means {
        Means::Store(key) => (STORE.to_owned(), key.map(|(key, _)| number(&key))),
        Means::Card(key, place) | Means::Phone(key, place) => (place.token.to_string(), Some(number(&key))),
    })
}

#[test]
fn a_card_that_is_there_comes_before_the_store_unless_somebody_says_otherwise() {
    let account = account();
    let card = |token: &str, key| Some((token.to_owned(), Some(key)));
    let kind = |location| Wish { location: Some(location), ..Wish::default() };
    let only = |token: &str| Wish { token: Some(TokenId::new(token)), ..Wish::default() };
    let far = || Wish { no_cards: true, ..Wish::default() };
    let (local, cards) = (TokenKind::Local, TokenKind::Card);
    for (case, wish, there, expected) in [
        ("nothing is there", Wish::default(), &[][..], card(STORE, 1)),
        ("one card is there", Wish::default(), &[PIV], card(PIV, 3)),
        ("the other is there", Wish::default(), &[OTHER], card(OTHER, 5)),
        ("both are there", Wish::default(), &[OTHER, PIV], card(PIV, 3)),
        ("the store is wanted", kind(local), &[PIV], card(STORE, 1)),
        ("a card is wanted", kind(cards), &[OTHER], card(OTHER, 5)),
        ("a card is wanted and away", kind(cards), &[], None),
        ("this card is wanted", only(OTHER), &[OTHER, PIV], card(OTHER, 5)),
        ("this card is wanted and away", only(OTHER), &[PIV], None),
        ("the very store is wanted", only(STORE), &[PIV], card(STORE, 1)),
        ("from another machine", far(), &[PIV, OTHER], card(STORE, 1)),
        ("from another machine by card", Wish { no_cards: true, ..kind(cards) }, &[PIV], None),
        ("from another machine by this card", Wish { no_cards: true, ..only(PIV) }, &[PIV], None),
        ("a card that is the store", Wish { location: Some(cards), ..only(STORE) }, &[PIV], None),
        ("a store that is a card", Wish { location: Some(local), ..only(PIV) }, &[PIV], None),
    ] {
        match (chosen(&account, &wish, there), expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, expected, "{case}"),
            (Err(Refusal::TokenAbsent(_)), None) => {}
            (found, expected) => panic!("{case}: {found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn the_default_for_logins_signs_before_that_for_signatures_before_pivs_place() {
    let mut account = account();
    account.user.defaults.sign = Some(id(2));
    let there = &[PIV, OTHER];
    assert_eq!(chosen(&account, &Wish::default(), there), Ok((PIV.to_owned(), Some(2))));
    account.user.defaults.authenticate = Some(id(5));
    assert_eq!(chosen(&account, &Wish::default(), there), Ok((OTHER.to_owned(), Some(5))));
    assert_eq!(chosen(&account, &Wish::default(), &[PIV]), Ok((PIV.to_owned(), Some(2))));
    account.user.defaults.authenticate = Some(id(4));
    assert_eq!(chosen(&account, &Wish::default(), there), Ok((PIV.to_owned(), Some(2))), "it cannot sign");
}

#[test]
fn keys_that_are_not_in_use_there_sign_no_login() {
    let mut account = account();
    account.keys[1].placements[0].state = PlacementState::Erasing;
    account.keys[2].state = KeyState::Retired;
    assert_eq!(chosen(&account, &Wish::default(), &[PIV]), Ok((STORE.to_owned(), Some(1))));
    account.keys[0].state = KeyState::Revoked;
    account.keys[0].placements.clear();
    assert_eq!(
        chosen(&account, &Wish::default(), &[PIV]),
        Ok((STORE.to_owned(), None)),
        "the pass phrase alone"
    );
}

#[test]
fn what_is_absent_is_named_and_a_foreign_token_is_no_token() {
    let mut account = account();
    let named = |account: &Account, wish: &Wish| match chosen(account, wish, &[]) {
        Err(Refusal::TokenAbsent(name)) => name.into_owned(),
        other => panic!("{other:?}"),
    };
    let cards = Wish { location: Some(TokenKind::Card), ..Wish::default() };
    assert_eq!(named(&account, &cards), "card \"CARD:PIV:01\" or card \"CARD:OPENPGP:02\"");
    let far = Wish { no_cards: true, ..cards };
    assert_eq!(named(&account, &far), "a token that serves a login from another machine");
    account.user.slots = None;
    assert_eq!(
        named(&account, &Wish { location: Some(TokenKind::Local), ..Wish::default() }),
        "a token that serves this login"
    );
    for token in ["card:piv:ff", "local:2", ""] {
        let wish = Wish { token: Some(TokenId::new(token)), ..Wish::default() };
        let refused = chosen(&account, &wish, &[PIV]);
        assert!(matches!(refused, Err(Refusal::InvalidArguments(_))), "{token:?}: {refused:?}");
    }
}

#[test]
fn a_phone_that_is_there_comes_after_a_card_and_before_the_store() {
    let mut account = account();
    account.keys.push(key(6, Algorithm::P256, &[(PHONE, "k6")]));
    let phone =
        EnrolledToken { id: TokenId::new(PHONE), kind: TokenKind::Phone, name: "Pixel".into(), created: 0 };
    account.tokens.push(phone);
    let with = |token: &str, key| Ok((token.to_owned(), Some(key)));
    let usual = Wish::default();
    assert_eq!(chosen(&account, &usual, &[PHONE]), with(PHONE, 6));
    assert_eq!(chosen(&account, &usual, &[PHONE, PIV]), with(PIV, 3));
    assert_eq!(chosen(&account, &usual, &[]), with(STORE, 1));
    let far = Wish { no_cards: true, ..Wish::default() };
    assert_eq!(
        chosen(&account, &far, &[PHONE, PIV]),
        with(PHONE, 6),
        "its person is asked, wherever they are"
    );
    let patient = Wish { no_phones: true, ..Wish::default() };
    assert_eq!(chosen(&account, &patient, &[PHONE]), with(STORE, 1));
    let only = Wish { location: Some(TokenKind::Phone), ..Wish::default() };
    assert_eq!(chosen(&account, &only, &[PHONE, PIV]), with(PHONE, 6));
    assert!(
        matches!(chosen(&account, &only, &[PIV]), Err(Refusal::TokenAbsent(name)) if name.contains("Pixel"))
    );
    let local = Wish { location: Some(TokenKind::Local), ..Wish::default() };
    assert_eq!(chosen(&account, &local, &[PHONE]), with(STORE, 1));
    let foreign = Wish { no_pin_pads: true, ..Wish::default() };
    assert_eq!(chosen(&account, &foreign, &[PHONE]), with(PHONE, 6), "it says who asks");
}
