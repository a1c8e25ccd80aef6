//! One uid that wants everything: its caps are exact, and others do not notice.

use std::time::Duration;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::daemon::{COSTLY, Start, derives};
use claviger_tests::house::House;
use claviger_tests::peer::{Outcome, Peer, none};
use claviger_tests::secret::OpenPipe;
use claviger_tests::{in_time, until};
use tokio::task::JoinSet;

/// Begins a call of `peer` that waits for the end of a pipe, and returns once the daemon reads that.
async fn wait_in(calls: &mut JoinSet<bool>, peer: &Peer, member: &'static str) -> OpenPipe {
    let pipe = OpenPipe::new(b"x");
    let (peer, reading) = (peer.clone(), pipe.reading());
    calls.spawn(async move {
        match member {
            "Unlock" => peer.call::<()>("Account", member, &(reading, none())).await.is_ok(),
            _ => peer.bytes("Public", member, &("SHA256", reading, none())).await.is_ok(),
        }
    });
    pipe.drained().await;
    pipe
}

#[tokio::test]
async fn sixty_four_operations_at_once_and_not_one_more() {
    let house = House::open().await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    // On the bus and on channels together: the cap is the uid's, not the connection's.
    let connections = [alice.clone(), alice.channel().await.unwrap(), house.visitor(&Person::alice()).await];
    let mut calls = JoinSet::new();
    let mut pipes = Vec::new();
    for place in 0..64 {
        pipes.push(wait_in(&mut calls, &connections[place % 3], "Unlock").await);
    }
    for peer in &connections {
        let refusal = peer.generate("P-256").await.refused("LimitsExceeded");
        assert!(!refusal.text.is_empty());
    }
    bob.generate("P-256").await.expect("bob does not notice");
    // One place that becomes free is one place.
    pipes.pop().unwrap().finish(b"");
    in_time("one of them", calls.join_next()).await;
    let last = wait_in(&mut calls, &alice, "Unlock").await;
    alice.generate("P-256").await.refused("LimitsExceeded");
    drop((last, pipes));
    while in_time("the others", calls.join_next()).await.is_some() {}
    alice.generate("P-256").await.expect("all places are free again");
}

#[tokio::test]
async fn eight_channels_and_not_one_more() {
    let house = House::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let mut channels = Vec::new();
    for _ in 0..8 {
        channels.push(alice.channel().await.unwrap());
    }
    assert_eq!(alice.channel().await.map(drop).refused("LimitsExceeded").name, "LimitsExceeded");
    let other = house.visitor(&Person::alice()).await;
    assert_eq!(other.channel().await.map(drop).refused("LimitsExceeded").name, "LimitsExceeded");
    house.visitor(&Person::bob()).await.channel().await.expect("bob does not notice");
    for channel in &channels {
        channel.bytes("Public", "Random", &(1u32, none())).await.expect("each of the eight works");
    }
    let gone = channels.pop().unwrap();
    gone.connection().clone().close().await.unwrap();
    let again = async {
        while alice.channel().await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    in_time("a free channel", again).await;
}

#[tokio::test]
async fn sixteen_subscriptions_and_not_one_more() {
    let house = House::open().await;
    let mut subscribers = Vec::new();
    for _ in 0..16 {
        let peer = house.visitor(&Person::alice()).await;
        peer.call::<()>("Service", "Subscribe", &(none(),)).await.unwrap();
        peer.call::<()>("Service", "Subscribe", &(none(),)).await.expect("again changes nothing");
        subscribers.push(peer);
    }
    let last = house.visitor(&Person::alice()).await;
    last.call::<()>("Service", "Subscribe", &(none(),)).await.refused("LimitsExceeded");
    let bob = house.visitor(&Person::bob()).await;
    bob.call::<()>("Service", "Subscribe", &(none(),)).await.expect("bob does not notice");
    subscribers[0].call::<()>("Service", "Unsubscribe", &(none(),)).await.unwrap();
    last.call::<()>("Service", "Subscribe", &(none(),)).await.expect("one place is free");
    // A subscriber that vanishes frees its place too.
    subscribers.pop().unwrap().connection().clone().close().await.unwrap();
    let again = async {
        let late = house.visitor(&Person::alice()).await;
        while late.call::<()>("Service", "Subscribe", &(none(),)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    in_time("a free subscription", again).await;
}

#[tokio::test]
async fn two_files_at_once_and_not_one_more() {
    let house = House::open().await;
    let (alice, bob) = (house.visitor(&Person::alice()).await, house.visitor(&Person::bob()).await);
    let mut calls = JoinSet::new();
    let first = wait_in(&mut calls, &alice, "DigestFile").await;
    let _second = wait_in(&mut calls, &alice, "DigestFile").await;
    let third = ("SHA256", claviger_tests::secret::pipe("x"), none());
    alice.bytes("Public", "DigestFile", &third).await.refused("LimitsExceeded");
    let bobs = ("SHA256", claviger_tests::secret::pipe("x"), none());
    bob.bytes("Public", "DigestFile", &bobs).await.expect("bob does not notice");
    first.finish(b"");
    assert_eq!(in_time("the first", calls.join_next()).await.unwrap().ok(), Some(true));
    let again = ("SHA256", claviger_tests::secret::pipe("x"), none());
    alice.bytes("Public", "DigestFile", &again).await.expect("one place is free");
}

#[tokio::test]
async fn one_derivation_at_a_time() {
    let house = House::with(Start { config: COSTLY.to_owned(), ..Start::default() }).await;
    let alice = house.alice().await;
    let pid = house.daemon.pid();
    let first = tokio::spawn({
        let alice = alice.clone();
        async move { alice.unlock(PASSPHRASE).await }
    });
    assert!(until(|| derives(pid)).await, "the derivation never takes its memory");
    alice.unlock(PASSPHRASE).await.refused("LimitsExceeded");
    first.await.unwrap().expect("the first goes on");
    alice.unlock(PASSPHRASE).await.expect("and then there is room");
}

#[tokio::test]
async fn so_many_keys_and_not_one_more() {
    let house = House::configured("[limits]\nkeys = 3\n").await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    for _ in 0..3 {
        alice.generate("P-256").await.unwrap();
    }
    alice.generate("P-256").await.refused("LimitsExceeded");
    bob.generate("P-256").await.expect("bob does not notice");
    let keys = alice.keys().await.unwrap();
    assert_eq!(keys.len(), 3);
    alice.delete(&keys[0].0).await.unwrap();
    alice.generate("P-256").await.expect("there is room for one");
}

#[tokio::test]
async fn a_flood_is_answered_call_by_call_and_nothing_stays_taken() {
    let house = House::open().await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    let (key, bobs) = (alice.generate("P-256").await.unwrap(), bob.generate("P-256").await.unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..2000 {
        let (alice, key) = (alice.clone(), key.clone());
        calls.spawn(async move { alice.sign(&key, "", b"data", none()).await });
    }
    for _ in 0..20 {
        bob.sign(&bobs, "", b"data", none()).await.expect("bob is served meanwhile");
    }
    let mut done = 0;
    while let Some(result) = in_time("the flood", calls.join_next()).await {
        match result.unwrap() {
            Ok(_) => done += 1,
            Err(refusal) => assert_eq!(refusal.name, "LimitsExceeded", "{refusal}"),
        }
    }
    assert!(done >= 64, "only {done} were served");
    alice.sign(&key, "", b"data", none()).await.expect("nothing stays taken");
}
