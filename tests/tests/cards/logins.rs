//! Login with a card: this PIN and no other, a signature of the enrolled key, and what a stranger at the prompt can do.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled, PIN, Watch, flag, word};
use claviger_tests::pcsc::card::Depth;
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::pinpad::Typed;
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::peer::{Attributes, Options, Outcome, Peer, Refusal, none, option};
use claviger_tests::secret;

use crate::calls::{forget, number, tries_spent};
use crate::desk::Desk;
use crate::pins::at_the_pad;

const WRONG: &str = "111111";

async fn log_in_with(peer: &Peer, uid: u32, pin: &str, options: Options) -> Result<String, Refusal> {
    peer.call("Authentication", "Authenticate", &(uid, secret::pipe(pin), options)).await
}

/// Logs alice in as a screen locker does, which runs as her.
async fn log_in(alice: &Peer, pin: &str) -> Result<String, Refusal> {
    log_in_with(alice, alice.person.uid, pin, none()).await
}

async fn prepare(alice: &Peer, options: Options) -> Result<Attributes, Refusal> {
    alice.call("Authentication", "Prepare", &(alice.person.uid, options)).await
}

async fn is_locked(card: &Enrolled) -> bool {
    flag(&card.owner.token(&card.token).await.unwrap(), "locked")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cards_pin_logs_in_and_unlocks_the_card() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let alice = card.owner.clone();
    let administrator = house.visitor(&Person::service()).await;
    for peer in [&alice, &administrator] {
        alice.lock_card(&card.token).await.unwrap();
        let means = prepare(&alice, none()).await.unwrap();
        assert_eq!((word(&means, "token"), word(&means, "kind")), (card.token.clone(), "card".into()));
        assert_eq!((number(&means, "tries-left"), flag(&means, "pin-pad")), (Some(3), false));
        let refusal = log_in_with(peer, alice.person.uid, WRONG, none()).await.refused("BadPin");
        assert!(refusal.text.contains("2 tries left"), "{refusal}");
        assert!(is_locked(&card).await);
        prepare(&alice, none()).await.refused("PinLocked");
        card.unlock().await.expect("in her own session every try but the last is hers");
        alice.lock_card(&card.token).await.unwrap();
        let token = option("token", card.token.clone());
        assert_eq!(log_in_with(peer, alice.person.uid, PIN, token).await.unwrap().len(), 32);
        assert!(!is_locked(&card).await);
        card.sign().await.unwrap();
    }
    assert_eq!(card.tries_left(&house.pcscd), 3, "and it is not left verified");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_leaves_two_tries_and_what_alice_unlocked() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let administrator = house.visitor(&Person::service()).await;
    let uid = card.owner.person.uid;
    card.card.log(Depth::Full);
    card.card.drain_log();
    log_in_with(&administrator, uid, WRONG, none()).await.refused("BadPin");
    for _ in 0..5 {
        let refusal = log_in_with(&administrator, uid, WRONG, none()).await.refused("PinLocked");
        assert!(refusal.text.contains("2 tries"), "{refusal}");
    }
    assert_eq!(tries_spent(&mut card.card).len(), 1);
    assert_eq!(card.tries_left(&house.pcscd), 2);
    // Her PIN is kept, and no login can use it.
    assert!(!is_locked(&card).await);
    card.sign().await.expect("her card is still unlocked");
    assert_eq!(card.tries_left(&house.pcscd), 3);
    log_in_with(&administrator, uid, PIN, none()).await.expect("the control: the right one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_pin_and_one_that_cannot_be_right_reach_no_card_however_it_stands() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let alice = card.owner.clone();
    for locked in [false, true] {
        if locked {
            alice.lock_card(&card.token).await.unwrap();
        }
        card.card.log(Depth::Full);
        card.card.drain_log();
        for pin in ["", "1", "12345", "123456789", "12345x", "123456\n"] {
            log_in(&alice, pin).await.refused("InvalidArgs");
        }
        log_in_with(&alice, alice.person.uid, PIN, option("pin-pad", true)).await.refused("InvalidArgs");
        log_in_with(&alice, alice.person.uid, "", option("pin-pad", true)).await.refused("InvalidArgs");
        let log = card.card.drain_log();
        assert!(log.iter().all(|logged| logged.command().is_none()), "the card heard nothing: {log:?}");
        assert_eq!(is_locked(&card).await, locked);
    }
    assert_eq!(card.tries_left(&house.pcscd), 3);
    log_in(&alice, PIN).await.expect("none of these was a guess");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_at_another_machine_uses_no_card_here_unless_the_administrator_allowed_it() {
    let far = || option("remote-host", "far.example");
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let alice = card.owner.clone();
    card.card.log(Depth::Full);
    card.card.drain_log();
    for host in ["far.example", "\u{7}"] {
        let refusal = prepare(&alice, option("remote-host", host)).await.refused("TokenAbsent");
        assert!(refusal.text.contains("another machine"), "{refusal}");
        let named = Options::from([("remote-host", host.into()), ("token", card.token.clone().into())]);
        log_in_with(&alice, alice.person.uid, PIN, named).await.refused("TokenAbsent");
    }
    assert_eq!(tries_spent(&mut card.card), [] as [u8; 0]);
    log_in_with(&alice, alice.person.uid, PIN, option("remote-host", "")).await.expect("nobody is far");

    let house = CardHouse::configured("[login]\nremote-cards = true\n").await;
    let card = house.alices_card(0).await;
    prepare(&card.owner, far()).await.unwrap();
    log_in_with(&card.owner, card.owner.person.uid, PIN, far()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_away_or_forgotten_logs_nobody_in() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let alice = card.owner.clone();
    card.pull().await;
    prepare(&alice, none()).await.refused("TokenAbsent");
    log_in(&alice, PIN).await.refused("TokenAbsent");
    card.put_back().await;
    log_in(&alice, PIN).await.unwrap();
    forget(&alice, &card.token).await.unwrap();
    log_in(&alice, PIN).await.refused("TokenAbsent");
    let named = option("token", card.token.clone());
    log_in_with(&alice, alice.person.uid, PIN, named).await.refused("InvalidArgs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_with_the_same_certificate_and_another_key_is_another_card() {
    let house = CardHouse::open().await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Piv));
    let issuer = PivIssuer::new(&house.pcscd, &card);
    tokio::task::block_in_place(|| issuer.key("9a", "ECCP256"));
    let alice = house.visitor(&Person::alice()).await;
    let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
    alice.enrol(&token, PIN, none()).await.unwrap();
    alice.lock_card(&token).await.unwrap();
    log_in(&alice, PIN).await.expect("the control");
    alice.lock_card(&token).await.unwrap();
    tokio::task::block_in_place(|| {
        issuer.generate("9a", "ECCP256");
        issuer.tool(&["-s", "9a", "-a", "import-certificate", "-i", "9a.crt"]).ok();
    });
    log_in(&alice, PIN).await.refused("WrongToken");
    assert!(flag(&alice.token(&token).await.unwrap(), "locked"), "it is not unlocked by that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_key_and_card_that_signs_logs_in() {
    for (kind, slot, algorithm) in [
        (Kind::Piv, "9c", "P-384"),
        (Kind::Piv, "9e", "RSA-2048"),
        (Kind::OpenPgp, "sign", "Ed25519"),
        (Kind::OpenPgp, "authenticate", "P-256"),
    ] {
        let desk = Desk::fresh(kind).await;
        desk.generate(slot, algorithm).await.expect(algorithm);
        desk.alice.lock_card(&desk.token).await.unwrap();
        log_in(&desk.alice, WRONG).await.refused("BadPin");
        desk.alice.unlock_card(&desk.token, PIN).await.unwrap();
        desk.alice.lock_card(&desk.token).await.unwrap();
        log_in(&desk.alice, PIN).await.expect(algorithm);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_typed_at_the_reader_logs_in_and_the_last_two_tries_are_not_asked_for() {
    let (house, card) = at_the_pad().await;
    let (alice, pad) = (card.owner.clone(), house.pcscd.pinpad());
    let typed = || option("pin-pad", true);
    assert!(flag(&prepare(&alice, none()).await.unwrap(), "pin-pad"));
    log_in_with(&alice, alice.person.uid, PIN, typed()).await.refused("InvalidArgs");
    pad.type_in(Typed::Pin(PIN.to_owned()));
    log_in_with(&alice, alice.person.uid, "", typed()).await.unwrap();
    pad.asked().await;
    pad.type_in(Typed::Cancel);
    log_in_with(&alice, alice.person.uid, "", typed()).await.refused("Declined");
    pad.asked().await;
    pad.type_in(Typed::Pin(WRONG.to_owned()));
    log_in_with(&alice, alice.person.uid, "", typed()).await.refused("BadPin");
    pad.asked().await;
    log_in_with(&alice, alice.person.uid, "", typed()).await.refused("PinLocked");
    assert_eq!(card.tries_left(&house.pcscd), 2, "nobody was asked");
    card.unlock().await.unwrap();
    log_in(&alice, PIN).await.expect("a PIN that is sent serves at a reader with keys too");
}
