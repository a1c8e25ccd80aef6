//! Secrets and files in descriptors that are not what they should be.

use std::time::Instant;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::peer::{Outcome, Peer, Refusal, none};
use claviger_tests::place::Place;
use claviger_tests::secret::{self, OpenPipe};
use rustix::fs::{Mode, OFlags, SealFlags};
use zbus::Fd;

/// Offers `passphrase` to every method that takes one, and returns what each answered.
async fn offered_everywhere(peer: &Peer, make: impl Fn() -> Fd<'static>) -> Vec<Result<(), Refusal>> {
    let good = || secret::pipe(PASSPHRASE);
    vec![
        peer.call("Account", "Unlock", &(make(), none())).await,
        peer.call("Account", "ChangePassphrase", &(make(), secret::pipe("new"), none())).await,
        peer.call("Account", "ChangePassphrase", &(good(), make(), none())).await,
        peer.call::<String>("Keys", "ImportKey", &(make(), none())).await.map(drop),
    ]
}

async fn assert_refused_everywhere(peer: &Peer, names: &[&str], make: impl Fn() -> Fd<'static>) {
    for result in offered_everywhere(peer, make).await {
        let refusal = result.expect_err("this is no secret");
        assert!(names.contains(&refusal.name.as_str()), "expected one of {names:?}, got {refusal}");
    }
    peer.unlock(PASSPHRASE).await.expect("the pass phrase is still the old one");
}

#[tokio::test]
async fn a_directory_is_no_pass_phrase() {
    let house = House::open().await;
    let alice = house.alice().await;
    assert_refused_everywhere(&alice, &["InvalidArgs"], || secret::open("/tmp")).await;
}

#[tokio::test]
async fn a_file_or_a_device_is_no_pass_phrase() {
    let house = House::open().await;
    let alice = house.alice().await;
    let place = Place::new();
    let file = place.file("passphrase", PASSPHRASE);
    assert_refused_everywhere(&alice, &["InvalidArgs"], || secret::open(&file)).await;
    assert_refused_everywhere(&alice, &["InvalidArgs"], || secret::open("/dev/null")).await;
    let by_path_only = || rustix::fs::open(&file, OFlags::PATH, Mode::empty()).unwrap().into();
    assert_refused_everywhere(&alice, &["InvalidArgs"], by_path_only).await;
}

#[tokio::test]
async fn a_pipe_that_was_closed_at_once_is_an_empty_pass_phrase_and_refused() {
    let house = House::open().await;
    let alice = house.alice().await;
    assert_refused_everywhere(&alice, &["InvalidArgs", "DataInvalid"], || secret::pipe("")).await;
    let account = alice.account().await;
    let failed: u32 = account["tries-failed"].clone().try_into().unwrap();
    assert_eq!(failed, 0, "nothing was guessed");
}

#[tokio::test]
async fn a_writing_end_is_no_pass_phrase() {
    let house = House::open().await;
    let alice = house.alice().await;
    let writing_end = || rustix::pipe::pipe().unwrap().1.into();
    assert_refused_everywhere(&alice, &["InvalidArgs", "DataInvalid"], writing_end).await;
}

#[tokio::test]
async fn ten_mebibytes_are_too_long_for_a_pass_phrase() {
    let house = House::open().await;
    let alice = house.alice().await;
    let long = vec![b'x'; 10 << 20];
    assert_refused_everywhere(&alice, &["InvalidArgs", "DataTooLarge"], || secret::pipe(&long)).await;
    let sealed = || secret::memfd(&long, SealFlags::SHRINK | SealFlags::WRITE);
    assert_refused_everywhere(&alice, &["InvalidArgs", "DataTooLarge"], sealed).await;
}

#[tokio::test]
async fn a_pass_phrase_without_end_meets_the_deadline() {
    let house = House::open().await;
    let alice = house.alice().await;
    let endless = OpenPipe::new(PASSPHRASE.as_bytes());
    let began = Instant::now();
    alice.call::<()>("Account", "Unlock", &(endless.reading(), none())).await.refused("Timeout");
    let took = began.elapsed();
    assert!(took.as_secs() >= 4, "the reader had 5 seconds, not {took:?}");
    endless.finish(b"");
    // Others were not kept waiting, and neither is alice any longer.
    alice.unlock(PASSPHRASE).await.unwrap();
}

#[tokio::test]
async fn a_pass_phrase_that_comes_in_pieces_is_one_pass_phrase() {
    let house = House::open().await;
    let alice = house.alice().await;
    let (first, second) = PASSPHRASE.as_bytes().split_at(9);
    let pieces = OpenPipe::new(first);
    let body = (pieces.reading(), none());
    let unlocking = alice.call::<()>("Account", "Unlock", &body);
    let (unlocked, ()) = tokio::join!(unlocking, async {
        pieces.drained().await;
        pieces.finish(second);
    });
    unlocked.unwrap();
}

#[tokio::test]
async fn a_pass_phrase_may_come_in_a_memfd_whatever_its_seals() {
    let house = House::open().await;
    let alice = house.alice().await;
    for seals in [SealFlags::empty(), SealFlags::SHRINK | SealFlags::WRITE, SealFlags::SEAL] {
        let memfd = secret::memfd(PASSPHRASE.as_bytes(), seals);
        alice.call::<()>("Account", "Unlock", &(memfd, none())).await.unwrap();
    }
}

#[tokio::test]
async fn a_memfd_without_seals_is_read_and_not_mapped() {
    let house = House::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let message = vec![7; 3 << 20];
    let digests = [SealFlags::empty(), SealFlags::SHRINK | SealFlags::WRITE].map(|seals| {
        let memfd = secret::memfd(&message, seals);
        let alice = alice.clone();
        async move { alice.bytes("Public", "DigestFile", &("SHA256", memfd, none())).await.unwrap() }
    });
    let [unsealed, sealed] = digests;
    assert_eq!(unsealed.await, sealed.await);
    // What may shrink under the reader must not end the daemon: a mapping would fault.
    let shrinking = rustix::fs::memfd_create("claviger-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&shrinking, 512 << 20).unwrap();
    let descriptor: Fd<'static> = shrinking.try_clone().unwrap().into();
    let body = ("SHA256", descriptor, none());
    let digesting = alice.bytes("Public", "DigestFile", &body);
    let (digested, ()) = tokio::join!(digesting, async {
        tokio::task::yield_now().await;
        rustix::fs::ftruncate(&shrinking, 0).unwrap();
    });
    if let Err(refusal) = digested {
        assert_eq!(refusal.name, "DataInvalid", "{refusal}");
    }
    alice.bytes("Public", "Random", &(1u32, none())).await.expect("the daemon lives");
}

#[tokio::test]
async fn a_file_to_sign_that_is_a_directory_is_refused() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    let body = (key.as_str(), "ECDSA_SHA256", secret::open("/tmp"), none());
    let refusal = alice.bytes("Keys", "SignFile", &body).await.expect_err("no file");
    assert!(["DataInvalid", "InvalidArgs"].contains(&refusal.name.as_str()), "{refusal}");
}
