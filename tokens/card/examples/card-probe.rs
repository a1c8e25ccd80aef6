//! Every reader and card, driven by hand or by a script: lines in, lines out.
//!
//! It is how this crate is tried on a real pcscd (`PCSCLITE_CSOCK_NAME` names its socket). A line is a command and
//! its words; the answer is `ok …` or `error …`. What happens to cards is told in between, as `event …`.

#![allow(clippy::unwrap_used, reason = "this is a tool for tests: it may end where its user errs")]

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use claviger_card::{CardEvent, CardKey, CardToken, Cards, CardsConfig, Inside, Kind};
use claviger_conformance::block_on;
use claviger_token::{
    Algorithm, Binding, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, Secret, Site, Spare, Token,
    TokenError, TokenId, TokenOp, TokenOutput,
};

type Answer = Result<String, String>;

fn main() {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(std::io::stderr);
    log.with_ansi(false).init();
    let mut config = CardsConfig::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().unwrap();
        let milliseconds = || Duration::from_millis(value.parse().unwrap());
        match argument.as_str() {
            "--wait" => config.wait = milliseconds(),
            "--deadline" => config.deadline = milliseconds(),
            "--linger" => config.linger = milliseconds(),
            "--opensc" => config.opensc_socket = Some(value.into()),
            "--applications" => {
                config.applications = value.split(',').map(|kind| Kind::from_name(kind).unwrap()).collect();
            }
            other => panic!("{other}?"),
        }
    }
    let cards = Cards::start(config);
    let start = Instant::now();
    let mut events = cards.subscribe();
    thread::spawn(move || {
        while let Some(event) = events.blocking_recv() {
            let at = start.elapsed().as_millis();
            match event {
                CardEvent::Token { token, presence, at: known } => {
                    let after = known.elapsed().as_micros();
                    say(&format!("event {at} {token} {presence:?} after {after} us"));
                }
                CardEvent::Readers => say(&format!("event {at} readers")),
            }
        }
    });
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split_whitespace().collect();
        let begun = Instant::now();
        let answer = match words.as_slice() {
            ["quit"] => break,
            // In the background: its answer comes when it comes, and names itself.
            ["&", rest @ ..] => {
                let (cards, rest) = (Arc::clone(&cards), rest.join(" "));
                thread::spawn(move || {
                    let words: Vec<_> = rest.split_whitespace().collect();
                    let answer = obey(&cards, &words);
                    say(&format!("background {} {rest}: {answer:?}", begun.elapsed().as_millis()));
                });
                continue;
            }
            words => obey(&cards, words),
        };
        let took = begun.elapsed().as_micros();
        match answer {
            Ok(text) => say(&format!("ok {took} {text}")),
            Err(text) => say(&format!("error {took} {text}")),
        }
    }
    let begun = Instant::now();
    cards.stop();
    say(&format!("stopped {}", begun.elapsed().as_millis()));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

fn obey(cards: &Cards, words: &[&str]) -> Answer {
    let number = |word: &str| word.parse::<usize>().unwrap();
    let token = |id: &str| cards.token(&TokenId::new(id));
    match *words {
        ["list"] => Ok(list(cards)),
        ["show", id] => show(&token(id)),
        ["presence", id] => Ok(format!("{:?}", token(id).presence())),
        ["unlock", id, pin] => unlock(&token(id), pin, Spare::Last),
        ["unlock-last", id, pin] => unlock(&token(id), pin, Spare::Nothing),
        ["login", id, place, pin] => log_in(&token(id), place, pin),
        ["lock", id] => {
            token(id).lock();
            Ok(String::new())
        }
        ["sign", id, place, count] => sign(&token(id), place, number(count)),
        ["parallel", id, place, threads, count] => {
            parallel(&token(id), place, number(threads), number(count))
        }
        ["drop", id, place, count] => drop_half_way(&token(id), place, number(count)),
        ["generate", id, algorithm, place] => generate(&token(id), algorithm, place),
        ["change-pin", id, old, new] => {
            let outcome = block_on(token(id).change_pin(secret(old), secret(new), Spare::Last));
            outcome.map(|()| String::new()).map_err(text)
        }
        ["unblock-pin", id, puk, new] => {
            let outcome = block_on(token(id).unblock_pin(secret(puk), secret(new)));
            outcome.map(|()| String::new()).map_err(text)
        }
        ["verify-on-pad", id] => {
            block_on(token(id).verify_on_pad(Spare::Last)).map(|()| String::new()).map_err(text)
        }
        ["init", id] => {
            block_on(token(id).initialize(Some(authority()))).map(|id| id.to_string()).map_err(text)
        }
        ["attest", id, place] => {
            let attested = block_on(token(id).attest(place)).map_err(text)?;
            Ok(format!("{} certificates", attested.len()))
        }
        ["reread", id] => {
            let contents = block_on(cards.reread(&TokenId::new(id))).map_err(text)?;
            Ok(format!("{} keys", contents.keys.len()))
        }
        ["expect", id] => {
            cards.expect(&[TokenId::new(id)]);
            Ok(String::new())
        }
        ["sleep"] => {
            cards.sleep();
            Ok(String::new())
        }
        ["wake"] => {
            cards.wake();
            Ok(String::new())
        }
        _ => Err(format!("what is {words:?}?")),
    }
}

fn list(cards: &Cards) -> String {
    let states = cards.snapshot();
    let rows = states.iter().map(|state| {
        let inside = match &state.inside {
            Inside::Applications(contents) => {
                let ids: Vec<_> = contents.iter().map(|contents| contents.token().to_string()).collect();
                ids.join(",")
            }
            other => format!("{other:?}"),
        };
        format!("[{}: {inside}{}]", state.reader, if state.pin_pad { ", pin pad" } else { "" })
    });
    rows.collect::<Vec<_>>().join(" ")
}

fn show(token: &CardToken) -> Answer {
    let contents = token.contents().ok_or("never seen")?;
    let keys = contents.keys.iter().map(|key| {
        let CardKey { reference, algorithm, pin_policy, certificates, .. } = key;
        format!("{reference}={algorithm}/{}/{}", pin_policy.name(), certificates.len())
    });
    let keys = keys.collect::<Vec<_>>().join(" ");
    let (tries, puk) = (contents.tries_left, contents.puk_tries_left);
    let (unlocked, reader) = (token.is_unlocked(), token.reader());
    Ok(format!("{:?} tries={tries:?}/{puk:?} unlocked={unlocked} reader={reader:?} {keys}", contents.name))
}

fn unlock(token: &CardToken, pin: &str, spare: Spare) -> Answer {
    let operation = TokenOp::Unlock { secret: secret(pin), slots: None, spare };
    block_on(token.perform(operation)).map(|_| String::new()).map_err(text)
}

fn handle(token: &CardToken, place: &str) -> Result<KeyHandle, String> {
    static REMEMBERED: Mutex<BTreeMap<String, CardKey>> = Mutex::new(BTreeMap::new());
    let mut remembered = REMEMBERED.lock().unwrap();
    let name = format!("{} {place}", token.id());
    if let Some(key) = token.contents().and_then(|contents| contents.key(place).cloned()) {
        remembered.entry(name.clone()).or_insert(key);
    }
    let key = remembered.get(&name).ok_or("no such key was ever seen")?;
    let id = KeyId::from_bytes([7; 16]);
    let (algorithm, usage) = (key.algorithm, key.algorithm.usage());
    let public_key = Arc::clone(&key.public_key);
    Ok(KeyHandle {
        info: Arc::new(KeyInfo { id, algorithm, usage, public_key }),
        reference: place.into(),
        record: None,
        binding: Arc::new(Binding { uid: 0, user_name: "root".into(), key: id, created: 0 }),
    })
}

/// A signature over SHA-256, in the one form or the other that cards take.
fn operation(token: &CardToken, key: &KeyHandle) -> TokenOp {
    let digest = digest(&SHA256, b"a message");
    let (mechanism, data) = match key.info.algorithm.modulus_size() {
        None => (Mechanism::Ecdsa, digest.as_ref().to_vec()),
        Some(size) => {
            let info = [DIGEST_INFO, digest.as_ref()].concat();
            let padding = vec![0xff; size - info.len() - 3];
            let block = [&[0, 1], &padding[..], &[0], &info].concat();
            match token.capabilities().mechanisms.contains(&Mechanism::RsaPkcs) {
                true => (Mechanism::RsaPkcs, info),
                false => (Mechanism::RsaX509, block),
            }
        }
    };
    TokenOp::Sign { key: key.clone(), mechanism, parameters: Parameters::default(), data }
}

fn sign_once(token: &CardToken, key: &KeyHandle) -> Answer {
    check(key, block_on(token.perform(operation(token, key))))
}

/// A login; without a PIN ("-") the pin pad asks.
fn log_in(token: &CardToken, place: &str, pin: &str) -> Answer {
    let (key, pin) = (handle(token, place)?, (pin != "-").then(|| secret(pin)));
    check(&key, block_on(token.authenticate(pin, Spare::Two, operation(token, &key))))
}

fn check(key: &KeyHandle, outcome: Result<TokenOutput, TokenError>) -> Answer {
    let TokenOutput::Signature(signature) = outcome.map_err(text)? else {
        return Err("no signature".into());
    };
    let spki = &key.info.public_key;
    let verified = match key.info.algorithm {
        Algorithm::P256 => {
            let point = &spki[spki.len() - 65..];
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(b"a message", &signature)
        }
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).verify(b"a message", &signature)
        }
        other => return Err(format!("no check of {other} signatures here")),
    };
    verified.map(|()| String::new()).map_err(|_| "a bad signature".to_owned())
}

fn sign(token: &CardToken, place: &str, count: usize) -> Answer {
    let key = handle(token, place)?;
    let mut times = Vec::new();
    for index in 0..count {
        let begun = Instant::now();
        sign_once(token, &key).map_err(|error| format!("{error} (after {index})"))?;
        times.push(begun.elapsed().as_micros());
    }
    times.sort_unstable();
    Ok(format!("p5 {} p50 {} us", times[count / 20], times[count / 2]))
}

fn parallel(token: &Arc<CardToken>, place: &str, threads: usize, count: usize) -> Answer {
    let key = handle(token, place)?;
    let begun = Instant::now();
    let errors: Vec<_> = thread::scope(|scope| {
        let work = || (0..count).filter_map(|_| sign_once(token, &key).err()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let rate = (threads * count) as f64 / begun.elapsed().as_secs_f64();
    let mut kinds = errors.clone();
    kinds.sort();
    kinds.dedup();
    Ok(format!("{} errors {kinds:?}, {rate:.0} per second", errors.len()))
}

/// Begins operations and gives each up before it is done.
fn drop_half_way(token: &Arc<CardToken>, place: &str, count: usize) -> Answer {
    let key = handle(token, place)?;
    for _ in 0..count {
        let mut future = token.perform(operation(token, &key));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if future.as_mut().poll(&mut context).is_ready() {
            return Err("it was done at once".into());
        }
    }
    Ok(String::new())
}

fn generate(token: &CardToken, algorithm: &str, place: &str) -> Answer {
    let site = Site { slot: Some(place.into()), authority: Some(authority()), ..Site::default() };
    let algorithm = Algorithm::from_name(algorithm).ok_or("no such algorithm")?;
    let binding = Binding { uid: 0, user_name: "root".into(), key: KeyId::from_bytes([7; 16]), created: 0 };
    match block_on(token.perform(TokenOp::Generate { algorithm, binding, site })).map_err(text)? {
        TokenOutput::Generated(made) => Ok(format!("{} {}", made.reference, made.algorithm)),
        _ => Err("no key".into()),
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

/// What stands before a SHA-256 digest (RFC 8017, 9.2, note 1).
const DIGEST_INFO: &[u8] = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20";

/// The management key that cards come with.
fn authority() -> Secret {
    Secret::new([1, 2, 3, 4, 5, 6, 7, 8].repeat(3))
}

fn text(error: impl std::fmt::Display + std::fmt::Debug) -> String {
    format!("{error} [{error:?}]")
}
