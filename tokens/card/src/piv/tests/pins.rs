//! The rules about PINs: never without need, never twice, never the last try unasked, never left shown.

use claviger_token::{Algorithm, Mechanism, Parameters, PinPolicy, Spare};

use super::{ANY, LOGOUT, OK, SELECT, STATUS, VERIFY, card, contents, error, perform, secret, sign};
use crate::piv::tells_tries;
use crate::replay::Replay;
use crate::{CardError, CardOp, CardOutput, Contents, Pin};

const CHECK: CardOp = CardOp::Verify { spare: Spare::Last };
const SIGNATURE: &[u8] = b"\x7c\x0a\x82\x08\x30\x06\x02\x01\x05\x02\x01\x06\x90\x00";

fn with(pin: &str, contents: &Contents, op: CardOp, card: &mut Replay) -> Result<CardOutput, CardError> {
    crate::piv::perform(card, contents, Pin::Given(&secret(pin)), op)
}

#[test]
fn a_card_that_does_not_count_says_so() {
    for (word, tells) in
        [(b"\x63\xc2", true), (b"\x69\x83", true), (b"\x63\x00", false), (b"\x6a\x80", false)]
    {
        let mut card = card(&[SELECT, (STATUS, word)]);
        assert_eq!(tells_tries(&mut card), Ok(tells), "{word:02x?}");
        card.finish();
    }
    let mut verified = card(&[SELECT, (STATUS, OK), LOGOUT, (STATUS, b"\x63\xc3")]);
    assert_eq!(tells_tries(&mut verified), Ok(true), "another program left it verified");
    verified.finish();
}

#[test]
fn a_pin_that_cannot_be_right_never_goes_to_the_card() {
    let contents = contents(&["9a"]);
    let change = |old: &str, new: &str| CardOp::ChangePin {
        old: secret(old),
        new: secret(new),
        spare: Spare::Nothing,
    };
    let unblock = |puk: &str, new: &str| CardOp::UnblockPin { puk: secret(puk), new: secret(new) };
    for (pin, op) in [
        ("", CHECK),
        ("", sign("9a")),
        ("12345", CHECK),
        ("123456789", CHECK),
        ("12345x", sign("9a")),
        ("123456", change("", "123456")),
        ("123456", change("123456", "1234")),
        ("123456", unblock("", "123456")),
        ("123456", unblock("123456789", "123456")),
        ("123456", unblock("12345678", "abcdef")),
    ] {
        let mut card = card(&[]);
        assert!(matches!(error(with(pin, &contents, op, &mut card)), CardError::SecretUnfit(_)), "{pin}");
        assert!(card.sent.is_empty());
    }
    let mut card = card(&[]);
    assert_eq!(error(crate::piv::perform(&mut card, &contents, Pin::None, CHECK)), CardError::PinNeeded);
    assert!(card.sent.is_empty());
}

#[test]
fn a_pin_is_checked_after_its_tries_and_taken_back() {
    let contents = contents(&[]);
    let mut card = card(&[SELECT, (STATUS, b"\x63\xc3"), (VERIFY, OK), LOGOUT]);
    perform(&mut card, &contents, CHECK).unwrap();
    card.finish();
}

#[test]
fn the_last_try_is_the_persons() {
    let contents = contents(&[]);
    let change = |spare| CardOp::ChangePin { old: secret("123456"), new: secret("654321"), spare };
    for op in [CHECK, change(Spare::Last)] {
        let mut card = card(&[SELECT, (STATUS, b"\x63\xc1")]);
        assert_eq!(error(perform(&mut card, &contents, op)), CardError::LastTry);
        card.finish();
    }
    let mut wanted = card(&[SELECT, (STATUS, b"\x63\xc1"), (VERIFY, OK), LOGOUT]);
    perform(&mut wanted, &contents, CardOp::Verify { spare: Spare::Nothing }).unwrap();
    wanted.finish();
    let both = b"\x00\x24\x00\x80\x10123456\xff\xff654321\xff\xff";
    let mut wanted = card(&[SELECT, (STATUS, b"\x63\xc1"), (both, OK), LOGOUT]);
    perform(&mut wanted, &contents, change(Spare::Nothing)).unwrap();
    wanted.finish();
}

/// Security: whoever stands at a login prompt may be a stranger.
#[test]
fn a_login_leaves_two_tries_whatever_it_is_given() {
    let contents = contents(&[]);
    let login = CardOp::Verify { spare: Spare::Two };
    for (word, tries_left) in [(b"\x63\xc1", 1), (b"\x63\xc2", 2)] {
        let mut card = card(&[SELECT, (STATUS, word)]);
        let refused = error(perform(&mut card, &contents, login.clone()));
        assert_eq!(refused, CardError::TriesKept { tries_left });
        card.finish();
        let mut pad = card_with(word).with_pad(0x9000);
        let refused = error(crate::piv::perform(&mut pad, &contents, Pin::Pad, login.clone()));
        assert_eq!(refused, CardError::TriesKept { tries_left });
        assert!(pad.entries.is_empty(), "nobody was asked");
    }
    // Three are left, or the card does not count.
    for word in [b"\x63\xc3", b"\x63\x00"] {
        let mut card = card(&[SELECT, (STATUS, word), (VERIFY, OK), LOGOUT]);
        perform(&mut card, &contents, login.clone()).unwrap();
        card.finish();
    }
}

#[test]
fn a_login_shows_its_pin_whatever_the_key_wants_and_signs_with_it() {
    let mut contents = contents(&["9a", "9e"]);
    contents.keys[1].pin_policy = PinPolicy::Never;
    let three = (STATUS, &b"\x63\xc3"[..]);
    for place in ["9a", "9e"] {
        let mut card = card(&[SELECT, three, (VERIFY, OK), (ANY, SIGNATURE), LOGOUT]);
        assert!(perform(&mut card, &contents, authenticate(place)).is_ok());
        card.finish();
        let mut wrong = self::card(&[SELECT, three, (VERIFY, b"\x63\xc2")]);
        let refused = error(perform(&mut wrong, &contents, authenticate(place)));
        assert_eq!(refused, CardError::WrongPin { tries_left: Some(2) });
        wrong.finish();
        let mut kept = card_with(b"\x63\xc2");
        let refused = error(perform(&mut kept, &contents, authenticate(place)));
        assert_eq!(refused, CardError::TriesKept { tries_left: 2 });
        kept.finish();
        let mut pad = self::card(&[SELECT, three, (ANY, SIGNATURE), LOGOUT]).with_pad(0x9000);
        assert!(crate::piv::perform(&mut pad, &contents, Pin::Pad, authenticate(place)).is_ok());
        assert_eq!(pad.entries.len(), 1, "it asks once");
        let mut pad = card_with(b"\x63\xc2").with_pad(0x9000);
        let refused = error(crate::piv::perform(&mut pad, &contents, Pin::Pad, authenticate(place)));
        assert_eq!((refused, pad.entries.len()), (CardError::TriesKept { tries_left: 2 }, 0));
    }
}

/// A VERIFY without data is a question, and is answered yes where another program left the PIN shown.
#[test]
fn a_login_without_a_pin_never_reaches_the_card() {
    let contents = contents(&["9a"]);
    for pin in ["", "12345"] {
        let mut card = card(&[]);
        let refused = error(with(pin, &contents, authenticate("9a"), &mut card));
        assert!(matches!(refused, CardError::SecretUnfit(_)), "{refused:?}");
        assert!(card.sent.is_empty());
    }
    let mut card = card(&[]);
    let refused = error(crate::piv::perform(&mut card, &contents, Pin::None, authenticate("9a")));
    assert_eq!((refused, card.sent.len()), (CardError::PinNeeded, 0));
}

fn authenticate(reference: &str) -> CardOp {
    CardOp::Authenticate {
        reference: reference.to_owned(),
        algorithm: Algorithm::P256,
        mechanism: Mechanism::Ecdsa,
        parameters: Parameters::default(),
        data: vec![7; 32],
        spare: Spare::Two,
    }
}

fn card_with(word: &[u8]) -> Replay {
    card(&[SELECT, (STATUS, word)])
}

#[test]
fn a_blocked_pin_is_not_tried() {
    let contents = contents(&[]);
    for word in [b"\x63\xc0", b"\x69\x83"] {
        for spare in [Spare::Nothing, Spare::Last, Spare::Two] {
            let mut card = card(&[SELECT, (STATUS, word)]);
            let op = CardOp::Verify { spare };
            assert_eq!(error(perform(&mut card, &contents, op)), CardError::PinBlocked);
            card.finish();
        }
    }
}

/// A VERIFY without data answers 9000 where anyone has shown the PIN, and then does not tell the tries.
#[test]
fn a_pin_that_another_program_left_shown_is_taken_back_first() {
    let contents = contents(&[]);
    let mut card = card(&[SELECT, (STATUS, OK), LOGOUT, (STATUS, b"\x63\xc1")]);
    assert_eq!(error(perform(&mut card, &contents, CHECK)), CardError::LastTry);
    card.finish();
}

#[test]
fn a_wrong_pin_is_sent_once_and_named() {
    let contents = contents(&["9a"]);
    for (word, expected) in [
        (b"\x63\xc2", CardError::WrongPin { tries_left: Some(2) }),
        (b"\x63\xc0", CardError::WrongPin { tries_left: Some(0) }),
        (b"\x63\x00", CardError::WrongPin { tries_left: None }),
        (b"\x69\x83", CardError::PinBlocked),
        (b"\x6a\x80", CardError::SecretUnfit("the card does not take such a PIN".into())),
        (b"\x69\x82", CardError::Status("VERIFY", 0x6982)),
    ] {
        let mut signing = card(&[SELECT, (VERIFY, word)]);
        assert_eq!(error(perform(&mut signing, &contents, sign("9a"))), expected);
        signing.finish();
        let mut checking = card(&[SELECT, (STATUS, b"\x63\xc3"), (VERIFY, word)]);
        assert_eq!(error(perform(&mut checking, &contents, CHECK)), expected);
        checking.finish();
    }
}

#[test]
fn a_card_that_will_not_log_out_is_reset() {
    let contents = contents(&["9a"]);
    for word in [b"\x6a\x86", b"\x6d\x00", b"\x69\x82", b"\x63\xc3"] {
        let mut card = card(&[SELECT, (VERIFY, OK), (ANY, SIGNATURE), (LOGOUT.0, word)]);
        perform(&mut card, &contents, sign("9a")).unwrap();
        card.finish();
        assert!(card.reset, "{word:02x?}");
    }
    let mut card = card(&[SELECT, (VERIFY, OK), (ANY, SIGNATURE)]).then_fails(CardError::Timeout);
    perform(&mut card, &contents, sign("9a")).unwrap();
    assert!(card.reset);
}

#[test]
fn an_answer_that_is_none_to_a_pin_has_it_taken_back() {
    let contents = contents(&["9a"]);
    for word in [b"\x6f\x00", b"\x65\x81", b"\x91\x00"] {
        let mut card = card(&[SELECT, (VERIFY, word), LOGOUT]);
        assert!(perform(&mut card, &contents, sign("9a")).is_err(), "{word:02x?}");
        card.finish();
    }
}

/// The caller gave up, or the reader failed: whether the card took the PIN nobody knows.
#[test]
fn a_card_is_reset_where_nobody_knows_whether_the_pin_is_shown() {
    let contents = contents(&["9a"]);
    for failure in [CardError::Timeout, CardError::Reader("it broke".into())] {
        let mut verifying = card(&[SELECT]).then_fails(failure.clone());
        assert_eq!(error(perform(&mut verifying, &contents, sign("9a"))), failure);
        assert!(verifying.reset);
        let mut signing = card(&[SELECT, (VERIFY, OK)]).then_fails(failure.clone()).then(LOGOUT.0, OK);
        assert_eq!(error(perform(&mut signing, &contents, sign("9a"))), failure);
        assert!(!signing.reset, "it could be taken back");
        signing.finish();
        let change = CardOp::ChangePin { old: secret("123456"), new: secret("654321"), spare: Spare::Last };
        let mut changing = card(&[SELECT, (STATUS, b"\x63\xc3")]).then_fails(failure.clone());
        assert_eq!(error(perform(&mut changing, &contents, change)), failure);
        assert!(changing.reset);
    }
}

#[test]
fn a_pin_is_changed_or_the_reason_is_named() {
    let contents = contents(&[]);
    let change = || CardOp::ChangePin { old: secret("123456"), new: secret("65432100"), spare: Spare::Last };
    let both: &[u8] = b"\x00\x24\x00\x80\x10123456\xff\xff65432100";
    for (word, expected) in [
        (b"\x63\xc2", CardError::WrongPin { tries_left: Some(2) }),
        (b"\x69\x83", CardError::PinBlocked),
        (b"\x6a\x80", CardError::SecretUnfit("the card does not take such a PIN".into())),
    ] {
        let mut card = card(&[SELECT, (STATUS, b"\x63\xc3"), (both, word)]);
        assert_eq!(error(perform(&mut card, &contents, change())), expected);
        card.finish();
    }
    let mut silent = card(&[SELECT, (STATUS, b"\x63\xc3"), (both, b"\x63\x00"), (STATUS, b"\x63\xc2")]);
    let wrong = CardError::WrongPin { tries_left: Some(2) };
    assert_eq!(error(perform(&mut silent, &contents, change())), wrong);
    silent.finish();
}

#[test]
fn a_pin_is_unblocked_or_the_reason_is_named() {
    let contents = contents(&[]);
    let unblock = || CardOp::UnblockPin { puk: secret("12345678"), new: secret("654321") };
    let both: &[u8] = b"\x00\x2c\x00\x80\x1012345678654321\xff\xff";
    let mut done = card(&[SELECT, (both, OK), LOGOUT]);
    perform(&mut done, &contents, unblock()).unwrap();
    done.finish();
    for (word, expected) in [
        (b"\x63\xc2", CardError::WrongAuthority("PUK")),
        (b"\x63\x00", CardError::WrongAuthority("PUK")),
        (b"\x69\x82", CardError::WrongAuthority("PUK")),
        (b"\x69\x83", CardError::PinBlocked),
        (b"\x63\xc0", CardError::PinBlocked),
        (b"\x6a\x80", CardError::SecretUnfit("the card does not take such a PIN".into())),
        (b"\x6d\x00", CardError::Status("RESET RETRY COUNTER", 0x6D00)),
    ] {
        let mut card = card(&[SELECT, (both, word)]);
        assert_eq!(error(perform(&mut card, &contents, unblock())), expected);
        card.finish();
    }
}

/// PC/SC part 10, 2.5.2: 6400 is the time that passed, 6401 the cancel key, 6403 a PIN too short or too long.
#[test]
fn a_pin_pad_makes_the_same_verify() {
    let contents = contents(&["9a"]);
    let on_pad = |card: &mut Replay, op| crate::piv::perform(card, &contents, Pin::Pad, op);
    let three = (STATUS, &b"\x63\xc3"[..]);
    let mut signing = card(&[SELECT, three, (ANY, SIGNATURE), LOGOUT]).with_pad(0x9000);
    on_pad(&mut signing, sign("9a")).unwrap();
    signing.finish();
    let [entry] = &signing.entries[..] else { panic!("it was asked once") };
    assert_eq!(entry.template, b"\x00\x20\x00\x80\x08\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!((entry.shortest, entry.longest, entry.padded), (6, 8, true));

    for (word, expected) in [
        (0x6400, CardError::Declined),
        (0x6401, CardError::Declined),
        (0x63C1, CardError::WrongPin { tries_left: Some(1) }),
        (0x6983, CardError::PinBlocked),
    ] {
        let mut card = card(&[SELECT, three]).with_pad(word);
        assert_eq!(error(on_pad(&mut card, CHECK)), expected);
        card.finish();
    }
    let mut misfit = card(&[SELECT, three]).with_pad(0x6403);
    assert!(matches!(error(on_pad(&mut misfit, sign("9a"))), CardError::SecretUnfit(_)));
    for operation in [CHECK, sign("9a")] {
        let mut last = card(&[SELECT, (STATUS, b"\x63\xc1")]).with_pad(0x9000);
        assert_eq!(error(on_pad(&mut last, operation)), CardError::LastTry);
        assert!(last.entries.is_empty(), "nobody was asked");
    }
    let mut without = card(&[SELECT, three]);
    assert_eq!(error(on_pad(&mut without, sign("9a"))), CardError::Gone, "the toy's reader has no pad");
}
