//! What the service says of itself, and to whom it sends signals.

use std::time::Duration;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::peer::{NAME, PATH, Peer, none};
use claviger_tests::{in_time, next};
use zbus::MessageStream;

async fn introspection(peer: &Peer) -> String {
    let proxy = zbus::fdo::IntrospectableProxy::builder(peer.connection()).path(PATH);
    let proxy = if peer.connection().is_bus() { proxy.destination(NAME) } else { proxy.destination(":0.0") };
    proxy.build().await.unwrap().introspect().await.unwrap()
}

/// Returns every method, signal and property with its arguments, one to a line, of the interfaces of that prefix.
fn members(xml: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut interface, mut member) = (String::new(), String::new());
    let xml = without_comments(xml);
    for tag in xml.split('<').filter(|tag| !tag.starts_with('/')) {
        let attribute = |name: &str| {
            let value = tag.split(&format!(" {name}=\"")).nth(1)?;
            value.split('"').next().map(str::to_owned)
        };
        let of_ours = interface.starts_with(NAME);
        match tag.split([' ', '>', '/']).next() {
            Some("interface") => interface = attribute("name").unwrap(),
            Some("method" | "signal") if of_ours => {
                member = format!("{interface}.{}", attribute("name").unwrap());
                found.push(member.clone());
            }
            Some("property") if of_ours => found.push(format!(
                "{interface}.{} {} {}",
                attribute("name").unwrap(),
                attribute("type").unwrap(),
                attribute("access").unwrap()
            )),
            Some("arg") if of_ours => found.push(format!(
                "{member} {} {}",
                attribute("direction").unwrap_or_else(|| "out".to_owned()),
                attribute("type").unwrap()
            )),
            _ => {}
        }
    }
    found.sort();
    found
}

fn without_comments(xml: &str) -> String {
    let mut pieces = xml.split("<!--");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once("-->").map_or("", |(_, rest)| rest))
}

#[tokio::test]
async fn introspection_says_what_the_contract_says() {
    let house = House::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../dbus-interfaces/xml");
    let mut contract = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        contract.extend(members(&std::fs::read_to_string(file.unwrap().path()).unwrap()));
    }
    contract.sort();
    assert!(contract.len() > 100, "the contract was read");
    // Agents implement that one.
    contract.retain(|member| !member.contains(".Agent."));
    assert_eq!(members(&introspection(&alice).await), contract);

    // On a channel the same, without administration, logins and agents.
    let bus_alone = [".Admin.", ".Authentication.", ".Login.", ".Agents."];
    contract.retain(|member| !bus_alone.iter().any(|interface| member.contains(interface)));
    let channel = alice.channel().await.unwrap();
    assert_eq!(members(&introspection(&channel).await), contract);
}

#[tokio::test]
async fn the_properties_are_constant_and_say_what_is_offered() {
    let house = House::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let proxy = zbus::fdo::PropertiesProxy::builder(alice.connection()).destination(NAME).path(PATH);
    let properties = proxy.build().await.unwrap();
    let interface = format!("{NAME}.Service");
    let all = properties.get_all(interface.as_str().try_into().unwrap()).await.unwrap();
    let version: String = all["Version"].clone().try_into().unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let mechanisms: Vec<String> = all["Mechanisms"].clone().try_into().unwrap();
    let wanted = [
        "ECDSA",
        "ECDSA_SHA256",
        "ECDSA_SHA384",
        "ECDSA_SHA512",
        "EDDSA",
        "RSA_PKCS",
        "SHA256_RSA_PKCS",
        "SHA384_RSA_PKCS",
        "SHA512_RSA_PKCS",
        "RSA_PKCS_PSS",
        "SHA256_RSA_PKCS_PSS",
        "SHA384_RSA_PKCS_PSS",
        "SHA512_RSA_PKCS_PSS",
        "RSA_PKCS_OAEP",
        "ECDH1_DERIVE",
        "ML_DSA",
        "ML_KEM",
    ];
    for mechanism in wanted {
        assert!(mechanisms.iter().any(|offered| offered == mechanism), "{mechanism} is not offered");
    }
    assert!(
        !mechanisms.iter().any(|offered| offered == "RSA_X_509"),
        "the bare primitive is not for callers"
    );
}

#[tokio::test]
async fn signals_go_to_their_subscriber_about_their_own_account_and_to_nobody_else() {
    let house = House::open().await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    let quiet = house.visitor(&Person::alice()).await;
    let mut streams = [&alice, &bob, &quiet].map(|peer| MessageStream::from(peer.connection()));
    for peer in [&alice, &bob] {
        peer.call::<()>("Service", "Subscribe", &(none(),)).await.unwrap();
    }
    alice.lock().await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.generate("P-256").await.unwrap();
    for wanted in ["LockedChanged", "LockedChanged", "KeysChanged"] {
        let member = in_time(wanted, next_signal(&mut streams[0])).await;
        assert_eq!(member.as_deref(), Some(wanted));
    }
    alice.call::<()>("Service", "Unsubscribe", &(none(),)).await.unwrap();
    alice.generate("P-256").await.unwrap();
    // Each of these three calls is answered after any signal that went before it.
    for (peer, stream) in [&alice, &bob, &quiet].into_iter().zip(&mut streams) {
        peer.bytes("Public", "Random", &(1u32, none())).await.unwrap();
        let further = tokio::time::timeout(Duration::from_millis(50), next_signal(stream)).await;
        assert!(further.is_err(), "{:?} got {further:?}", peer.person.name);
    }
}

async fn next_signal(stream: &mut MessageStream) -> Option<String> {
    while let Some(Ok(message)) = next(stream).await {
        let header = message.header();
        let ours = header.interface().is_some_and(|interface| interface.starts_with(NAME));
        if ours && message.message_type() == zbus::message::Type::Signal {
            return header.member().map(ToString::to_string);
        }
    }
    None
}
