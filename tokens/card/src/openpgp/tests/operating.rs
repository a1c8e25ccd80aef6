use claviger_token::{Algorithm, Mechanism, Parameters, Spare, TouchPolicy};

use super::{
    LOGOUT_OTHER, LOGOUT_SIGN, NO_KDF, OK, PASSWORDS, POINT, Turn, VERIFY_OTHER, VERIFY_SIGN, card, contents,
    error, perform, secret, unsent,
};
use crate::openpgp::slot::Slot;
use crate::{CardError, CardOp, CardOutput, Contents, Pin, openpgp, spki, tlv};

const HISTORY: &[u8] = b"\x00\xca\x5f\x52\x00";
/// The base point of curve 25519 (RFC 7748, 4.1).
const NINE: &[u8; 32] = b"\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn sign(reference: &str, algorithm: Algorithm, mechanism: Mechanism, data: &[u8]) -> CardOp {
    let (reference, data) = (reference.to_owned(), data.to_vec());
    CardOp::Sign { reference, algorithm, mechanism, parameters: Parameters::default(), data }
}

fn ecdsa(data: &[u8]) -> CardOp {
    sign("sign", Algorithm::P256, Mechanism::Ecdsa, data)
}

fn derive(peer: &[u8]) -> CardOp {
    CardOp::Derive { reference: "decrypt".to_owned(), algorithm: Algorithm::X25519, peer: peer.to_vec() }
}

fn compute(digest: &[u8]) -> Vec<u8> {
    [b"\x00\x2a\x9e\x9a\x20", digest, &[0]].concat()
}

/// The card with an RSA key at each place.
fn rsa() -> Contents {
    let mut contents = contents();
    let modulus = [&[0x81; 255][..], &[1]].concat();
    let (algorithm, document) = spki::of_rsa(&modulus, &[1, 0, 1]).unwrap();
    for (key, slot) in contents.keys.iter_mut().zip(Slot::ALL) {
        key.algorithm = algorithm;
        key.public_key = document.clone().into();
        key.usage = slot.usage(algorithm);
    }
    contents
}

#[test]
fn a_signature_takes_four_commands_and_the_question_about_hashing() {
    let digest = [7; 32];
    let answer = [&[5; 64][..], OK].concat();
    let turns = [NO_KDF, (VERIFY_SIGN, OK), (&compute(&digest), &answer), LOGOUT_SIGN];
    let Ok(CardOutput::Signature(signature)) = perform(&turns, ecdsa(&digest)) else { panic!("it signs") };
    assert_eq!(signature, [5; 64]);
}

#[test]
fn a_digest_of_another_size_is_fitted_to_the_curve() {
    let answer = [&[5; 64][..], OK].concat();
    let short = [&[0; 12][..], &[7; 20]].concat();
    for (data, sent) in [(vec![7; 20], short), (vec![7; 64], vec![7; 32])] {
        let turns = [NO_KDF, (VERIFY_SIGN, OK), (&compute(&sent), &answer), LOGOUT_SIGN];
        assert!(perform(&turns, ecdsa(&data)).is_ok());
    }
    for data in [&[][..], &[7; 65]] {
        assert!(matches!(error(perform(&[], ecdsa(data))), CardError::DataInvalid(_)));
    }
}

#[test]
fn the_key_to_authenticate_signs_with_its_own_command() {
    let answer = [&[5; 64][..], OK].concat();
    let order = b"\x00\x88\x00\x00\x09a message\x00";
    let turns = [NO_KDF, (VERIFY_OTHER, OK), (&order[..], &answer), LOGOUT_OTHER];
    let op = sign("authenticate", Algorithm::Ed25519, Mechanism::Eddsa, b"a message");
    assert!(perform(&turns, op).is_ok());
}

#[test]
fn a_wrong_pin_is_sent_once() {
    let turns = [NO_KDF, (VERIFY_SIGN, &b"\x63\xc2"[..])];
    let refused = error(perform(&turns, ecdsa(&[7; 32])));
    assert_eq!(refused, CardError::WrongPin { tries_left: Some(2) });
    assert_eq!(unsent(Pin::None, ecdsa(&[7; 32])), CardError::PinNeeded);
}

/// A PIN that is entered now was not tried before: this may be the last.
#[test]
fn a_pin_pad_does_not_take_the_last_try() {
    let one = b"\x00\x7f\x7f\x7f\x01\x00\x03\x90\x00";
    let mut card = card(&[(PASSWORDS, one)]).with_pad(0x9000);
    let outcome = openpgp::perform(&mut card, &contents(), Pin::Pad, ecdsa(&[7; 32]));
    assert_eq!(error(outcome), CardError::LastTry);
    assert!(card.entries.is_empty());
}

#[test]
fn a_login_looks_at_the_tries_and_signs_with_its_pin() {
    let digest = [7; 32];
    let login = || CardOp::Authenticate {
        reference: "sign".to_owned(),
        algorithm: Algorithm::P256,
        mechanism: Mechanism::Ecdsa,
        parameters: Parameters::default(),
        data: digest.to_vec(),
        spare: Spare::Two,
    };
    let (three, two) = (tries(3), tries(2));
    let (compute, answer) = (compute(&digest), [&[5; 64][..], OK].concat());
    let turns =
        [(PASSWORDS, &three[..]), NO_KDF, (VERIFY_SIGN, OK), (&compute[..], &answer[..]), LOGOUT_SIGN];
    assert!(perform(&turns, login()).is_ok());
    let turns = [(PASSWORDS, &three[..]), NO_KDF, (VERIFY_SIGN, &b"\x63\xc2"[..])];
    assert_eq!(error(perform(&turns, login())), CardError::WrongPin { tries_left: Some(2) });
    let kept = CardError::TriesKept { tries_left: 2 };
    assert_eq!(error(perform(&[(PASSWORDS, &two)], login())), kept);
    let mut pad = card(&[(PASSWORDS, &two)]).with_pad(0x9000);
    assert_eq!(error(openpgp::perform(&mut pad, &contents(), Pin::Pad, login())), kept);
    assert!(pad.entries.is_empty(), "nobody was asked");
    for pin in [Pin::Given(&secret("")), Pin::Given(&secret("12345"))] {
        assert!(matches!(unsent(pin, login()), CardError::SecretUnfit(_)));
    }
    assert_eq!(unsent(Pin::None, login()), CardError::PinNeeded);
}

/// PW status bytes with that many tries at PW1.
fn tries(left: u8) -> Vec<u8> {
    vec![0, 127, 127, 127, left, 0, 3, 0x90, 0x00]
}

#[test]
fn a_refusal_is_logged_out_too() {
    let digest = [7; 32];
    let spoken = |status: &[u8]| {
        let compute = compute(&digest);
        let turns = [NO_KDF, (VERIFY_SIGN, OK), (&compute, status), LOGOUT_SIGN];
        error(perform(&turns, ecdsa(&digest)))
    };
    assert_eq!(spoken(b"\x66\x00"), CardError::NotTouched);
    assert_eq!(spoken(b"\x6a\x88"), CardError::NoSuchKey);
    assert!(matches!(spoken(b"\x6a\x80"), CardError::DataInvalid(_)));
    assert!(matches!(spoken(b"\x69\x82"), CardError::Status(_, 0x6982)));
    for size in [0, 63, 65, 70] {
        let answer = [&vec![5; size][..], OK].concat();
        assert!(matches!(spoken(&answer), CardError::Malformed(_)), "{size}");
    }
}

#[test]
fn a_key_that_wants_a_touch_says_so() {
    let mut contents = contents();
    contents.keys[0].touch_policy = TouchPolicy::Always;
    let digest = [7; 32];
    let pin = secret("123456");
    for status in [b"\x69\x82", b"\x69\x85", b"\x66\x00"] {
        let mut card = card(&[NO_KDF, (VERIFY_SIGN, OK), (&compute(&digest), status), LOGOUT_SIGN]);
        let outcome = openpgp::perform(&mut card, &contents, Pin::Given(&pin), ecdsa(&digest));
        assert_eq!(error(outcome), CardError::NotTouched);
        card.finish();
    }
}

#[test]
fn what_a_key_cannot_do_is_refused_before_the_pin() {
    let refused = |op| error(perform(&[], op));
    let unsupported = |mechanism, algorithm| CardError::MechanismNotSupported(mechanism, algorithm);
    let op = sign("sign", Algorithm::P256, Mechanism::EcdsaSha256, b"x");
    assert_eq!(refused(op), unsupported(Mechanism::EcdsaSha256, Algorithm::P256));
    let op = sign("decrypt", Algorithm::X25519, Mechanism::Eddsa, b"x");
    assert_eq!(refused(op), unsupported(Mechanism::Eddsa, Algorithm::X25519));
    let op =
        CardOp::Derive { reference: "sign".to_owned(), algorithm: Algorithm::P256, peer: POINT.to_vec() };
    assert_eq!(refused(op), unsupported(Mechanism::Ecdh1Derive, Algorithm::P256));
    assert_eq!(refused(sign("9a", Algorithm::P256, Mechanism::Ecdsa, b"x")), CardError::NoSuchKey);
}

#[test]
fn two_sides_agree_on_what_the_card_answers() {
    let order = [
        &b"\x00\x2a\x80\x86\x27"[..],
        &tlv::element(0xa6, &[&tlv::element(0x7f49, &[&tlv::element(0x86, &[NINE])])]),
        &[0],
    ]
    .concat();
    let spoken = |size: usize| {
        let answer = [&vec![3; size][..], OK].concat();
        perform(&[NO_KDF, (VERIFY_OTHER, OK), (&order, &answer), LOGOUT_OTHER], derive(NINE))
    };
    let Ok(CardOutput::SharedSecret(secret)) = spoken(32) else { panic!("it agrees") };
    assert_eq!(secret.expose(), [3; 32]);
    assert!(matches!(error(spoken(31)), CardError::Malformed(_)));
}

#[test]
fn a_peer_that_is_none_gets_no_pin() {
    for peer in [&[][..], &[0; 32], POINT, &[9; 33]] {
        assert!(matches!(error(perform(&[], derive(peer))), CardError::DataInvalid(_)), "{peer:02x?}");
    }
}

fn decrypt(ciphertext: &[u8]) -> CardOp {
    CardOp::Decrypt {
        reference: "decrypt".to_owned(),
        algorithm: Algorithm::Rsa2048,
        mechanism: Mechanism::RsaPkcs,
        parameters: Parameters::default(),
        ciphertext: ciphertext.to_vec(),
    }
}

fn decrypted(turns: &[Turn<'_>], ciphertext: &[u8]) -> Result<CardOutput, CardError> {
    let mut card = card(turns);
    let pin = secret("123456");
    let outcome = openpgp::perform(&mut card, &rsa(), Pin::Given(&pin), decrypt(ciphertext));
    card.finish();
    outcome
}

/// A block of 256 bytes and the padding indicator are more than one short command takes.
#[test]
fn a_block_goes_over_as_the_card_announces() {
    let block = [0x55; 256];
    let first = [&b"\x10\x2a\x80\x86\xff\x00"[..], &block[..254]].concat();
    let last = [&b"\x00\x2a\x80\x86\x02"[..], &block[254..], &[0]].concat();
    let whole = [&b"\x00\x2a\x80\x86\x00\x01\x01\x00"[..], &block, &[0, 0]].concat();
    let plain: Turn<'_> = (&[], b"plaintext\x90\x00");
    let chained: [Turn<'_>; 2] = [(&first, OK), (&last, plain.1)];
    let extended: [Turn<'_>; 1] = [(&whole, plain.1)];
    // Chaining and extended lengths, chaining, nothing said at all; extended lengths alone.
    for (history, commands) in [
        (&b"\x00\x31\xf5\x73\xc0\x01\xc0\x05\x90\x00\x90\x00"[..], &chained[..]),
        (b"\x00\x31\xf5\x73\xc0\x01\x80\x05\x90\x00\x90\x00", &chained),
        (b"\x6a\x88", &chained),
        (b"\x00\x31\xf5\x73\xc0\x01\x40\x05\x90\x00\x90\x00", &extended),
    ] {
        let before = [NO_KDF, (VERIFY_OTHER, OK), (HISTORY, history)];
        let turns = [&before[..], commands, &[LOGOUT_OTHER]].concat();
        let Ok(CardOutput::Plaintext(plaintext)) = decrypted(&turns, &block) else { panic!("it decrypts") };
        assert_eq!(plaintext.expose(), b"plaintext");
    }
    let neither = b"\x00\x31\xf5\x73\xc0\x01\x00\x05\x90\x00\x90\x00";
    let turns = [NO_KDF, (VERIFY_OTHER, OK), (HISTORY, neither), LOGOUT_OTHER];
    assert!(matches!(error(decrypted(&turns, &block)), CardError::NotSupported(_)));
}

#[test]
fn what_is_not_one_block_is_refused() {
    for size in [0, 255, 257, 512] {
        assert!(matches!(error(decrypted(&[], &vec![1; size])), CardError::DataInvalid(_)), "{size}");
    }
}

#[test]
fn more_than_the_card_pads_gets_no_pin() {
    let pin = secret("123456");
    for size in [0, 103, 245] {
        let mut card = card(&[]);
        let op = sign("sign", Algorithm::Rsa2048, Mechanism::RsaPkcs, &vec![1; size]);
        let outcome = openpgp::perform(&mut card, &rsa(), Pin::Given(&pin), op);
        assert!(matches!(error(outcome), CardError::DataInvalid(_)), "{size}");
    }
}

/// 40 % of 256 bytes, which need not be a DigestInfo: TLS before 1.2 signs 36 bytes without any.
#[test]
fn what_the_card_pads_goes_over_as_it_is() {
    let pin = secret("123456");
    for data in [&[1; 1][..], &[7; 36], &[9; 102]] {
        let size = u8::try_from(data.len()).unwrap();
        let command = [&b"\x00\x2a\x9e\x9a"[..], &[size], data, &[0]].concat();
        let answer = [&[5; 256][..], OK].concat();
        let mut card = card(&[NO_KDF, (VERIFY_SIGN, OK), (&command, &answer), LOGOUT_SIGN]);
        let op = sign("sign", Algorithm::Rsa2048, Mechanism::RsaPkcs, data);
        let outcome = openpgp::perform(&mut card, &rsa(), Pin::Given(&pin), op);
        card.finish();
        assert!(matches!(outcome, Ok(CardOutput::Signature(signature)) if signature == [5; 256]));
    }
}

/// An answer cut off anywhere is no signature, and the card is never left verified.
#[test]
fn no_answer_to_a_signature_that_is_cut_off_is_believed() {
    let digest = [7; 32];
    let compute = compute(&digest);
    let answer = [&[5; 64][..], OK].concat();
    let turns = [NO_KDF, (VERIFY_SIGN, OK), (&compute, &answer), LOGOUT_SIGN];
    let pin = secret("123456");
    for turn in 0..3 {
        for length in 0..turns[turn].1.len() {
            let mut turns = turns;
            turns[turn].1 = &turns[turn].1[..length];
            let mut card = card(&turns).astray();
            let outcome = openpgp::perform(&mut card, &contents(), Pin::Given(&pin), ecdsa(&digest));
            assert!(outcome.is_err(), "turn {turn}, {length} bytes");
            let verified = card.sent.iter().any(|command| command == VERIFY_SIGN);
            let ended = card.sent.last().is_some_and(|command| command == LOGOUT_SIGN.0);
            assert!(!verified || ended || card.reset, "turn {turn}, {length} bytes");
        }
    }
}

#[test]
fn a_yubikey_attests_a_key_beside_which_nothing_would_be_lost() {
    let attest = || CardOp::Attest { reference: "sign".to_owned() };
    let issuer: Turn<'_> = (b"\x00\xca\x00\xfc\x00", b"\x30\x01\x2a\x90\x00");
    let select: Turn<'_> = (b"\x00\xa5\x02\x04\x06\x60\x04\x5c\x02\x7f\x21", OK);
    let read: &[u8] = b"\x00\xca\x7f\x21\x00";
    let statement = b"\x30\x0a\x2b\x06\x01\x04\x01\x82\xc4\x0a\x05\x03\x90\x00";
    for before in [OK, statement] {
        let turns = [
            (HISTORY, &b"\x6a\x88"[..]),
            issuer,
            select,
            (read, before),
            NO_KDF,
            (VERIFY_SIGN, OK),
            (b"\x80\xfb\x01\x00", OK),
            select,
            (read, statement),
            LOGOUT_SIGN,
        ];
        let Ok(CardOutput::Attestation(chain)) = perform(&turns, attest()) else { panic!("it attests") };
        assert_eq!(chain, [statement[..12].to_vec(), b"\x30\x01\x2a".to_vec()]);
    }
    let own = b"\x30\x02\x05\x00\x90\x00";
    let turns = [(HISTORY, &b"\x6a\x88"[..]), issuer, select, (read, own)];
    assert!(matches!(error(perform(&turns, attest())), CardError::NotSupported(_)));
    let turns = [(HISTORY, &b"\x6a\x88"[..]), (issuer.0, b"\x6a\x88")];
    assert!(matches!(error(perform(&turns, attest())), CardError::NotSupported("attest keys")));
}
