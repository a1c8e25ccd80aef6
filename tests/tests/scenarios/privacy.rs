//! Nobody can use or see the private key of another: two real uids, the daemon under a third.

use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Outcome, Peer, Refusal, none};
use claviger_tests::secret;
use serde_bytes::Bytes;

const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";

/// Tries everything that can be done with a key that one names, and returns what each try gave.
async fn every_use(peer: &Peer, key: &str) -> Vec<(&'static str, Result<(), Refusal>)> {
    let data = Bytes::new(b"something");
    let mut tries = Vec::new();
    let operations = [
        ("Sign", "ECDSA_SHA256"),
        ("Decrypt", "RSA_PKCS"),
        ("Derive", "ECDH1_DERIVE"),
        ("Decapsulate", "ML_KEM"),
    ];
    for (member, mechanism) in operations {
        let result = peer.bytes("Keys", member, &(key, mechanism, data, none())).await;
        tries.push((member, result.map(drop)));
    }
    let file = (key, "ECDSA_SHA256", secret::pipe("something"), none());
    tries.push(("SignFile", peer.bytes("Keys", "SignFile", &file).await.map(drop)));
    let shown = peer.call::<(String, Attributes)>("Keys", "GetKey", &(key, none())).await;
    tries.push(("GetKey", shown.map(drop)));
    let explained = peer.call::<Attributes>("Keys", "Explain", &(key, "ECDSA_SHA256", none())).await;
    tries.push(("Explain", explained.map(drop)));
    tries.push(("SetLabel", peer.call("Keys", "SetLabel", &(key, "mine", none())).await));
    tries.push(("SetDefaultKey", peer.call("Keys", "SetDefaultKey", &("sign", key, none())).await));
    tries.push(("DeleteKey", peer.delete(key).await));
    tries
}

/// Holds that `peer` learns exactly as much of alice's key as of one that does not exist: nothing.
async fn assert_unknown(peer: &Peer, key: &str) {
    for name in [key, "alices-label", &uri(key)] {
        let (foreign, absent) = (every_use(peer, name).await, every_use(peer, UNKNOWN).await);
        for ((member, foreign), (_, absent)) in foreign.into_iter().zip(absent) {
            let (foreign, absent) = (foreign.refused("NoSuchKey"), absent.refused("NoSuchKey"));
            let (foreign, absent) = (foreign.text.replace(name, "KEY"), absent.text.replace(UNKNOWN, "KEY"));
            assert_eq!(foreign, absent, "{member} tells more of {name} than of a key that does not exist");
        }
    }
}

fn uri(key: &str) -> String {
    let bytes = key.as_bytes().chunks(2).map(|pair| format!("%{}", std::str::from_utf8(pair).unwrap()));
    format!("pkcs11:id={}", bytes.collect::<String>())
}

/// Returns alice and her labelled key.
async fn alice_with_key(house: &House) -> (Peer, String) {
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    let _: () = alice.call("Keys", "SetLabel", &(key.as_str(), "alices-label", none())).await.unwrap();
    (alice, key)
}

async fn assert_untouched(alice: &Peer, key: &str) {
    let (_, attributes): (String, Attributes) =
        alice.call("Keys", "GetKey", &("alices-label", none())).await.unwrap();
    let algorithm: String = attributes["algorithm"].clone().try_into().unwrap();
    assert_eq!(algorithm, "P-256");
    alice.sign(key, "", b"still mine", none()).await.expect("alice's key works as before");
}

#[tokio::test]
async fn a_foreign_key_is_no_such_key_on_the_bus() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let bob = house.bob().await;
    assert_unknown(&bob, &key).await;
    assert_eq!(bob.keys().await.unwrap().len(), 0);
    assert_untouched(&alice, &key).await;
}

#[tokio::test]
async fn a_foreign_key_is_no_such_key_over_a_channel() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let bob = house.bob().await;
    assert_unknown(&bob.channel().await.unwrap(), &key).await;
    assert_untouched(&alice, &key).await;
    assert_untouched(&alice.channel().await.unwrap(), &key).await;
}

#[tokio::test]
async fn claiming_to_be_somebody_else_on_a_channel_changes_nothing() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let bob = house.bob().await;
    let pretender = bob.channel().await.unwrap().claiming(&alice.unique_name());
    assert_unknown(&pretender, &key).await;
    let uid: u32 = pretender.account().await.remove("uid").unwrap().try_into().unwrap();
    assert_eq!(uid, Person::bob().uid, "the caller is the one who opened the channel");
    // The control: the claim does arrive, and does no harm to its owner's own calls.
    let own = bob.generate("P-256").await.unwrap();
    pretender.sign(&own, "", b"bob's", none()).await.expect("bob's key is bob's, whatever he claims");
    assert_untouched(&alice, &key).await;
}

#[tokio::test]
async fn root_cannot_operate_alices_key() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let root = house.visitor(&Person::root()).await;
    for (member, result) in every_use(&root, &key).await {
        assert_eq!(result.refused("NotRegistered").name, "NotRegistered", "{member}");
    }
    root.register("root's own pass phrase").await.unwrap();
    root.unlock("root's own pass phrase").await.unwrap();
    assert_unknown(&root, &key).await;
    assert_unknown(&root.channel().await.unwrap(), &key).await;
    assert_untouched(&alice, &key).await;
}

#[tokio::test]
async fn the_service_itself_cannot_operate_alices_key() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let service = Peer::registered(&house.bus, &Person::service()).await;
    assert_unknown(&service, &key).await;
    assert_untouched(&alice, &key).await;
}

#[tokio::test]
async fn others_see_public_keys_without_labels() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let bob = house.bob().await;
    let person = Person::alice();
    for name in [person.name.clone(), person.uid.to_string()] {
        let seen: Vec<(String, Attributes)> =
            bob.call("Public", "GetPublicKeys", &(name, none())).await.unwrap();
        let [(id, attributes)] = seen.as_slice() else { panic!("alice has one key: {seen:?}") };
        assert_eq!(*id, key);
        assert!(!attributes.contains_key("label"), "labels are private: {attributes:?}");
        let public: Vec<u8> = attributes["public-key"].clone().try_into().unwrap();
        assert_eq!(public, alice.public_key(&key).await.unwrap());
    }
    let nobody = bob.call::<Vec<(String, Attributes)>>("Public", "GetPublicKeys", &("lp", none())).await;
    nobody.refused("NoSuchUser");
}

#[tokio::test]
async fn administration_is_refused_to_everybody_but_the_daemons_own_uid_off_the_system_bus() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let uid = alice.person.uid;
    for person in [Person::alice(), Person::bob(), Person::root()] {
        let peer = house.visitor(&person).await;
        peer.call::<Attributes>("Admin", "GetUser", &(uid, none())).await.refused("AccessDenied");
        peer.call::<()>("Admin", "RevokeKey", &(uid, key.as_str(), none())).await.refused("AccessDenied");
        peer.call::<()>("Admin", "RemoveUser", &(uid, none())).await.refused("AccessDenied");
        peer.call::<zbus::OwnedFd>("Admin", "IssueConsent", &(uid, none())).await.refused("AccessDenied");
    }
    assert_untouched(&alice, &key).await;
}
