//! What PIV does with cards: recorded ones, scripted ones, and one of toy strength.
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod dialogues;
mod managing;
mod pins;
mod refusals;
mod toy;
mod yubikey;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use claviger_token::{Algorithm, Capabilities, Mechanism, Parameters, Secret, TouchPolicy};

use super::place::Place;
use crate::replay::Replay;
use crate::{CardError, CardKey, CardOp, CardOutput, Contents, Exchange, Kind, Pin, PinRules, spki};

/// SELECT, and the shortest answer.
const SELECT: (&[u8], &[u8]) = (b"\x00\xa4\x04\x00\x09\xa0\x00\x00\x03\x08\x00\x00\x10\x00\x00", OK);
const VERIFY: &[u8] = b"\x00\x20\x00\x80\x08123456\xff\xff";
const LOGOUT: (&[u8], &[u8]) = (b"\x00\x20\xff\x80", OK);
const STATUS: &[u8] = b"\x00\x20\x00\x80";
const OK: &[u8] = b"\x90\x00";
const ANY: &[u8] = b"";

/// A card that goes through those turns.
fn card(turns: &[(&[u8], &[u8])]) -> Replay {
    Replay::new(turns.iter().map(|(command, answer)| (command.to_vec(), answer.to_vec())))
}

/// Contents with a P-256 key at each of these places.
fn contents(places: &[&str]) -> Contents {
    let point = PrivateKey::generate(&ECDH_P256).unwrap().compute_public_key().unwrap();
    let public_key = spki::of_point(Algorithm::P256, point.as_ref()).unwrap();
    Contents {
        kind: Kind::Piv,
        serial: "00112233445566778899aabbccddeeff".to_owned(),
        name: "a card".to_owned(),
        keys: places.iter().map(|place| key(place, Algorithm::P256, &public_key)).collect(),
        capabilities: Arc::new(Capabilities {
            mechanisms: BTreeSet::from([Mechanism::Ecdsa]),
            generates: BTreeSet::from([Algorithm::P256]),
            imports: BTreeSet::from([Algorithm::P256]),
            erases: false,
            data_limit: 512,
        }),
        pin: PinRules { shortest: 6, longest: 8, digits_only: true },
        tries_left: Some(3),
        puk_tries_left: None,
    }
}

fn key(reference: &str, algorithm: Algorithm, public_key: &[u8]) -> CardKey {
    let place = Place::from_reference(reference).unwrap();
    CardKey {
        reference: reference.to_owned(),
        algorithm,
        public_key: public_key.into(),
        usage: place.usage(algorithm),
        pin_policy: place.pin_policy(),
        touch_policy: TouchPolicy::Never,
        certificates: Vec::new(),
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// A signature over a digest, by the key at a place.
fn sign(reference: &str) -> CardOp {
    sign_with(reference, Algorithm::P256, Mechanism::Ecdsa, vec![7; 32])
}

fn sign_with(reference: &str, algorithm: Algorithm, mechanism: Mechanism, data: Vec<u8>) -> CardOp {
    CardOp::Sign {
        reference: reference.to_owned(),
        algorithm,
        mechanism,
        parameters: Parameters::default(),
        data,
    }
}

fn decrypt(reference: &str, algorithm: Algorithm, ciphertext: Vec<u8>) -> CardOp {
    let (mechanism, parameters) = (Mechanism::RsaX509, Parameters::default());
    CardOp::Decrypt { reference: reference.to_owned(), algorithm, mechanism, parameters, ciphertext }
}

fn derive(reference: &str, algorithm: Algorithm, peer: Vec<u8>) -> CardOp {
    CardOp::Derive { reference: reference.to_owned(), algorithm, peer }
}

/// Performs with the PIN 123456.
fn perform(card: &mut dyn Exchange, contents: &Contents, op: CardOp) -> Result<CardOutput, CardError> {
    super::perform(card, contents, Pin::Given(&secret("123456")), op)
}

/// The bytes of a signature, a plaintext or a shared secret.
fn bytes(output: Result<CardOutput, CardError>) -> Result<Vec<u8>, CardError> {
    Ok(match output? {
        CardOutput::Signature(signature) => signature,
        CardOutput::Plaintext(secret) | CardOutput::SharedSecret(secret) => secret.expose().to_vec(),
        _ => panic!("it gives no bytes"),
    })
}

/// Returns why it failed.
#[track_caller]
fn error<T>(outcome: Result<T, CardError>) -> CardError {
    outcome.err().expect("it should have failed")
}
