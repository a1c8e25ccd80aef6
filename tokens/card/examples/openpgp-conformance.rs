//! The suite that every token passes, over the OpenPGP card in a reader; then what the suite does not ask of tokens
//! in general: certificates, PINs. The card loses its keys. `PCSCLITE_CSOCK_NAME` names pcscd's socket; the PIN is
//! 123456 and the Admin PIN 12345678.

#![allow(clippy::unwrap_used, reason = "this is a tool for tests: a failure here is its user's")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use claviger_card::{CardToken, Cards, CardsConfig, Inside, Kind};
use claviger_conformance::{Subject, block_on, run};
use claviger_token::{Algorithm, Binding, KeyId, Secret, Site, Token, TokenError, TokenOp, Usage};

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
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let key = KeyId::from_bytes([number; 16]);
        Binding { uid: 1000, user_name: "alice".into(), key, created: 1_800_000_000 }
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
    let only: Vec<_> = std::env::args().skip(1).collect();
    if only.is_empty() || only.contains(&"suite".to_owned()) {
        run(&card);
    }
    if only.is_empty() || only.contains(&"pins".to_owned()) {
        pins(&card);
    }
    if only.is_empty() || only.contains(&"certificates".to_owned()) {
        certificates(&card);
    }
    cards.stop();
}

/// Wrong ones, the last try, changing, unblocking by the Admin PIN.
fn pins(card: &Card) {
    let token = &card.token;
    let unlock = |pin: &str, last_try| {
        block_on(token.perform(TokenOp::Unlock { secret: secret(pin), slots: None, last_try })).map(drop)
    };
    let wrong = |tries| Err(TokenError::WrongSecret { tries_left: Some(tries) });
    assert_eq!(unlock("123457", false), wrong(2));
    assert!(matches!(unlock("12345", false), Err(TokenError::SecretUnfit(_))));
    assert_eq!(unlock("123457", false), wrong(1));
    assert_eq!(unlock(PIN, false), Err(TokenError::LastTry));
    assert_eq!(unlock(PIN, true), Ok(()));
    assert_eq!(unlock("123457", false), wrong(2), "the right one counts anew");
    assert_eq!(unlock("123457", false), wrong(1));
    assert_eq!(unlock("123457", true), Err(TokenError::Blocked));
    assert_eq!(unlock(PIN, true), Err(TokenError::Blocked));
    let unblock = |code: &str, new: &str| block_on(token.unblock_pin(secret(code), secret(new)));
    assert_eq!(unblock("12345679", "654321"), Err(TokenError::WrongAuthority("Admin PIN")));
    assert_eq!(unblock(ADMIN_PIN, "654321"), Ok(()));
    assert_eq!(unlock("654321", false), Ok(()));
    let change = |old: &str, new: &str| block_on(token.change_pin(secret(old), secret(new), false));
    assert_eq!(change(PIN, "111111"), wrong(2));
    assert_eq!(change("654321", PIN), Ok(()));
    assert_eq!(unlock(PIN, false), Ok(()));
    println!("{}: PINs", token.id());
}

/// Written, read back with the key it is of, refused with another's, erased.
fn certificates(card: &Card) {
    let token = &card.token;
    let unlocked =
        block_on(token.perform(TokenOp::Unlock { secret: secret(PIN), slots: None, last_try: false }));
    assert!(unlocked.is_ok());
    for slot in ["sign", "decrypt", "authenticate"] {
        let operation =
            TokenOp::Generate { algorithm: Algorithm::P256, binding: card.new_binding(), site: site(slot) };
        assert!(block_on(token.perform(operation)).is_ok());
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

fn site(slot: &str) -> Site {
    Site { slot: Some(slot.into()), authority: Some(secret(ADMIN_PIN)), ..Site::default() }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}
