//! The shipped bus policy on a bus that is as closed as the system's.

use claviger_tests::accounts::Person;
use claviger_tests::bus::Bus;
use claviger_tests::daemon::{Daemon, Start};
use claviger_tests::peer::{Attributes, NAME, Peer, none};
use zbus::fdo::{DBusProxy, RequestNameFlags};

/// Returns the shipped policy, with the daemon's account of these tests in place of the one that is installed.
fn shipped() -> String {
    let file = include_str!("../../../dbus-interfaces/bus/org.claviger.KeyStore1.conf");
    let policies = file.split_once("<busconfig>").unwrap().1.split_once("</busconfig>").unwrap().0;
    policies.replace("user=\"claviger\"", &format!("user=\"{}\"", Person::service().name))
}

async fn takes_the_name(bus: &Bus, person: &Person) -> bool {
    let connection = bus.connect(person).await;
    let names = DBusProxy::new(&connection).await.unwrap();
    names.request_name(NAME.try_into().unwrap(), RequestNameFlags::DO_NOT_QUEUE).await.is_ok()
}

#[tokio::test]
async fn everybody_may_call_and_nobody_else_may_be_the_service() {
    let bus = Bus::like_the_system(&shipped());
    for person in [Person::alice(), Person::root()] {
        assert!(!takes_the_name(&bus, &person).await, "{} took the name", person.name);
    }
    let _daemon = Daemon::start(&bus, Start::default()).await;
    let alice = Peer::registered(&bus, &Person::alice()).await;
    let key = alice.generate("P-256").await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
    alice.channel().await.unwrap().sign(&key, "", b"data", none()).await.unwrap();
    alice.bytes("Public", "Random", &(1u32, none())).await.unwrap();
    // The bus lets the call through; it is the daemon that says no.
    let refused = alice.call::<Attributes>("Admin", "Statistics", &(none(),)).await.unwrap_err();
    assert!(!refused.text.contains("Rejected send message"), "{refused}");
}

#[tokio::test]
async fn without_the_policy_nobody_may_do_anything() {
    let bus = Bus::like_the_system("");
    assert!(!takes_the_name(&bus, &Person::service()).await, "the control");
}
