//! A key that stands in the local store and on a card, and is used at one of them.

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::cards::{AUTHENTICATE, CardHouse, Enrolled, MESSAGE, PIN, Watch, flag, piv_card, word};
use claviger_tests::pcsc::card::{Depth, Logged};
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::peer::{Attributes, Options, Outcome, Peer, Refusal, none, option};
use claviger_tests::secret;
use serde_bytes::Bytes;
use zbus::Variant;

use crate::calls::{forget, words};
use crate::desk::{Desk, MANAGEMENT_KEY, private_key};

const MECHANISM: &str = "SHA256_RSA_PKCS";

/// Alice's local store, unlocked, and her card, unlocked, with the same key.
struct Both {
    card: Enrolled,
    local: String,
    house: CardHouse,
}

impl Both {
    async fn open() -> Self {
        // Bob's for as long as it takes to put the key on it.
        let house = CardHouse::open().await;
        let bob = house.visitor(&Person::bob()).await;
        let mut watch = Watch::of(&house.house, &bob.person).await;
        let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Piv));
        let token = watch.until_card_in(card.reader()).await;
        bob.enrol(&token, PIN, none()).await.unwrap();
        let private = private_key("RSA-2048").await;
        let site = Options::from([
            ("location", "card".into()),
            ("token", token.clone().into()),
            ("slot", "9a".into()),
            ("authority", secret::pipe(MANAGEMENT_KEY).into()),
        ]);
        bob.call::<String>("Keys", "ImportKey", &(secret::pipe(&private), site)).await.unwrap();
        forget(&bob, &token).await.unwrap();
        let alice = house.house.alice().await;
        let key = alice.import(&private).await.unwrap();
        let card = Enrolled::enrol(&house.house, alice, card).await;
        assert_eq!(card.key, key, "it is one key");
        let local = format!("local:{}", Person::alice().uid);
        Self { card, local, house }
    }

    /// Signs at a token; returns whether the card did it. A signature that is not right fails the test.
    async fn sign(&mut self, options: Options) -> Result<bool, Refusal> {
        let Enrolled { card, owner, key, public_key, .. } = &mut self.card;
        card.log(Depth::Headers);
        card.drain_log();
        let signature = owner.sign(key, MECHANISM, MESSAGE, options).await?;
        let body = (Bytes::new(public_key), MECHANISM, Bytes::new(MESSAGE), Bytes::new(&signature), none());
        assert!(owner.call::<bool>("Public", "Verify", &body).await.unwrap(), "a wrong signature");
        Ok(card.drain_log().iter().filter_map(Logged::command).any(|command| command[1] == AUTHENTICATE))
    }

    async fn row(&self) -> Attributes {
        let keys = self.card.owner.keys().await.unwrap();
        let [(_, row)] = keys.as_slice() else { panic!("one key: {keys:?}") };
        row.clone()
    }
}

fn at(token: &str) -> Options {
    option("token", token.to_owned())
}

/// The same with further options.
fn at_and<const N: usize>(token: &str, more: [(&'static str, Variant<'static>); N]) -> Options {
    let mut options = at(token);
    options.extend(more);
    options
}

async fn explain(peer: &Peer, key: &str, options: Options) -> Attributes {
    peer.call_and_ask("Keys", "Explain", &(key, "", options)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_on_two_tokens_is_used_where_it_is_told_and_nowhere_else() {
    let mut both = Both::open().await;
    let (local, card) = (both.local.clone(), both.card.token.clone());
    assert_eq!(words(&both.row().await, "tokens"), [local.clone(), card.clone()]);
    for _ in 0..2 {
        assert!(both.sign(at(&card)).await.unwrap(), "the card was told");
        assert!(!both.sign(at(&local)).await.unwrap(), "the local store was told");
        assert!(!both.sign(none()).await.unwrap(), "the first that is ready serves, as ever");
    }
    // A private channel is no other way round.
    let channel = both.card.owner.channel().await.unwrap();
    for (token, by_card) in [(&card, true), (&local, false)] {
        both.card.card.drain_log();
        channel.sign(&both.card.key, "", MESSAGE, at(token)).await.unwrap();
        let log = both.card.card.drain_log();
        let mut commands = log.iter().filter_map(Logged::command);
        assert_eq!(commands.any(|command| command[1] == AUTHENTICATE), by_card, "{token}");
    }
    for (token, location) in [(&card, "card"), (&local, "local")] {
        let explanation = explain(&both.card.owner, &both.card.key, at(token)).await;
        assert_eq!(
            (word(&explanation, "location"), word(&explanation, "token")),
            (location.into(), token.clone())
        );
        assert!(!explanation.contains_key("refusal"), "{explanation:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_locked_or_away_is_not_helped_out_by_the_local_store() {
    let mut both = Both::open().await;
    let (local, card) = (both.local.clone(), both.card.token.clone());
    both.card.owner.lock_card(&card).await.unwrap();
    both.sign(at(&card)).await.refused("PinNeeded");
    assert!(!both.sign(at(&local)).await.unwrap() && !both.sign(none()).await.unwrap());
    let explanation = explain(&both.card.owner, &both.card.key, at(&card)).await;
    assert_eq!(words(&explanation, "prompts"), ["the PIN"]);

    both.card.unlock().await.unwrap();
    both.card.pull().await;
    let name = word(&both.card.owner.token(&card).await.unwrap(), "name");
    for options in [at(&card), at_and(&card, [("no-prompt", true.into())])] {
        let refusal = both.sign(options).await.refused("TokenAbsent");
        assert!(refusal.text.contains(&name) && !refusal.text.contains("local"), "it says which: {refusal}");
    }
    let explanation = explain(&both.card.owner, &both.card.key, at(&card)).await;
    assert!(word(&explanation, "refusal").ends_with("TokenAbsent"), "{explanation:?}");
    assert_eq!(word(&explanation, "token"), card);
    assert!(!both.sign(at(&local)).await.unwrap() && !both.sign(none()).await.unwrap());
    assert!(flag(&both.row().await, "present"), "the local store is there");

    both.card.put_back().await;
    both.card.owner.lock().await.unwrap();
    both.card.unlock().await.unwrap();
    both.sign(at(&local)).await.refused("Locked");
    assert!(both.sign(at(&card)).await.unwrap() && both.sign(none()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_is_asked_for_the_token_that_was_told() {
    let both = Both::open().await;
    let (alice, key) = (both.card.owner.clone(), both.card.key.clone());
    let (local, card) = (both.local.clone(), both.card.token.clone());
    let mut agent = Agent::of(&both.house.house, &Person::alice()).await;
    let signing = |options: Options| {
        let (alice, key) = (alice.clone(), key.clone());
        tokio::spawn(async move { alice.sign_and_ask(&key, MESSAGE, options).await })
    };
    for token in [&card, &local] {
        let signed = signing(at_and(token, [("confirm", true.into()), ("reason", "mail".into())]));
        let question = agent.asked().await;
        assert_eq!((question.member, question.text("token").as_ref()), ("Confirm", Some(token)));
        assert_eq!(question.text("reason").as_deref(), Some("mail"));
        question.said(true);
        signed.await.unwrap().unwrap();
    }

    alice.lock_card(&card).await.unwrap();
    let signed = signing(at(&card));
    let question = agent.asked().await;
    let told = ["secret", "token"].map(|name| question.text(name).unwrap_or_default());
    assert_eq!(told, ["pin", card.as_str()], "though the local store is unlocked");
    question.typed(PIN);
    signed.await.unwrap().unwrap();

    alice.lock().await.unwrap();
    both.card.unlock().await.unwrap();
    let signed = signing(at(&local));
    let question = agent.asked().await;
    let told = ["secret", "token"].map(|name| question.text(name).unwrap_or_default());
    assert_eq!(told, ["passphrase", local.as_str()], "though the card is unlocked");
    question.typed(PASSPHRASE);
    signed.await.unwrap().unwrap();

    alice.lock_card(&card).await.unwrap();
    let quiet = at_and(&card, [("no-prompt", true.into())]);
    alice.sign_and_ask(&key, MESSAGE, quiet).await.refused("PinNeeded");
    assert!(agent.heard_nothing().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_nobody_is_no_token_and_on_another_the_key_does_not_stand() {
    let mut both = Both::open().await;
    let other = piv_card(&both.house.pcscd, 1).await;
    let reader = other.reader().to_owned();
    let foreign = both.card.watch.until_card_in(&reader).await;
    let bob = format!("local:{}", Person::bob().uid);
    for token in [foreign.as_str(), bob.as_str(), "card:piv:00ff", "phone:0123", "no such thing"] {
        both.sign(at(token)).await.refused("NoSuchToken");
    }
    let other = Enrolled::enrol(&both.house.house, both.card.owner.clone(), other).await;
    assert_eq!(other.token, foreign, "the control: now it is hers");
    let refusal = both.sign(at(&other.token)).await.refused("NoSuchKey");
    assert!(refusal.text.contains("does not stand on that token"), "{refusal}");
    let explanation = explain(&both.card.owner, &both.card.key, at(&other.token)).await;
    assert!(word(&explanation, "refusal").ends_with("NoSuchKey"), "{explanation:?}");
    assert_eq!(word(&explanation, "token"), "", "it would happen nowhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_says_of_each_of_its_tokens_when_that_wants_the_pin() {
    let mut both = Both::open().await;
    assert_eq!(words(&both.row().await, "pin-policies"), ["", "once"], "a local store has no PIN");
    both.card.pull().await;
    assert_eq!(words(&both.row().await, "pin-policies"), ["", "once"], "it was seen before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_whose_pin_is_wanted_each_time_is_told_from_one_that_stays_unlocked() {
    let desk = Desk::with(Kind::Piv, |pcscd, card| {
        let issuer = PivIssuer::new(pcscd, card);
        issuer.key("9a", "ECCP256");
        issuer.key("9c", "ECCP256");
    })
    .await;
    let keys = desk.alice.keys().await.unwrap();
    let mut policies: Vec<_> =
        keys.iter().map(|(_, row)| (words(row, "slots"), words(row, "pin-policies"))).collect();
    policies.sort();
    let row = |slot: &str, policy: &str| (vec![slot.to_owned()], vec![policy.to_owned()]);
    assert_eq!(policies, [row("9a", "once"), row("9c", "always")]);
}
