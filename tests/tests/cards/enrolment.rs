//! A card becomes somebody's: by the command line and over the bus, with proof, for one person alone, and given back.

use std::process::Command;

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::cards::{
    AUTHENTICATE, CardHouse, Enrolled, MESSAGE, PIN, Watch, assert_right, flag, piv_card, word,
};
use claviger_tests::pcsc::card::{Depth, Logged};
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::peer::{Outcome, Peer, none, option};
use claviger_tests::secret;
use zbus::OwnedFd;

use crate::calls::{default_key, forget, keys_on, openssl, shell, told_tries, tries_spent, value, words};
use crate::desk::{Desk, MANAGEMENT_KEY};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_enrolled_shown_forgotten_and_enrolled_again_by_the_command_line() {
    let house = CardHouse::open().await;
    let card = piv_card(&house.pcscd, 0).await;
    let alice = house.visitor(&Person::alice()).await;
    let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
    let shell = shell(&house, &alice.person);

    let listed = shell.claviger("card list").await.ok();
    assert!(listed.text().contains(&token) && listed.text().contains("nobody's"), "{listed:?}");
    let nothing = shell.claviger("token list").await.ok();
    assert!(!nothing.text().contains(&token), "it is not hers yet: {nothing:?}");
    let mut made = Vec::new();
    for _ in 0..2 {
        let enrolled = shell.claviger("card enrol --pin-file pin --label work").await.ok();
        let key = enrolled.text().to_owned();
        assert_eq!(key.len(), 32, "one id: {enrolled:?}");
        assert!(enrolled.stderr.contains("default to sign"), "there was none: {enrolled:?}");
        for command in ["card list", "card show", "token list"] {
            let shown = shell.claviger(command).await.ok();
            assert!(shown.text().contains(&token), "{command}: {shown:?}");
        }
        assert!(shell.claviger("card list").await.ok().text().contains("yours"));
        let keys = shell.claviger("key list").await.ok();
        assert!(keys.text().contains(&key) && keys.text().contains("work"), "{keys:?}");
        assert!(keys.text().contains("ready"), "enrolling unlocks: {keys:?}");
        let public_key = alice.public_key(&key).await.unwrap();
        let signature = alice.sign("work", "", MESSAGE, none()).await.unwrap();
        assert_right(&public_key, MESSAGE, &signature);

        shell.claviger(&format!("card forget {token} --yes")).await.ok();
        alice.sign(&key, "", MESSAGE, none()).await.refused("NoSuchKey");
        assert!(!shell.claviger("key list").await.ok().text().contains(&key));
        assert!(shell.claviger("card list").await.ok().text().contains("nobody's"));
        made.push(public_key);
    }
    assert_eq!(made[0], made[1], "the card itself is as it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_card_and_its_keys_are_told_as_the_contract_says() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let told = card.owner.token(&card.token).await.unwrap();
    assert_eq!((word(&told, "kind"), word(&told, "application")), ("card".into(), "piv".into()));
    assert_eq!(
        (word(&told, "presence"), word(&told, "reader")),
        ("present".into(), card.card.reader().into())
    );
    assert_eq!((flag(&told, "enrolled"), flag(&told, "locked"), flag(&told, "taken")), (true, false, false));
    assert_eq!(told_tries(&card.owner, &card.token).await, Some(3));
    let keys = keys_on(&card.owner, &card.token).await;
    let [(slot, key)] = keys.as_slice() else { panic!("one key: {keys:?}") };
    assert_eq!((slot.as_str(), word(key, "key")), ("9a", card.key.clone()));
    assert_eq!((word(key, "pin-policy"), word(key, "algorithm")), ("once".into(), "P-256".into()));

    let all = card.owner.keys().await.unwrap();
    let [(id, key)] = all.as_slice() else { panic!("one key: {all:?}") };
    assert_eq!(*id, card.key);
    assert_eq!(words(key, "location"), ["card"]);
    assert_eq!(
        (words(key, "tokens"), words(key, "slots")),
        (vec![card.token.clone()], vec!["9a".to_owned()])
    );
    assert!(flag(key, "present") && !flag(key, "locked"));
    assert_eq!(default_key(&card.owner).await.as_ref(), Some(&card.key), "there was none before");
    assert_eq!(word(&card.owner.account().await, "state"), "active", "enrolling made the account");
}

/// Puts a certificate of a fresh key of that kind beside the key at a place.
fn certify_another_key(issuer: &PivIssuer, slot: &str, kind: &str) {
    openssl(issuer.folder(), &format!("genpkey {kind} -out other.key"));
    openssl(issuer.folder(), "pkey -in other.key -pubout -out other.pub");
    openssl(
        issuer.folder(),
        "x509 -req -in any.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -force_pubkey other.pub -out other.crt",
    );
    issuer.tool(&["-s", slot, "-a", "import-certificate", "-i", "other.crt"]).ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_does_not_hold_the_keys_of_its_certificates_is_refused() {
    let house = CardHouse::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Piv));
    let issuer = PivIssuer::new(&house.pcscd, &card);
    let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
    let p256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    // One that signs, one that agrees, one that decrypts; whatever was proven before does not help.
    for (slot, kind, algorithm) in [("9a", p256, "ECCP256"), ("9d", p256, "ECCP256"), ("9d", rsa, "RSA2048")]
    {
        tokio::task::block_in_place(|| {
            issuer.generate(slot, algorithm);
            certify_another_key(&issuer, slot, kind);
        });
        let refusal = alice.enrol(&token, PIN, none()).await.refused("WrongToken");
        assert!(refusal.text.contains(slot), "it says which key: {refusal}");
        let told = alice.token(&token).await.unwrap();
        assert!(!flag(&told, "enrolled") && !flag(&told, "taken"), "nothing is bound");
        assert_eq!(word(&alice.account().await, "state"), "none", "no account was made");
        tokio::task::block_in_place(|| issuer.certify(slot));
    }
    let keys = alice.enrol(&token, PIN, none()).await.expect("the control: the right certificates");
    assert_eq!(keys.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_without_its_pin_is_refused_and_nobodys() {
    let house = CardHouse::open().await;
    let card = piv_card(&house.pcscd, 0).await;
    let alice = house.visitor(&Person::alice()).await;
    let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
    alice.call::<Vec<String>>("Tokens", "EnrolCard", &(token.as_str(), none())).await.refused("PinNeeded");
    let refusal = alice.enrol(&token, "111111", none()).await.refused("BadPin");
    assert!(refusal.text.contains("2 tries left"), "{refusal}");
    assert!(!flag(&alice.token(&token).await.unwrap(), "enrolled"));
    assert_eq!(word(&alice.account().await, "state"), "none");
    alice.enrol("card:piv:00000000000040008000000000000000", PIN, none()).await.refused("TokenAbsent");
    alice.enrol("", PIN, none()).await.refused("NoSuchToken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_alice_enrolled_bob_neither_sees_nor_gets_until_she_forgets_it() {
    let house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    let bob = house.visitor(&Person::bob()).await;
    card.card.log(Depth::Full);
    card.card.drain_log();
    for pin in [PIN, "111111"] {
        bob.enrol(&card.token, pin, none()).await.refused("AccessDenied");
    }
    let seen = bob.tokens().await;
    let [(id, row)] = seen.as_slice() else { panic!("the card and nothing else: {seen:?}") };
    assert!(*id == card.token && flag(row, "taken") && !flag(row, "enrolled"), "{seen:?}");
    let told = bob.token(&card.token).await.unwrap();
    for row in [row, &told] {
        for hidden in ["name", "tries-left", "puk-tries-left", "created", "mechanisms", "generates"] {
            let shown = row.get(hidden).map(|value| format!("{value:?}"));
            assert!(
                shown.is_none_or(|shown| shown.contains("\"\"") || shown.contains("[]")),
                "{hidden}: {row:?}"
            );
        }
    }
    assert!(keys_on(&bob, &card.token).await.is_empty(), "nor what is on it");
    bob.sign(&card.key, "", MESSAGE, none()).await.refused("NotRegistered");
    assert_eq!(tries_spent(&mut card.card), [] as [u8; 0], "nothing was tried on the card");
    card.sign().await.expect("alice goes on");

    forget(&card.owner, &card.token).await.unwrap();
    let keys = bob.enrol(&card.token, PIN, none()).await.expect("it is nobody's now");
    card.owner.enrol(&card.token, PIN, none()).await.refused("AccessDenied");
    assert_eq!(bob.public_key(&keys[0]).await.unwrap(), card.public_key);
    assert_ne!(keys[0], card.key, "another person's key is another key");
    card.sign().await.refused("NoSuchKey");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_that_alice_gave_is_no_leave_for_bob() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    forget(&card.owner, &card.token).await.unwrap();
    let bob = house.visitor(&Person::bob()).await;
    bob.call::<Vec<String>>("Tokens", "EnrolCard", &(card.token.as_str(), none())).await.refused("PinNeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cards_with_different_keys_both_serve_and_the_absent_one_is_named() {
    let house = CardHouse::open().await;
    let mut first = house.alices_card(0).await;
    let mut second = house.alices_card(1).await;
    first.sign().await.unwrap();
    second.sign().await.unwrap();
    assert_ne!((&first.key, &first.public_key), (&second.key, &second.public_key));

    first.pull().await;
    second.sign().await.unwrap();
    let refusal = first.sign().await.refused("TokenAbsent");
    let name = word(&first.owner.token(&first.token).await.unwrap(), "name");
    assert!(refusal.text.contains(&name) && !name.is_empty(), "it says which to insert: {refusal}");
    assert!(refusal.text.contains(&first.token), "the other is called the same: {refusal}");
    let refusal = first.unlock().await.refused("TokenAbsent");
    assert!(refusal.text.contains(&first.token), "{refusal}");
    let keys = first.owner.keys().await.unwrap();
    let present = |id: &str| keys.iter().find(|(key, _)| key == id).map(|(_, key)| flag(key, "present"));
    assert_eq!((present(&first.key), present(&second.key)), (Some(false), Some(true)));
    let listed = shell(&house, &Person::alice()).claviger("key list").await.ok();
    let line = |id: &str| listed.text().lines().find(|line| line.starts_with(id)).unwrap().to_owned();
    assert!(line(&first.key).contains("absent") && line(&second.key).contains("ready"), "{listed:?}");
    let explained = shell(&house, &Person::alice()).claviger(&format!("key show {}", first.key)).await.ok();
    assert!(explained.text().contains("its token is absent"), "{explained:?}");

    second.pull().await;
    second.sign().await.refused("TokenAbsent");
    first.put_back().await;
    first.unlock().await.unwrap();
    first.sign().await.unwrap();
}

/// Makes two cards with the same key: the memory of one is copied, and is given an identity of its own.
async fn twins(house: &CardHouse, alice: &Peer) -> [Card; 2] {
    let mut watch = Watch::of(&house.house, &alice.person).await;
    let mut one = piv_card(&house.pcscd, 0).await;
    let mut other = Card::beside(&house.pcscd, 1, Kind::Piv);
    tokio::task::block_in_place(|| {
        one.remove_noticed();
        let place = other.state().with_extension("copy");
        let copied = Command::new("cp").arg("-r").args([one.state(), &place]).status().unwrap();
        assert!(copied.success());
        let serial = other.serial();
        other.load(&place, Kind::Piv, serial);
        other.put_back();
    });
    let token = watch.until_card_in(other.reader()).await;
    let authority = option("authority", secret::pipe(MANAGEMENT_KEY));
    let new: String = alice.call("Tokens", "InitCard", &(token.as_str(), authority)).await.unwrap();
    assert_ne!(new, token);
    tokio::task::block_in_place(|| one.put_back());
    assert_eq!(watch.until_card_in(one.reader()).await, token);
    [one, other]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_key_on_two_cards_is_one_key_and_the_present_card_serves() {
    let house = CardHouse::open().await;
    let alice = house.visitor(&Person::alice()).await;
    let cards = twins(&house, &alice).await;
    let [one, other] = cards;
    let mut one = Enrolled::enrol(&house.house, alice.clone(), one).await;
    let mut other = Enrolled::enrol(&house.house, alice.clone(), other).await;
    assert_eq!(one.key, other.key, "it is one key");
    let keys = alice.keys().await.unwrap();
    let [(_, key)] = keys.as_slice() else { panic!("one key: {keys:?}") };
    assert_eq!(words(key, "tokens"), [one.token.clone(), other.token.clone()]);

    for _ in 0..2 {
        one.pull().await;
        other.card.log(Depth::Headers);
        other.card.drain_log();
        one.sign().await.expect("the other card serves");
        let log = other.card.drain_log();
        let mut commands = log.iter().filter_map(Logged::command);
        assert!(commands.any(|command| command[1] == AUTHENTICATE), "it was the other card");
        let keys = alice.keys().await.unwrap();
        assert!(flag(&keys[0].1, "present"), "one of its cards is there");
        // Back again and still locked: the one that is unlocked goes on serving.
        one.put_back().await;
        one.sign().await.unwrap();
        one.unlock().await.unwrap();
        std::mem::swap(&mut one, &mut other);
    }
    one.pull().await;
    other.pull().await;
    one.sign().await.refused("TokenAbsent");
    other.put_back().await;
    other.sign().await.refused("PinNeeded");
    other.unlock().await.unwrap();
    forget(&alice, &one.token).await.expect("it need not be there");
    other.sign().await.expect("the key still stands on the other card");
    forget(&alice, &other.token).await.unwrap();
    other.sign().await.refused("NoSuchKey");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_a_card_made_gets_a_local_store_by_registering() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    let alice = &card.owner;
    let tokens: Vec<_> = alice.tokens().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(tokens, std::slice::from_ref(&card.token), "there is no local store");
    let local = option("location", "local");
    let refusal = alice.call::<String>("Keys", "GenerateKey", &("P-256", local)).await.unwrap_err();
    assert!(!refusal.text.is_empty() && refusal.name != "Internal", "{refusal}");

    let shell = shell(&house, &Person::alice());
    shell.file("passphrase", PASSPHRASE);
    shell.claviger("register --passphrase-file passphrase --no-keys").await.ok();
    shell.claviger("unlock --passphrase-file passphrase").await.ok();
    let local = option("location", "local");
    let key: String = alice.call("Keys", "GenerateKey", &("P-256", local)).await.unwrap();
    let signature = alice.sign(&key, "", MESSAGE, none()).await.unwrap();
    assert_right(&alice.public_key(&key).await.unwrap(), MESSAGE, &signature);
    card.sign().await.expect("the card's key is as it was");
    assert_eq!(default_key(alice).await.as_ref(), Some(&card.key), "and so are the defaults");
    assert_eq!(alice.tokens().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_consent_is_wanted_a_card_alone_makes_no_account() {
    let house = CardHouse::configured("[registration]\nconsent = true\n").await;
    let card = piv_card(&house.pcscd, 0).await;
    let alice = house.visitor(&Person::alice()).await;
    let token = Watch::of(&house.house, &alice.person).await.until_card_in(card.reader()).await;
    alice.enrol(&token, PIN, none()).await.refused("NotRegistered");
    alice.register(PASSPHRASE).await.unwrap();
    alice.enrol(&token, PIN, none()).await.refused("RegistrationPending");
    let administrator = house.visitor(&Person::service()).await;
    let phrase: OwnedFd =
        administrator.call("Admin", "IssueConsent", &(alice.person.uid, none())).await.unwrap();
    alice.enrol(&token, PIN, none()).await.refused("RegistrationPending");
    let phrase = secret::read(phrase);
    alice.call::<()>("Account", "Consent", &(secret::pipe(&phrase), none())).await.unwrap();
    assert!(!flag(&alice.token(&token).await.unwrap(), "enrolled"), "nothing was enrolled before");
    alice.enrol(&token, PIN, none()).await.expect("now she may");
}

/// "An application that signs over D-Bus does so unchanged after `claviger card enrol` made the card key the default."
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_signs_unchanged_after_the_cards_key_became_the_default() {
    let house = CardHouse::open().await;
    let alice = house.house.alice().await;
    let local = alice.generate("P-256").await.unwrap();
    let local_public = alice.public_key(&local).await.unwrap();
    // The application: it knows no key, no card and no place, and it is not started anew.
    let application = house.visitor(&Person::alice()).await;
    let signs = || application.sign("", "", MESSAGE, none());
    assert_right(&local_public, MESSAGE, &signs().await.unwrap());

    let mut card = piv_card(&house.pcscd, 0).await;
    let mut watch = Watch::of(&house.house, &alice.person).await;
    let token = watch.until_card_in(card.reader()).await;
    let shell = shell(&house, &Person::alice());
    let enrolled = shell.claviger("card enrol --default --pin-file pin").await.ok();
    let key = enrolled.text().to_owned();
    assert!(enrolled.stderr.contains("default to sign"), "{enrolled:?}");
    let public = alice.public_key(&key).await.unwrap();
    assert_ne!(public, local_public);
    assert_right(&public, MESSAGE, &signs().await.unwrap());

    card.remove();
    watch.until_presence(&token, "removed").await;
    let refusal = signs().await.refused("TokenAbsent");
    let name = word(&alice.token(&token).await.unwrap(), "name");
    assert!(refusal.text.contains(&name), "it says which card to insert: {refusal}");
    tokio::task::block_in_place(|| card.put_back());
    watch.until_presence(&token, "present").await;
    let refusal = signs().await.refused("PinNeeded");
    assert!(refusal.text.contains("claviger card unlock"), "it says what helps: {refusal}");
    shell.claviger("card unlock --pin-file pin").await.ok();
    assert_right(&public, MESSAGE, &signs().await.unwrap());
    shell.claviger(&format!("key default {local} --purpose sign")).await.ok();
    assert_right(&local_public, MESSAGE, &signs().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_default_stays_where_nobody_asked_for_another() {
    let house = CardHouse::open().await;
    let alice = house.house.alice().await;
    let local = alice.generate("P-256").await.unwrap();
    let card = piv_card(&house.pcscd, 0).await;
    let card = Enrolled::enrol(&house.house, alice.clone(), card).await;
    assert_eq!(default_key(&alice).await.as_ref(), Some(&local));
    alice.enrol(&card.token, PIN, option("default", true)).await.unwrap();
    assert_eq!(default_key(&alice).await.as_ref(), Some(&card.key), "enrolled again, and asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enrolling_again_takes_in_what_others_put_on_the_card_and_replaced_on_it() {
    let house = CardHouse::open().await;
    let card = house.alices_card(0).await;
    tokio::task::block_in_place(|| {
        PivIssuer::new(&house.pcscd, &card.card).key("9c", "ECCP256");
    });
    let keys = card.owner.enrol(&card.token, PIN, option("label", "new")).await.unwrap();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.contains(&card.key), "what was there keeps its id");
    card.sign().await.unwrap();
    let new = card.owner.sign("new 9c", "", MESSAGE, none()).await.expect("the new one has the label");
    let id = keys.iter().find(|id| **id != card.key).unwrap();
    assert_right(&card.owner.public_key(id).await.unwrap(), MESSAGE, &new);

    tokio::task::block_in_place(|| {
        PivIssuer::new(&house.pcscd, &card.card).key("9a", "ECCP256");
    });
    let again = card.owner.enrol(&card.token, PIN, none()).await.unwrap();
    assert!(again.contains(id) && !again.contains(&card.key) && again.len() == 2, "{again:?}");
    let keys = card.owner.keys().await.unwrap();
    let old = keys.iter().find(|(id, _)| *id == card.key).map(|(_, key)| words(key, "tokens"));
    assert!(old.is_none_or(|tokens| tokens.is_empty()), "the key that is gone stands nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_made_where_another_stood_takes_its_place() {
    let desk = Desk::fresh(Kind::Piv).await;
    let old = desk.generate("9a", "P-256").await.unwrap();
    let new = desk.generate("9a", "P-256").await.unwrap();
    let keys = desk.alice.keys().await.unwrap();
    let stands = |id: &str| keys.iter().find(|(key, _)| key == id).map(|(_, key)| words(key, "tokens"));
    assert_eq!((stands(&old), stands(&new)), (None, Some(vec![desk.token.clone()])));
    desk.alice.sign(&old, "", MESSAGE, none()).await.refused("NoSuchKey");
    let signature = desk.alice.sign(&new, "", MESSAGE, none()).await.unwrap();
    assert_right(&desk.alice.public_key(&new).await.unwrap(), MESSAGE, &signature);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolment_outlives_the_daemon_and_wants_the_pin_again() {
    let mut house = CardHouse::open().await;
    let mut card = house.alices_card(0).await;
    house.house.daemon.stop().await;
    house.house.daemon.restart(&house.house.bus).await.unwrap();
    card.watch = Watch::of(&house.house, &Person::alice()).await;
    card.until("present").await;
    card.sign().await.refused("PinNeeded");
    card.unlock().await.unwrap();
    card.sign().await.unwrap();
    let created: i64 = value(&card.owner.token(&card.token).await.unwrap()["created"]);
    assert!(created > 1_700_000_000, "{created}");
}
