//! A key that stands in the local store and on a phone, and is used at one of them.

use claviger_tests::account::PASSPHRASE;
use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::cards::{Watch, word};
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Attributes, Options, Outcome, none, option};
use claviger_tests::phone::Scene;
use claviger_tests::secret;
use rustix::process::Signal;

use crate::witness::MESSAGE;

/// Alice's phone and her local store, both open, with the same key.
struct Both {
    scene: Scene,
    key: String,
    local: String,
    phone: String,
}

impl Both {
    async fn open() -> Self {
        let scene = Scene::open().await;
        let private = OpenSsl::new().private_key("-algorithm EC -pkeyopt ec_paramgen_curve:P-256").await;
        scene.import(&private).await.unwrap();
        // The phone keeps it while it is nobody's here, and shows it when it is paired again.
        scene.alice.call::<()>("Tokens", "Unpair", &(scene.token.as_str(), none())).await.unwrap();
        scene.alice.register(PASSPHRASE).await.unwrap();
        scene.alice.unlock(PASSPHRASE).await.unwrap();
        let here = (secret::pipe(&private), option("location", "local"));
        let key: String = scene.alice.call("Keys", "ImportKey", &here).await.unwrap();
        let phone = scene.phone.pair(&scene.alice, Some(&scene.wire.link())).await;
        let local = format!("local:{}", Person::alice().uid);
        let keys = scene.alice.keys().await.unwrap();
        let [(id, row)] = keys.as_slice() else { panic!("one key: {keys:?}") };
        let words = |name: &str| -> Vec<String> { row[name].clone().try_into().unwrap() };
        assert_eq!((id, words("tokens")), (&key, vec![local.clone(), phone.clone()]));
        assert_eq!(words("pin-policies"), ["", ""]);
        Self { scene, key, local, phone }
    }

    /// Signs, and returns whether the phone did it.
    async fn sign(&self, options: Options) -> Result<bool, claviger_tests::peer::Refusal> {
        let before = self.signatures();
        self.scene.alice.sign(&self.key, "", MESSAGE, options).await?;
        Ok(self.signatures() > before)
    }

    fn signatures(&self) -> usize {
        let audit = self.scene.phone.audit();
        audit.iter().filter(|entry| entry.operation == "sign" && entry.purpose == "sign").count()
    }
}

fn at(token: &str) -> Options {
    option("token", token.to_owned())
}

#[tokio::test]
async fn a_key_on_a_phone_and_here_is_used_where_it_is_told() {
    let both = Both::open().await;
    let Both { scene, key, local, phone } = &both;
    assert!(both.sign(at(phone)).await.unwrap(), "the phone was told");
    assert!(!both.sign(at(local)).await.unwrap(), "the local store was told");
    assert!(!both.sign(none()).await.unwrap(), "the phone is not bothered where the key is ready here");
    let quiet = Options::from([("token", phone.clone().into()), ("no-prompt", true.into())]);
    both.sign(quiet).await.refused("InteractiveAuthorizationRequired");

    let mut agent = Agent::of(&scene.house, &Person::alice()).await;
    let confirmed = |token: &str| {
        let options = Options::from([("confirm", true.into()), ("token", token.to_owned().into())]);
        let (alice, key) = (scene.alice.clone(), key.clone());
        tokio::spawn(async move { alice.sign_and_ask(&key, MESSAGE, options).await })
    };
    confirmed(phone).await.unwrap().expect("the phone's question is the one that is wanted");
    assert!(agent.heard_nothing().await);
    let signed = confirmed(local);
    agent.asked().await.said(true);
    signed.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_phone_that_is_away_is_not_helped_out_by_the_local_store_nor_the_other_way_round() {
    let both = Both::open().await;
    let Both { scene, key, local, phone } = &both;
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    watch.until_presence(phone, "present").await;
    scene.alice.lock().await.unwrap();
    scene.alice.call::<()>("Tokens", "UnlockToken", &(phone.as_str(), none())).await.unwrap();
    both.sign(at(local)).await.refused("Locked");
    assert!(both.sign(at(phone)).await.unwrap() && both.sign(none()).await.unwrap());

    scene.alice.unlock(PASSPHRASE).await.unwrap();
    scene.phone.signal(Signal::STOP);
    watch.until_presence(phone, "unreachable").await;
    both.sign(at(phone)).await.refused("TokenAbsent");
    let body = (key.as_str(), "", at(phone));
    let explanation: Attributes = scene.alice.call("Keys", "Explain", &body).await.unwrap();
    assert!(word(&explanation, "refusal").ends_with("TokenAbsent"), "{explanation:?}");
    both.sign(at(local)).await.unwrap();
    both.sign(none()).await.unwrap();
    scene.phone.signal(Signal::CONT);
    watch.until_presence(phone, "present").await;
    assert!(both.sign(at(phone)).await.unwrap());
}
