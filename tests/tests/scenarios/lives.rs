//! The lives of accounts where two things meet: revocation and backup, host secret and recovery code, two channels,
//! numbers that are given again.

use std::path::Path;
use std::sync::Arc;

use claviger_core::policy::Administration;
use claviger_soft::HostSecret;
use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::bus::Bus;
use claviger_tests::daemon::CHEAP;
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Outcome, Peer, none};
use claviger_tests::place::Place;
use claviger_tests::{in_time, secret};
use claviger_token::Secret;
use clavigerd::config::Config;
use clavigerd::run::serve;
use clavigerd::service::Service;
use clavigerd::table::Table;
use zbus::OwnedFd;

async fn backup(peer: &Peer) -> Vec<u8> {
    secret::read(peer.call::<OwnedFd>("Account", "Backup", &(none(),)).await.unwrap())
}

async fn recovery_code(peer: &Peer) -> String {
    let code: OwnedFd = peer.call("Account", "MakeRecoveryCode", &(none(),)).await.unwrap();
    String::from_utf8(secret::read(code)).unwrap()
}

async fn is_bound(peer: &Peer) -> bool {
    peer.account().await["host-bound"].clone().try_into().unwrap()
}

#[tokio::test]
async fn a_backup_does_not_bring_back_what_an_administrator_revoked() {
    let house = House::open().await;
    let alice = house.alice().await;
    let (lost, kept) = (alice.generate("P-256").await.unwrap(), alice.generate("P-256").await.unwrap());
    let backup = backup(&alice).await;
    let administrator = house.visitor(&Person::service()).await;
    let uid = alice.person.uid;
    administrator.call::<()>("Admin", "RevokeKey", &(uid, lost.as_str(), none())).await.unwrap();
    administrator.call::<()>("Admin", "RemoveUser", &(uid, none())).await.unwrap();
    alice.call::<()>("Account", "Restore", &(secret::pipe(&backup), none())).await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.sign(&kept, "", b"data", none()).await.expect("removal is not revocation");
    alice.sign(&lost, "", b"data", none()).await.refused("NoSuchKey");
}

#[tokio::test]
async fn only_a_wrong_secret_counts_as_a_wrong_guess() {
    let house = House::open().await;
    let alice = house.alice().await;
    for _ in 0..6 {
        let body = (secret::pipe("AAAA"), secret::pipe("new"), none());
        alice.call::<()>("Account", "Recover", &body).await.refused("NotSupported");
    }
    alice.unlock(PASSPHRASE).await.expect("there was nothing to guess at");
}

/// Starts the service in this process, on a state folder and with a host secret.
async fn serve_here(state: &Path, bus: &Bus, host: Option<&[u8]>) -> Arc<Service> {
    let mut config = Config::default();
    config.merge("test.toml".as_ref(), CHEAP).unwrap();
    let table = Table::open(state).unwrap();
    let connection = bus.connect(&Person::root()).await;
    let host = host.map(|bytes| Arc::new(HostSecret::from_bytes(Secret::new(bytes.to_vec()))));
    let administration = Administration::Uid(Person::root().uid);
    serve(&connection, table, config, administration, host, None).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_phrase_is_bound_to_the_host_once_there_is_a_recovery_code_and_not_before() {
    let place = Place::new();
    let state = place.folder("state", &Person::root());
    let (first, second) = (Bus::start(), Bus::start());
    let service = serve_here(&state, &first, Some(b"the secret of this host")).await;
    let alice = Peer::registered(&first, &Person::alice()).await;
    let key = alice.generate("P-256").await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
    assert!(!is_bound(&alice).await, "a host that loses its secret would lose the keys");
    let code = recovery_code(&alice).await;
    assert!(!is_bound(&alice).await, "the pass phrase was not there to be bound");
    alice.unlock(PASSPHRASE).await.unwrap();
    assert!(is_bound(&alice).await);
    alice.lock().await.unwrap();
    alice.unlock(PASSPHRASE).await.expect("on this host it opens as before");
    service.table.clone().close().await;

    // The disk in another machine.
    let _elsewhere = serve_here(&state, &second, None).await;
    let alice = Peer::on(&second, &Person::alice()).await;
    let refusal = alice.unlock(PASSPHRASE).await.refused("NotSupported");
    assert!(refusal.text.contains("host secret"), "{refusal}");
    let body = (secret::pipe(&code), secret::pipe("new"), none());
    alice.call::<()>("Account", "Recover", &body).await.unwrap();
    alice.unlock("new").await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
}

#[tokio::test]
async fn each_channel_has_a_subscription_of_its_own() {
    let house = House::open().await;
    let alice = house.alice().await;
    let (first, second) = (alice.channel().await.unwrap(), alice.channel().await.unwrap());
    let mut heard = Vec::new();
    for channel in [&first, &second] {
        heard.push(zbus::MessageStream::from(channel.connection()));
        channel.call::<()>("Service", "Subscribe", &(none(),)).await.unwrap();
    }
    first.call::<()>("Service", "Unsubscribe", &(none(),)).await.unwrap();
    alice.generate("P-256").await.unwrap();
    let mut second_hears = heard.pop().unwrap();
    let signal = async {
        loop {
            let message = claviger_tests::next(&mut second_hears).await.unwrap().unwrap();
            if message.header().member().is_some_and(|member| member.as_str() == "KeysChanged") {
                return;
            }
        }
    };
    in_time("the signal on the second channel", signal).await;
}

#[tokio::test]
async fn public_keys_are_given_by_name_by_number_and_only_of_those_who_have_them() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("Ed25519").await.unwrap();
    let bob = house.visitor(&Person::bob()).await;
    let ask = async |user: &str| -> Result<Vec<(String, Attributes)>, _> {
        bob.call("Public", "GetPublicKeys", &(user, none())).await
    };
    for name in [alice.person.name.to_owned(), alice.person.uid.to_string()] {
        let keys = ask(&name).await.unwrap();
        assert_eq!(keys.len(), 1, "{name}");
        assert_eq!(keys[0].0, key);
        assert!(!keys[0].1.contains_key("label"), "labels are private");
    }
    for name in ["", "nobody-of-that-name", "4294967294"] {
        ask(name).await.map(drop).refused("NoSuchUser");
    }
}
