//! What a program says that it is for, and a yes that the program itself wants.

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Options, Outcome, Peer, Refusal, none, option};
use serde_bytes::Bytes;
use tokio::task::JoinHandle;

const DATA: &[u8] = b"data";

/// Returns alice, unlocked, a key of hers of which nothing is asked, and her agent.
async fn scene(house: &House) -> (Peer, String, Agent) {
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    (alice, key, Agent::of(house, &Person::alice()).await)
}

/// Begins to sign, with leave to ask.
fn signing(peer: &Peer, key: &str, options: Options) -> JoinHandle<Result<Vec<u8>, Refusal>> {
    let (peer, key) = (peer.clone(), key.to_owned());
    tokio::spawn(async move { peer.sign_and_ask(&key, DATA, options).await })
}

fn confirm() -> Options {
    option("confirm", true)
}

fn confirm_for(reason: &str) -> Options {
    Options::from([("confirm", true.into()), ("reason", reason.to_owned().into())])
}

async fn set_confirm(peer: &Peer, key: &str, policy: &str) {
    peer.call_and_ask::<()>("Keys", "SetConfirm", &(key, policy, none())).await.unwrap();
}

#[tokio::test]
async fn a_program_that_wants_a_yes_has_its_owner_asked_once_each_time() {
    let house = House::open().await;
    let (alice, key, mut agent) = scene(&house).await;
    for policy in ["never", "session", "always"] {
        set_confirm(&alice, &key, policy).await;
        for yes in [true, false, true] {
            let signed = signing(&alice, &key, confirm());
            let question = agent.asked().await;
            assert_eq!((question.member, question.text("key")), ("Confirm", Some(key.clone())), "{policy}");
            question.said(yes);
            match signed.await.unwrap() {
                Ok(_) => assert!(yes, "{policy}"),
                Err(refusal) => assert_eq!((refusal.name.as_str(), yes), ("Declined", false), "{policy}"),
            }
            assert!(agent.heard_nothing().await, "it was asked twice: {policy}");
        }
    }
}

#[tokio::test]
async fn what_a_program_wanted_asked_counts_for_that_use_and_not_for_the_session() {
    let house = House::open().await;
    let (alice, key, mut agent) = scene(&house).await;
    set_confirm(&alice, &key, "session").await;
    let signed = signing(&alice, &key, confirm());
    agent.asked().await.said(false);
    signed.await.unwrap().refused("Declined");
    let signed = signing(&alice, &key, confirm());
    agent.asked().await.said(true);
    signed.await.unwrap().unwrap();
    alice.sign(&key, "", DATA, none()).await.refused("InteractiveAuthorizationRequired");
    // The key's own question counts for the session, but not for a program that wants one of its own.
    let signed = signing(&alice, &key, none());
    agent.asked().await.said(true);
    signed.await.unwrap().unwrap();
    alice.sign(&key, "", DATA, none()).await.expect("it was said");
    assert!(agent.heard_nothing().await);
    let signed = signing(&alice, &key, confirm());
    agent.asked().await.said(false);
    signed.await.unwrap().refused("Declined");
    alice.sign(&key, "", DATA, none()).await.expect("what was said before still counts");
}

#[tokio::test]
async fn two_programs_that_want_a_yes_have_two_questions() {
    let house = House::open().await;
    let (alice, key, mut agent) = scene(&house).await;
    set_confirm(&alice, &key, "session").await;
    let first = signing(&alice, &key, confirm_for("first"));
    let one = agent.asked().await;
    let second = signing(&alice, &key, confirm_for("second"));
    let two = agent.asked().await;
    assert_eq!([one.text("reason"), two.text("reason")].map(Option::unwrap), ["first", "second"]);
    one.said(true);
    two.said(false);
    first.await.unwrap().unwrap();
    second.await.unwrap().refused("Declined");
}

#[tokio::test]
async fn where_nobody_may_be_asked_the_yes_is_missing() {
    let house = House::open().await;
    let (alice, key, mut agent) = scene(&house).await;
    alice.sign(&key, "", DATA, confirm()).await.refused("InteractiveAuthorizationRequired");
    let mut quiet = confirm();
    quiet.insert("no-prompt", true.into());
    alice.sign_and_ask(&key, DATA, quiet).await.refused("InteractiveAuthorizationRequired");
    assert!(agent.heard_nothing().await);
    agent.dies().await;
    alice.sign_and_ask(&key, DATA, confirm()).await.refused("UserPresenceNeeded");
    alice.sign_and_ask(&key, DATA, option("confirm", false)).await.expect("the control");
}

#[tokio::test]
async fn a_reason_is_shown_in_every_question_without_what_steers_a_terminal() {
    let house = House::open().await;
    let (alice, key, mut agent) = scene(&house).await;
    for (said, shown) in [
        ("log in to host example.org", Some("log in to host example.org")),
        ("two\r\nlines\u{2028}\u{1b}[2J\u{202e}gpj", Some("two  lines [2Jgpj")),
        (" \n\u{7}", None),
        ("", None),
    ] {
        let signed = signing(&alice, &key, confirm_for(said));
        let question = agent.asked().await;
        assert_eq!(question.text("reason").as_deref(), shown, "{said:?}");
        question.said(true);
        signed.await.unwrap().unwrap();
    }
    alice.lock().await.unwrap();
    let signed = signing(&alice, &key, option("reason", "a commit"));
    let question = agent.asked().await;
    assert_eq!((question.member, question.text("reason").as_deref()), ("RequestSecret", Some("a commit")));
    question.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();
    let signed = signing(&alice, &key, confirm());
    let question = agent.asked().await;
    assert_eq!(question.text("reason"), None);
    question.said(true);
    signed.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_reason_of_200_bytes_is_taken_and_a_longer_one_is_refused() {
    let house = House::open().await;
    let (alice, key, _) = scene(&house).await;
    let reason = |length: usize| option("reason", "é".repeat(length / 2));
    alice.sign(&key, "", DATA, reason(200)).await.expect("it fits");
    let refusal = alice.sign(&key, "", DATA, reason(202)).await.refused("InvalidArgs");
    assert!(refusal.text.contains("200 bytes"), "{refusal}");
    alice.sign(&key, "", DATA, option("reason", 7_u32)).await.refused("InvalidArgs");
    let body = (key.as_str(), "ECDH1_DERIVE", Bytes::new(DATA), reason(202));
    alice.call::<serde_bytes::ByteBuf>("Keys", "Derive", &body).await.refused("InvalidArgs");
}

#[tokio::test]
async fn decrypting_and_deriving_ask_as_signing_does() {
    let house = House::open().await;
    let (alice, _, mut agent) = scene(&house).await;
    for (member, algorithm, mechanism, purpose) in [
        ("Decrypt", "RSA-2048", "RSA_PKCS_OAEP", "decrypt"),
        ("Derive", "X25519", "ECDH1_DERIVE", "derive"),
        ("Decapsulate", "ML-KEM-512", "ML_KEM", "decapsulate"),
    ] {
        let key = alice.generate(algorithm).await.unwrap();
        let peer = alice.clone();
        let called = tokio::spawn(async move {
            let body = (key.as_str(), mechanism, Bytes::new(DATA), confirm_for("mail"));
            peer.call_and_ask::<serde_bytes::ByteBuf>("Keys", member, &body).await
        });
        let question = agent.asked().await;
        let told = ["purpose", "reason"].map(|name| question.text(name).unwrap_or_default());
        assert_eq!(told, [purpose, "mail"]);
        question.said(false);
        called.await.unwrap().refused("Declined");
    }
}

#[tokio::test]
async fn a_yes_that_is_wanted_is_explained_with_its_reason() {
    let house = House::open().await;
    let (alice, key, agent) = scene(&house).await;
    let explain = async |options: Options| -> Attributes {
        alice.call_and_ask("Keys", "Explain", &(key.as_str(), "", options)).await.unwrap()
    };
    let prompts =
        |explanation: &Attributes| -> Vec<String> { explanation["prompts"].clone().try_into().unwrap() };
    assert!(prompts(&explain(option("reason", "mail")).await).is_empty(), "nothing is asked");
    let explanation = explain(confirm_for("a\u{7}\nmail")).await;
    assert!(!explanation.contains_key("refusal"), "{explanation:?}");
    assert_eq!(prompts(&explanation), ["your yes to the use of the key; the program says: a mail"]);
    agent.dies().await;
    let refusal: String = explain(confirm()).await["refusal"].clone().try_into().unwrap();
    assert!(refusal.ends_with("UserPresenceNeeded"), "{refusal}");
}

#[tokio::test]
async fn a_key_says_when_its_tokens_want_a_pin_and_a_local_store_has_none() {
    let house = House::open().await;
    let (alice, key, _) = scene(&house).await;
    let (_, row): (String, Attributes) = alice.call("Keys", "GetKey", &(key.as_str(), none())).await.unwrap();
    let policies: Vec<String> = row["pin-policies"].clone().try_into().unwrap();
    assert_eq!(policies, [""]);
}
