//! Dialogues with a card of toy strength: what is sent, in which order, and what is made of answers of every kind.

#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod making;
mod operating;
mod passwords;
mod reading;

use std::collections::BTreeSet;
use std::sync::Arc;

use claviger_token::{Algorithm, Capabilities, PinPolicy, Secret, TouchPolicy};

use super::slot::Slot;
use crate::replay::Replay;
use crate::{CardError, CardKey, CardOp, CardOutput, Contents, Kind, Pin, PinRules, spki, tlv};

const SELECT: &[u8] = b"\x00\xa4\x04\x00\x06\xd2\x76\x00\x01\x24\x01\x00";
const NO_KDF: Turn = (b"\x00\xca\x00\xf9\x00", b"\x6a\x88");
const VERIFY_SIGN: &[u8] = b"\x00\x20\x00\x81\x06123456";
const VERIFY_OTHER: &[u8] = b"\x00\x20\x00\x82\x06123456";
const VERIFY_ADMIN: &[u8] = b"\x00\x20\x00\x83\x0812345678";
const LOGOUT_SIGN: Turn = (b"\x00\x20\xff\x81", OK);
const LOGOUT_OTHER: Turn = (b"\x00\x20\xff\x82", OK);
const LOGOUT_ADMIN: Turn = (b"\x00\x20\xff\x83", OK);
const PASSWORDS: &[u8] = b"\x00\xca\x00\xc4\x00";
const OK: &[u8] = b"\x90\x00";

type Turn<'a> = (&'a [u8], &'a [u8]);

/// The card of that dialogue, which begins with SELECT.
fn card(turns: &[Turn<'_>]) -> Replay {
    let turns = [(SELECT, OK)].into_iter().chain(turns.iter().copied());
    Replay::new(turns.map(|(command, answer)| (command.to_vec(), answer.to_vec())))
}

/// Carries an operation out with the right PIN, and holds that the whole dialogue was spoken.
fn perform(turns: &[Turn<'_>], op: CardOp) -> Result<CardOutput, CardError> {
    let mut card = card(turns);
    let pin = secret("123456");
    let outcome = super::perform(&mut card, &contents(), Pin::Given(&pin), op);
    card.finish();
    assert!(!card.reset, "there was no need to reset it");
    outcome
}

/// Returns what went wrong.
fn error(outcome: Result<CardOutput, CardError>) -> CardError {
    outcome.err().expect("it is refused")
}

/// An operation that reaches no card.
fn unsent(pin: Pin<'_>, op: CardOp) -> CardError {
    let mut card = Replay::new([]);
    let error = error(super::perform(&mut card, &contents(), pin, op));
    assert!(card.sent.is_empty(), "nothing is sent");
    error
}

/// A card with a P-256 key to sign, X25519 to agree, and Ed25519 to authenticate.
fn contents() -> Contents {
    let key = |slot: Slot, algorithm: Algorithm, point: &[u8]| CardKey {
        reference: slot.name().to_owned(),
        algorithm,
        public_key: spki::of_point(algorithm, point).unwrap().into(),
        usage: slot.usage(algorithm),
        pin_policy: PinPolicy::Once,
        touch_policy: TouchPolicy::Never,
        certificates: Vec::new(),
    };
    Contents {
        kind: Kind::OpenPgp,
        serial: "000612345678".to_owned(),
        name: "Yubico AB 12345678".to_owned(),
        keys: vec![
            key(Slot::Sign, Algorithm::P256, POINT),
            key(Slot::Decrypt, Algorithm::X25519, &[9; 32]),
            key(Slot::Authenticate, Algorithm::Ed25519, &[7; 32]),
        ],
        capabilities: Arc::new(Capabilities {
            mechanisms: BTreeSet::new(),
            generates: BTreeSet::new(),
            imports: BTreeSet::new(),
            erases: false,
            data_limit: 512,
        }),
        pin: PinRules { shortest: 6, longest: 127, digits_only: false },
        tries_left: Some(3),
        puk_tries_left: Some(3),
    }
}

fn object(tag: u32, parts: &[&[u8]]) -> Vec<u8> {
    tlv::element(tag, parts).to_vec()
}

/// Application related data of a card with P-256, X25519 and Ed25519: PW1 good for one signature, that many tries at
/// PW1, the Resetting Code and PW3, and these user interaction flags.
fn related(tries: [u8; 3], touch: &[u8]) -> Vec<u8> {
    let passwords = [&[0, 127, 127, 127][..], &tries].concat();
    let mut inner = vec![
        object(0xc0, &[b"\x34\x00\x00\xff\x08\x00\x00\xff\x00\x00"]),
        object(0xc1, &[b"\x13\x2a\x86\x48\xce\x3d\x03\x01\x07"]),
        object(0xc2, &[b"\x12\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01"]),
        object(0xc3, &[b"\x16\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"]),
        object(0xc4, &[&passwords]),
        object(0xde, &[b"\x01\x01\x02\x01\x03\x00"]),
    ];
    if !touch.is_empty() {
        inner.extend([0xd6, 0xd7, 0xd8].map(|tag| object(tag, &[touch])));
    }
    let inner = inner.concat();
    let mut answer = [
        object(0x4f, &[b"\xd2\x76\x00\x01\x24\x01\x03\x04\x00\x06\x12\x34\x56\x78\x00\x00"]),
        object(0x5f52, &[b"\x00\x31\xf5\x73\xc0\x01\x80\x05\x90\x00"]),
        object(0x73, &[&inner]),
    ]
    .concat();
    answer.extend_from_slice(OK);
    answer
}

const RELATED: &[u8] = b"\x00\xca\x00\x6e\x00";

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// The base point of P-256 (SP 800-186, 3.2.1.3).
const POINT: &[u8] = b"\x04\
    \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
    \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";
