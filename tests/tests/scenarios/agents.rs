//! Agents: a locked store is unlocked because an operation needs it, by the right person, asked once.

use std::time::{Duration, Instant};

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::agent::{Agent, Heard};
use claviger_tests::daemon::{CHEAP, Start};
use claviger_tests::house::House;
use claviger_tests::peer::{Outcome, Peer, Refusal, none, option};
use tokio::task::JoinHandle;

const DATA: &[u8] = b"data";

/// Returns alice, whose store is locked, and the id of her key.
async fn locked(house: &House) -> (Peer, String) {
    locked_one(house.alice().await).await
}

async fn locked_one(peer: Peer) -> (Peer, String) {
    let key = peer.generate("P-256").await.unwrap();
    peer.lock().await.unwrap();
    (peer, key)
}

/// Begins to sign, with leave to ask.
fn signing(peer: &Peer, key: &str) -> JoinHandle<Result<Vec<u8>, Refusal>> {
    let (peer, key) = (peer.clone(), key.to_owned());
    tokio::spawn(async move { peer.sign_and_ask(&key, DATA, none()).await })
}

#[tokio::test]
async fn a_locked_store_is_unlocked_because_an_operation_needs_it() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    alice.call::<()>("Keys", "SetLabel", &(key.as_str(), "letters", none())).await.refused("Locked");
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    let question = agent.asked().await;
    assert_eq!(question.member, "RequestSecret");
    let told = ["secret", "token-kind", "key", "algorithm", "purpose", "mechanism"];
    let told = told.map(|name| question.text(name).unwrap_or_default());
    assert_eq!(told, ["passphrase", "local", key.as_str(), "P-256", "sign", "ECDSA_SHA256"]);
    assert_eq!(question.number("pid"), Some(std::process::id()), "the bus says who wants it");
    assert!(question.text("host").is_some_and(|host| !host.is_empty()));
    assert_eq!(question.id().len(), 32);
    assert!(!question.flag("wrong") && !question.flag("last-try"));
    question.typed(PASSPHRASE);
    assert_eq!(signed.await.unwrap().unwrap().len(), 64);
    alice.sign_and_ask(&key, DATA, none()).await.expect("it is unlocked");
    assert!(agent.heard_nothing().await, "nobody was asked again");
}

#[tokio::test]
async fn a_request_over_a_channel_asks_as_one_on_the_bus_does() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let channel = alice.channel().await.unwrap();
    let signed = signing(&channel, &key);
    agent.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_wrong_pass_phrase_is_asked_for_again_and_three_are_enough() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    agent.asked().await.typed("wrong");
    let again = agent.asked().await;
    assert!(again.flag("wrong"));
    again.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();

    alice.lock().await.unwrap();
    let signed = signing(&alice, &key);
    for number in 0..3 {
        let question = agent.asked().await;
        assert_eq!(question.flag("wrong"), number > 0);
        question.typed("wrong");
    }
    signed.await.unwrap().refused("WrongPassphrase");
    assert!(agent.heard_nothing().await, "three are enough");

    // More would have to wait first, longer each time: nobody is asked for what would not be looked at.
    for round in 0.. {
        assert!(round < 20, "each wrong one makes the next wait longer");
        let mut signed = signing(&alice, &key);
        let mut asked = 0;
        let refusal = loop {
            tokio::select! {
                heard = agent.hears() => {
                    let Heard::Asked(question) = heard else { panic!("nobody left") };
                    question.typed("wrong");
                    asked += 1;
                }
                outcome = &mut signed => break outcome.unwrap().unwrap_err(),
            }
        };
        if asked == 0 {
            assert_eq!(refusal.name, "TryLater", "{refusal}");
            break;
        }
    }
}

#[tokio::test]
async fn whoever_gives_up_has_declined() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    agent.asked().await.declined();
    signed.await.unwrap().refused("Declined");
    let signed = signing(&alice, &key);
    agent.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().expect("the next request asks anew");
}

#[tokio::test]
async fn without_an_agent_or_leave_to_ask_the_refusal_comes_at_once() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    alice.sign_and_ask(&key, DATA, none()).await.refused("Locked");
    let mut agent = Agent::of(&house, &Person::alice()).await;
    alice.sign_and_ask(&key, DATA, option("no-prompt", true)).await.refused("Locked");
    alice.sign(&key, "", DATA, none()).await.refused("Locked");
    assert!(agent.heard_nothing().await, "no leave, no question");
    let signed = signing(&alice, &key);
    agent.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().expect("the control: with leave it is asked");
    agent.unregister().await.unwrap();
    alice.lock().await.unwrap();
    alice.sign_and_ask(&key, DATA, none()).await.refused("Locked");
    assert!(agent.heard_nothing().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_at_once_ask_once() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let first = signing(&alice, &key);
    let question = agent.asked().await;
    let mut others = Vec::new();
    for number in 0..49 {
        let peer = if number < 4 { alice.channel().await.unwrap() } else { alice.clone() };
        others.push(signing(&peer, &key));
    }
    // They all wait at the same question, or find it unlocked.
    question.typed(PASSPHRASE);
    for signed in std::iter::once(first).chain(others) {
        signed.await.unwrap().unwrap();
    }
    assert!(agent.heard_nothing().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_dies_takes_its_question_back_within_100_ms() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    for over_channel in [false, true] {
        let mut best = Duration::MAX;
        // The machine may be busy: the best of a few rounds counts.
        for _ in 0..5 {
            let opener = house.visitor(&Person::alice()).await;
            let caller = if over_channel { opener.channel().await.unwrap() } else { opener.clone() };
            let signed = signing(&caller, &key);
            let question = agent.asked().await;
            let died = Instant::now();
            opener.connection().clone().close().await.unwrap();
            let Heard::TakenBack(id) = agent.hears().await else { panic!("another question") };
            best = best.min(died.elapsed());
            assert_eq!(id, question.id());
            signed.abort();
        }
        assert!(best <= Duration::from_millis(100), "{best:?}");
    }
    let signed = signing(&alice, &key);
    agent.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_question_stays_while_anybody_waits_for_it() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let leaving = house.visitor(&Person::alice()).await;
    let first = signing(&leaving, &key);
    let question = agent.asked().await;
    let hurried = alice.sign_and_ask(&key, DATA, option("timeout-ms", 20_u32));
    let second = signing(&alice, &key);
    hurried.await.refused("Timeout");
    leaving.connection().clone().close().await.unwrap();
    first.abort();
    // Whatever the daemon would do because of those two it has done once this one's call is answered.
    alice.account().await;
    question.typed(PASSPHRASE);
    second.await.unwrap().unwrap();
    assert!(agent.heard_nothing().await, "it was not taken back");
}

#[tokio::test]
async fn an_agent_that_dies_while_it_asks_is_as_none() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    let _question = agent.asked().await;
    agent.dies().await;
    signed.await.unwrap().refused("Locked");

    let mut agent = Agent::of(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    let question = agent.asked().await;
    agent.unregister().await.unwrap();
    signed.await.unwrap().refused("Locked");
    let Heard::TakenBack(id) = agent.hears().await else { panic!("another question") };
    assert_eq!(id, question.id());
}

#[tokio::test]
async fn the_first_agent_serves_while_it_lives_and_a_second_is_refused() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let mut first = Agent::of(&house, &Person::alice()).await;
    let Err(refusal) = Agent::try_of(&house, &Person::alice()).await else { panic!("a second agent") };
    assert_eq!(refusal.name, "AlreadyExists", "{refusal}");
    assert!(house.daemon.log().contains("a second agent"), "{}", house.daemon.log());
    // Nobody else can take it out.
    house
        .visitor(&Person::alice())
        .await
        .call::<()>("Agents", "UnregisterAgent", &(path(), none()))
        .await
        .unwrap();
    let signed = signing(&alice, &key);
    first.asked().await.declined();
    signed.await.unwrap().refused("Declined");
    first.dies().await;
    let mut second = registered(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    second.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();
    let named = option("session", "c7");
    house.bob().await.call::<()>("Agents", "RegisterAgent", &(path(), named)).await.refused("InvalidArgs");
}

fn path() -> zbus::wire::ObjectPath<'static> {
    zbus::wire::ObjectPath::try_from("/org/claviger/Agent").unwrap()
}

/// Registers as soon as the agent before is known to be gone.
async fn registered(house: &House, person: &Person) -> Agent {
    claviger_tests::in_time("the place of the agent", async {
        loop {
            if let Ok(agent) = Agent::try_of(house, person).await {
                return agent;
            }
        }
    })
    .await
}

#[tokio::test]
async fn each_user_is_asked_by_their_own_agent_alone() {
    let house = House::open().await;
    let (alice, key) = locked(&house).await;
    let (bob, bobs_key) = locked_one(house.bob().await).await;
    let mut bobs = Agent::of(&house, &Person::bob()).await;
    alice.sign_and_ask(&key, DATA, none()).await.refused("Locked");
    assert!(bobs.heard_nothing().await, "bob's agent is not alice's");

    let mut alices = Agent::of(&house, &Person::alice()).await;
    let (signed, bob_signed) = (signing(&alice, &key), signing(&bob, &bobs_key));
    let (alices_question, bobs_question) = (alices.asked().await, bobs.asked().await);
    assert_eq!(alices_question.text("key"), Some(key));
    assert_eq!(bobs_question.text("key"), Some(bobs_key));
    bobs_question.declined();
    bob_signed.await.unwrap().refused("Declined");
    alices_question.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_typed_stands_in_no_log() {
    let config = format!("{CHEAP}[log]\nlevel = \"trace\"\n");
    let house = House::with(Start { config, ..Start::default() }).await;
    let (alice, key) = locked(&house).await;
    let mut agent = Agent::of(&house, &Person::alice()).await;
    let signed = signing(&alice, &key);
    agent.asked().await.typed("a canary that is wrong");
    agent.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();
    let log = house.daemon.log();
    assert!(log.contains("an agent asks"), "the log tells what happens: {log}");
    for secret in ["a canary that is wrong", PASSPHRASE] {
        assert!(!log.contains(secret), "{secret}");
    }
}

/// Returns alice, unlocked, with a key that asks so often, and her agent.
async fn asks(house: &House, policy: &str) -> (Peer, String, Agent) {
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    set_confirm(&alice, &key, policy).await.expect("a stricter policy is set unasked");
    (alice, key, Agent::of(house, &Person::alice()).await)
}

async fn set_confirm(peer: &Peer, key: &str, policy: &str) -> Result<(), Refusal> {
    peer.call_and_ask("Keys", "SetConfirm", &(key, policy, none())).await
}

#[tokio::test]
async fn a_key_that_asks_always_is_used_after_each_yes_and_never_after_a_no() {
    let house = House::open().await;
    let (alice, key, mut agent) = asks(&house, "always").await;
    for yes in [true, false, true] {
        let signed = signing(&alice, &key);
        let question = agent.asked().await;
        let told = ["key", "algorithm", "purpose", "mechanism", "token-kind"];
        let told = told.map(|name| question.text(name).unwrap_or_default());
        assert_eq!(told, [key.as_str(), "P-256", "sign", "ECDSA_SHA256", "local"]);
        question.said(yes);
        match signed.await.unwrap() {
            Ok(_) => assert!(yes),
            Err(refusal) => assert_eq!((refusal.name.as_str(), yes), ("Declined", false)),
        }
    }
    let signed = signing(&alice, &key);
    agent.asked().await.declined();
    signed.await.unwrap().refused("Declined");
    alice.sign(&key, "", DATA, none()).await.refused("InteractiveAuthorizationRequired");
    let no_prompt = option("no-prompt", true);
    alice.sign_and_ask(&key, DATA, no_prompt).await.refused("InteractiveAuthorizationRequired");
    assert!(agent.heard_nothing().await);
    agent.dies().await;
    alice.sign_and_ask(&key, DATA, none()).await.refused("UserPresenceNeeded");
}

#[tokio::test]
async fn a_key_that_asks_once_asks_each_connection_once_and_anew_when_that_is_set_again() {
    let house = House::open().await;
    let (alice, key, mut agent) = asks(&house, "session").await;
    let (first, second) = (signing(&alice, &key), signing(&alice, &key));
    agent.asked().await.said(true);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    alice.sign(&key, "", DATA, none()).await.expect("it was said");
    assert!(agent.heard_nothing().await, "two at once were asked once");

    let other = house.visitor(&Person::alice()).await;
    other.sign(&key, "", DATA, none()).await.refused("InteractiveAuthorizationRequired");
    let signed = signing(&other, &key);
    agent.asked().await.said(false);
    signed.await.unwrap().refused("Declined");
    alice.sign(&key, "", DATA, none()).await.expect("that was another connection's no");

    set_confirm(&alice, &key, "session").await.unwrap();
    let signed = signing(&alice, &key);
    agent.asked().await.said(true);
    signed.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_key_asks_less_often_only_after_a_yes() {
    let house = House::open().await;
    let (alice, key, mut agent) = asks(&house, "always").await;
    alice
        .call::<()>("Keys", "SetConfirm", &(key.as_str(), "never", none()))
        .await
        .refused("InteractiveAuthorizationRequired");
    for (policy, yes) in [("never", false), ("session", true), ("never", true)] {
        let (peer, wanted) = (alice.clone(), key.clone());
        let set = tokio::spawn(async move { set_confirm(&peer, &wanted, policy).await });
        let question = agent.asked().await;
        assert_eq!(question.text("key"), Some(key.clone()));
        question.said(yes);
        assert_eq!(set.await.unwrap().is_ok(), yes, "{policy}");
    }
    alice.sign(&key, "", DATA, none()).await.expect("it asks no more");
    assert!(agent.heard_nothing().await);
    set_confirm(&alice, &key, "always").await.unwrap();
    agent.dies().await;
    set_confirm(&alice, &key, "never").await.refused("UserPresenceNeeded");
}

#[tokio::test]
async fn four_questions_of_one_user_are_open_at_a_time_and_a_fifth_is_refused() {
    let house = House::open().await;
    let (alice, key, mut agent) = asks(&house, "always").await;
    let mut open = Vec::new();
    for _ in 0..4 {
        let signed = signing(&alice, &key);
        open.push((agent.asked().await, signed));
    }
    alice.sign_and_ask(&key, DATA, none()).await.refused("LimitsExceeded");
    let (bob, bobs_key) = locked_one(house.bob().await).await;
    let mut bobs = Agent::of(&house, &Person::bob()).await;
    let signed = signing(&bob, &bobs_key);
    bobs.asked().await.typed(PASSPHRASE);
    signed.await.unwrap().expect("another user's questions are that user's");
    for (question, signed) in open {
        question.said(true);
        signed.await.unwrap().unwrap();
    }
    let signed = signing(&alice, &key);
    agent.asked().await.said(true);
    signed.await.unwrap().expect("there is room again");
}

#[tokio::test]
async fn what_would_be_asked_is_explained() {
    let house = House::open().await;
    let (alice, key, agent) = asks(&house, "always").await;
    alice.lock().await.unwrap();
    let explain = async || -> claviger_tests::peer::Attributes {
        alice.call_and_ask("Keys", "Explain", &(key.as_str(), "", none())).await.unwrap()
    };
    let explanation = explain().await;
    let prompts: Vec<String> = explanation["prompts"].clone().try_into().unwrap();
    assert_eq!(prompts.len(), 2, "{prompts:?}");
    assert!(!explanation.contains_key("refusal"), "{explanation:?}");
    agent.dies().await;
    let explanation = explain().await;
    let refusal: String = explanation["refusal"].clone().try_into().unwrap();
    assert!(refusal.ends_with("UserPresenceNeeded"), "{refusal}");
}
