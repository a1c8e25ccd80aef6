//! Many requests on one card, and cards that are slow or hang: each is waited for by its own users alone.

use std::time::Duration;

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled, assert_right, piv_card};
use claviger_tests::in_time;
use claviger_tests::peer::{Outcome, Peer, Refusal, none};
use tokio::task::JoinHandle;

/// Alice with a card in each of two readers, and a key of her own.
struct TwoCards {
    first: Enrolled,
    second: Enrolled,
    local_key: String,
    _house: CardHouse,
}

impl TwoCards {
    async fn set(cards: &str) -> Self {
        let house = CardHouse::configured(cards).await;
        let alice = house.house.alice().await;
        let local_key = alice.generate("P-256").await.unwrap();
        let mut enrolled = Vec::new();
        for slot in [0, 1] {
            let card = piv_card(&house.pcscd, slot).await;
            enrolled.push(Enrolled::enrol(&house.house, alice.clone(), card).await);
        }
        let second = enrolled.pop().unwrap();
        let first = enrolled.pop().unwrap();
        Self { first, second, local_key, _house: house }
    }

    /// Signs with everything but the first card.
    async fn sign_elsewhere(&self) {
        for _ in 0..10 {
            self.second.sign().await.unwrap();
        }
        self.first.owner.sign(&self.local_key, "ECDSA_SHA256", b"no card", none()).await.unwrap();
        assert_eq!(self.first.owner.tokens().await.len(), 3);
    }
}

/// Signs a message of its own in the background; a wrong signature fails the test.
fn signing(card: &Enrolled, owner: &Peer, message: String) -> JoinHandle<Result<(), Refusal>> {
    let (owner, key, public_key) = (owner.clone(), card.key.clone(), card.public_key.clone());
    tokio::spawn(async move {
        let signature = owner.sign(&key, "ECDSA_SHA256", message.as_bytes(), none()).await?;
        assert_right(&public_key, message.as_bytes(), &signature);
        Ok(())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_requests_on_one_card_are_all_answered_and_all_right() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let mut callers = Vec::new();
    for _ in 0..5 {
        let caller = house.visitor(&Person::alice()).await;
        callers.push(caller.channel().await.unwrap());
        callers.push(caller);
    }
    for round in 0..2 {
        let before = card.card.count();
        let requests: Vec<_> = (0..50)
            .map(|number| signing(&card, &callers[number % callers.len()], format!("{round} {number}")))
            .collect();
        for request in requests {
            in_time("an answer", request).await.unwrap().unwrap();
        }
        assert!(card.card.count() - before >= 200, "each was made by the card");
    }
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_parallel_requests_on_a_card_that_is_pulled_all_end() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    card.sign().await.unwrap();
    card.card.remove_before(70);
    let requests: Vec<_> = (0..50).map(|number| signing(&card, &card.owner, number.to_string())).collect();
    let mut signed = 0;
    for request in requests {
        match in_time("an answer", request).await.unwrap() {
            Ok(()) => signed += 1,
            Err(refusal) => {
                assert!(["TokenRemoved", "TokenAbsent", "PinNeeded"].contains(&&*refusal.name), "{refusal}");
            }
        }
    }
    // Four commands each: the eighteenth was under way.
    assert_eq!(signed, 17);
    card.until("removed").await;
    card.put_back().await;
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_card_is_waited_for_by_its_own_users_alone() {
    let mut cards = TwoCards::set("").await;
    cards.first.card.set_delay(Duration::from_millis(1500));
    let slow = signing(&cards.first, &cards.first.owner, "slow".into());
    cards.sign_elsewhere().await;
    assert!(!slow.is_finished(), "the other card did not wait for the slow one");
    in_time("the slow card", slow).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cards_answer_at_the_same_time() {
    let mut cards = TwoCards::set("").await;
    // Each is in the middle of a signature until the other is too.
    cards.first.card.hang_at(3);
    cards.second.card.hang_at(3);
    let first = signing(&cards.first, &cards.first.owner, "first".into());
    let second = signing(&cards.second, &cards.second.owner, "second".into());
    cards.first.card.event("hang-at").await;
    cards.second.card.event("hang-at").await;
    cards.second.card.resume();
    in_time("the second card", second).await.unwrap().unwrap();
    assert!(!first.is_finished());
    cards.first.card.resume();
    in_time("the first card", first).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_hangs_costs_its_own_users_a_deadline_and_nobody_else_anything() {
    let mut cards = TwoCards::set("wait = \"500ms\"\ndeadline = \"1s\"").await;
    for nth in [1, 2, 3, 4] {
        cards.first.card.hang_at(nth);
        let hanging = signing(&cards.first, &cards.first.owner, format!("hanging at {nth}"));
        cards.first.card.event("hang-at").await;
        cards.sign_elsewhere().await;
        // The last command only takes the PIN back, but who asked has waited long enough all the same.
        in_time("the deadline", hanging).await.unwrap().refused("Timeout");
        // Whoever comes now is told as soon.
        let behind = in_time("an answer", cards.first.sign()).await.unwrap_err();
        assert!(["Timeout", "DeviceBusy"].contains(&&*behind.name), "{behind}");
        cards.sign_elsewhere().await;
        cards.first.card.resume();
        let signing = async {
            while let Err(refusal) = cards.first.sign().await {
                assert!(["Timeout", "DeviceBusy"].contains(&&*refusal.name), "{refusal}");
            }
        };
        in_time("the card that goes on", signing).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_hangs_and_is_pulled_is_removed_and_comes_back() {
    let mut cards = TwoCards::set("wait = \"500ms\"\ndeadline = \"1s\"").await;
    cards.first.card.hang_at(3);
    let hanging = signing(&cards.first, &cards.first.owner, "hanging".into());
    cards.first.card.event("hang-at").await;
    cards.first.pull().await;
    let refusal = in_time("an answer", hanging).await.unwrap().unwrap_err();
    assert!(["Timeout", "TokenRemoved"].contains(&&*refusal.name), "{refusal}");
    cards.sign_elsewhere().await;
    cards.first.put_back().await;
    cards.first.unlock().await.unwrap();
    cards.first.sign().await.unwrap();
}
