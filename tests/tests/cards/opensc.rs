//! A card that only OpenSC knows: the helper serves it, and whatever befalls the helper befalls nobody else.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled, Watch, piv_card, word};
use claviger_tests::pcsc::{Card, ForeignUser, Kind, OpenScSocket, Pcscd};
use claviger_tests::peer::{Outcome, Peer, Refusal, none};
use rustix::process::Signal;

use crate::desk::Desk;
use crate::witness::{MESSAGE, Witness};

/// The PIN of the Common Access Card.
const CAC_PIN: &str = "77777777";

/// A Common Access Card at alice's desk, and the socket of the helper.
async fn at_desk(cards: &str) -> (Desk, OpenScSocket) {
    let pcscd = Pcscd::start();
    let opensc = OpenScSocket::listen(&pcscd).await;
    let house = CardHouse::beside(pcscd, &format!("{}{cards}", opensc.config())).await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Cac));
    (Desk::at(house, card, CAC_PIN).await, opensc)
}

/// Returns the first key, which signs.
async fn signer(desk: &Desk) -> String {
    desk.alice.keys().await.unwrap().swap_remove(0).0
}

async fn sign(alice: &Peer, key: &str) -> Result<Vec<u8>, Refusal> {
    alice.sign(key, "SHA256_RSA_PKCS", MESSAGE, none()).await
}

/// Returns what the card says to a VERIFY without a PIN: 9000 where somebody finds it verified.
fn pin_state(desk: &Desk) -> u16 {
    let mut user = ForeignUser::start(&desk.house.pcscd);
    user.connect_shared(desk.card.reader()).unwrap();
    let answer = user.transmit(&[0x00, 0x20, 0x00, 0x00]).unwrap();
    user.disconnect().unwrap();
    u16::from_be_bytes(*answer.last_chunk().unwrap())
}

/// What CAC cards answer as long as nobody has verified: three tries are left.
const NOT_VERIFIED: u16 = 0x63C3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_common_access_card_does_all_that_its_keys_are_said_to_do() {
    let (desk, _opensc) = at_desk("").await;
    let keys = desk.alice.keys().await.unwrap();
    assert_eq!(keys.len(), 3);
    for (key, attributes) in keys {
        assert!(attributes.contains_key("certificate"), "the card has a certificate of each key");
        Witness::new(&desk.alice, &key).await.everything().await;
    }
    let token = desk.alice.token(&desk.token).await.unwrap();
    assert_eq!(word(&token, "application"), "opensc");
    assert_eq!(pin_state(&desk), NOT_VERIFIED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_pin_costs_one_try() {
    let (desk, _opensc) = at_desk("").await;
    desk.alice.lock_card(&desk.token).await.unwrap();
    desk.alice.unlock_card(&desk.token, "12345678").await.refused("BadPin");
    assert_eq!(pin_state(&desk), 0x63C2);
    let key = signer(&desk).await;
    sign(&desk.alice, &key).await.refused("PinNeeded");
    desk.alice.unlock_card(&desk.token, CAC_PIN).await.unwrap();
    sign(&desk.alice, &key).await.unwrap();
    assert_eq!(pin_state(&desk), NOT_VERIFIED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helper_that_was_killed_is_followed_by_another() {
    let (desk, opensc) = at_desk("").await;
    let key = signer(&desk).await;
    sign(&desk.alice, &key).await.unwrap();
    let killed = opensc.helpers();
    opensc.signal(Signal::KILL);
    // The one in whose hands the helper dies is told so; nobody is told twice.
    if let Err(refusal) = sign(&desk.alice, &key).await {
        assert_eq!(refusal.name, "DeviceError", "{refusal}");
        assert!(refusal.text.contains("OpenSC"), "{refusal}");
    }
    sign(&desk.alice, &key).await.unwrap();
    assert!(opensc.helpers().iter().all(|helper| !killed.contains(helper)));
    assert_eq!(pin_state(&desk), NOT_VERIFIED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helper_that_dies_at_work_leaves_no_verified_card() {
    let (mut desk, opensc) = at_desk("").await;
    let key = signer(&desk).await;
    sign(&desk.alice, &key).await.unwrap();
    desk.card.reset_count();
    sign(&desk.alice, &key).await.unwrap();
    let commands = desk.card.count();
    assert!(commands > 2);
    // In the middle of it: after the VERIFY, before the logout.
    desk.card.hang_at(commands - 1);
    let (alice, signing) = (desk.alice.clone(), key.clone());
    let waits = tokio::spawn(async move { sign(&alice, &signing).await });
    desk.card.event("hang-at").await;
    opensc.signal(Signal::KILL);
    desk.card.resume();
    let refusal = waits.await.unwrap().refused("DeviceError");
    assert!(refusal.text.contains("OpenSC"), "{refusal}");
    assert_eq!(pin_state(&desk), NOT_VERIFIED);
    sign(&desk.alice, &key).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helper_that_hangs_is_left_at_the_deadline_and_nobody_else_waits() {
    let (desk, opensc) = at_desk("deadline = \"2s\"\n").await;
    let other = beside(&desk).await;
    let key = signer(&desk).await;
    sign(&desk.alice, &key).await.unwrap();
    let hung = opensc.helpers();
    opensc.signal(Signal::STOP);
    let alice = desk.alice.clone();
    let waits = {
        let key = key.clone();
        tokio::spawn(async move { sign(&alice, &key).await })
    };
    // The other reader's card goes on while this one's waits.
    while !waits.is_finished() {
        other.sign().await.unwrap();
    }
    waits.await.unwrap().refused("Timeout");
    sign(&desk.alice, &key).await.unwrap();
    assert_eq!(pin_state(&desk), NOT_VERIFIED);
    // The one that hung ends as soon as it wakes: its connection is gone.
    opensc.signal(Signal::CONT);
    assert!(claviger_tests::until(|| opensc.helpers().iter().all(|helper| !hung.contains(helper))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_helper_the_error_says_so_and_other_cards_work() {
    let (desk, mut opensc) = at_desk("").await;
    let other = beside(&desk).await;
    let key = signer(&desk).await;
    opensc.stop();
    for _ in 0..2 {
        let refusal = sign(&desk.alice, &key).await.refused("DeviceError");
        assert!(refusal.text.contains("claviger-opensc.socket"), "{refusal}");
        other.sign().await.unwrap();
    }
    opensc.start_again().await;
    sign(&desk.alice, &key).await.unwrap();
}

/// A card that came while the helper was away is found as soon as it is there, without being put in again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_waits_for_the_helper_is_found_when_it_comes() {
    let pcscd = Pcscd::start();
    let mut opensc = OpenScSocket::listen(&pcscd).await;
    opensc.stop();
    let house = CardHouse::beside(pcscd, &opensc.config()).await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Cac));
    let mut watch = Watch::of(&house.house, &Person::alice()).await;
    opensc.start_again().await;
    watch.until_card_in(card.reader()).await;
}

/// Alice's PIV card in the other reader.
async fn beside(desk: &Desk) -> Enrolled {
    let card = piv_card(&desk.house.pcscd, 1).await;
    Enrolled::enrol(&desk.house.house, desk.alice.clone(), card).await
}
