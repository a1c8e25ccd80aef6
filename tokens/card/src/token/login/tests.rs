use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use claviger_conformance::block_on;
use claviger_token::{
    Algorithm, Binding, Capabilities, KeyHandle, KeyId, KeyInfo, Mechanism, Parameters, PinPolicy, Secret,
    Spare, Token, TokenError, TokenOp, TokenOutput, TouchPolicy,
};

use crate::reader::{Next, Reader};
use crate::registry::{Registry, played};
use crate::ticket::{Done, PinSource, Work};
use crate::{CardError, CardKey, CardOp, CardOutput, CardToken, Contents, Kind, PinRules};

/// What a card got to see.
type Seen = (&'static str, Option<Vec<u8>>);

/// A card in a reader whose thread answers so, one request after the other, and tells in the end what came. The token
/// has only a weak reference to the registry.
fn card(answers: Vec<Result<(), CardError>>) -> (Arc<CardToken>, JoinHandle<Vec<Seen>>, Arc<Registry>) {
    let contents = contents();
    let (registry, reader) = played::with_card(contents.clone());
    let token = registry.token(&contents.token());
    let played =
        thread::spawn(move || answers.into_iter().map(|answer| play(&reader, || {}, answer)).collect());
    (token, played, registry)
}

/// Serves the next request; something happens while the card is at it.
fn play(reader: &Reader, meanwhile: impl FnOnce(), answer: Result<(), CardError>) -> Seen {
    let Next::Ticket(ticket) = reader.next(None) else { panic!("a request is next") };
    let Some(Work::Perform(request)) = ticket.take_work() else { panic!("the card is asked for something") };
    let (what, output) = match &request.operation {
        CardOp::Verify { .. } => ("verify", CardOutput::Done),
        CardOp::Sign { .. } => ("sign", CardOutput::Signature(vec![1; 64])),
        CardOp::Authenticate { .. } => ("authenticate", CardOutput::Signature(vec![2; 64])),
        _ => panic!("nobody asks for that"),
    };
    let pin = match &request.pin {
        PinSource::Given(pin) => Some(pin.clone()),
        PinSource::Kept(pin) => pin.get(),
        PinSource::None | PinSource::Pad => None,
    };
    meanwhile();
    let contents = Arc::new(contents());
    ticket.answer(answer.map(|()| Done { output, contents }));
    reader.rest();
    (what, pin.map(|pin| pin.expose().to_vec()))
}

fn contents() -> Contents {
    Contents {
        kind: Kind::Piv,
        serial: "00112233445566778899aabbccddeeff".to_owned(),
        name: "a card".to_owned(),
        keys: vec![CardKey {
            reference: "9a".to_owned(),
            algorithm: Algorithm::P256,
            public_key: b"key".as_slice().into(),
            usage: Algorithm::P256.usage(),
            pin_policy: PinPolicy::Once,
            touch_policy: TouchPolicy::Never,
            certificates: Vec::new(),
        }],
        capabilities: Arc::new(Capabilities {
            mechanisms: BTreeSet::from([Mechanism::Ecdsa]),
            generates: BTreeSet::new(),
            imports: BTreeSet::new(),
            erases: false,
            data_limit: 512,
        }),
        pin: PinRules { shortest: 6, longest: 8, digits_only: true },
        tries_left: Some(3),
        puk_tries_left: None,
    }
}

fn sign() -> TokenOp {
    let (id, algorithm) = (KeyId::from_bytes([1; 16]), Algorithm::P256);
    let info = KeyInfo { id, algorithm, usage: algorithm.usage(), public_key: b"key".as_slice().into() };
    let binding = Binding { uid: 1000, user_name: "alice".into(), key: id, created: 0 };
    let key =
        KeyHandle { info: Arc::new(info), reference: "9a".into(), record: None, binding: Arc::new(binding) };
    TokenOp::Sign { key, mechanism: Mechanism::Ecdsa, parameters: Parameters::default(), data: vec![7; 32] }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn log_in(token: &CardToken, pin: Option<&str>) -> Result<Vec<u8>, TokenError> {
    match block_on(token.authenticate(pin.map(secret), Spare::Two, sign()))? {
        TokenOutput::Signature(signature) => Ok(signature),
        _ => panic!("a login gives a signature"),
    }
}

fn unlock(token: &CardToken, pin: &str, spare: Spare) -> Result<(), TokenError> {
    block_on(token.perform(TokenOp::Unlock { secret: secret(pin), slots: None, spare })).map(drop)
}

const WRONG: CardError = CardError::WrongPin { tries_left: Some(2) };
const REFUSED: TokenError = TokenError::WrongSecret { tries_left: Some(2) };

#[test]
fn a_stranger_at_the_prompt_neither_uses_the_kept_pin_nor_takes_it_away() {
    let (token, played, _held) = card(vec![Ok(()), Err(WRONG), Err(WRONG), Ok(())]);
    assert_eq!(unlock(&token, "123456", Spare::Last), Ok(()));
    for unfit in ["", "12345", "123456789", "12345x"] {
        let refused = log_in(&token, Some(unfit));
        assert!(matches!(refused, Err(TokenError::SecretUnfit(_))), "{unfit:?}: {refused:?}");
    }
    assert_eq!(log_in(&token, None), Err(TokenError::Locked), "there is no pin pad");
    assert_eq!(log_in(&token, Some("654321")), Err(REFUSED));
    assert!(token.is_unlocked(), "alice works on");
    assert_eq!(unlock(&token, "654321", Spare::Two), Err(REFUSED), "a login in two steps");
    assert!(token.is_unlocked());
    block_on(token.perform(sign())).map(drop).expect("alice signs");
    let pin = |pin: &str| Some(pin.as_bytes().to_vec());
    let expected = [
        ("verify", pin("123456")),
        ("authenticate", pin("654321")),
        ("verify", pin("654321")),
        ("sign", pin("123456")),
    ];
    assert_eq!(played.join().expect("the card was played"), expected, "what did not fit never came");
}

#[test]
fn a_login_with_the_right_pin_unlocks() {
    let (token, played, _held) = card(vec![Ok(()), Ok(())]);
    assert!(!token.is_unlocked());
    assert_eq!(log_in(&token, Some("123456")), Ok(vec![2; 64]));
    assert!(token.is_unlocked());
    block_on(token.perform(sign())).map(drop).expect("the PIN is kept");
    let pin = || Some(b"123456".to_vec());
    assert_eq!(played.join().expect("the card was played"), [("authenticate", pin()), ("sign", pin())]);
}

#[test]
fn a_kept_pin_that_the_card_refuses_is_dropped_and_so_is_one_that_its_owner_contradicts() {
    let (token, played, _held) = card(vec![Ok(()), Err(WRONG), Ok(()), Err(WRONG)]);
    assert_eq!(unlock(&token, "123456", Spare::Last), Ok(()));
    assert_eq!(block_on(token.perform(sign())).err(), Some(REFUSED));
    assert!(!token.is_unlocked(), "the card was given another PIN elsewhere");
    assert_eq!(unlock(&token, "123456", Spare::Last), Ok(()));
    assert_eq!(unlock(&token, "654321", Spare::Last), Err(REFUSED));
    assert!(!token.is_unlocked());
    assert_eq!(played.join().expect("the card was played").len(), 4);
}

#[test]
fn too_few_tries_refuse_a_login_and_leave_the_card_unlocked() {
    let kept = CardError::TriesKept { tries_left: 2 };
    let (token, played, _held) = card(vec![Ok(()), Err(kept)]);
    assert_eq!(unlock(&token, "123456", Spare::Last), Ok(()));
    assert_eq!(log_in(&token, Some("654321")), Err(TokenError::TriesKept { tries_left: 2 }));
    assert!(token.is_unlocked());
    assert_eq!(played.join().expect("the card was played").len(), 2);
}

#[test]
fn only_a_signature_is_a_login() {
    let (token, played, _held) = card(Vec::new());
    let refused = block_on(token.authenticate(Some(secret("123456")), Spare::Two, TokenOp::Lock));
    assert!(matches!(refused.err(), Some(TokenError::NotSupported(_))));
    assert!(played.join().expect("the card was played").is_empty());
}

#[test]
fn a_login_that_succeeds_while_the_card_is_locked_leaves_it_locked() {
    let (registry, reader) = played::with_card(contents());
    let token = registry.token(&contents().token());
    let locking = Arc::clone(&token);
    let played = thread::spawn(move || play(&reader, || locking.lock(), Ok(())));
    assert_eq!(log_in(&token, Some("123456")), Ok(vec![2; 64]), "it was proved all the same");
    assert!(!token.is_unlocked());
    played.join().expect("the card was played");
}
