//! What a user wants: what follows when the token is removed, and which keys ask before they are used.

use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Outcome, Peer, Refusal, none};
use claviger_tests::secret;
use zbus::OwnedFd;

async fn want(peer: &Peer, action: &str) -> Result<(), Refusal> {
    peer.call("Account", "SetRemovalAction", &(action, none())).await
}

/// Returns what the user wants, what will happen at this machine, and what from afar.
async fn told(peer: &Peer) -> [String; 3] {
    let account = peer.account().await;
    ["removal-action", "removal-local", "removal-remote"]
        .map(|name| account[name].clone().try_into().unwrap())
}

#[tokio::test]
async fn what_follows_a_removal_is_the_users_wish_above_the_administrators_floor() {
    let mut house = House::configured("[removal]\nlocal = \"none\"\nremote = \"terminate\"\n").await;
    let alice = house.alice().await;
    let bob = house.visitor(&Person::bob()).await;
    for peer in [&alice, &bob] {
        assert_eq!(told(peer).await, ["", "none", "terminate"]);
    }
    want(&bob, "lock").await.refused("NotRegistered");
    for action in ["logout", "Lock", "none "] {
        want(&alice, action).await.refused("InvalidArgs");
    }
    for action in ["none", "terminate", "lock"] {
        want(&alice, action).await.unwrap();
        assert_eq!(told(&alice).await, [action; 3]);
    }
    house.daemon.kill().await;
    house.daemon.restart(&house.bus).await.unwrap();
    assert_eq!(told(&alice).await, ["lock"; 3]);
    want(&alice, "").await.unwrap();
    assert_eq!(told(&alice).await, ["", "none", "terminate"]);

    let house = House::configured("[removal]\nfloor = \"lock\"\n").await;
    let alice = house.alice().await;
    want(&alice, "none").await.unwrap();
    assert_eq!(told(&alice).await, ["none", "lock", "lock"]);
}

async fn set_confirm(peer: &Peer, key: &str, policy: &str) -> Result<(), Refusal> {
    peer.call("Keys", "SetConfirm", &(key, policy, none())).await
}

async fn confirm_of(peer: &Peer, key: &str) -> String {
    let (_, key): (String, Attributes) = peer.call("Keys", "GetKey", &(key, none())).await.unwrap();
    key["confirm"].clone().try_into().unwrap()
}

#[tokio::test]
async fn how_often_a_key_asks_is_kept_and_only_an_unlocked_account_changes_it() {
    let mut house = House::open().await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    let (key, other) = (alice.generate("P-256").await.unwrap(), alice.generate("P-256").await.unwrap());
    assert_eq!(confirm_of(&alice, &key).await, "never");
    for policy in ["session", "always"] {
        set_confirm(&alice, &key, policy).await.unwrap();
        assert_eq!(confirm_of(&alice, &key).await, policy);
    }
    assert_eq!(confirm_of(&alice, &other).await, "never");
    for policy in ["", "often", "Always"] {
        set_confirm(&alice, &key, policy).await.refused("InvalidArgs");
    }
    set_confirm(&bob, &key, "session").await.refused("NoSuchKey");
    alice.lock().await.unwrap();
    set_confirm(&alice, &other, "always").await.refused("Locked");
    house.daemon.kill().await;
    house.daemon.restart(&house.bus).await.unwrap();
    assert_eq!(
        (confirm_of(&alice, &key).await, confirm_of(&alice, &other).await),
        ("always".into(), "never".into())
    );
}

#[tokio::test]
async fn a_key_that_asks_does_so_after_a_restore_too() {
    let house = House::open().await;
    let alice = house.alice().await;
    let (key, other) = (alice.generate("P-256").await.unwrap(), alice.generate("P-256").await.unwrap());
    set_confirm(&alice, &key, "always").await.unwrap();
    let backup: OwnedFd = alice.call("Account", "Backup", &(none(),)).await.unwrap();
    let backup = secret::read(backup);
    let administrator = house.visitor(&Person::service()).await;
    administrator.call::<()>("Admin", "RemoveUser", &(alice.person.uid, none())).await.unwrap();
    alice.call::<()>("Account", "Restore", &(secret::pipe(&backup), none())).await.unwrap();
    assert_eq!(confirm_of(&alice, &key).await, "always");
    assert_eq!(confirm_of(&alice, &other).await, "never");
}
