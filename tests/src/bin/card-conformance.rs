//! Runs the conformance suite over the only card that pcscd has: `card-conformance KIND PIN [AUTHORITY-IN-HEX]`.
//!
//! It is a program of its own because libpcsclite reads PCSCLITE_CSOCK_NAME once per process: each test has its own
//! pcscd, so each needs its own process. KIND is piv, openpgp or opensc; OpenSC's helper listens at
//! CLAVIGER_OPENSC_SOCKET.

#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use claviger_card::{CardEvent, CardToken, Cards, CardsConfig, Inside, Kind};
use claviger_conformance::Subject;
use claviger_token::{
    Algorithm, Binding, KeyHandle, KeyId, KeyInfo, Secret, Site, Token, TokenError, TokenOp, TokenOutput,
    Usage,
};

struct CardSubject {
    kind: Kind,
    token: Arc<CardToken>,
    pin: Vec<u8>,
    authority: Option<Vec<u8>>,
    bindings: AtomicU64,
    slots: AtomicUsize,
}

impl Subject for CardSubject {
    fn token(&self) -> &dyn Token {
        &*self.token
    }

    fn secret(&self) -> Secret {
        Secret::new(self.pin.clone())
    }

    fn wrong_secret(&self) -> Option<Secret> {
        Some(Secret::new(b"654321".to_vec()))
    }

    fn new_binding(&self) -> Binding {
        let number = self.bindings.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        Binding { uid: 1000, user_name: "alice".into(), key: KeyId::from_bytes(id), created: 1_700_000_000 }
    }

    fn sites(&self, algorithm: Algorithm) -> Vec<(Site, Usage)> {
        let site = |slot: String, usage| {
            let authority = self.authority.clone().map(Secret::new);
            (Site { slot: Some(slot), authority, ..Site::default() }, usage)
        };
        let usage = algorithm.usage();
        match self.kind {
            Kind::Piv => vec![site(self.next_piv_slot(), usage)],
            Kind::OpenPgp => {
                let signs = Usage { sign: usage.sign, ..Usage::default() };
                let opens = Usage { sign: false, ..usage };
                [("sign", signs), ("authenticate", signs), ("decrypt", opens)]
                    .into_iter()
                    // Long RSA keys take the card a minute each on a busy machine: the third place tells nothing new.
                    .filter(|(slot, _)| *slot != "authenticate" || algorithm.modulus_size() <= Some(256))
                    .filter(|(_, usage)| !usage.is_empty())
                    .map(|(slot, usage)| site(slot.to_owned(), usage))
                    .collect()
            }
            Kind::OpenSc => Vec::new(),
        }
    }

    /// The virtual PIV card takes keys from outside at 9A alone.
    fn import_sites(&self, algorithm: Algorithm) -> Vec<(Site, Usage)> {
        let mut sites = self.sites(algorithm);
        if self.kind == Kind::Piv {
            sites.iter_mut().for_each(|(site, _)| site.slot = Some("9a".to_owned()));
        }
        sites
    }

    fn room(&self) -> usize {
        match self.kind {
            Kind::Piv => SLOTS.len(),
            Kind::OpenPgp | Kind::OpenSc => 1,
        }
    }

    fn existing(&self) -> Vec<KeyHandle> {
        if self.kind != Kind::OpenSc {
            return Vec::new();
        }
        let contents = self.token.contents().expect("the card is there");
        contents.keys.iter().map(|key| self.handle(key)).collect()
    }

    fn perform(&self, operation: TokenOp) -> Result<TokenOutput, TokenError> {
        claviger_conformance::block_on(self.token.perform(operation))
    }
}

impl CardSubject {
    /// Keys come to stand in the retired places in turn, as long as there are some.
    fn next_piv_slot(&self) -> String {
        SLOTS[self.slots.fetch_add(1, Ordering::Relaxed) % SLOTS.len()].to_owned()
    }

    fn handle(&self, key: &claviger_card::CardKey) -> KeyHandle {
        let binding = self.new_binding();
        let public_key = Arc::clone(&key.public_key);
        KeyHandle {
            info: Arc::new(KeyInfo {
                id: binding.key,
                algorithm: key.algorithm,
                usage: key.usage,
                public_key,
            }),
            reference: key.reference.as_str().into(),
            record: None,
            binding: Arc::new(binding),
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let kind = Kind::from_name(&arguments[0]).expect("piv, openpgp or opensc");
    let mut config = CardsConfig { applications: vec![kind], ..CardsConfig::default() };
    config.opensc_socket = std::env::var_os("CLAVIGER_OPENSC_SOCKET").map(Into::into);
    let cards = Cards::start(config);
    let token = first(&cards);
    let authority =
        arguments.get(2).map(|hex| data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).unwrap());
    let subject = CardSubject {
        kind,
        token,
        pin: arguments[1].clone().into_bytes(),
        authority,
        bindings: AtomicU64::new(0),
        slots: AtomicUsize::new(0),
    };
    claviger_conformance::run(&subject);
    println!("conforms");
    cards.stop();
}

/// Waits for the first token.
fn first(cards: &Arc<Cards>) -> Arc<CardToken> {
    let mut events = cards.subscribe();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        for state in cards.snapshot() {
            if let Inside::Applications(applications) = &state.inside
                && let Some(contents) = applications.first()
            {
                return cards.token(&contents.token());
            }
        }
        assert!(Instant::now() < deadline, "no card came: {:?}", cards.snapshot());
        let event: Option<CardEvent> = claviger_conformance::block_on(events.recv());
        assert!(event.is_some(), "the cards stopped");
    }
}

/// PIV's retired places (SP 800-73-4, part 1, table 4b).
const SLOTS: [&str; 20] = [
    "82", "83", "84", "85", "86", "87", "88", "89", "8a", "8b", "8c", "8d", "8e", "8f", "90", "91", "92",
    "93", "94", "95",
];
