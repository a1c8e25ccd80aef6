//! Sessions where there is no logind, and what only looks like the bus.

use std::collections::HashMap;

use claviger_tests::accounts::Person;
use claviger_tests::bus::Bus;
use claviger_tests::daemon::{Daemon, Start};
use claviger_tests::peer::{Attributes, NAME, Outcome, Peer, none};

async fn sessions(peer: &Peer) -> HashMap<String, Attributes> {
    let listed: Vec<(String, Attributes)> = peer.call("Sessions", "ListSessions", &(none(),)).await.unwrap();
    listed.into_iter().collect()
}

#[tokio::test]
async fn off_the_system_bus_nobody_has_a_session() {
    let bus = Bus::start();
    let _daemon = Daemon::start(&bus, Start::default()).await;
    let alice = Peer::registered(&bus, &Person::alice()).await;
    let channel = alice.channel().await.unwrap();
    let administrator = Peer::on(&bus, &Person::service()).await;
    for peer in [&alice, &channel, &administrator] {
        assert_eq!(sessions(peer).await, HashMap::new());
        peer.call::<()>("Sessions", "BindSession", &("", "", none())).await.refused("NotSupported");
        peer.call::<()>("Sessions", "ReleaseSession", &("", none())).await.refused("NotSupported");
    }
    let open = ("1", "0123456789abcdef0123456789abcdef");
    let uid = Person::alice().uid;
    administrator
        .call::<()>("Login", "OpenSession", &(uid, open.0, open.1, none()))
        .await
        .refused("NotSupported");
    administrator.call::<()>("Login", "CloseSession", &(open.0, none())).await.unwrap();
}

#[tokio::test]
async fn nobody_but_the_administrator_says_what_a_session_is_bound_to_and_nobody_over_a_channel() {
    let bus = Bus::start();
    let _daemon = Daemon::start(&bus, Start::default()).await;
    let alice = Peer::on(&bus, &Person::alice()).await;
    let uid = Person::alice().uid;
    alice.call::<()>("Login", "OpenSession", &(uid, "1", "x", none())).await.refused("AccessDenied");
    alice.call::<()>("Login", "CloseSession", &("1", none())).await.refused("AccessDenied");
    let administrator = Peer::on(&bus, &Person::service()).await;
    let channel = administrator.channel().await.unwrap();
    let open = channel.call::<()>("Login", "OpenSession", &(uid, "1", "x", none())).await.unwrap_err();
    let close = channel.call::<()>("Login", "CloseSession", &("1", none())).await.unwrap_err();
    for refused in [open, close] {
        assert!(["UnknownInterface", "UnknownMethod"].contains(&refused.name.as_str()), "{refused}");
    }
}

#[tokio::test]
async fn a_signal_that_only_looks_like_the_buss_ends_nobodys_channel() {
    let bus = Bus::start();
    let _daemon = Daemon::start(&bus, Start::default()).await;
    let alice = Peer::on(&bus, &Person::alice()).await;
    let channel = alice.channel().await.unwrap();
    let mallory = Peer::on(&bus, &Person::bob()).await;
    let name = alice.unique_name();
    let (path, interface) = ("/org/freedesktop/DBus", "org.freedesktop.DBus");
    let gone = (name.as_str(), name.as_str(), "");
    mallory.connection().emit_signal(Some(NAME), path, interface, "NameOwnerChanged", &gone).await.unwrap();
    // What the daemon would do of it comes before it answers its sender, and before it answers over the channel.
    for _ in 0..3 {
        assert_eq!(sessions(&mallory).await, HashMap::new());
        assert_eq!(sessions(&channel).await, HashMap::new());
    }
    // The control: her channel ends with her.
    alice.connection().clone().close().await.unwrap();
    claviger_tests::in_time("the end of the channel", channel.connection().closed()).await;
}
