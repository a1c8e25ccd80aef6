//! Dialogues with piv-authenticator 0.7.0, recorded on the virtual card: keys made in 9A, 9C, 9D, 9E and 82, each with a
//! certificate; each operation with the PIN 123456. The digest signed is SHA-256 of `a message`.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use claviger_token::{Algorithm, Mechanism, PinPolicy, Spare, TouchPolicy, Usage};

use super::{bytes, decrypt, derive, error, perform, sign_with};
use crate::piv::{read, recognize};
use crate::replay::Replay;
use crate::{CardError, CardOp, CardOutput, Contents, spki};

const READ: &str = include_str!("dialogues/read.txt");
const SIGN_9A: &str = include_str!("dialogues/sign-9a.txt");
const SIGN_9C: &str = include_str!("dialogues/sign-9c.txt");
const DECRYPT_9D: &str = include_str!("dialogues/decrypt-9d.txt");
const DERIVE_9A: &str = include_str!("dialogues/derive-9a.txt");
const VERIFY: &str = include_str!("dialogues/verify.txt");

type Turns = Vec<(Vec<u8>, Vec<u8>)>;

fn turns(text: &str) -> Turns {
    let bytes = |line: &str, mark| {
        let digits = line.strip_prefix(mark).unwrap();
        assert!(digits.len() % 2 == 0 && digits.is_ascii());
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    };
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks_exact(2).map(|pair| (bytes(pair[0], "> "), bytes(pair[1], "< "))).collect()
}

fn contents() -> Contents {
    read(&mut Replay::new(turns(READ))).unwrap().unwrap()
}

/// What each recorded operation was.
fn operations() -> Vec<(&'static str, CardOp)> {
    let contents = contents();
    let hash = digest(&SHA256, b"a message").as_ref().to_vec();
    let mut two = vec![0; 256];
    two[255] = 2;
    vec![
        (VERIFY, CardOp::Verify { spare: Spare::Last }),
        (SIGN_9A, sign_with("9a", Algorithm::P256, Mechanism::Ecdsa, hash.clone())),
        (SIGN_9C, sign_with("9c", Algorithm::P384, Mechanism::Ecdsa, hash)),
        (DECRYPT_9D, decrypt("9d", Algorithm::Rsa2048, two)),
        (DERIVE_9A, derive("9a", Algorithm::P256, contents.key("82").unwrap().public_key.to_vec())),
    ]
}

#[test]
fn a_card_is_read_without_a_pin() {
    let mut card = Replay::new(turns(READ));
    let contents = read(&mut card).unwrap().unwrap();
    card.finish();
    assert_eq!(contents.serial, "c1a716e5000040008000000000000001");
    assert_eq!(
        (&contents.name[..], contents.tries_left, contents.puk_tries_left),
        ("Nitrokey PIV", Some(3), None)
    );
    assert!(contents.pin.digits_only, "PIV's PINs are digits");
    let seen: Vec<_> =
        contents.keys.iter().map(|key| (&key.reference[..], key.algorithm, key.pin_policy)).collect();
    assert_eq!(
        seen,
        [
            ("9a", Algorithm::P256, PinPolicy::Once),
            ("9c", Algorithm::P384, PinPolicy::Always),
            ("9d", Algorithm::Rsa2048, PinPolicy::Once),
            ("9e", Algorithm::P256, PinPolicy::Never),
            ("82", Algorithm::P256, PinPolicy::Once),
        ]
    );
    for key in &contents.keys {
        assert_eq!((key.certificates.len(), key.touch_policy), (1, TouchPolicy::Never), "{}", key.reference);
    }
    assert_eq!(contents.key("9d").unwrap().usage, Usage { decrypt: true, ..Usage::default() });
    assert!(contents.capabilities.generates.contains(&Algorithm::Rsa4096), "the card says so itself");
    assert!(!contents.capabilities.imports.contains(&Algorithm::P256), "a Nitrokey takes RSA keys only");
}

#[test]
fn a_signature_is_four_commands_and_verifies() {
    for (dialogue, op) in operations().drain(1..3) {
        let contents = contents();
        let CardOp::Sign { reference, algorithm, .. } = &op else { panic!("it signs") };
        let (reference, algorithm) = (reference.clone(), *algorithm);
        let mut card = Replay::new(turns(dialogue));
        let signature = bytes(perform(&mut card, &contents, op)).unwrap();
        card.finish();
        let instructions: Vec<u8> = card.sent.iter().map(|command| command[1]).collect();
        assert_eq!(instructions, [0xA4, 0x20, 0x87, 0x20]);
        assert!(!card.reset, "the card logged out when it was told to");
        let (_, point) = spki::parse(&contents.key(&reference).unwrap().public_key).unwrap();
        if algorithm == Algorithm::P256 {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(b"a message", &signature).unwrap();
        } else {
            // The digest in the field's size: sixteen zeros before it.
            let digest = [&[0; 16], digest(&SHA256, b"a message").as_ref()].concat();
            let digest =
                aws_lc_rs::digest::Digest::import_less_safe(&digest, &aws_lc_rs::digest::SHA384).unwrap();
            UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point)
                .verify_digest(&digest, &signature)
                .unwrap();
        }
    }
}

#[test]
fn a_decryption_and_an_agreement_have_their_sizes() {
    for (dialogue, op) in operations().drain(3..) {
        let size = if dialogue == DECRYPT_9D { 256 } else { 32 };
        let mut card = Replay::new(turns(dialogue));
        assert_eq!(bytes(perform(&mut card, &contents(), op)).unwrap().len(), size);
        card.finish();
    }
}

/// Whatever is missing of whichever answer, it is an error, and the card is not left with the PIN shown: it is told to
/// log out, or reset, or is gone.
#[test]
fn answers_that_are_cut_off_are_errors() {
    for (dialogue, op) in operations() {
        let contents = contents();
        let turns = turns(dialogue);
        for (place, (command, answer)) in turns.iter().enumerate() {
            let is_logout = command.starts_with(b"\x00\x20\xff");
            for length in 0..answer.len() {
                let mut cut = turns.clone();
                cut[place].1.truncate(length);
                let mut card = Replay::new(cut).astray();
                let outcome = perform(&mut card, &contents, op.clone());
                if is_logout {
                    // What was asked for was done before.
                    assert!(outcome.is_ok() && card.reset);
                    continue;
                }
                let error = error(outcome);
                assert!(
                    matches!(
                        error,
                        CardError::Malformed(_)
                            | CardError::Status(..)
                            | CardError::Gone
                            | CardError::Wrong(_)
                    ),
                    "{command:02x?} {length}: {error}"
                );
                let shown = card.sent.iter().any(|command| command.starts_with(b"\x00\x20\x00\x80\x08"));
                let taken_back = card.sent.iter().any(|command| command.starts_with(b"\x00\x20\xff"));
                assert!(
                    !shown || taken_back || card.reset || error == CardError::Gone,
                    "{command:02x?} {length}"
                );
            }
        }
    }
}

#[test]
fn a_card_whose_answers_are_cut_off_is_not_read() {
    let turns = turns(READ);
    let whole = contents();
    for (place, (command, answer)) in turns.iter().enumerate() {
        for length in 0..answer.len() {
            let mut cut = turns.clone();
            cut[place].1.truncate(length);
            match read(&mut Replay::new(cut).astray()) {
                Err(CardError::Malformed(_) | CardError::Status(..) | CardError::Gone) => {}
                Err(error) => panic!("{command:02x?} {length}: {error}"),
                Ok(found) => panic!("{command:02x?} {length}: read as {:?}", found.map(|it| it == whole)),
            }
        }
    }
}

/// One flipped bit anywhere must not upset anything; what still can be read has the right form.
#[test]
fn answers_with_a_flipped_bit_do_no_harm() {
    for (dialogue, op) in operations() {
        let contents = contents();
        let turns = turns(dialogue);
        for place in 0..turns.len() {
            for at in 0..turns[place].1.len() {
                for bit in 0..8 {
                    let mut flipped = turns.clone();
                    flipped[place].1[at] ^= 1 << bit;
                    if let Ok(CardOutput::Signature(signature)) =
                        perform(&mut Replay::new(flipped).astray(), &contents, op.clone())
                    {
                        assert!(matches!(signature.len(), 64 | 96));
                    }
                }
            }
        }
    }
}

#[test]
fn only_the_card_of_that_serial_is_recognized() {
    let recorded = turns(READ);
    let mut card = Replay::new(recorded[..2].to_vec());
    recognize(&mut card, "c1a716e5000040008000000000000001").unwrap();
    card.finish();
    let mut card = Replay::new(recorded[..2].to_vec());
    assert!(matches!(error(recognize(&mut card, "c1a716e5000040008000000000000002")), CardError::Wrong(_)));
    let none = Replay::new([(recorded[0].0.clone(), vec![0x6A, 0x82])]);
    let outcome = recognize(&mut { none }, "c1a716e5000040008000000000000001");
    assert!(matches!(error(outcome), CardError::Wrong(_)), "it has no PIV");
}
