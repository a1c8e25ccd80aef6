use claviger_token::{Spare, TokenError};

use super::{
    LOGOUT_ADMIN, LOGOUT_OTHER, LOGOUT_SIGN, NO_KDF, OK, PASSWORDS, RELATED, SELECT, Turn, VERIFY_ADMIN,
    VERIFY_OTHER, card, contents, error, perform, related, secret, unsent,
};
use crate::replay::Replay;
use crate::{CardError, CardOp, CardOutput, PadEntry, Pin, openpgp};

const VERIFY: CardOp = CardOp::Verify { spare: Spare::Last };

/// PW status bytes with that many tries at PW1.
fn tries(left: u8) -> Vec<u8> {
    vec![0, 127, 127, 127, left, 0, 3, 0x90, 0x00]
}

fn wrong(tries: u32) -> CardError {
    CardError::WrongPin { tries_left: Some(tries) }
}

#[test]
fn a_right_pin_is_logged_out_again() {
    let three = tries(3);
    let turns = [(PASSWORDS, &three[..]), NO_KDF, (VERIFY_OTHER, OK), LOGOUT_OTHER];
    assert!(matches!(perform(&turns, VERIFY), Ok(CardOutput::Done)));
}

#[test]
fn a_wrong_pin_says_how_many_tries_are_left() {
    let (three, two, none) = (tries(3), tries(2), tries(0));
    let spoken = |status: &[u8], then: &[Turn<'_>]| {
        let turns = [(PASSWORDS, &three[..]), NO_KDF, (VERIFY_OTHER, status)];
        error(perform(&[&turns[..], then].concat(), VERIFY))
    };
    assert_eq!(spoken(b"\x63\xc2", &[]), wrong(2));
    assert_eq!(spoken(b"\x63\xc0", &[]), CardError::PinBlocked);
    assert_eq!(spoken(b"\x69\x83", &[]), CardError::PinBlocked);
    // Before 3.4 the card only says that it was wrong; asking costs no try.
    assert_eq!(spoken(b"\x69\x82", &[(PASSWORDS, &two)]), wrong(2));
    assert_eq!(spoken(b"\x69\x82", &[(PASSWORDS, &none)]), CardError::PinBlocked);
    assert!(matches!(spoken(b"\x6f\x00", &[]), CardError::Status(_, 0x6f00)));
}

#[test]
fn the_last_try_is_kept_for_who_wants_it() {
    let one = tries(1);
    assert_eq!(error(perform(&[(PASSWORDS, &one)], VERIFY)), CardError::LastTry);
    let turns = [(PASSWORDS, &one[..]), NO_KDF, (VERIFY_OTHER, OK), LOGOUT_OTHER];
    assert!(perform(&turns, CardOp::Verify { spare: Spare::Nothing }).is_ok());
    let none = tries(0);
    let blocked = error(perform(&[(PASSWORDS, &none)], CardOp::Verify { spare: Spare::Nothing }));
    assert_eq!(blocked, CardError::PinBlocked);
}

#[test]
fn a_login_leaves_two_tries() {
    let login = || CardOp::Verify { spare: Spare::Two };
    for tries_left in [1, 2] {
        let refused = error(perform(&[(PASSWORDS, &tries(tries_left))], login()));
        assert_eq!(refused, CardError::TriesKept { tries_left: tries_left.into() });
    }
    let three = tries(3);
    let turns = [(PASSWORDS, &three[..]), NO_KDF, (VERIFY_OTHER, OK), LOGOUT_OTHER];
    assert!(perform(&turns, login()).is_ok());
}

/// Where the object alone is not given, it stands among the others.
#[test]
fn the_tries_are_found_where_an_older_card_has_them() {
    let related = related([1, 0, 3], &[]);
    let turns = [(PASSWORDS, &b"\x6a\x88"[..]), (RELATED, &related)];
    assert_eq!(error(perform(&turns, VERIFY)), CardError::LastTry);
}

#[test]
fn what_cannot_be_a_pin_is_not_sent() {
    for pin in ["", "12345", &"1".repeat(128)] {
        let pin = secret(pin);
        assert!(matches!(unsent(Pin::Given(&pin), VERIFY), CardError::SecretUnfit(_)));
        let op = CardOp::ChangePin { old: secret("123456"), new: pin.clone(), spare: Spare::Last };
        assert!(matches!(unsent(Pin::None, op), CardError::SecretUnfit(_)));
        let op = CardOp::ChangePin { old: pin.clone(), new: secret("123456"), spare: Spare::Last };
        assert!(matches!(unsent(Pin::None, op), CardError::SecretUnfit(_)));
        let op = CardOp::UnblockPin { puk: secret("12345678"), new: pin };
        assert!(matches!(unsent(Pin::None, op), CardError::SecretUnfit(_)));
    }
    assert_eq!(unsent(Pin::None, VERIFY), CardError::PinNeeded);
    assert_eq!(unsent(Pin::Pad, VERIFY), CardError::PinNeeded, "without a pin pad");
}

#[test]
fn a_card_that_will_not_log_out_is_reset() {
    let three = tries(3);
    let pin = secret("123456");
    for refusal in [&b"\x6a\x86"[..], b"\x6b\x00", b"\x90"] {
        let turns = [(PASSWORDS, &three[..]), NO_KDF, (VERIFY_OTHER, OK), (b"\x00\x20\xff\x82", refusal)];
        let mut card = card(&turns);
        let outcome = openpgp::perform(&mut card, &contents(), Pin::Given(&pin), VERIFY);
        assert!(outcome.is_ok());
        assert!(card.reset, "{refusal:02x?}");
    }
}

/// The answer to VERIFY is lost: nobody knows whether the card holds the PIN for verified.
#[test]
fn a_lost_answer_to_verify_ends_in_a_logout() {
    let three = tries(3);
    let pin = secret("123456");
    let spoken = || card(&[(PASSWORDS, &three[..]), NO_KDF]);
    let mut lost = spoken().then_fails(CardError::Timeout);
    let outcome = openpgp::perform(&mut lost, &contents(), Pin::Given(&pin), VERIFY);
    assert_eq!(error(outcome), CardError::Timeout);
    assert!(lost.reset, "the job was given up: no command goes through any more");

    let reader = CardError::Reader("hiccup".into());
    let mut lost = spoken().then_fails(reader.clone()).then(LOGOUT_OTHER.0, OK);
    let outcome = openpgp::perform(&mut lost, &contents(), Pin::Given(&pin), VERIFY);
    assert_eq!(error(outcome), reader);
    lost.finish();
    assert!(!lost.reset);

    let mut gone = spoken().then_fails(CardError::Gone);
    let outcome = openpgp::perform(&mut gone, &contents(), Pin::Given(&pin), VERIFY);
    assert_eq!(error(outcome), CardError::Gone);
    assert_eq!(gone.sent.len(), 4, "a card that is gone is left alone");
}

#[test]
fn a_pin_is_entered_at_the_reader() {
    let three = tries(3);
    let at_the_pad = |status: u16, logout: bool| {
        let turns = [(PASSWORDS, &three[..]), NO_KDF, LOGOUT_OTHER];
        let mut card = card(&turns[..2 + usize::from(logout)]).with_pad(status);
        let outcome = openpgp::perform(&mut card, &contents(), Pin::Pad, VERIFY);
        card.finish();
        let template = vec![0x00, 0x20, 0x00, 0x82, 0x00];
        assert_eq!(card.entries, [PadEntry { template, shortest: 6, longest: 127, padded: false }]);
        outcome.err()
    };
    assert_eq!(at_the_pad(0x9000, true), None);
    assert_eq!(at_the_pad(0x63c1, false), Some(wrong(1)));
    assert_eq!(at_the_pad(0x6400, false), Some(CardError::Declined));
    assert_eq!(at_the_pad(0x6401, false), Some(CardError::Declined));
    assert!(matches!(at_the_pad(0x6403, false), Some(CardError::SecretUnfit(_))));
}

#[test]
fn a_hashed_pin_is_hashed_or_not_sent() {
    let three = tries(3);
    let pin = secret("123456");
    // The example of the specification, 4.3.2.
    let kdf =
        b"\x81\x01\x03\x82\x01\x08\x83\x04\x00\x01\x86\xa0\x84\x08\x30\x31\x32\x33\x34\x35\x36\x37\x90\x00";
    let turns = [(PASSWORDS, &three[..]), (NO_KDF.0, kdf)];
    let mut hashed = card(&turns).then(b"", OK).then(LOGOUT_OTHER.0, OK);
    assert!(openpgp::perform(&mut hashed, &contents(), Pin::Given(&pin), VERIFY).is_ok());
    let verify = &hashed.sent[3];
    assert_eq!(verify[..9], *b"\x00\x20\x00\x82\x20\x77\x37\x84\xa6");
    assert_eq!(verify.len(), 37);

    let mut pad = card(&turns).with_pad(0x9000);
    let outcome = openpgp::perform(&mut pad, &contents(), Pin::Pad, VERIFY);
    assert!(matches!(error(outcome), CardError::NotSupported(_)), "a pin pad hashes nothing");

    for odd in [&b"\x81\x01\x02\x90\x00"[..], &kdf[..12], b"\x6f\x00"] {
        let mut card = card(&[(PASSWORDS, &three[..]), (NO_KDF.0, odd)]);
        assert!(openpgp::perform(&mut card, &contents(), Pin::Given(&pin), VERIFY).is_err());
        assert_eq!(card.sent.len(), 3, "{odd:02x?}");
    }
}

#[test]
fn a_pin_is_changed_in_one_try() {
    let (three, one) = (tries(3), tries(1));
    let change = |spare| CardOp::ChangePin { old: secret("123456"), new: secret("654321"), spare };
    let order: &[u8] = b"\x00\x24\x00\x81\x0c123456654321";
    let turns = [(PASSWORDS, &three[..]), NO_KDF, (order, OK), LOGOUT_SIGN, LOGOUT_OTHER];
    assert!(perform(&turns, change(Spare::Last)).is_ok());
    let turns = [(PASSWORDS, &three[..]), NO_KDF, (order, b"\x63\xc2"), LOGOUT_SIGN, LOGOUT_OTHER];
    assert_eq!(error(perform(&turns, change(Spare::Last))), wrong(2));
    let turns = [(PASSWORDS, &three[..]), NO_KDF, (order, b"\x6a\x80"), LOGOUT_SIGN, LOGOUT_OTHER];
    assert!(matches!(error(perform(&turns, change(Spare::Last))), CardError::SecretUnfit(_)));
    assert_eq!(error(perform(&[(PASSWORDS, &one)], change(Spare::Last))), CardError::LastTry);
    let turns = [(PASSWORDS, &one[..]), NO_KDF, (order, OK), LOGOUT_SIGN, LOGOUT_OTHER];
    assert!(perform(&turns, change(Spare::Nothing)).is_ok());
}

#[test]
fn a_pin_is_unblocked_by_the_code_that_is_set() {
    let by_code = related([0, 3, 3], &[]);
    let unblock = || CardOp::UnblockPin { puk: secret("12345678"), new: secret("654321") };
    let order: &[u8] = b"\x00\x2c\x00\x81\x0e12345678654321";
    let spoken = |status: &[u8]| {
        let turns = [(RELATED, &by_code[..]), NO_KDF, (order, status), LOGOUT_SIGN, LOGOUT_OTHER];
        perform(&turns, unblock())
    };
    assert!(spoken(OK).is_ok());
    for status in [b"\x63\xc1", b"\x69\x82"] {
        assert_eq!(error(spoken(status)), CardError::WrongAuthority("reset code"));
    }
    assert!(matches!(error(spoken(b"\x69\x83")), CardError::NotSupported(_)));

    let short = CardOp::UnblockPin { puk: secret("1234567"), new: secret("654321") };
    let turns = [(RELATED, &by_code[..]), NO_KDF];
    assert!(matches!(error(perform(&turns, short)), CardError::SecretUnfit(_)));
}

#[test]
fn a_pin_is_unblocked_by_the_admin_pin_where_no_code_is_set() {
    let by_admin = related([0, 0, 3], &[]);
    let unblock = || CardOp::UnblockPin { puk: secret("12345678"), new: secret("654321") };
    let turns = [
        (RELATED, &by_admin[..]),
        NO_KDF,
        (VERIFY_ADMIN, OK),
        (b"\x00\x2c\x02\x81\x06654321", OK),
        LOGOUT_ADMIN,
        LOGOUT_SIGN,
        LOGOUT_OTHER,
    ];
    assert!(perform(&turns, unblock()).is_ok());
    let turns = [(RELATED, &by_admin[..]), NO_KDF, (VERIFY_ADMIN, b"\x63\xc2")];
    assert_eq!(error(perform(&turns, unblock())), CardError::WrongAuthority("Admin PIN"));
    let blocked = related([0, 0, 0], &[]);
    let refused = error(perform(&[(RELATED, &blocked), NO_KDF], unblock()));
    assert_eq!(
        TokenError::from(refused).to_string(),
        "the token cannot be administered any more: its Admin PIN is blocked"
    );
}

#[test]
fn an_application_that_is_not_there_is_another_card() {
    let pin = secret("123456");
    let mut card = Replay::new([(SELECT.to_vec(), b"\x6a\x82".to_vec())]);
    let outcome = openpgp::perform(&mut card, &contents(), Pin::Given(&pin), VERIFY);
    assert!(matches!(error(outcome), CardError::Wrong(_)));
}
