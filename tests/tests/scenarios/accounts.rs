//! An account's life: registration in two stages, consent, pass phrase, guesses, recovery, backup, revocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use claviger_tests::DEADLINE;
use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::daemon::{COSTLY, Start, derives};
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Outcome, Peer, Refusal, none, option};
use claviger_tests::{secret, until};
use zbus::OwnedFd;

const CONSENT: &str = "[registration]\nconsent = true\n";

fn text(attributes: &Attributes, name: &str) -> String {
    attributes[name].clone().try_into().unwrap()
}

fn number(attributes: &Attributes, name: &str) -> u32 {
    attributes[name].clone().try_into().unwrap()
}

async fn state(peer: &Peer) -> String {
    text(&peer.account().await, "state")
}

async fn consent(peer: &Peer, phrase: &str) -> Result<(), Refusal> {
    peer.call("Account", "Consent", &(secret::pipe(phrase), none())).await
}

async fn issue_consent(administrator: &Peer, person: &Person) -> Result<String, Refusal> {
    let phrase: OwnedFd = administrator.call("Admin", "IssueConsent", &(person.uid, none())).await?;
    Ok(String::from_utf8(secret::read(phrase)).unwrap())
}

/// Waits until the account takes guesses again.
async fn wait_for_next_guess(peer: &Peer) {
    if let Some(after) = peer.account().await.remove("try-after") {
        let after = Duration::from_secs(i64::try_from(after).unwrap().try_into().unwrap());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        // The daemon itself says when; there is no event to wait for.
        tokio::time::sleep((after.saturating_sub(now) + Duration::from_millis(20)).min(DEADLINE)).await;
    }
}

#[tokio::test]
async fn registration_in_two_stages_needs_the_administrator_and_the_phrase() {
    let house = House::configured(CONSENT).await;
    let alice = house.visitor(&Person::alice()).await;
    let administrator = house.visitor(&Person::service()).await;
    issue_consent(&administrator, &alice.person).await.expect_err("nothing was applied for");

    let keys = option("keys", vec!["P-256".to_owned()]);
    alice.call::<()>("Account", "Register", &(secret::pipe(PASSPHRASE), keys)).await.unwrap();
    assert_eq!(state(&alice).await, "applied");
    alice.unlock(PASSPHRASE).await.refused("RegistrationPending");
    alice.generate("P-256").await.refused("RegistrationPending");
    consent(&alice, "whatever").await.refused("RegistrationPending");

    let phrase = issue_consent(&administrator, &alice.person).await.unwrap();
    assert_eq!(state(&alice).await, "pending");
    alice.unlock(PASSPHRASE).await.refused("RegistrationPending");

    // As a person may type it.
    let typed = phrase.trim().to_lowercase().replace('-', " ");
    consent(&alice, &typed).await.unwrap();
    assert_eq!(state(&alice).await, "active");
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.sign("", "", b"data", none()).await.expect("the first key is the default");
    consent(&alice, &phrase).await.refused("AlreadyExists");
}

#[tokio::test]
async fn a_second_registration_is_refused_while_one_stands() {
    let house = House::configured(CONSENT).await;
    let alice = house.visitor(&Person::alice()).await;
    let administrator = house.visitor(&Person::service()).await;
    alice.register(PASSPHRASE).await.unwrap();
    alice.register("another").await.refused("RegistrationPending");
    let phrase = issue_consent(&administrator, &alice.person).await.unwrap();
    alice.register("another").await.refused("RegistrationPending");
    consent(&alice, &phrase).await.unwrap();
    alice.register("another").await.refused("AlreadyExists");
    alice.unlock(PASSPHRASE).await.expect("the first application was the one that counted");
}

#[tokio::test]
async fn issuing_again_voids_the_application() {
    let house = House::configured(CONSENT).await;
    let alice = house.visitor(&Person::alice()).await;
    let administrator = house.visitor(&Person::service()).await;
    alice.register(PASSPHRASE).await.unwrap();
    let phrase = issue_consent(&administrator, &alice.person).await.unwrap();
    // Whatever the second call answers, the first phrase opens nothing any longer.
    let again = issue_consent(&administrator, &alice.person).await;
    assert!(consent(&alice, &phrase).await.is_err(), "{again:?}");
    assert_eq!(state(&alice).await, "none");
    alice.register("anew").await.unwrap();
    let phrase = issue_consent(&administrator, &alice.person).await.unwrap();
    consent(&alice, &phrase).await.unwrap();
    alice.unlock("anew").await.unwrap();
}

#[tokio::test]
async fn wrong_consent_phrases_are_refused_and_slowed_down() {
    let house = House::configured(CONSENT).await;
    let alice = house.visitor(&Person::alice()).await;
    let administrator = house.visitor(&Person::service()).await;
    alice.register(PASSPHRASE).await.unwrap();
    let phrase = issue_consent(&administrator, &alice.person).await.unwrap();
    consent(&alice, "AAAA-AAAA-AAAA-AAAA").await.refused("WrongConsentPhrase");
    consent(&alice, "not even base32!").await.refused("WrongConsentPhrase");
    let mut answers = Vec::new();
    for _ in 0..10 {
        answers.push(consent(&alice, "BBBB-BBBB-BBBB-BBBB").await.unwrap_err().name);
    }
    assert!(answers.contains(&"TryLater".to_owned()), "{answers:?}");
    assert_eq!(state(&alice).await, "pending");
    wait_for_next_guess(&alice).await;
    consent(&alice, &phrase).await.expect("patience is rewarded");
}

#[tokio::test]
async fn a_wrong_pass_phrase_opens_nothing_and_says_no_more() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    alice.lock().await.unwrap();
    alice.sign(&key, "", b"data", none()).await.refused("Locked");
    alice.generate("P-256").await.refused("Locked");
    for wrong in ["wrong", "correct horse battery staple ", "Correct horse battery staple"] {
        alice.unlock(wrong).await.refused("WrongPassphrase");
        wait_for_next_guess(&alice).await;
    }
    alice.sign(&key, "", b"data", none()).await.refused("Locked");
    alice.unlock(PASSPHRASE).await.unwrap();
    assert_eq!(number(&alice.account().await, "tries-failed"), 0, "a right guess sets the count back");
    alice.sign(&key, "", b"data", none()).await.unwrap();
}

#[tokio::test]
async fn guesses_are_slowed_down_and_a_restart_does_not_help() {
    let mut house = House::open().await;
    let alice = house.alice().await;
    let mut wrong = 0;
    while wrong < 6 {
        match alice.unlock("a guess").await.unwrap_err().name.as_str() {
            "WrongPassphrase" => wrong += 1,
            "TryLater" => wait_for_next_guess(&alice).await,
            other => panic!("{other}"),
        }
    }
    let failed = number(&alice.account().await, "tries-failed");
    assert_eq!(failed, 6);
    let refusal = alice.unlock(PASSPHRASE).await.refused("TryLater");
    assert!(refusal.text.contains("seconds"), "it says how long: {refusal}");
    alice.change_passphrase(PASSPHRASE, "new").await.refused("TryLater");

    house.daemon.kill().await;
    house.daemon.restart(&house.bus).await.unwrap();
    assert_eq!(number(&alice.account().await, "tries-failed"), 6);
    alice.unlock(PASSPHRASE).await.refused("TryLater");
    // Others are not slowed down by alice's mistakes.
    Peer::registered(&house.bus, &Person::bob()).await;
    wait_for_next_guess(&alice).await;
    alice.unlock(PASSPHRASE).await.unwrap();
}

#[tokio::test]
async fn a_guess_is_counted_before_it_is_checked() {
    // A derivation that takes long enough to be met, and so much memory that it is seen.
    let start = Start { config: COSTLY.to_owned(), ..Start::default() };
    let mut house = House::with(start).await;
    let alice = house.alice().await;
    alice.lock().await.unwrap();
    let guess = tokio::spawn({
        let alice = alice.clone();
        async move { alice.unlock("a guess").await }
    });
    let pid = house.daemon.pid();
    assert!(until(|| derives(pid)).await, "the derivation never takes its memory");
    house.daemon.kill().await;
    guess.await.unwrap().expect_err("the daemon died");
    house.daemon.restart(&house.bus).await.unwrap();
    assert_eq!(number(&alice.account().await, "tries-failed"), 1, "killing the daemon undoes no guess");
}

#[tokio::test]
async fn the_pass_phrase_can_be_changed_and_the_old_one_ends() {
    let mut house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    alice.change_passphrase("not it", "new").await.refused("WrongPassphrase");
    let refusal = alice.change_passphrase(PASSPHRASE, "").await.expect_err("empty");
    assert!(["InvalidArgs", "DataInvalid"].contains(&refusal.name.as_str()), "{refusal}");
    alice.change_passphrase(PASSPHRASE, "new").await.unwrap();
    house.daemon.kill().await;
    house.daemon.restart(&house.bus).await.unwrap();
    alice.unlock(PASSPHRASE).await.refused("WrongPassphrase");
    alice.unlock("new").await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
}

#[tokio::test]
async fn a_recovery_code_sets_a_new_pass_phrase() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    let recover = async |code: &str, new: &str| -> Result<(), Refusal> {
        alice.call("Account", "Recover", &(secret::pipe(code), secret::pipe(new), none())).await
    };
    recover("AAAA", "new").await.refused("NotSupported");
    let code: OwnedFd = alice.call("Account", "MakeRecoveryCode", &(none(),)).await.unwrap();
    let code = String::from_utf8(secret::read(code)).unwrap();
    alice.lock().await.unwrap();
    recover("AAAA-BBBB", "new").await.refused("WrongPassphrase");
    recover(&code.trim().to_lowercase().replace('-', " "), "new").await.unwrap();
    alice.unlock(PASSPHRASE).await.refused("WrongPassphrase");
    alice.unlock("new").await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
    recover(&code, "newer").await.expect("the code stays good");
    // A new code ends the old one.
    let _newer: OwnedFd = alice.call("Account", "MakeRecoveryCode", &(none(),)).await.unwrap();
    recover(&code, "newest").await.refused("WrongPassphrase");
}

#[tokio::test]
async fn a_backup_brings_the_keys_back_and_nobody_elses() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    let public = alice.public_key(&key).await.unwrap();
    let backup: OwnedFd = alice.call("Account", "Backup", &(none(),)).await.unwrap();
    let backup = secret::read(backup);
    let restore = async |peer: &Peer, bytes: &[u8]| -> Result<(), Refusal> {
        peer.call("Account", "Restore", &(secret::pipe(bytes), none())).await
    };
    restore(&alice, &backup).await.refused("AlreadyExists");
    let bob = house.visitor(&Person::bob()).await;
    restore(&bob, &backup).await.refused("DataInvalid");
    assert_eq!(state(&bob).await, "none");

    let administrator = house.visitor(&Person::service()).await;
    administrator.call::<()>("Admin", "RemoveUser", &(alice.person.uid, none())).await.unwrap();
    assert_eq!(state(&alice).await, "none");
    restore(&alice, &backup[..backup.len() - 1]).await.refused("DataInvalid");
    restore(&alice, b"").await.refused("DataInvalid");
    assert_eq!(state(&alice).await, "none", "half a backup makes no account");
    restore(&alice, &backup).await.unwrap();
    alice.sign(&key, "", b"data", none()).await.refused("Locked");
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
    assert_eq!(alice.public_key(&key).await.unwrap(), public);
}

#[tokio::test]
async fn a_revoked_key_is_unusable_and_its_public_half_is_kept() {
    let mut house = House::open().await;
    let alice = house.alice().await;
    let (lost, kept) = (alice.generate("P-256").await.unwrap(), alice.generate("P-256").await.unwrap());
    let public = alice.public_key(&lost).await.unwrap();
    let administrator = house.visitor(&Person::service()).await;
    let uid = alice.person.uid;
    administrator.call::<()>("Admin", "RevokeKey", &(uid, lost.as_str(), none())).await.unwrap();
    alice.sign(&lost, "", b"data", none()).await.refused("KeyRevoked");
    alice.sign(&kept, "", b"data", none()).await.unwrap();
    house.daemon.kill().await;
    house.daemon.restart(&house.bus).await.unwrap();
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.sign(&lost, "", b"data", none()).await.refused("KeyRevoked");
    let filter = option("state", "revoked");
    let revoked: Vec<(String, Attributes)> = alice.call("Keys", "ListKeys", &(filter,)).await.unwrap();
    let [(id, attributes)] = revoked.as_slice() else { panic!("one key was revoked: {revoked:?}") };
    assert_eq!(*id, lost);
    assert_eq!(Vec::<u8>::try_from(attributes["public-key"].clone()).unwrap(), public);

    let administrator = house.visitor(&Person::service()).await;
    administrator.call::<()>("Admin", "RevokeKey", &(uid, "", none())).await.unwrap();
    assert_eq!(state(&alice).await, "revoked");
    alice.unlock(PASSPHRASE).await.refused("NotRegistered");
}

#[tokio::test]
async fn an_idle_store_locks_itself() {
    let house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    let mut signals = zbus::MessageStream::from(alice.connection());
    alice.call::<()>("Service", "Subscribe", &(none(),)).await.unwrap();
    alice.call::<()>("Account", "Unlock", &(secret::pipe(PASSPHRASE), option("idle", 1u32))).await.unwrap();
    let locked = async {
        while let Some(Ok(message)) = claviger_tests::next(&mut signals).await {
            if message.header().member().is_some_and(|member| member == "LockedChanged")
                && message.body().deserialize::<bool>().unwrap()
            {
                return;
            }
        }
    };
    claviger_tests::in_time("the signal", locked).await;
    alice.sign(&key, "", b"data", none()).await.refused("Locked");
    let locked: bool = alice.account().await["locked"].clone().try_into().unwrap();
    assert!(locked);
}

#[tokio::test]
async fn a_restarted_daemon_is_locked() {
    let mut house = House::open().await;
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    assert!(house.daemon.stop().await.success());
    house.daemon.restart(&house.bus).await.unwrap();
    alice.sign(&key, "", b"data", none()).await.refused("Locked");
    alice.unlock(PASSPHRASE).await.unwrap();
    alice.sign(&key, "", b"data", none()).await.unwrap();
}

#[tokio::test]
async fn the_administrator_sees_users_and_no_secrets() {
    let house = House::open().await;
    let alice = house.alice().await;
    alice.generate("P-256").await.unwrap();
    house.bob().await;
    let administrator = house.visitor(&Person::service()).await;
    let page = option("limit", 1u32);
    let users: Vec<(u32, Attributes)> = administrator.call("Admin", "ListUsers", &(page,)).await.unwrap();
    let [(uid, row)] = users.as_slice() else { panic!("a page of one: {users:?}") };
    assert_eq!((*uid, number(row, "keys")), (Person::alice().uid, 1));
    let rest = option("after", *uid);
    let users: Vec<(u32, Attributes)> = administrator.call("Admin", "ListUsers", &(rest,)).await.unwrap();
    assert_eq!(users.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [Person::bob().uid]);
    let figures: Attributes = administrator.call("Admin", "Statistics", &(none(),)).await.unwrap();
    assert_eq!((number(&figures, "users"), number(&figures, "unlocked")), (2, 2));
    administrator.call::<Attributes>("Admin", "GetUser", &(4242u32, none())).await.refused("NoSuchUser");
}
