//! Agents and cards: the PIN is asked for with what the card says of it, and the last try only by name.

use claviger_tests::accounts::Person;
use claviger_tests::agent::{Agent, Question};
use claviger_tests::cards::{CardHouse, Enrolled, MESSAGE, PIN};
use claviger_tests::peer::{Outcome, Refusal, none};
use tokio::task::JoinHandle;

use crate::calls::{told_tries, tries_spent, unlock};

const WRONG: &str = "111111";
const VERIFY: u8 = 0x20;

fn signing(card: &Enrolled) -> JoinHandle<Result<Vec<u8>, Refusal>> {
    let (alice, key) = (card.owner.clone(), card.key.clone());
    tokio::spawn(async move { alice.sign_and_ask(&key, MESSAGE, none()).await })
}

/// Returns alice's card, locked, and her agent.
async fn locked(house: &CardHouse) -> (Enrolled, Agent) {
    let mut card = house.alices_card(0).await;
    card.owner.lock_card(&card.token).await.unwrap();
    card.card.log(claviger_tests::pcsc::card::Depth::Full);
    card.card.drain_log();
    (card, Agent::of(&house.house, &Person::alice()).await)
}

fn told(question: &Question) -> (Option<u32>, bool, bool) {
    (question.number("tries-left"), question.flag("last-try"), question.flag("wrong"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pin_is_asked_for_with_the_tries_that_are_left() {
    let house = CardHouse::open().await;
    let (mut card, mut agent) = locked(&house).await;
    let signed = signing(&card);
    let question = agent.asked().await;
    let words =
        ["secret", "token", "token-kind", "reader"].map(|name| question.text(name).unwrap_or_default());
    assert_eq!(words, ["pin", card.token.as_str(), "card", card.card.reader()]);
    assert!(question.text("token-name").is_some_and(|name| !name.is_empty()));
    assert_eq!((question.number("shortest"), question.number("longest")), (Some(6), Some(8)));
    assert_eq!(told(&question), (Some(3), false, false));
    question.typed(WRONG);
    let again = agent.asked().await;
    assert_eq!(told(&again), (Some(2), false, true));
    again.typed("123");
    let unfit = agent.asked().await;
    assert_eq!(told(&unfit), (Some(2), false, true), "what cannot be a PIN spends no try");
    unfit.typed(PIN);
    signed.await.unwrap().unwrap();
    assert_eq!(tries_spent(&mut card.card).len(), 3, "wrong, right, and the signature's own");
    assert_eq!(card.tries_left(&house.pcscd), 3);
    signing(&card).await.unwrap().expect("it is unlocked");
    assert!(agent.heard_nothing().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_try_is_spent_only_on_an_answer_to_a_question_that_says_so() {
    let house = CardHouse::open().await;
    let (mut card, mut agent) = locked(&house).await;
    let signed = signing(&card);
    for tries in [3, 2] {
        let question = agent.asked().await;
        assert_eq!(told(&question), (Some(tries), false, tries == 2));
        question.typed(WRONG);
    }
    let last = agent.asked().await;
    assert_eq!(told(&last), (Some(1), true, true));
    last.declined();
    signed.await.unwrap().refused("Declined");
    assert_eq!(tries_spent(&mut card.card), [VERIFY; 2]);
    assert_eq!(told_tries(&card.owner, &card.token).await, Some(1));

    unlock(&card.owner, &card.token, PIN, none()).await.refused("PinNeeded");
    let signed = signing(&card);
    let last = agent.asked().await;
    assert_eq!(told(&last), (Some(1), true, false));
    last.typed(PIN);
    signed.await.unwrap().unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_pin_and_an_absent_card_are_asked_for_by_nobody() {
    let house = CardHouse::open().await;
    let (mut card, mut agent) = locked(&house).await;
    let signed = signing(&card);
    for _ in 0..3 {
        agent.asked().await.typed(WRONG);
    }
    let refusal = signed.await.unwrap().unwrap_err();
    assert!(["BadPin", "PinLocked"].contains(&refusal.name.as_str()), "{refusal}");
    assert!(refusal.text.contains("blocked"), "{refusal}");
    signing(&card).await.unwrap().refused("PinLocked");
    card.pull().await;
    signing(&card).await.unwrap().refused("TokenAbsent");
    assert!(agent.heard_nothing().await);
}
