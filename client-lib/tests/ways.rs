//! Which way calls go, what is done twice and what is not, and whom the client trusts: on a real bus, with a key
//! store of toy strength.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod toy;

use std::io::Read;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use claviger_client::{
    Bus, CertificateOptions, ChangePinOptions, Client, EnrolOptions, Error, ErrorName, Event,
    InitCardOptions, NewKeyOptions, Secret, SignOptions, TokenFilter, TokenState, UnlockOptions,
    UnlockTokenOptions, names,
};
use rustix::fs::SealFlags;
use toy::{CARD, KEY, PrivateBus, Toy};

async fn way(client: &Client) -> String {
    let answer = client.digest("SHA256", b"abc").await.expect("an answer");
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn operations_go_over_a_channel_that_opens_by_itself() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    assert!(!client.has_channel());
    assert_eq!((way(&client).await, way(&client).await), ("channel".to_owned(), "channel".to_owned()));
    assert!(client.has_channel());
    assert_eq!(toy.channels_asked.load(Ordering::SeqCst), 1);

    let client = Client::builder(&bus.bus()).without_channel().connect().await.expect("a client");
    assert_eq!(way(&client).await, "bus");
    assert_eq!(toy.channels_asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_a_channel_operations_go_over_the_bus_and_none_is_asked_for_again() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    toy.gives_no_channel.store(true, Ordering::SeqCst);
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    assert_eq!((way(&client).await, way(&client).await), ("bus".to_owned(), "bus".to_owned()));
    assert_eq!(toy.channels_asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_operation_whose_channel_breaks_is_done_once_more_over_the_bus() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    assert_eq!(way(&client).await, "channel");
    toy.drops_channel.store(true, Ordering::SeqCst);
    assert_eq!(way(&client).await, "bus");
    assert_eq!(toy.digests.load(Ordering::SeqCst), 3, "one before, one that broke, one over the bus");
    assert_eq!(way(&client).await, "channel", "a new channel is opened");
    assert_eq!(toy.channels_asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_key_is_used_again_only_where_the_first_try_reached_nobody() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    let sign = async || client.sign(KEY, "ECDSA", b"abc", &SignOptions::default()).await;
    assert_eq!(sign().await.expect("a signature"), b"signature");
    assert!(client.has_channel());
    toy.drops_signer.store(true, Ordering::SeqCst);
    let outcome = sign().await;
    assert!(matches!(&outcome, Err(error @ Error::Lost(_)) if !error.is_unsent()), "{outcome:?}");
    assert_eq!(toy.signatures.load(Ordering::SeqCst), 2, "nobody is asked twice");
    assert_eq!(sign().await.expect("a signature"), b"signature");
    assert_eq!(toy.signatures.load(Ordering::SeqCst), 3);
}

#[test]
fn a_channel_that_ended_between_two_uses_of_a_key_is_no_loss() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let toy = Arc::new(Toy::default());
    let bus = PrivateBus::start();
    let _serving = runtime.block_on(toy.serve(&bus));
    // Nothing is looked at between its calls: that the channel ended shows when it is written to.
    let client = claviger_client::blocking::Client::connect(&bus.bus()).expect("a client");
    let sign = || client.sign(KEY, "ECDSA", b"abc", &SignOptions::default());
    assert_eq!(sign().expect("a signature"), b"signature");
    runtime.block_on(toy.end_channels());
    assert_eq!(sign().expect("a signature"), b"signature");
    assert_eq!(toy.signatures.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_changes_something_is_not_done_twice() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    let outcome = client.generate_key("P-256", &NewKeyOptions::default()).await;
    assert!(matches!(outcome, Err(Error::Lost(_))), "{outcome:?}");
    assert_eq!(toy.keys_made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_refusal_comes_back_with_its_name_and_text_either_way() {
    let bus = PrivateBus::start();
    let _serving = Arc::new(Toy::default()).serve(&bus).await;
    for builder in [Client::builder(&bus.bus()), Client::builder(&bus.bus()).without_channel()] {
        let client = builder.connect().await.expect("a client");
        let refusal = client.digest("MD5", b"abc").await.expect_err("no such hash");
        assert_eq!(refusal.name(), Some(ErrorName::InvalidArgs));
        assert_eq!(refusal.to_string(), "cannot digest: no hash or no data");
    }
}

#[tokio::test]
async fn nobody_on_the_bus_is_told_from_no_bus() {
    let bus = PrivateBus::start();
    let client = Client::connect(&bus.bus()).await.expect("a client");
    assert!(matches!(client.digest("SHA256", b"abc").await, Err(Error::NoDaemon(_))));
    let address = bus.bus();
    drop(bus);
    assert!(matches!(Client::connect(&address).await, Err(Error::NoBus(_))));
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_at_the_time_out() {
    let bus = PrivateBus::start();
    let _serving = Arc::new(Toy::default()).serve(&bus).await;
    let hurried = Client::builder(&bus.bus()).timeout(Duration::from_millis(200));
    for builder in [hurried.clone(), hurried.without_channel()] {
        let client = builder.connect().await.expect("a client");
        let outcome = client.digest("SLOW", b"abc").await;
        assert!(matches!(outcome, Err(Error::Timeout)), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_secret_crosses_the_bus_in_a_sealed_descriptor() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    let passphrase = Secret::new(b"correct horse".to_vec());
    let options = UnlockOptions { idle: Some(60), ..UnlockOptions::default() };
    client.unlock(&passphrase, &options).await.expect("unlocked");
    let descriptor = toy.passphrase.lock().expect("no panic").take().expect("a descriptor");
    let seals = rustix::fs::fcntl_get_seals(&descriptor).expect("seals");
    assert!(seals.contains(SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL));
    let mut received = Vec::new();
    std::fs::File::from(descriptor).read_to_end(&mut received).expect("bytes");
    assert_eq!(received, b"correct horse");
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

#[tokio::test]
async fn a_card_is_enrolled_unlocked_and_forgotten_with_its_pin_in_a_descriptor() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    assert!(client.list_tokens(&TokenFilter::default()).await.expect("tokens").is_empty());
    let all = client.list_tokens(&TokenFilter { all: Some(true) }).await.expect("tokens");
    assert_eq!(all.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), [CARD]);
    assert!(all[0].1.keys.is_none(), "a list has no keys");

    let pin = || Some(secret("123456").to_descriptor().expect("a descriptor"));
    let options = EnrolOptions { pin: pin(), label: Some("work".to_owned()), ..EnrolOptions::default() };
    assert_eq!(client.enrol_card(CARD, &options).await.expect("keys"), [KEY]);
    assert_eq!(toy.card.lock().expect("no panic").label.as_deref(), Some("work"));
    let card = client.token(CARD).await.expect("a card");
    assert_eq!(card.keys.expect("keys")[0].key, KEY);

    let options = UnlockTokenOptions { pin: pin(), ..UnlockTokenOptions::default() };
    client.unlock_token(CARD, &options).await.expect("unlocked");
    assert!(!client.token(CARD).await.expect("a card").locked);
    client.lock_token(CARD).await.expect("locked");
    assert!(client.token(CARD).await.expect("a card").locked);
    client.forget_token(CARD).await.expect("forgotten");
    assert!(client.list_tokens(&TokenFilter::default()).await.expect("tokens").is_empty());
}

#[tokio::test]
async fn a_pin_is_tried_once_and_the_last_one_only_when_told() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    let unlock = async |text: &str, last_try| {
        let pin = Some(secret(text).to_descriptor().expect("a descriptor"));
        let options = UnlockTokenOptions { pin, last_try, ..UnlockTokenOptions::default() };
        client.unlock_token(CARD, &options).await.err().and_then(|error| error.name())
    };
    assert_eq!(unlock("000000", None).await, Some(ErrorName::BadPin));
    assert_eq!(client.token(CARD).await.expect("a card").tries_left, Some(2));
    assert_eq!(unlock("000000", None).await, Some(ErrorName::BadPin));
    assert_eq!(unlock("123456", None).await, Some(ErrorName::PinNeeded));
    assert_eq!(unlock("000000", Some(true)).await, Some(ErrorName::BadPin));
    assert_eq!(unlock("123456", Some(true)).await, Some(ErrorName::PinLocked));

    client.unblock_pin(CARD, &secret("12345678"), &secret("654321")).await.expect("a new PIN");
    let options = ChangePinOptions::default();
    client.change_pin(CARD, &secret("654321"), &secret("222222"), &options).await.expect("a new PIN");
    assert_eq!(unlock("222222", None).await, None);
}

#[tokio::test]
async fn a_cards_administrator_is_known_by_what_a_descriptor_gives() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    let refusal = client.init_card(CARD, &InitCardOptions::default()).await.expect_err("no key");
    assert_eq!(refusal.name(), Some(ErrorName::AccessDenied));
    let authority = || Some(Secret::new(vec![7; 24]).to_descriptor().expect("a descriptor"));
    let options = InitCardOptions { authority: authority() };
    assert_eq!(client.init_card(CARD, &options).await.expect("a token"), "card:piv:1234");

    assert!(client.certificates(KEY).await.expect("certificates").is_empty());
    let options = CertificateOptions { authority: authority(), ..CertificateOptions::default() };
    client.set_certificate(KEY, b"certificate", &options).await.expect("set");
    assert_eq!(toy.card.lock().expect("no panic").authority.as_deref(), Some([7; 24].as_slice()));
    assert_eq!(client.certificates(KEY).await.expect("certificates"), [b"certificate"]);
    assert_eq!(client.attest(KEY).await.expect("certificates"), [[0x30, 1], [0x30, 2]]);
}

#[tokio::test]
async fn events_come_from_the_daemon_and_from_nobody_else() {
    let bus = PrivateBus::start();
    let serving = Arc::new(Toy::default()).serve(&bus).await;
    let client = Client::connect(&bus.bus()).await.expect("a client");
    let mut events = client.subscribe().await.expect("events");
    assert_eq!(events.next().await.expect("an event"), Some(Event::LockedChanged(true)));
    let state = TokenState { presence: Some("removed".to_owned()), locked: Some(true) };
    let token = Event::TokenChanged(CARD.to_owned(), state);
    assert_eq!(events.next().await.expect("an event"), Some(token));
    let readers = Event::TokenChanged(String::new(), TokenState::default());
    assert_eq!(events.next().await.expect("an event"), Some(readers));

    // A stranger broadcasts and sends what looks like the daemon's.
    let stranger = bus.connect().await;
    for receiver in everybody_on(&stranger).await {
        stranger
            .emit_signal(Some(receiver), names::OBJECT_PATH, names::SERVICE, "KeysChanged", &())
            .await
            .expect("a signal");
    }
    serving.close().await.expect("an end");
    assert_eq!(events.next().await.expect("an event"), Some(Event::Gone), "the stranger's were passed over");
}

async fn everybody_on(connection: &zbus::Connection) -> Vec<zbus::names::OwnedBusName> {
    let bus = zbus::fdo::DBusProxy::new(connection).await.expect("the bus");
    let names = bus.list_names().await.expect("names");
    names.into_iter().filter(|name| name.as_str().starts_with(':')).collect()
}

/// The environment is another one, so the client of this test is a process of its own. (Whom the client trusts on the
/// system bus is tried in `login`.)
#[tokio::test]
async fn no_variable_says_where_the_system_bus_is() {
    const NAME: &str = "no_variable_says_where_the_system_bus_is";
    const INNER: &str = "CLAVIGER_TEST_STRANGER";
    if std::env::var_os(INNER).is_some() {
        let outcome = match Client::connect(&Bus::System).await {
            Ok(client) => client.digest("SHA256", b"abc").await.err(),
            Err(error) => Some(error),
        };
        // The stranger is there, and would be asked who he is.
        assert!(!matches!(outcome, Some(Error::Untrusted(_))), "{outcome:?}");
        return;
    }
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let mut inner = Command::new(std::env::current_exe().expect("this program"));
    inner.args(["--exact", NAME]).env(INNER, "1").env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    let outcome =
        tokio::task::spawn_blocking(move || inner.output()).await.expect("no panic").expect("a process");
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
    assert!(String::from_utf8_lossy(&outcome.stdout).contains("1 passed"));
    assert_eq!(toy.digests.load(Ordering::SeqCst), 0);
    assert_eq!(toy.channels_asked.load(Ordering::SeqCst), 0);
}

/// The blocking client has a runtime of its own: it is tried on a thread without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_blocking_client_goes_the_same_ways() {
    let bus = PrivateBus::start();
    let toy = Arc::new(Toy::default());
    let _serving = toy.serve(&bus).await;
    let address = bus.bus();
    let blocking = std::thread::spawn(move || {
        let client = claviger_client::blocking::Client::connect(&address)?;
        let way = client.digest("SHA256", b"abc")?;
        Ok::<_, Error>((way, client.has_channel()))
    });
    let outcome =
        tokio::task::spawn_blocking(move || blocking.join()).await.expect("no panic").expect("no panic");
    assert_eq!(outcome.expect("an answer"), (b"channel".to_vec(), true));
}
