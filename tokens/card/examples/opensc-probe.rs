//! Talks to the OpenSC helper by hand: `opensc-probe SOCKET READER`, then lines on standard input, each answered by one
//! line or more and an empty one.
//!
//! `read`, `verify PIN [last]`, `sign REFERENCE MECHANISM HEX [PIN]`, `loop COUNT REFERENCE MECHANISM HEX PIN`,
//! `decrypt REFERENCE MECHANISM HEX [PIN]`, `derive REFERENCE HEX [PIN]`, `change OLD NEW`, `unblock PUK NEW`,
//! `deadline MS`, `connect`.

#![allow(clippy::unwrap_used, reason = "a tool for the one who tests")]

use std::io::stdin;
use std::path::Path;
use std::time::{Duration, Instant};

use claviger_card::opensc::Helper;
use claviger_card::{CardError, CardKey, CardOp, CardOutput, Contents, Pin};
use claviger_token::{Algorithm, Mechanism, Parameters, Secret, Spare};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (socket, reader) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut wait = Duration::from_secs(20);
    let connect = |wait| Helper::connect(Path::new(&socket), &reader, Instant::now() + wait);
    let mut helper = connect(wait);
    let mut contents: Option<Contents> = None;
    for line in stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let begin = Instant::now();
        let outcome = match (words.as_slice(), &mut helper) {
            (["deadline", milliseconds], _) => {
                wait = Duration::from_millis(milliseconds.parse().unwrap());
                Ok("ok".to_owned())
            }
            (["connect"], _) => {
                helper = connect(wait);
                helper.as_ref().map(|_| "ok".to_owned()).map_err(Clone::clone)
            }
            (_, Err(error)) => Err(error.clone()),
            (["read"], Ok(helper)) => helper.read(begin + wait).map(|read| {
                contents.clone_from(&read);
                read.map_or("none".to_owned(), |read| show(&read))
            }),
            (["loop", count, rest @ ..], Ok(helper)) => (0..count.parse().unwrap())
                .try_fold(String::new(), |_, _| {
                    perform(helper, contents.as_ref(), &[&["sign"], rest].concat(), Instant::now() + wait)
                }),
            (words, Ok(helper)) => perform(helper, contents.as_ref(), words, begin + wait),
        };
        match outcome {
            Ok(text) => println!("{text}"),
            Err(error) => println!("error {error:?}: {error}"),
        }
        println!("in {:?}\n", begin.elapsed());
    }
}

/// Contents, one key a line.
fn show(contents: &Contents) -> String {
    let Contents { serial, name, keys, capabilities, pin, tries_left, .. } = contents;
    let mut text = format!("{serial} \"{name}\" {capabilities:?} {pin:?} {tries_left:?}");
    for key in keys {
        let (size, certificates) = (key.public_key.len(), key.certificates.len());
        let CardKey { reference, algorithm, usage, pin_policy, .. } = key;
        text += &format!(
            "\n{reference} {algorithm} {usage:?} {pin_policy:?} {size} bytes, {certificates} certificates"
        );
    }
    text
}

fn perform(
    helper: &mut Helper,
    contents: Option<&Contents>,
    words: &[&str],
    deadline: Instant,
) -> Result<String, CardError> {
    let secret = |text: &str| Secret::new(text.as_bytes().to_vec());
    let contents = contents.ok_or(CardError::Reader("read first".into()))?;
    let algorithm = |reference: &str| contents.key(reference).map_or(Algorithm::P256, |key| key.algorithm);
    let parameters = Parameters::default();
    let (operation, pin) = match words {
        ["verify", pin] => (CardOp::Verify { spare: Spare::Last }, Some(*pin)),
        ["verify", pin, "last"] => (CardOp::Verify { spare: Spare::Nothing }, Some(*pin)),
        ["sign", reference, mechanism, data, pin @ ..] => {
            let mechanism = Mechanism::from_name(mechanism).unwrap();
            let (algorithm, reference) = (algorithm(reference), (*reference).to_owned());
            let data = bytes(data);
            (CardOp::Sign { reference, algorithm, mechanism, parameters, data }, pin.first().copied())
        }
        ["decrypt", reference, mechanism, data, pin @ ..] => {
            let mechanism = Mechanism::from_name(mechanism).unwrap();
            let (algorithm, reference) = (algorithm(reference), (*reference).to_owned());
            let ciphertext = bytes(data);
            (
                CardOp::Decrypt { reference, algorithm, mechanism, parameters, ciphertext },
                pin.first().copied(),
            )
        }
        ["derive", reference, peer, pin @ ..] => {
            let (algorithm, reference) = (algorithm(reference), (*reference).to_owned());
            (CardOp::Derive { reference, algorithm, peer: bytes(peer) }, pin.first().copied())
        }
        ["change", old, new] => {
            (CardOp::ChangePin { old: secret(old), new: secret(new), spare: Spare::Last }, None)
        }
        ["unblock", puk, new] => (CardOp::UnblockPin { puk: secret(puk), new: secret(new) }, None),
        _ => return Err(CardError::Reader("no such command".into())),
    };
    let pin = pin.map(secret);
    let pin = match &pin {
        Some(pin) if pin.expose() == b"pad" => Pin::Pad,
        Some(pin) => Pin::Given(pin),
        None => Pin::None,
    };
    Ok(match helper.perform(contents, pin, operation, deadline)? {
        CardOutput::Signature(bytes) => hexadecimal(&bytes),
        CardOutput::Plaintext(secret) | CardOutput::SharedSecret(secret) => hexadecimal(secret.expose()),
        CardOutput::Generated(_) => unreachable!("no key is made"),
        CardOutput::Attestation(certificates) => format!("{} certificates", certificates.len()),
        CardOutput::Done => "done".to_owned(),
    })
}

/// `DIGITS`, or `DIGITS*COUNT` for a pattern over and over.
fn bytes(text: &str) -> Vec<u8> {
    let (digits, count) =
        text.split_once('*').map_or((text, 1), |(digits, count)| (digits, count.parse().unwrap()));
    let pairs = digits.as_bytes().chunks_exact(2);
    let bytes: Vec<u8> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect();
    bytes.repeat(count)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
