//! What is refused, and what a card's refusals mean.

use claviger_token::{Algorithm, Mechanism, PinPolicy, TouchPolicy};

use super::{
    ANY, LOGOUT, OK, SELECT, VERIFY, bytes, card, contents, decrypt, derive, error, key, perform, sign,
    sign_with,
};
use crate::piv::{read, recognize};
use crate::{CardError, CardOp, Pin, spki};

/// Holds that it is refused before anything is sent.
#[track_caller]
fn unsent(contents: &crate::Contents, op: CardOp) -> CardError {
    let mut card = card(&[]);
    let error = error(perform(&mut card, contents, op));
    assert!(card.sent.is_empty(), "{error}: it was sent");
    error
}

#[test]
fn what_cannot_be_is_not_sent() {
    let contents = contents(&["9a"]);
    assert_eq!(unsent(&contents, sign("9c")), CardError::NoSuchKey);
    assert_eq!(unsent(&contents, derive("9c", Algorithm::P256, Vec::new())), CardError::NoSuchKey);
    assert_eq!(unsent(&contents, CardOp::Attest { reference: "9c".to_owned() }), CardError::NoSuchKey);
    let other = sign_with("9a", Algorithm::P384, Mechanism::Ecdsa, vec![7; 32]);
    assert!(matches!(unsent(&contents, other), CardError::Wrong(_)));
    for mechanism in [Mechanism::Eddsa, Mechanism::RsaX509, Mechanism::EcdsaSha256, Mechanism::Ecdh1Derive] {
        let op = sign_with("9a", Algorithm::P256, mechanism, vec![7; 32]);
        assert_eq!(unsent(&contents, op), CardError::MechanismNotSupported(mechanism, Algorithm::P256));
    }
    let op = decrypt("9a", Algorithm::P256, vec![7; 256]);
    let expected = CardError::MechanismNotSupported(Mechanism::RsaX509, Algorithm::P256);
    assert_eq!(unsent(&contents, op), expected);
    for length in [0, 65] {
        let op = sign_with("9a", Algorithm::P256, Mechanism::Ecdsa, vec![7; length]);
        assert!(matches!(unsent(&contents, op), CardError::DataInvalid(_)), "{length}");
    }
}

#[test]
fn a_peer_that_is_no_point_is_not_sent() {
    let contents = contents(&["9a"]);
    let mut peer = spki::parse(&contents.keys[0].public_key).unwrap().1.to_vec();
    peer[64] ^= 1;
    for peer in [peer, vec![4; 65], vec![9; 32], Vec::new()] {
        let error = unsent(&contents, derive("9a", Algorithm::P256, peer));
        assert!(matches!(error, CardError::DataInvalid(_)));
    }
}

#[test]
fn a_block_that_is_not_below_the_modulus_is_not_sent() {
    let mut contents = contents(&[]);
    let modulus = [0x81; 256];
    let (algorithm, document) = spki::of_rsa(&modulus, &[1, 0, 1]).unwrap();
    contents.keys.push(key("9d", algorithm, &document));
    for block in [modulus.to_vec(), vec![0xff; 256], vec![0; 255], vec![0; 257], Vec::new()] {
        let error = unsent(&contents, decrypt("9d", algorithm, block.clone()));
        assert!(matches!(error, CardError::DataInvalid(_)));
        let error = unsent(&contents, sign_with("9d", algorithm, Mechanism::RsaX509, block));
        assert!(matches!(error, CardError::DataInvalid(_)));
    }
}

/// FIPS 186-5, 6.4.1: "If the length of the hash is greater than the bit length of n, the leftmost len(n) bits shall be
/// used".
#[test]
fn digests_are_cut_and_filled_to_the_field() {
    let contents = contents(&["9a"]);
    for (digest, sent) in [
        (vec![1; 20], [vec![0; 12], vec![1; 20]].concat()),
        (vec![2; 32], vec![2; 32]),
        ([vec![3; 32], vec![4; 16]].concat(), vec![3; 32]),
        (vec![5], [vec![0; 31], vec![5]].concat()),
    ] {
        let command = [b"\x00\x87\x11\x9a\x26\x7c\x24\x82\x00\x81\x20", &sent[..], b"\x00"].concat();
        let answer = b"\x7c\x0a\x82\x08\x30\x06\x02\x01\x05\x02\x01\x06\x90\x00";
        let mut card = card(&[SELECT, (VERIFY, OK), (&command, answer), LOGOUT]);
        let op = sign_with("9a", Algorithm::P256, Mechanism::Ecdsa, digest);
        let signature = bytes(perform(&mut card, &contents, op)).unwrap();
        card.finish();
        assert_eq!((signature.len(), signature[31], signature[63]), (64, 5, 6));
    }
}

#[test]
fn a_refusal_is_named_and_the_pin_is_taken_back() {
    let mut contents = contents(&["9a", "82"]);
    contents.keys[1].touch_policy = TouchPolicy::Always;
    for (place, word, expected) in [
        ("9a", b"\x69\x83", CardError::PinBlocked),
        ("9a", b"\x69\x85", CardError::NoSuchKey),
        ("9a", b"\x6a\x88", CardError::NoSuchKey),
        ("9a", b"\x6a\x82", CardError::NoSuchKey),
        ("9a", b"\x6a\x80", CardError::DataInvalid("the card does not take these data".into())),
        ("9a", b"\x67\x00", CardError::DataInvalid("the card does not take these data".into())),
        ("9a", b"\x6a\x86", CardError::Wrong("the key at that place is another".into())),
        ("9a", b"\x69\x82", CardError::Status("GENERAL AUTHENTICATE", 0x6982)),
        ("9a", b"\x6f\x00", CardError::Status("GENERAL AUTHENTICATE", 0x6F00)),
        ("82", b"\x69\x82", CardError::NotTouched),
        ("82", b"\x69\x85", CardError::NotTouched),
    ] {
        let mut card = card(&[SELECT, (VERIFY, OK), (ANY, word), LOGOUT]);
        assert_eq!(error(perform(&mut card, &contents, sign(place))), expected, "{word:02x?}");
        card.finish();
        assert!(!card.reset);
    }
}

#[test]
fn results_that_cannot_be_are_refused() {
    let contents = contents(&["9a"]);
    for answer in [
        &b""[..],
        b"\x7c\x00",
        b"\x7c\x02\x82\x00",
        b"\x7c\x0a\x81\x08\x30\x06\x02\x01\x05\x02\x01\x06",
        b"\x7d\x0a\x82\x08\x30\x06\x02\x01\x05\x02\x01\x06",
        b"\x7c\x0a\x82\x08\x30\x06\x02\x01\x00\x02\x01\x06",
        b"\x7c\x0a\x82\x08\x30\x06\x02\x01\x85\x02\x01\x06",
        b"\x7c\x0c\x82\x08\x30\x06\x02\x01\x05\x02\x01\x06\x82\x00",
        b"\x7c\x0a\x82\x08\x30\x06\x02\x01\x05\x02\x01\x06\x00",
    ] {
        let answer = [answer, OK].concat();
        let mut card = card(&[SELECT, (VERIFY, OK), (ANY, &answer), LOGOUT]);
        let error = error(perform(&mut card, &contents, sign("9a")));
        assert!(matches!(error, CardError::Malformed(_)), "{answer:02x?}");
        card.finish();
    }
    for size in [0, 31, 33] {
        let answer = [&[0x7c, size + 2, 0x82, size][..], &vec![1; usize::from(size)], OK].concat();
        let mut card = card(&[SELECT, (VERIFY, OK), (ANY, &answer), LOGOUT]);
        let peer = contents.keys[0].public_key.to_vec();
        let error = error(perform(&mut card, &contents, derive("9a", Algorithm::P256, peer)));
        assert!(matches!(error, CardError::Malformed(_)), "{size}");
    }
}

#[test]
fn a_key_that_wants_no_pin_gets_none() {
    let mut contents = contents(&["9e", "9a"]);
    let answer = b"\x7c\x0a\x82\x08\x30\x06\x02\x01\x05\x02\x01\x06\x90\x00";
    let mut with_pin = card(&[SELECT, (ANY, answer)]);
    perform(&mut with_pin, &contents, sign("9e")).unwrap();
    with_pin.finish();
    let mut without = card(&[SELECT, (ANY, b"\x69\x82")]);
    let outcome = crate::piv::perform(&mut without, &contents, Pin::None, sign("9a"));
    assert_eq!(error(outcome), CardError::PinNeeded);
    // A card that thinks otherwise of a key than it said.
    contents.keys[1].pin_policy = PinPolicy::Never;
    let mut card = card(&[SELECT, (ANY, b"\x69\x82")]);
    assert_eq!(error(perform(&mut card, &contents, sign("9a"))), CardError::PinNeeded);
}

#[test]
fn a_card_that_goes_away_is_gone_wherever_it_was() {
    let contents = contents(&["9a"]);
    let turns = [SELECT, (VERIFY, OK), (ANY, OK)];
    for before in 0..=2 {
        let mut card = card(&turns[..before]).then_fails(CardError::Gone);
        assert_eq!(error(perform(&mut card, &contents, sign("9a"))), CardError::Gone, "{before}");
        card.finish();
        assert!(!card.reset, "nothing can be asked of what is gone");
    }
}

#[test]
fn a_card_without_piv_or_identity_is_told_apart() {
    for word in [b"\x6a\x82", b"\x6d\x00", b"\x6a\x81", b"\x6e\x00"] {
        assert_eq!(read(&mut card(&[(SELECT.0, word)])), Ok(None));
    }
    // No answer to the question whether PIV is there.
    for word in [0x6F00_u16, 0x6581, 0x6985, 0x6400] {
        let fault = CardError::Status("SELECT", word);
        assert_eq!(error(read(&mut card(&[(SELECT.0, &word.to_be_bytes())]))), fault);
        assert_eq!(error(recognize(&mut card(&[(SELECT.0, &word.to_be_bytes())]), "00")), fault);
    }
    let absent: &[u8] = b"\x6a\x82";
    let mut blank = card(&[SELECT, (b"\x00\xfd\x00\x00\x00", b"\x6d\x00"), (ANY, absent)]);
    assert!(matches!(error(read(&mut blank)), CardError::NotSupported(_)));
    // An old FASC-N card: the GUID is there, and is none.
    let chuid = [&b"\x53\x12\x34\x10"[..], &[0; 16], OK].concat();
    let mut zeros = card(&[SELECT, (b"\x00\xfd\x00\x00\x00", b"\x6d\x00"), (ANY, &chuid)]);
    assert!(matches!(error(read(&mut zeros)), CardError::NotSupported(_)));
    let mut short =
        card(&[SELECT, (b"\x00\xfd\x00\x00\x00", b"\x6d\x00"), (ANY, b"\x53\x03\x34\x01\xaa\x90\x00")]);
    assert!(matches!(error(read(&mut short)), CardError::Malformed(_)));
    for failure in [CardError::Gone, CardError::Timeout, CardError::Reader("it broke".into())] {
        assert_eq!(error(read(&mut card(&[SELECT]).then_fails(failure.clone()))), failure);
    }
}
