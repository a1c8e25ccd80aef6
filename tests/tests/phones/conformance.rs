//! The suite that every token passes, over a real claviger-phone: on a terminal and over a socket; keys in its store, and on
//! a card that it reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use claviger_conformance::Subject;
use claviger_phone_token::{
    Bluetooth, KeyEntry, Link, Method, PairStep, PhoneToken, Phones, PhonesConfig, Proposal,
};
use claviger_tests::accounts::Person;
use claviger_tests::cards::PIN;
use claviger_tests::in_time;
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::{Card, Kind, Pcscd};
use claviger_tests::phone::{Module, Phone, Plan, Wire};
use claviger_tests::place::Place;
use claviger_token::{Binding, KeyHandle, KeyId, KeyInfo, Secret, Token};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// A computer's end without a daemon, its phone, and what is between.
struct Desk {
    phones: Arc<Phones>,
    token: Arc<PhoneToken>,
    secret: &'static str,
    bindings: AtomicU64,
    /// The keys of a phone that makes none.
    existing: Vec<KeyHandle>,
    _phone: Phone,
    _place: Place,
}

impl Desk {
    async fn set(plan: Plan, link: Link, place: Place, secret: &'static str) -> Self {
        let mut config = PhonesConfig::new(place.path());
        config.bluetooth = Bluetooth::Off;
        let phones = Phones::start(config, &Handle::current());
        let phone = Phone::start(plan).await;
        let (tell, mut steps) = mpsc::unbounded_channel();
        let proposal = Proposal {
            uid: rustix::process::getuid().as_raw(),
            user: "alice".to_owned(),
            host: "desk".to_owned(),
            method: Method::Uri,
            link: Some(link),
            name: None,
        };
        let pairing = phones.pair(proposal, tell);
        let inviting = async {
            while let Some(step) = steps.recv().await {
                if let PairStep::Uri(uri) = step {
                    phone.invite(&uri).ends().await.ok();
                }
            }
        };
        let (paired, ()) = in_time("the pairing", async { tokio::join!(pairing, inviting) }).await;
        let paired = paired.unwrap();
        let id = paired.pairing.token();
        phones.adopt(paired);
        let token = phones.token(&id);
        assert!(claviger_tests::until(|| token.info().is_some()).await, "it says what it can do");
        Self {
            phones,
            token,
            secret,
            bindings: AtomicU64::new(1),
            existing: Vec::new(),
            _phone: phone,
            _place: place,
        }
    }

    /// Looks for the keys that are there.
    async fn with_its_keys(mut self) -> Self {
        let keys = in_time("the phone's keys", self.token.keys()).await.unwrap();
        self.existing = keys.into_iter().map(|key| self.handle(key)).collect();
        self
    }

    fn handle(&self, key: KeyEntry) -> KeyHandle {
        let binding = self.new_binding();
        let KeyEntry { reference, algorithm, usage, public_key, .. } = key;
        let info = KeyInfo { id: binding.key, algorithm, usage, public_key: public_key.into() };
        KeyHandle {
            info: Arc::new(info),
            reference: reference.as_str().into(),
            record: None,
            binding: Arc::new(binding),
        }
    }

    fn conforms(self) {
        tokio::task::block_in_place(|| claviger_conformance::run(&self));
        self.phones.stop();
    }
}

impl Subject for Desk {
    fn token(&self) -> &dyn Token {
        &*self.token
    }

    fn secret(&self) -> Secret {
        Secret::new(self.secret.as_bytes().to_vec())
    }

    /// One that could be a PIN as well.
    fn wrong_secret(&self) -> Option<Secret> {
        Some(Secret::new(b"654321".to_vec()))
    }

    fn new_binding(&self) -> Binding {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.bindings.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Binding { uid: 0, user_name: "alice".into(), key: KeyId::from_bytes(id), created: 1_700_000_000 }
    }

    fn existing(&self) -> Vec<KeyHandle> {
        self.existing.clone()
    }
}

fn serial(wire: &Wire) -> Link {
    Link::Serial { path: wire.computer().to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_phone_on_a_terminal_conforms() {
    let wire = Wire::between(&Person::root(), &Person::alice());
    let plan = Plan::new().at(&wire);
    Desk::set(plan, serial(&wire), Place::new(), claviger_tests::phone::PASSPHRASE).await.conforms();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_phone_over_a_socket_conforms() {
    let place = Place::new();
    let socket = place.path().join("phone").join(rustix::process::getuid().as_raw().to_string());
    let plan = Plan { person: Person::root(), ..Plan::new() }.connecting(&socket);
    Desk::set(plan, Link::Socket, place, claviger_tests::phone::PASSPHRASE).await.conforms();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_phone_with_its_keys_on_a_card_conforms() {
    let pcscd = Pcscd::start();
    // It makes no keys for a phone: one of each kind is there.
    let _card = tokio::task::block_in_place(|| {
        let card = Card::insert(&pcscd, 0, Kind::Piv);
        let issuer = PivIssuer::new(&pcscd, &card);
        issuer.key("9a", "RSA2048");
        issuer.key("9d", "ECCP256");
        card
    });
    let wire = Wire::between(&Person::root(), &Person::root());
    let module = Module::Card { pcscd: pcscd.socket(), pin: PIN.to_owned() };
    let plan = Plan { person: Person::root(), module, ..Plan::new() }.at(&wire);
    // The PIN that it starts with waits until the card has been read.
    let desk = Desk::set(plan, serial(&wire), Place::new(), PIN).await;
    let desk = desk.with_its_keys().await;
    assert_eq!(desk.existing.len(), 2, "the keys on the card");
    desk.conforms();
}
