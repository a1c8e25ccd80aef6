use claviger_token::{Algorithm, PinPolicy, TouchPolicy};

use super::{OK, POINT, RELATED, SELECT, card, related};
use crate::openpgp::{read, recognize};
use crate::replay::Replay;
use crate::{CardError, Contents, spki, tlv};

const NOTHING: &[u8] = b"\x6a\x88";
const INFORMATION: &[u8] = b"\x00\xca\x00\xfa\x00";
const READ_SIGN: &[u8] = b"\x00\x47\x81\x00\x02\xb6\x00\x00";
const READ_DECRYPT: &[u8] = b"\x00\x47\x81\x00\x02\xb8\x00\x00";
const CERTIFICATE: &[u8] = b"\x00\xca\x7f\x21\x00";

fn select_certificate(number: u8) -> Vec<u8> {
    [&[0x00, 0xa5, number, 0x04, 0x06][..], b"\x60\x04\x5c\x02\x7f\x21"].concat()
}

fn public_key(point: &[u8]) -> Vec<u8> {
    [&tlv::element(0x7f49, &[&tlv::element(0x86, &[point])])[..], OK].concat()
}

/// Reads a card that is all P-256 to sign, X25519 to decrypt, and nothing to authenticate.
fn dialogue(related: Vec<u8>, certificate: Vec<u8>) -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![
        (SELECT.to_vec(), OK.to_vec()),
        (RELATED.to_vec(), related),
        (INFORMATION.to_vec(), NOTHING.to_vec()),
        (READ_SIGN.to_vec(), public_key(POINT)),
        (select_certificate(2), OK.to_vec()),
        (CERTIFICATE.to_vec(), certificate),
        (READ_DECRYPT.to_vec(), public_key(&[9; 32])),
        (select_certificate(1), OK.to_vec()),
        (CERTIFICATE.to_vec(), OK.to_vec()),
    ]
}

fn contents_of(dialogue: Vec<(Vec<u8>, Vec<u8>)>) -> Contents {
    let mut card = Replay::new(dialogue);
    let contents = read(&mut card).unwrap().unwrap();
    card.finish();
    contents
}

#[test]
fn a_card_tells_who_it_is_and_what_it_has() {
    let document = spki::of_point(Algorithm::P256, POINT).unwrap();
    let certificate = tlv::element(0x30, &[&document, b"\x04\x00"]).to_vec();
    let answer = [&certificate[..], OK].concat();
    let contents = contents_of(dialogue(related([3, 0, 2], &[1, 0x20]), answer));
    assert_eq!((contents.serial.as_str(), contents.name.as_str()), ("000612345678", "Yubico AB 12345678"));
    assert_eq!((contents.tries_left, contents.puk_tries_left), (Some(3), Some(2)));
    assert_eq!((contents.pin.shortest, contents.pin.longest), (6, 127));
    let places: Vec<_> = contents.keys.iter().map(|key| key.reference.as_str()).collect();
    assert_eq!(places, ["sign", "decrypt"]);
    let (sign, decrypt) = (&contents.keys[0], &contents.keys[1]);
    assert_eq!((sign.algorithm, &sign.public_key[..]), (Algorithm::P256, &document[..]));
    assert_eq!((sign.pin_policy, decrypt.pin_policy), (PinPolicy::Always, PinPolicy::Once));
    assert_eq!(sign.touch_policy, TouchPolicy::Always);
    assert!(sign.usage.sign && !sign.usage.derive && decrypt.usage.derive && !decrypt.usage.sign);
    assert_eq!(sign.certificates, [certificate]);
    let generates: Vec<_> = contents.capabilities.generates.iter().copied().collect();
    assert_eq!(generates, [Algorithm::P256, Algorithm::Ed25519, Algorithm::X25519], "as its places are now");
}

#[test]
fn a_certificate_of_another_key_is_left_out() {
    let other = spki::of_point(Algorithm::Ed25519, &[3; 32]).unwrap();
    for kept in [tlv::element(0x30, &[&other]).to_vec(), b"a note".to_vec()] {
        let answer = [&kept[..], OK].concat();
        assert!(contents_of(dialogue(related([3, 0, 3], &[]), answer)).keys[0].certificates.is_empty());
    }
}

/// YubiKeys up to 5.4.3 want the length once more before the path.
#[test]
fn an_old_yubikey_is_asked_in_its_own_way() {
    let mut dialogue = dialogue(related([3, 0, 3], &[]), OK.to_vec());
    for (place, number) in [(4, 2), (8, 1)] {
        dialogue[place].1 = b"\x6a\x80".to_vec();
        let again = [&[0x00, 0xa5, number, 0x04, 0x07, 0x06][..], b"\x60\x04\x5c\x02\x7f\x21"].concat();
        dialogue.insert(place + 1, (again, OK.to_vec()));
    }
    assert_eq!(contents_of(dialogue).keys.len(), 2);
}

#[test]
fn a_card_without_the_application_has_none() {
    for status in [b"\x6a\x82", b"\x6d\x00", b"\x62\x85"] {
        let mut card = Replay::new([(SELECT.to_vec(), status.to_vec())]);
        assert_eq!(read(&mut card), Ok(None));
    }
    // No answer to the question whether it is there.
    for word in [0x6F00_u16, 0x6581, 0x6985, 0x6400] {
        let mut card = Replay::new([(SELECT.to_vec(), word.to_be_bytes().to_vec())]);
        assert_eq!(read(&mut card), Err(CardError::Status("SELECT", word)));
    }
}

#[test]
fn another_card_is_told_apart() {
    let aid = b"\xd2\x76\x00\x01\x24\x01\x03\x04\x00\x06\x12\x34\x56\x78\x00\x00\x90\x00";
    let get: &[u8] = b"\x00\xca\x00\x4f\x00";
    assert_eq!(recognize(&mut card(&[(get, aid)]), "000612345678"), Ok(()));
    assert!(matches!(recognize(&mut card(&[(get, aid)]), "000612345679"), Err(CardError::Wrong(_))));
    let mut none = Replay::new([(SELECT.to_vec(), b"\x6a\x82".to_vec())]);
    assert!(matches!(recognize(&mut none, "000612345678"), Err(CardError::Wrong(_))));
    for length in 0..aid.len() {
        let outcome = recognize(&mut card(&[(get, &aid[..length])]), "000612345678");
        assert!(outcome.is_err(), "{length}");
    }
}

/// Every answer, cut off at every length: an error, never another card.
#[test]
fn no_answer_that_is_cut_off_is_believed() {
    for dialogue in [dialogue(related([3, 0, 3], &[]), OK.to_vec()), recorded()] {
        for turn in 0..dialogue.len() {
            for length in 0..dialogue[turn].1.len() {
                let mut dialogue = dialogue.clone();
                dialogue[turn].1.truncate(length);
                let mut card = Replay::new(dialogue).astray();
                let outcome = read(&mut card);
                assert!(outcome.is_err(), "turn {turn}, {length} bytes: {outcome:?}");
            }
        }
    }
}

/// Every byte of every answer changed: no panic, and what is believed is sound.
#[test]
fn no_answer_that_is_changed_breaks_anything() {
    for dialogue in [dialogue(related([3, 0, 3], &[1, 0x20]), OK.to_vec()), recorded()] {
        for turn in 0..dialogue.len() {
            for place in 0..dialogue[turn].1.len() {
                for change in [0x01, 0x20, 0x80, 0xff] {
                    let mut dialogue = dialogue.clone();
                    dialogue[turn].1[place] ^= change;
                    let outcome = read(&mut Replay::new(dialogue).astray());
                    let keys = outcome.ok().flatten().map(|contents| contents.keys).unwrap_or_default();
                    for key in keys {
                        let found = spki::parse(&key.public_key).map(|(algorithm, _)| algorithm);
                        assert_eq!(found, Some(key.algorithm));
                    }
                }
            }
        }
    }
}

#[test]
fn a_real_card_is_read() {
    let contents = contents_of(recorded());
    let keys: Vec<_> = contents.keys.iter().map(|key| (key.reference.as_str(), key.algorithm)).collect();
    assert_eq!(
        keys,
        [("sign", Algorithm::P256), ("decrypt", Algorithm::Rsa2048), ("authenticate", Algorithm::Ed25519)]
    );
    assert_eq!((contents.serial.as_str(), contents.pin.longest), ("fffe00000007", 127));
    assert_eq!(contents.capabilities.generates.len(), 8);
    assert_eq!(contents.capabilities.data_limit, 0x1db9 - 9);
}

/// Objects nested so deep that whoever follows them has no stack left.
#[test]
fn deep_nesting_is_survived() {
    let mut answer = vec![0xe0; 60_000];
    for pair in answer.chunks_mut(4) {
        pair.copy_from_slice(&[0xe0, 0x82, 0xea, 0x5c]);
    }
    answer.extend_from_slice(OK);
    let mut card = card(&[(RELATED, &answer)]);
    assert!(matches!(read(&mut card), Err(CardError::Malformed(_))));
}

/// What went between this crate and opcard 1.11 (RSA over extended lengths, a long answer in pieces, KDF-DO set).
fn recorded() -> Vec<(Vec<u8>, Vec<u8>)> {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|place| u8::from_str_radix(&text[place..place + 2], 16).unwrap())
            .collect()
    };
    let turns = include_str!("opcard-read.txt").split_whitespace().map(|turn| turn.split_once('/').unwrap());
    turns.map(|(command, answer)| (hex(command), hex(answer))).collect()
}
