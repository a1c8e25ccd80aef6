//! PINs: counted, never tried twice, never spent to the last unasked, changed, unblocked, forgotten, and typed at the
//! reader.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, Enrolled, MESSAGE, PIN, Watch, assert_right, flag, piv_card};
use claviger_tests::pcsc::card::Depth;
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::pinpad::{Question, Typed};
use claviger_tests::pcsc::{Kind, Pcscd};
use claviger_tests::peer::{Outcome, none, option};
use claviger_tests::secret;

use crate::calls::{
    PUK, change_pin, forget, last_try, number, shell, told_tries, tries_spent, unblock_pin, unlock,
};
use crate::desk::Desk;

const WRONG: &str = "111111";
const NEW: &str = "654321";
const VERIFY: u8 = 0x20;

/// Begins to keep what the card is sent, and forgets what it was sent before.
fn listen(card: &mut Enrolled) {
    card.card.log(Depth::Full);
    card.card.drain_log();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_pin_counts_down_and_the_last_try_is_spent_only_on_the_persons_word() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let (alice, token) = (card.owner.clone(), card.token.clone());
    alice.lock_card(&token).await.unwrap();
    listen(&mut card);

    let refusal = unlock(&alice, &token, WRONG, none()).await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");
    assert_eq!((told_tries(&alice, &token).await, card.tries_left(&house.pcscd)), (Some(2), 2));
    let shell = shell(&house, &alice.person);
    let ran = shell.file("wrong", WRONG).claviger("card unlock --pin-file wrong").await;
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("1 try left"), "{ran:?}");
    assert_eq!(tries_spent(&mut card.card), [VERIFY; 2], "each was tried once");

    for pin in [WRONG, PIN] {
        let refusal = unlock(&alice, &token, pin, none()).await.refused("PinNeeded");
        assert!(refusal.text.contains("one try is left"), "{refusal}");
        alice.enrol(&token, pin, none()).await.refused("PinNeeded");
        change_pin(&alice, &token, pin, NEW).await.refused("PinNeeded");
    }
    let ran = shell.claviger("card unlock --pin-file pin").await;
    assert_eq!((ran.code, ran.stderr.contains("--last-try")), (Some(3), true), "{ran:?}");
    assert_eq!(tries_spent(&mut card.card), [] as [u8; 0], "the last try is still there");
    assert_eq!((told_tries(&alice, &token).await, card.tries_left(&house.pcscd)), (Some(1), 1));

    shell.claviger("card unlock --pin-file pin --last-try").await.ok();
    assert_eq!((told_tries(&alice, &token).await, card.tries_left(&house.pcscd)), (Some(3), 3));
    card.sign().await.unwrap();
}

/// Has the PIN blocked by wrong ones.
async fn blocked(card: &Enrolled) {
    for tries in [2, 1] {
        unlock(&card.owner, &card.token, WRONG, none()).await.refused("BadPin");
        assert_eq!(told_tries(&card.owner, &card.token).await, Some(tries));
    }
    let last = unlock(&card.owner, &card.token, WRONG, last_try()).await.unwrap_err();
    assert!(["BadPin", "PinLocked"].contains(&last.name.as_str()), "{last}");
    assert!(last.text.contains("blocked"), "{last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_pin_is_told_and_set_anew_with_the_puk() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let (alice, token) = (card.owner.clone(), card.token.clone());
    blocked(&card).await;
    for options in [none(), last_try()] {
        let refusal = unlock(&alice, &token, PIN, options).await.refused("PinLocked");
        assert!(refusal.text.contains("claviger card pin unblock"), "it says what helps: {refusal}");
    }
    change_pin(&alice, &token, PIN, NEW).await.refused("PinLocked");
    let refusal = card.sign().await.unwrap_err();
    assert!(["PinLocked", "PinNeeded"].contains(&refusal.name.as_str()), "{refusal}");
    let shell = shell(&house, &alice.person);
    let ran = shell.claviger("card unlock --pin-file pin").await;
    assert_eq!(ran.code, Some(5), "{ran:?}");
    assert_eq!(told_tries(&alice, &token).await, Some(0));

    unblock_pin(&alice, &token, "87654321", NEW).await.refused("AccessDenied");
    unlock(&alice, &token, NEW, none()).await.refused("PinLocked");
    shell.file("puk", PUK).file("new", NEW);
    shell.claviger("card pin unblock --puk-file puk --new-pin-file new").await.ok();
    assert_eq!((told_tries(&alice, &token).await, card.tries_left(&house.pcscd)), (Some(3), 3));
    card.sign().await.refused("PinNeeded");
    unlock(&alice, &token, PIN, none()).await.refused("BadPin");
    unlock(&alice, &token, NEW, none()).await.unwrap();
    card.sign().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_puk_counts_down_and_a_blocked_one_is_told() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let (alice, token) = (card.owner.clone(), card.token.clone());
    blocked(&card).await;
    for _ in 0..3 {
        let refusal = unblock_pin(&alice, &token, "87654321", NEW).await.refused("AccessDenied");
        assert!(refusal.text.contains("PUK"), "it is not the PIN that is wrong: {refusal}");
    }
    let refusal = unblock_pin(&alice, &token, PUK, NEW).await.unwrap_err();
    assert!(["AccessDenied", "NotSupported"].contains(&refusal.name.as_str()), "{refusal}");
    assert!(refusal.text.contains("PUK") && refusal.text.contains("blocked"), "{refusal}");
    unlock(&alice, &token, PIN, none()).await.refused("PinLocked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_pin_is_the_one_that_serves_and_the_card_is_locked() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let (alice, token) = (card.owner.clone(), card.token.clone());
    change_pin(&alice, &token, PIN, NEW).await.unwrap();
    assert!(flag(&alice.token(&token).await.unwrap(), "locked"));
    card.sign().await.refused("PinNeeded");
    let refusal = unlock(&alice, &token, PIN, none()).await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");
    unlock(&alice, &token, NEW, none()).await.unwrap();
    card.sign().await.unwrap();
    let refusal = change_pin(&alice, &token, PIN, "777777").await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");

    let shell = shell(&house, &alice.person);
    shell.file("old", NEW).claviger("card pin change --pin-file old --new-pin-file pin").await.ok();
    card.unlock().await.expect("it is as at first");
    assert_eq!(card.tries_left(&house.pcscd), 3);

    forget(&alice, &token).await.unwrap();
    let bob = house.visitor(&Person::bob()).await;
    change_pin(&bob, &token, PIN, NEW).await.expect("a card that is nobody's is whose has it");
    alice.enrol(&token, NEW, none()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_that_cannot_be_right_never_reaches_the_card() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let (alice, token) = (card.owner.clone(), card.token.clone());
    listen(&mut card);
    for pin in ["", "1", "12345", "123456789", "12345x", "123456\n", "１２３４５６"] {
        let refusals = [
            unlock(&alice, &token, pin, none()).await.unwrap_err(),
            unlock(&alice, &token, pin, last_try()).await.unwrap_err(),
            alice.enrol(&token, pin, none()).await.unwrap_err(),
            change_pin(&alice, &token, pin, NEW).await.unwrap_err(),
            change_pin(&alice, &token, PIN, pin).await.unwrap_err(),
            unblock_pin(&alice, &token, PUK, pin).await.unwrap_err(),
        ];
        for refusal in refusals {
            assert_eq!(refusal.name, "InvalidArgs", "{pin:?}: {refusal}");
        }
    }
    for puk in ["", "12345", "123456789"] {
        unblock_pin(&alice, &token, puk, NEW).await.refused("InvalidArgs");
    }
    let ran =
        shell(&house, &alice.person).file("short", "123").claviger("card unlock --pin-file short").await;
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(tries_spent(&mut card.card), [] as [u8; 0]);
    assert_eq!(card.tries_left(&house.pcscd), 3);
    card.unlock().await.unwrap();
    assert_eq!(tries_spent(&mut card.card), [VERIFY], "the control: a PIN that can be right reaches it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_pin_that_became_wrong_is_tried_once_and_dropped() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    card.sign().await.unwrap();
    tokio::task::block_in_place(|| {
        let others = PivIssuer::new(&house.pcscd, &card.card);
        others.tool(&["-a", "change-pin", "-P", PIN, "-N", NEW]).ok();
    });
    listen(&mut card);
    let refusal = card.sign().await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");
    for _ in 0..3 {
        card.sign().await.refused("PinNeeded");
    }
    assert_eq!(tries_spent(&mut card.card), [VERIFY], "it was tried once and never again");
    assert!(flag(&card.owner.token(&card.token).await.unwrap(), "locked"));
    assert_eq!(card.tries_left(&house.pcscd), 2);
    unlock(&card.owner, &card.token, NEW, none()).await.unwrap();
    card.sign().await.unwrap();
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_pin_that_became_wrong_is_tried_once_by_many_at_once() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    tokio::task::block_in_place(|| {
        let others = PivIssuer::new(&house.pcscd, &card.card);
        others.tool(&["-a", "change-pin", "-P", PIN, "-N", NEW]).ok();
    });
    listen(&mut card);
    let (alice, key) = (card.owner.clone(), card.key.clone());
    let signing = (0..8).map(|_| {
        let (alice, key) = (alice.clone(), key.clone());
        tokio::spawn(async move { alice.sign(&key, "", MESSAGE, none()).await })
    });
    for signed in signing.collect::<Vec<_>>() {
        let refusal = signed.await.unwrap().unwrap_err();
        assert!(["BadPin", "PinNeeded"].contains(&refusal.name.as_str()), "{refusal}");
    }
    assert_eq!(tries_spent(&mut card.card), [VERIFY], "the PIN of all of them is one PIN");
    assert_eq!(card.tries_left(&house.pcscd), 2, "a card must not be blocked by a queue");
}

/// Waits until the card is locked.
async fn until_locked(card: &mut Enrolled) {
    let token = card.token.clone();
    let locked = |tokens: &[(String, claviger_tests::peer::Attributes)]| {
        tokens.iter().any(|(id, row)| *id == token && flag(row, "locked")).then_some(())
    };
    card.watch.until("a locked card", locked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_not_used_locks_as_asked_for_or_as_configured() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    unlock(&card.owner, &card.token, PIN, option("idle", 1u32)).await.unwrap();
    card.sign().await.unwrap();
    until_locked(&mut card).await;
    card.sign().await.refused("PinNeeded");
    card.unlock().await.unwrap();
    card.sign().await.unwrap();

    let house = CardHouse::configured("[unlock]\nidle = \"1s\"\n").await;
    let mut card = house.alices_card(0).await;
    until_locked(&mut card).await;
    unlock(&card.owner, &card.token, PIN, option("idle", 3600u32)).await.unwrap();
    until_locked(&mut card).await;
    card.sign().await.refused("PinNeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locking_locks_cards_too_and_the_card_need_not_be_there() {
    let house = CardHouse::open().await;
    let alice = house.house.alice().await;
    let card = piv_card(&house.pcscd, 0).await;
    let mut card = Enrolled::enrol(&house.house, alice.clone(), card).await;
    alice.lock().await.unwrap();
    card.sign().await.refused("PinNeeded");
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
    alice.lock_card(&card.token).await.unwrap();
    card.sign().await.refused("PinNeeded");
    alice.lock_card(&card.token).await.expect("locking what is locked changes nothing");
    card.unlock().await.unwrap();
    shell(&house, &alice.person).claviger("card lock").await.ok();
    card.sign().await.refused("PinNeeded");
    card.unlock().await.unwrap();
    shell(&house, &alice.person).claviger("lock").await.ok();
    card.sign().await.refused("PinNeeded");
    card.pull().await;
    alice.lock_card(&card.token).await.expect("it need not be there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_dropped_when_its_card_leaves() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    card.pull().await;
    assert!(flag(&card.owner.token(&card.token).await.unwrap(), "locked"));
    card.put_back().await;
    listen(&mut card);
    card.sign().await.refused("PinNeeded");
    assert_eq!(tries_spent(&mut card.card), [] as [u8; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_openpgp_cards_pins_count_down_change_and_are_set_anew_by_the_admin_pin() {
    let desk = Desk::fresh(Kind::OpenPgp).await;
    let key = desk.generate("sign", "P-256").await.unwrap();
    let (alice, token) = (desk.alice.clone(), desk.token.clone());
    let public = alice.public_key(&key).await.unwrap();
    change_pin(&alice, &token, PIN, NEW).await.unwrap();
    alice.sign(&key, "", MESSAGE, none()).await.refused("PinNeeded");
    let refusal = unlock(&alice, &token, PIN, none()).await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");
    unlock(&alice, &token, PIN, none()).await.refused("BadPin");
    unlock(&alice, &token, NEW, none()).await.refused("PinNeeded");
    let last = unlock(&alice, &token, PIN, last_try()).await.unwrap_err();
    assert!(last.text.contains("blocked"), "{last}");
    unlock(&alice, &token, NEW, last_try()).await.refused("PinLocked");
    unblock_pin(&alice, &token, "87654321", PIN).await.refused("AccessDenied");
    unblock_pin(&alice, &token, "12345678", PIN).await.unwrap();
    unlock(&alice, &token, PIN, none()).await.unwrap();
    assert_right(&public, MESSAGE, &alice.sign(&key, "", MESSAGE, none()).await.unwrap());
}

/// A house whose readers have keys, with a card that alice enrolled there.
pub(crate) async fn at_the_pad() -> (CardHouse, Enrolled) {
    let house = CardHouse::beside(Pcscd::with_pinpad(), "").await;
    let card = piv_card(&house.pcscd, 0).await;
    let alice = house.visitor(&Person::alice()).await;
    let mut watch = Watch::of(&house.house, &alice.person).await;
    let token = watch.until_card_in(card.reader()).await;
    assert!(flag(&alice.token(&token).await.unwrap(), "pin-pad"));
    // Once to show that it is alice's card, once for the key on it.
    let pad = house.pcscd.pinpad();
    pad.type_in(Typed::Pin(PIN.to_owned()));
    pad.type_in(Typed::Pin(PIN.to_owned()));
    let keys: Vec<String> = alice.call("Tokens", "EnrolCard", &(token.as_str(), none())).await.unwrap();
    let Question { slot, minimum, maximum, .. } = pad.asked().await;
    assert_eq!((slot, minimum, maximum), (0, 6, 8));
    pad.asked().await;
    let key = keys.into_iter().next().unwrap();
    let public_key = alice.public_key(&key).await.unwrap();
    (house, Enrolled { card, owner: alice, watch, token, pin: PIN.to_owned(), key, public_key })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_typed_at_the_reader_is_asked_for_at_each_use_and_nobody_sends_one() {
    let (house, mut card) = at_the_pad().await;
    let pad = house.pcscd.pinpad();
    listen(&mut card);
    for _ in 0..2 {
        let (signed, asked) = tokio::join!(card.sign(), async {
            let asked = pad.asked().await;
            pad.type_in(Typed::Pin(PIN.to_owned()));
            asked
        });
        signed.unwrap();
        assert_eq!((asked.slot, asked.minimum, asked.maximum), (0, 6, 8));
    }
    let body = (card.token.as_str(), none());
    card.owner.call::<()>("Tokens", "UnlockToken", &body).await.expect("the reader asks at each use");
    assert_eq!(card.tries_left(&house.pcscd), 3, "and is not left verified");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_digits_the_red_key_and_nobody_at_the_reader_are_told_apart() {
    let (house, card) = at_the_pad().await;
    let pad = house.pcscd.pinpad();
    pad.type_in(Typed::Cancel);
    card.sign().await.refused("Declined");
    pad.type_in(Typed::Nothing);
    card.sign().await.refused("Declined");
    assert_eq!(card.tries_left(&house.pcscd), 3, "neither is a try");
    pad.type_in(Typed::Pin(WRONG.to_owned()));
    let refusal = card.sign().await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");
    pad.type_in(Typed::Pin(PIN.to_owned()));
    card.sign().await.expect("the next time it is right");
    assert_eq!(card.tries_left(&house.pcscd), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_that_is_sent_serves_at_a_reader_with_keys_too() {
    let (house, card) = at_the_pad().await;
    card.unlock().await.unwrap();
    card.sign().await.expect("nobody is asked");
    card.owner.lock_card(&card.token).await.unwrap();
    house.pcscd.pinpad().type_in(Typed::Cancel);
    card.sign().await.refused("Declined");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_try_at_a_pin_pad_is_not_asked_for_unless_the_person_wants_it() {
    let (house, mut card) = at_the_pad().await;
    let pad = house.pcscd.pinpad();
    for _ in 0..2 {
        pad.type_in(Typed::Pin(WRONG.to_owned()));
        card.sign().await.refused("BadPin");
        pad.asked().await;
    }
    listen(&mut card);
    card.sign().await.refused("PinNeeded");
    assert_eq!(card.tries_left(&house.pcscd), 1, "nobody was asked");
    let options = option("pin", secret::pipe(PIN));
    let last = claviger_tests::peer::Options::from_iter(options.into_iter().chain(last_try()));
    card.owner.call::<()>("Tokens", "UnlockToken", &(card.token.as_str(), last)).await.unwrap();
    assert_eq!(number(&card.owner.token(&card.token).await.unwrap(), "tries-left"), Some(3));
    card.sign().await.unwrap();
}
