//! pcscd killed, ended, hung, started again, or not there at all: cards cannot be reached meanwhile and nothing else
//! is any different; they come back by themselves.

use std::time::Duration;

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled, Watch, piv_card, start, word};
use claviger_tests::daemon::Daemon;
use claviger_tests::house::House;
use claviger_tests::in_time;
use claviger_tests::pcsc::Pcscd;
use claviger_tests::peer::{Attributes, Outcome, Peer, Refusal, none};
use rustix::process::{Pid, Signal, kill_process};

/// Alice with a key of her own and one on a card.
struct Scene {
    card: Enrolled,
    local_key: String,
    house: CardHouse,
}

impl Scene {
    async fn set(cards: &str) -> Self {
        let house = CardHouse::configured(cards).await;
        let alice = house.house.alice().await;
        let local_key = alice.generate("P-256").await.unwrap();
        let card = piv_card(&house.pcscd, 0).await;
        let card = Enrolled::enrol(&house.house, alice, card).await;
        card.sign().await.unwrap();
        Self { card, local_key, house }
    }

    /// Holds that everything but the card is as ever.
    async fn assert_all_else_works(&self) {
        let alice = &self.card.owner;
        sign_locally(alice, &self.local_key).await;
        assert_eq!(alice.keys().await.unwrap().len(), 2);
        assert_eq!(alice.public_key(&self.card.key).await.unwrap(), self.card.public_key);
        assert!(alice.tokens().await.iter().any(|(id, _)| *id == self.card.token));
        let bob = self.house.visitor(&Person::bob()).await;
        bob.bytes("Public", "Random", &(16u32, none())).await.unwrap();
    }

    /// Waits until the card is back by itself, and holds that it signs after it was unlocked.
    async fn assert_it_comes_back(&mut self) {
        self.card.card.seen_again().await;
        self.card.until("present").await;
        self.card.sign().await.refused("PinNeeded");
        self.card.unlock().await.unwrap();
        self.card.sign().await.unwrap();
        let told = self.card.watch.told(&self.card.token);
        assert!(!told.iter().any(|presence| presence == "removed"), "nobody pulled it: {told:?}");
    }
}

async fn sign_locally(peer: &Peer, key: &str) {
    peer.sign(key, "ECDSA_SHA256", b"no card at all", none()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_pcscd_takes_no_card_away_and_its_cards_come_back_by_themselves() {
    let mut scene = Scene::set("").await;
    for _ in 0..2 {
        scene.house.pcscd.kill();
        scene.card.until("unreachable").await;
        let refusal = scene.card.sign().await.refused("TokenAbsent");
        assert!(refusal.text.contains("PIV"), "it says which card: {refusal}");
        scene.card.unlock().await.refused("TokenAbsent");
        scene.assert_all_else_works().await;
        scene.house.pcscd.restart();
        scene.assert_it_comes_back().await;
    }
    assert_eq!(scene.card.tries_left(&scene.house.pcscd), 3);
}

/// What it says then is no answer to the question which card it is: it is asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_errs_when_it_is_identified_anew_is_neither_removed_nor_forgotten() {
    for answer in [&b"\x6F\x00"[..], b"\x65\x81", b"\xDE\xAD\x90\x00"] {
        let mut scene = Scene::set("").await;
        scene.card.card.garble_at(1, answer);
        scene.house.pcscd.kill();
        scene.card.until("unreachable").await;
        scene.house.pcscd.restart();
        scene.assert_it_comes_back().await;
        scene.card.card.event("garble-at").await;
    }
}

/// As `systemctl stop pcscd` does it: it closes its readers first, so that all cards seem to be pulled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pcscd_that_is_told_to_end_takes_no_card_away() {
    let mut scene = Scene::set("").await;
    let pid = Pid::from_raw(scene.house.pcscd.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    scene.card.until("unreachable").await;
    scene.card.sign().await.refused("TokenAbsent");
    scene.assert_all_else_works().await;
    scene.house.pcscd.restart();
    scene.assert_it_comes_back().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pcscd_that_is_started_anew_at_once_brings_its_cards_back() {
    let mut scene = Scene::set("").await;
    for _ in 0..2 {
        scene.house.pcscd.restart();
        scene.card.until("unreachable").await;
        scene.assert_it_comes_back().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pcscd_killed_under_traffic_hangs_nobody() {
    let mut scene = Scene::set("").await;
    let traffic: Vec<_> = (0..4).map(|_| traffic(&scene.card)).collect();
    let before = scene.card.card.count();
    in_time("traffic", async { while scene.card.card.count() < before + 40 {} }).await;
    scene.house.pcscd.kill();
    for worker in traffic {
        let refusal = in_time("an end", worker).await.unwrap();
        assert!(["TokenAbsent", "TokenRemoved", "PinNeeded"].contains(&&*refusal.name), "{refusal}");
    }
    scene.assert_all_else_works().await;
    scene.house.pcscd.restart();
    scene.assert_it_comes_back().await;
    assert_eq!(scene.card.tries_left(&scene.house.pcscd), 3);
}

/// Signs until it is refused, and returns why.
fn traffic(card: &Enrolled) -> tokio::task::JoinHandle<Refusal> {
    let (owner, key) = (card.owner.clone(), card.key.clone());
    tokio::spawn(async move {
        loop {
            if let Err(refusal) = owner.sign(&key, "ECDSA_SHA256", b"more", none()).await {
                return refusal;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pcscd_that_hangs_between_operations_hangs_nobody_and_costs_nothing_once_it_goes_on() {
    let scene = Scene::set("wait = \"500ms\"\ndeadline = \"1s\"").await;
    for _ in 0..2 {
        scene.house.pcscd.stop();
        for _ in 0..2 {
            let refusal = in_time("an answer", scene.card.sign()).await.unwrap_err();
            assert!(["DeviceBusy", "Timeout"].contains(&&*refusal.name), "{refusal}");
            scene.assert_all_else_works().await;
        }
        scene.house.pcscd.resume();
        sign_when_it_goes_on(&scene.card).await;
    }
    let told = scene.card.watch.told(&scene.card.token);
    assert!(!told.iter().any(|presence| presence != "present"), "it was there all the time: {told:?}");
    assert_eq!(scene.card.tries_left(&scene.house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pcscd_that_hangs_in_the_middle_of_an_operation_hangs_nobody() {
    let mut scene = Scene::set("wait = \"500ms\"\ndeadline = \"1s\"").await;
    scene.card.card.delay_at(3, Duration::from_millis(300));
    let (owner, key) = (scene.card.owner.clone(), scene.card.key.clone());
    let signing = tokio::spawn(async move { owner.sign(&key, "ECDSA_SHA256", b"held up", none()).await });
    scene.card.card.event("delay-ms-at").await;
    scene.house.pcscd.stop();
    in_time("an answer", signing).await.unwrap().refused("Timeout");
    scene.assert_all_else_works().await;
    let refusal = in_time("an answer", scene.card.sign()).await.unwrap_err();
    assert!(["DeviceBusy", "Timeout"].contains(&&*refusal.name), "{refusal}");
    scene.house.pcscd.resume();
    sign_when_it_goes_on(&scene.card).await;
    assert_eq!(scene.card.tries_left(&scene.house.pcscd), 3, "and it is not left verified");
}

/// What was given up is finished first.
async fn sign_when_it_goes_on(card: &Enrolled) {
    let signing = async {
        while let Err(refusal) = card.sign().await {
            assert!(["DeviceBusy", "Timeout"].contains(&&*refusal.name), "{refusal}");
        }
    };
    in_time("the card", signing).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_without_pcscd_serves_all_else_and_finds_the_cards_once_it_is_there() {
    let mut pcscd = Pcscd::start();
    let card = piv_card(&pcscd, 0).await;
    pcscd.kill();
    let house = House::with(start(&pcscd.socket(), "")).await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    sign_locally(&alice, &key).await;
    assert_eq!(alice.tokens().await.len(), 1, "the local store");
    alice.enrol("", claviger_tests::cards::PIN, none()).await.refused("NoSuchToken");
    pcscd.restart();
    let card = Enrolled::enrol(&house, alice, card).await;
    card.sign().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_started_beside_a_hung_pcscd_serves_all_else_and_finds_the_cards_once_it_goes_on() {
    let pcscd = Pcscd::start();
    let card = piv_card(&pcscd, 0).await;
    pcscd.stop();
    let house = House::with(start(&pcscd.socket(), "")).await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    sign_locally(&alice, &key).await;
    pcscd.resume();
    let card = Enrolled::enrol(&house, alice, card).await;
    card.sign().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_beside_a_hung_pcscd_stops_when_it_is_told_to() {
    let mut scene = Scene::set("wait = \"500ms\"").await;
    scene.house.pcscd.stop();
    scene.card.sign().await.unwrap_err();
    let status = scene.house.house.daemon.stop().await;
    assert!(status.success(), "{status}");
    scene.house.pcscd.resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_card_is_unreachable_to_a_daemon_that_starts_without_pcscd() {
    let mut scene = Scene::set("").await;
    scene.house.pcscd.kill();
    let Scene { mut house, mut card, .. } = scene;
    let daemon: &mut Daemon = &mut house.house.daemon;
    assert!(daemon.stop().await.success());
    daemon.restart(&house.house.bus).await.unwrap();
    let row: Attributes = card.owner.token(&card.token).await.unwrap();
    assert_eq!(word(&row, "presence"), "unreachable");
    card.sign().await.refused("TokenAbsent");
    card.watch = Watch::of(&house.house, &card.owner.person).await;
    house.pcscd.restart();
    card.until("present").await;
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
}
