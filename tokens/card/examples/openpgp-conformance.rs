//! The suite that every token passes, over the OpenPGP card in a reader; then what the suite does not ask of tokens
//! in general: certificates, PINs. `PCSCLITE_CSOCK_NAME` names pcscd's socket; the PIN is 123456 and the Admin PIN
//! 12345678. Each argument is one thing to do, in that order:
//!
//! - `suite`, `pins`, `certificates` (all three without arguments): the card loses its keys;
//! - `existing`: the suite over the keys that are there, whoever made them;
//! - `sign=P-384`, `decrypt=X25519`, …: makes a key at that place.

#![allow(clippy::unwrap_used, reason = "this is a tool for tests: a failure here is its user's")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use claviger_card::{CardToken, Cards, CardsConfig, Inside, Kind};
use claviger_conformance::{Subject, block_on, run};
use claviger_token::{
    Algorithm, Binding, Capabilities, Errand, KeyHandle, KeyId, KeyInfo, Pace, Performing, Presence, Secret,
    Site, Spare, Token, TokenError, TokenId, TokenKind, TokenOp, Usage,
};

const PIN: &str = "123456";
const ADMIN_PIN: &str = "12345678";

struct Card {
    token: Arc<CardToken>,
    next: AtomicU8,
}

impl Subject for Card {
    fn token(&self) -> &dyn Token {
        &*self.token
    }

    fn secret(&self) -> Secret {
        secret(PIN)
    }

    fn new_binding(&self) -> Binding {
        binding(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn sites(&self, algorithm: Algorithm) -> Vec<(Site, Usage)> {
        let all = algorithm.usage();
        let mut sites = Vec::new();
        if all.sign {
            // The two that sign take turns.
            let turn = self.next.load(Ordering::Relaxed).is_multiple_of(2);
            let mut slots = ["sign", "authenticate"];
            if turn {
                slots.reverse();
            }
            let usage = Usage { sign: true, ..Usage::default() };
            sites.extend(slots.map(|slot| (site(slot), usage)));
        }
        if all.decrypt || all.derive {
            sites.push((site("decrypt"), Usage { sign: false, ..all }));
        }
        sites
    }

    fn room(&self) -> usize {
        2
    }
}

fn main() {
    let cards = Cards::start(CardsConfig { applications: vec![Kind::OpenPgp], ..CardsConfig::default() });
    let mut events = cards.subscribe();
    let id = loop {
        let states = cards.snapshot();
        let found = states.iter().find_map(|state| match &state.inside {
            Inside::Applications(contents) => contents.iter().find(|it| it.kind == Kind::OpenPgp).cloned(),
            _ => None,
        });
        match found {
            Some(contents) => break contents.token(),
            None => drop(events.blocking_recv().unwrap()),
        }
    };
    let card = Card { token: cards.token(&id), next: AtomicU8::new(0) };
    let contents = card.token.contents().unwrap();
    println!("{id} {:?} {:?}", contents.name, contents.capabilities);
    let mut wanted: Vec<_> = std::env::args().skip(1).collect();
    if wanted.is_empty() {
        wanted = ["suite", "pins", "certificates"].map(str::to_owned).to_vec();
    }
    for wanted in wanted {
        match (wanted.as_str(), wanted.split_once('=')) {
            ("suite", _) => run(&card),
            ("pins", _) => pins(&card),
            ("certificates", _) => certificates(&card),
            ("existing", _) => run(&Existing { token: AsItIs(Arc::clone(&card.token)) }),
            (_, Some((slot, algorithm))) => make(&card, slot, Algorithm::from_name(algorithm).unwrap()),
            (other, None) => panic!("{other}?"),
        }
    }
    cards.stop();
}

/// The card, as if it neither made nor took keys.
struct AsItIs(Arc<CardToken>);

impl Token for AsItIs {
    fn id(&self) -> &TokenId {
        self.0.id()
    }

    fn kind(&self) -> TokenKind {
        self.0.kind()
    }

    fn capabilities(&self) -> Arc<Capabilities> {
        let mut all = Capabilities::clone(&self.0.capabilities());
        let keys = self.0.contents().unwrap().keys.clone();
        all.mechanisms.retain(|mechanism| keys.iter().any(|key| mechanism.fits(key.algorithm)));
        Arc::new(Capabilities { generates: BTreeSet::new(), imports: BTreeSet::new(), ..all })
    }

    fn presence(&self) -> Presence {
        self.0.presence()
    }

    fn is_unlocked(&self) -> bool {
        self.0.is_unlocked()
    }

    fn is_ready(&self, key: &KeyHandle) -> bool {
        self.0.is_ready(key)
    }

    fn pace(&self, operation: &TokenOp) -> Pace {
        self.0.pace(operation)
    }

    fn perform(&self, operation: TokenOp) -> Performing<'_> {
        match operation {
            TokenOp::Generate { algorithm, .. } => {
                Box::pin(async move { Err(TokenError::AlgorithmNotSupported(algorithm)) })
            }
            TokenOp::Import { .. } => {
                Box::pin(async { Err(TokenError::NotSupported("take keys from outside")) })
            }
            operation => self.0.perform(operation),
        }
    }

    fn on_behalf_of(self: Arc<Self>, _errand: Errand) -> Arc<dyn Token> {
        self
    }
}

/// The keys that are there.
struct Existing {
    token: AsItIs,
}

impl Subject for Existing {
    fn token(&self) -> &dyn Token {
        &self.token
    }

    fn secret(&self) -> Secret {
        secret(PIN)
    }

    fn new_binding(&self) -> Binding {
        binding(1)
    }

    fn existing(&self) -> Vec<KeyHandle> {
        let contents = self.token.0.contents().unwrap();
        let keys = contents.keys.iter().map(|key| KeyHandle {
            info: Arc::new(KeyInfo {
                id: KeyId::from_bytes([1; 16]),
                algorithm: key.algorithm,
                usage: key.usage,
                public_key: Arc::clone(&key.public_key),
            }),
            reference: key.reference.as_str().into(),
            record: None,
            binding: Arc::new(binding(1)),
        });
        keys.collect()
    }
}

fn make(card: &Card, slot: &str, algorithm: Algorithm) {
    let operation = TokenOp::Unlock { secret: secret(PIN), slots: None, spare: Spare::Last };
    assert!(block_on(card.token.perform(operation)).is_ok());
    let operation = TokenOp::Generate { algorithm, binding: card.new_binding(), site: site(slot) };
    let made = block_on(card.token.perform(operation));
    assert!(made.is_ok(), "{slot} {algorithm}: {:?}", made.err());
    println!("{}: {slot} {algorithm}", card.token.id());
}

/// Wrong ones, the last try, changing, unblocking by the Admin PIN.
fn pins(card: &Card) {
    let token = &card.token;
    let unlock = |pin: &str, spare| {
        block_on(token.perform(TokenOp::Unlock { secret: secret(pin), slots: None, spare })).map(drop)
    };
    let wrong = |tries| Err(TokenError::WrongSecret { tries_left: Some(tries) });
    assert_eq!(unlock("123457", Spare::Last), wrong(2));
    assert!(matches!(unlock("12345", Spare::Last), Err(TokenError::SecretUnfit(_))));
    assert_eq!(unlock("123457", Spare::Last), wrong(1));
    assert_eq!(unlock(PIN, Spare::Last), Err(TokenError::LastTry));
    assert_eq!(unlock(PIN, Spare::Nothing), Ok(()));
    assert_eq!(unlock("123457", Spare::Last), wrong(2), "the right one counts anew");
    assert_eq!(unlock("123457", Spare::Last), wrong(1));
    assert_eq!(unlock("123457", Spare::Nothing), Err(TokenError::Blocked));
    assert_eq!(unlock(PIN, Spare::Nothing), Err(TokenError::Blocked));
    let unblock = |code: &str, new: &str| block_on(token.unblock_pin(secret(code), secret(new)));
    assert_eq!(unblock("12345679", "654321"), Err(TokenError::WrongAuthority("Admin PIN")));
    assert_eq!(unblock(ADMIN_PIN, "654321"), Ok(()));
    assert_eq!(unlock("654321", Spare::Last), Ok(()));
    let change = |old: &str, new: &str| block_on(token.change_pin(secret(old), secret(new), Spare::Last));
    assert_eq!(change(PIN, "111111"), wrong(2));
    assert_eq!(change("654321", PIN), Ok(()));
    assert_eq!(unlock(PIN, Spare::Last), Ok(()));
    println!("{}: PINs", token.id());
}

/// Written, read back with the key it is of, refused with another's, erased.
fn certificates(card: &Card) {
    let token = &card.token;
    for slot in ["sign", "decrypt", "authenticate"] {
        make(card, slot, Algorithm::P256);
    }
    let certificate = |slot: &str| token.contents().unwrap().key(slot).unwrap().certificates.clone();
    let write = |slot: &str, der: Vec<u8>, authority: Option<&str>| {
        block_on(token.write_certificate(slot, der, authority.map(secret)))
    };
    let key = |slot: &str| token.contents().unwrap().key(slot).unwrap().public_key.to_vec();
    // What a certificate is to the card: a sequence with the public key in it.
    let document = |slot: &str| {
        let padding = [&[0x04, 0x82, 0x02, 0x00][..], &[0x5a; 0x200]].concat();
        let content = [key(slot), padding].concat();
        [&[0x30, 0x82, (content.len() >> 8) as u8, content.len() as u8], &content[..]].concat()
    };
    for slot in ["sign", "decrypt", "authenticate"] {
        assert_eq!(write(slot, document(slot), None), Err(TokenError::AuthorityNeeded("Admin PIN")));
        assert_eq!(write(slot, document(slot), Some(ADMIN_PIN)), Ok(()), "{slot}");
        assert!(matches!(write(slot, vec![0x30], Some(ADMIN_PIN)), Err(TokenError::DataInvalid(_))));
    }
    for slot in ["sign", "decrypt", "authenticate"] {
        assert_eq!(certificate(slot), [document(slot)], "{slot}");
    }
    assert_eq!(write("sign", document("decrypt"), Some(ADMIN_PIN)), Ok(()));
    assert!(certificate("sign").is_empty(), "another key's certificate is none");
    for slot in ["sign", "decrypt", "authenticate"] {
        assert_eq!(write(slot, Vec::new(), Some(ADMIN_PIN)), Ok(()));
        assert!(certificate(slot).is_empty());
    }
    println!("{}: certificates", token.id());
}

fn binding(number: u8) -> Binding {
    let key = KeyId::from_bytes([number; 16]);
    Binding { uid: 1000, user_name: "alice".into(), key, created: 1_800_000_000 }
}

fn site(slot: &str) -> Site {
    Site { slot: Some(slot.into()), authority: Some(secret(ADMIN_PIN)), ..Site::default() }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}
