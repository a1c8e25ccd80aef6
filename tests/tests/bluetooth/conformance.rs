//! The suite that every token passes, over Bluetooth with the real agent behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use claviger_conformance::Subject;
use claviger_phone_token::{Bluetooth, Link, Method, PairStep, PhoneToken, Phones, PhonesConfig, Proposal};
use claviger_tests::bluetooth::in_guest;
use claviger_tests::in_time;
use claviger_tests::phone::{PASSPHRASE, Plan};
use claviger_tests::place::Place;
use claviger_token::{Binding, KeyId, Presence, Secret, Token};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use crate::desk::Desk;

struct PhoneSubject {
    token: Arc<PhoneToken>,
    bindings: AtomicU64,
}

impl Subject for PhoneSubject {
    fn token(&self) -> &dyn Token {
        &*self.token
    }

    fn secret(&self) -> Secret {
        Secret::new(PASSPHRASE.as_bytes().to_vec())
    }

    fn wrong_secret(&self) -> Option<Secret> {
        Some(Secret::new(b"another pass phrase".to_vec()))
    }

    fn new_binding(&self) -> Binding {
        let number = self.bindings.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        Binding { uid: 1000, user_name: "alice".into(), key: KeyId::from_bytes(id), created: 1_700_000_000 }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_keeps_its_keys_in_its_store_conforms_over_bluetooth() {
    in_guest(async || {
        let desk = Desk::set(Plan::new()).await;
        let runtime = Place::new();
        let bluetooth = Bluetooth::Address(desk.bluez.bus().address());
        // The service's own connection to BlueZ has the profile already: this takes its place.
        let Desk { phone, radio, house, bonds: _bonds, bluez: _bluez, air: _air, .. } = desk;
        drop(house);
        let phones = Phones::start(
            PhonesConfig { bluetooth, ..PhonesConfig::new(runtime.path()) },
            &Handle::current(),
        );
        let (steps, mut shown) = mpsc::unbounded_channel();
        let proposal = Proposal {
            uid: 1000,
            user: "alice".to_owned(),
            host: "desk".to_owned(),
            method: Method::Uri,
            link: Some(Link::Rfcomm { address: radio.as_ref().unwrap().address().parse().unwrap() }),
            name: None,
        };
        let invite = async {
            let Some(PairStep::Uri(uri)) = shown.recv().await else { panic!("the URI comes first") };
            phone.invite(&uri).ends().await.ok();
        };
        let (paired, ()) =
            in_time("the pairing", async { tokio::join!(phones.pair(proposal, steps), invite) }).await;
        let paired = paired.unwrap();
        let id = paired.pairing.token();
        phones.adopt(paired);
        assert_eq!(phones.reach(&id, claviger_tests::DEADLINE).await, Presence::Present);
        let subject = PhoneSubject { token: phones.token(&id), bindings: AtomicU64::new(0) };
        // The suite waits on threads of its own, as the daemon's channels do.
        let (done, passed) = oneshot::channel();
        std::thread::spawn(move || {
            claviger_conformance::run(&subject);
            done.send(())
        });
        passed.await.expect("the suite passes");
    })
    .await;
}
