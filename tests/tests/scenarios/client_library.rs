//! The client library: the channel by itself, the bus where there is none, errors as types.

use std::sync::Arc;
use std::time::Duration;

use claviger_client::{
    Bus, Client, Error, ErrorName, Event, NewKeyOptions, RegisterOptions, Secret, SignOptions, UnlockOptions,
    blocking,
};
use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::house::House;
use claviger_tests::in_time;
use tokio::task::spawn_blocking;

const MESSAGE: &[u8] = b"a message that may be seen on the bus";

/// Connects to the house's bus as the one who runs the tests.
async fn client(house: &House) -> Client {
    Client::connect(&Bus::Address(house.bus.address())).await.unwrap()
}

fn passphrase() -> Secret {
    Secret::new(PASSPHRASE.as_bytes().to_vec())
}

async fn registered(client: &Client) {
    let keys = Some(vec!["P-256".to_owned()]);
    client.register(&passphrase(), &RegisterOptions { keys }).await.unwrap();
    client.unlock(&passphrase(), &UnlockOptions::default()).await.unwrap();
}

async fn sign(client: &Client) -> Result<Vec<u8>, Error> {
    client.sign("", "", MESSAGE, &SignOptions::default()).await
}

#[tokio::test]
async fn it_uses_a_channel_by_itself_and_the_bus_does_not_see_the_data() {
    let house = House::open().await;
    let client = client(&house).await;
    registered(&client).await;
    let recording = house.bus.record().await;
    sign(&client).await.unwrap();
    assert!(client.has_channel());
    let on_the_bus = Client::builder(client.bus()).without_channel().connect().await.unwrap();
    let before = recording.stop().await;
    assert!(memchr::memmem::find(&before, MESSAGE).is_none(), "the data went over the bus");
    // The control: without a channel they do.
    let recording = house.bus.record().await;
    sign(&on_the_bus).await.unwrap();
    assert!(!on_the_bus.has_channel());
    assert!(memchr::memmem::find(&recording.stop().await, MESSAGE).is_some());
}

#[tokio::test]
async fn it_falls_back_to_the_bus_where_no_channel_is_to_be_had() {
    let house = House::open().await;
    let client = client(&house).await;
    registered(&client).await;
    let greedy = house.visitor(&Person::root()).await;
    let mut channels = Vec::new();
    while let Ok(channel) = greedy.channel().await {
        channels.push(channel);
    }
    sign(&client).await.expect("the bus serves as well");
    assert!(!client.has_channel());
}

#[tokio::test]
async fn it_outlives_a_restart_of_the_daemon() {
    let mut house = House::open().await;
    let client = client(&house).await;
    registered(&client).await;
    sign(&client).await.unwrap();
    house.daemon.kill().await;
    assert!(sign(&client).await.is_err(), "nobody is there");
    house.daemon.restart(&house.bus).await.unwrap();
    let Err(error) = sign(&client).await else { panic!("a restarted daemon is locked") };
    assert_eq!(error.name(), Some(ErrorName::Locked), "{error}");
    client.unlock(&passphrase(), &UnlockOptions::default()).await.unwrap();
    sign(&client).await.unwrap();
}

#[tokio::test]
async fn errors_come_back_as_types() {
    let mut house = House::open().await;
    let client = client(&house).await;
    let Err(error) = sign(&client).await else { panic!("nobody is registered") };
    assert_eq!(error.name(), Some(ErrorName::NotRegistered), "{error}");
    registered(&client).await;
    let Err(error) = client.sign("no such key", "", MESSAGE, &SignOptions::default()).await else { panic!() };
    assert_eq!(error.name(), Some(ErrorName::NoSuchKey), "{error}");
    house.daemon.kill().await;
    let Err(error) = client.account().await else { panic!("nobody is there") };
    assert!(matches!(error, Error::NoDaemon(_)), "{error:?}");
    let nowhere = Bus::Address("unix:path=/nonexistent/bus".to_owned());
    assert!(matches!(Client::connect(&nowhere).await, Err(Error::NoBus(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_without_a_runtime_have_the_same_client() {
    let house = House::open().await;
    let bus = Bus::Address(house.bus.address());
    let signing = std::thread::spawn(move || {
        let client = blocking::Client::connect(&bus).unwrap();
        let keys = Some(vec!["Ed25519".to_owned()]);
        let options = RegisterOptions { keys };
        client.register(&passphrase(), &options).unwrap();
        client.unlock(&passphrase(), &UnlockOptions::default()).unwrap();
        let signature = client.sign("", "", MESSAGE, &SignOptions::default()).unwrap();
        assert!(client.has_channel());
        signature
    });
    let signing = tokio::task::spawn_blocking(move || signing.join().unwrap());
    assert_eq!(claviger_tests::in_time("the signature", signing).await.unwrap().len(), 64);
}

/// Registers, and returns a client for threads and the id of a key that asks each time it is used.
fn with_a_key_that_asks(bus: &Bus) -> (blocking::Client, String) {
    let client = blocking::Client::connect(bus).unwrap();
    let keys = Some(vec!["Ed25519".to_owned()]);
    client.register(&passphrase(), &RegisterOptions { keys }).unwrap();
    client.unlock(&passphrase(), &UnlockOptions::default()).unwrap();
    let asks = client.generate_key("P-256", &NewKeyOptions::default()).unwrap();
    client.set_confirm(&asks, "always").unwrap();
    (client, asks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_waits_for_a_person_holds_up_no_other_thread_of_the_same_client() {
    let house = House::open().await;
    let bus = Bus::Address(house.bus.address());
    let mut agent = Agent::of(&house, &Person::root()).await;
    let (client, asks) = spawn_blocking(move || with_a_key_that_asks(&bus)).await.unwrap();
    let client = Arc::new(client);
    // Signatures go over the channel, changes over the bus.
    let (waiting, key) = (Arc::clone(&client), asks.clone());
    let waiting = spawn_blocking(move || waiting.sign(&key, "", MESSAGE, &SignOptions::default()));
    let question = agent.asked().await;
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let client = Arc::clone(&client);
            spawn_blocking(move || {
                for _ in 0..10 {
                    assert_eq!(client.sign("", "", MESSAGE, &SignOptions::default()).unwrap().len(), 64);
                    client.set_default_key("authenticate", "").unwrap();
                }
            })
        })
        .collect();
    for thread in busy {
        in_time("the signatures of the others", thread).await.unwrap();
    }
    assert!(client.has_channel());
    assert!(!waiting.is_finished(), "nobody said yes yet");
    question.said(true);
    assert_eq!(in_time("the signature", waiting).await.unwrap().unwrap().len(), 64);
    // A runtime ends where a thread may wait.
    spawn_blocking(move || drop(client)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_with_an_event_its_time_or_a_word_from_another_thread() {
    let mut house = House::open().await;
    let bus = Bus::Address(house.bus.address());
    let (client, mut watch) = spawn_blocking(move || {
        let (client, _) = with_a_key_that_asks(&bus);
        (client, blocking::Watch::on(&bus).unwrap())
    })
    .await
    .unwrap();
    let interrupt = watch.interrupt();
    let mut watch = spawn_blocking(move || {
        assert_eq!(watch.next_within(Duration::ZERO).unwrap(), None);
        assert_eq!(watch.next_within(Duration::from_millis(20)).unwrap(), None);
        client.generate_key("P-256", &NewKeyOptions::default()).unwrap();
        assert_eq!(watch.next_within(LONG).unwrap(), Some(Event::KeysChanged));
        client.lock().unwrap();
        assert_eq!(watch.next_within(LONG).unwrap(), Some(Event::LockedChanged(true)));
        drop(client);
        watch
    })
    .await
    .unwrap();
    let waiting = spawn_blocking(move || {
        let outcome = watch.next_within(Duration::MAX);
        (outcome, watch)
    });
    interrupt.interrupt();
    let (outcome, mut watch) = in_time("the end of the wait", waiting).await.unwrap();
    assert_eq!(outcome.unwrap(), None);
    house.daemon.kill().await;
    let ended = spawn_blocking(move || watch.next_within(LONG).unwrap());
    assert_eq!(in_time("the end", ended).await.unwrap(), Some(Event::Gone));
}

/// Longer than any event takes, and shorter than the patience of a test.
const LONG: Duration = Duration::from_secs(30);
