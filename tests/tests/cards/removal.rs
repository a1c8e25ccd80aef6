//! Cards that go: before, between and during the commands of a signature, for a moment, and for another card.

use std::time::Duration;

use claviger_tests::accounts::Person;
use claviger_tests::cards::{
    AUTHENTICATE, CardHouse, Enrolled, PIN, Watch, assert_right, connected, flag, piv_card,
};
use claviger_tests::in_time;
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::peer::{Attributes, Outcome, Refusal, none};

/// When a card is pulled, as seen from one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// When it comes.
    Before,
    /// When it was carried out, before the answer.
    Unanswered,
    /// When it was answered.
    After,
}

impl Moment {
    fn plan(self, card: &mut Card, nth: u64) {
        match self {
            Self::Before => card.remove_before(nth),
            Self::Unanswered => card.remove_unanswered(nth),
            Self::After => card.remove_after(nth),
        }
    }

    fn event(self) -> &'static str {
        match self {
            Self::Before => "remove-before",
            Self::Unanswered => "remove-unanswered",
            Self::After => "remove-after",
        }
    }
}

/// What one hears of a card that goes while it is used.
#[track_caller]
fn assert_clear(refusal: &Refusal) {
    match refusal.name.as_str() {
        "TokenRemoved" | "TokenAbsent" => {}
        _ => panic!("{refusal}"),
    }
}

/// The same, of one whose PIN was forgotten meanwhile.
#[track_caller]
fn assert_clear_or_locked(refusal: &Refusal) {
    if refusal.name != "PinNeeded" {
        assert_clear(refusal);
    }
}

/// Pulls the card at each command of a signature and puts it back each time.
async fn pulled_at_every_command(moment: Moment, is_reset_before: bool) {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let prepare = |card: &Enrolled| {
        if is_reset_before {
            connected(&house.pcscd, &card.card).reset().unwrap();
        }
    };
    card.sign().await.unwrap();
    prepare(&card);
    let instructions = card.instructions().await;
    let authenticate = instructions.iter().position(|ins| *ins == AUTHENTICATE).unwrap();
    assert_eq!(instructions.len(), if is_reset_before { 6 } else { 4 }, "{instructions:02X?}");
    for index in 0..instructions.len() {
        let what = format!("{moment:?} {index} of {instructions:02X?}");
        prepare(&card);
        moment.plan(&mut card.card, index as u64 + 1);
        let signed = in_time(&what, card.sign()).await;
        in_time(&what, card.card.event(moment.event())).await;
        // Once the answer was given, the signature is there.
        let is_given = index > authenticate || index == authenticate && moment == Moment::After;
        match signed {
            Ok(()) => assert!(is_given, "{what}: it cannot have signed"),
            Err(refusal) => {
                assert!(!is_given, "{what}: {refusal}");
                assert_clear(&refusal);
            }
        }
        card.until("removed").await;
        let refusal = card.sign().await.refused("TokenAbsent");
        assert!(refusal.text.contains("PIV"), "it says which card to insert: {refusal}");
        card.put_back().await;
        card.sign().await.refused("PinNeeded");
        card.unlock().await.unwrap();
        card.sign().await.unwrap();
    }
    assert_eq!(card.tries_left(&house.pcscd), 3, "no try was spent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_pulled_when_any_command_of_a_signature_comes_is_a_clear_error() {
    pulled_at_every_command(Moment::Before, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_pulled_before_any_answer_of_a_signature_is_a_clear_error() {
    pulled_at_every_command(Moment::Unanswered, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_pulled_after_any_answer_of_a_signature_is_a_clear_error() {
    pulled_at_every_command(Moment::After, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_pulled_while_it_is_identified_anew_for_a_signature_is_a_clear_error() {
    pulled_at_every_command(Moment::Unanswered, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_pulled_between_signatures_is_named_as_the_one_to_insert_and_signs_when_it_is_back() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    for _ in 0..3 {
        card.sign().await.unwrap();
        card.pull().await;
        let refusal = card.sign().await.refused("TokenAbsent");
        assert!(refusal.text.contains("PIV"), "it says which card to insert: {refusal}");
        card.unlock().await.refused("TokenAbsent");
        card.put_back().await;
        card.sign().await.refused("PinNeeded");
        card.unlock().await.unwrap();
    }
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_pulled_in_the_middle_of_traffic_hangs_nobody() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    for round in 0..4 {
        let traffic: Vec<_> = (0..4).map(|_| traffic(&card)).collect();
        // Somewhere: traffic does not wait for us.
        in_time("traffic", async { while card.card.count() < 40 * (round + 1) {} }).await;
        card.pull().await;
        for worker in traffic {
            assert_clear_or_locked(&in_time("an end", worker).await.unwrap());
        }
        card.put_back().await;
        card.unlock().await.unwrap();
        card.sign().await.unwrap();
    }
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

/// Signs until it is refused, and returns why.
fn traffic(card: &Enrolled) -> tokio::task::JoinHandle<Refusal> {
    let (owner, key, public_key) = (card.owner.clone(), card.key.clone(), card.public_key.clone());
    tokio::spawn(async move {
        loop {
            let signed = owner.sign(&key, "ECDSA_SHA256", b"more", none()).await;
            match signed {
                Ok(signature) => assert_right(&public_key, b"more", &signature),
                Err(refusal) => return refusal,
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_was_out_for_an_instant_is_identified_anew_and_locked() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    for pause in [0, 10, 50] {
        card.sign().await.unwrap();
        card.card.swap_fast(Duration::from_millis(pause));
        // pcscd may have noticed nothing yet: then the card is known by what it says of itself.
        if let Err(refusal) = in_time("a signature", card.sign()).await {
            assert_clear_or_locked(&refusal);
        }
        unlock_when_it_is_back(&mut card).await;
    }
    card.sign().await.unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_was_out_for_an_instant_under_traffic_is_identified_anew_and_locked() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    for pause in [0, 10, 50] {
        let traffic = traffic(&card);
        let before = card.card.count();
        in_time("traffic", async { while card.card.count() < before + 40 {} }).await;
        card.card.swap_fast(Duration::from_millis(pause));
        let refusal = in_time("an end", traffic).await.unwrap();
        assert_clear_or_locked(&refusal);
        unlock_when_it_is_back(&mut card).await;
    }
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

/// Waits until the daemon has locked the card, and unlocks it as soon as it answers again.
async fn unlock_when_it_is_back(card: &mut Enrolled) {
    let token = card.token.clone();
    let locked = |tokens: &[(String, Attributes)]| {
        let (_, row) = tokens.iter().find(|(id, _)| *id == token)?;
        flag(row, "locked").then_some(())
    };
    card.watch.until("the lock", locked).await;
    let unlocking = async {
        // pcscd takes a moment to give power to the card that is back, and tells only then that it was out.
        loop {
            match card.unlock().await {
                Ok(()) => match card.sign().await {
                    Ok(()) => return,
                    Err(refusal) => assert_clear_or_locked(&refusal),
                },
                Err(refusal) => assert_clear(&refusal),
            }
        }
    };
    in_time("the card", unlocking).await;
}

/// Puts another card into the reader in place of the enrolled one, as fast as can be, while it is used or not.
async fn exchanged(under_traffic: bool) {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let other = piv_card(&house.pcscd, 1).await;
    let other_token = card.watch.until_card_in(other.reader()).await;
    let (state, serial) = (other.state().to_owned(), other.serial());
    let own = (card.card.state().to_owned(), card.card.serial());
    // The other card would count it as a wrong one.
    card.change_pin("654321").await.unwrap();
    card.unlock().await.unwrap();

    let traffic = under_traffic.then(|| traffic(&card));
    card.sign().await.unwrap();
    card.card.remove();
    card.card.load(&state, Kind::Piv, serial);
    tokio::task::block_in_place(|| card.card.put_back());
    if let Some(traffic) = traffic {
        let refusal = in_time("an end", traffic).await.unwrap();
        let names = ["TokenRemoved", "TokenAbsent", "WrongToken", "PinNeeded"];
        assert!(names.contains(&&*refusal.name), "{refusal}");
    }
    let refusal = in_time("an answer", card.sign()).await.unwrap_err();
    assert!(
        ["TokenAbsent", "TokenRemoved", "WrongToken", "PinNeeded"].contains(&&*refusal.name),
        "{refusal}"
    );
    card.until("removed").await;
    card.sign().await.refused("TokenAbsent");
    card.unlock().await.refused("TokenAbsent");

    let sees = house.visitor(&Person::alice()).await;
    assert!(sees.token(&other_token).await.is_ok());
    assert_eq!(card.tries_left(&house.pcscd), 3, "of the other card, which never saw a PIN");

    tokio::task::block_in_place(|| {
        card.card.remove_noticed();
        card.card.load(&own.0, Kind::Piv, own.1);
    });
    card.put_back().await;
    card.sign().await.refused("PinNeeded");
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_card_in_the_same_reader_is_another_token_and_gets_no_pin() {
    exchanged(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_card_put_in_under_traffic_is_another_token_and_gets_no_pin() {
    exchanged(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_moves_to_another_reader_and_is_the_same_token() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    card.sign().await.unwrap();
    let mut elsewhere = Card::beside(&house.pcscd, 1, Kind::Piv);
    card.pull().await;
    elsewhere.load(card.card.state(), Kind::Piv, card.card.serial());
    let mut watch = Watch::of(&house.house, &card.owner.person).await;
    tokio::task::block_in_place(|| elsewhere.put_back());
    assert_eq!(watch.until_card_in(elsewhere.reader()).await, card.token);
    card.owner.unlock_card(&card.token, PIN).await.unwrap();
    card.sign().await.unwrap();
}
