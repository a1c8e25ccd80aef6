//! Phones that go away: silently, with a good-bye, for a moment, in the middle of something; and computers that do.

use std::time::{Duration, Instant};

use claviger_tests::accounts::Person;
use claviger_tests::cards::Watch;
use claviger_tests::house::House;
use claviger_tests::peer::{Outcome, Peer, none};
use claviger_tests::phone::{Phone, Plan, Relay, Scene, Way, on_the_phone, phone_house};
use rustix::process::Signal;

/// A phone behind a socket, which can be cut.
struct Behind {
    phone: Phone,
    alice: Peer,
    token: String,
    key: String,
    watch: Watch,
    relay: Relay,
    house: House,
}

impl Behind {
    async fn set(phones: &str, plan: Plan) -> Self {
        let house = phone_house(phones).await;
        let alice = house.visitor(&Person::alice()).await;
        let relay = Relay::to(house.daemon.phone_socket(&alice.person), &alice.person);
        let phone = Phone::start(plan.over(&relay)).await;
        let token = phone.pair(&alice, Some("socket")).await;
        let body = ("Ed25519", on_the_phone(&token, ""));
        let yes = async {
            if phone.has_screen() {
                phone.screen().answer("y").await;
            }
        };
        let (key, ()) = tokio::join!(alice.call("Keys", "GenerateKey", &body), yes);
        let key = key.unwrap();
        let mut watch = Watch::of(&house, &alice.person).await;
        watch.until_presence(&token, "present").await;
        Self { phone, alice, token, key, watch, relay, house }
    }

    async fn sign(&self) -> Result<Vec<u8>, claviger_tests::peer::Refusal> {
        self.alice.sign(&self.key, "", b"data", none()).await
    }

    /// Signs as soon as the phone is back.
    async fn signs_again(&mut self) {
        self.watch.until_presence(&self.token, "present").await;
        self.sign().await.unwrap();
    }
}

#[tokio::test]
async fn a_phone_that_stands_still_is_unreachable_after_six_seconds_and_its_keys_refuse_at_once() {
    let scene = Scene::open().await;
    let key = scene.generate("Ed25519").await.unwrap();
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    watch.until_presence(&scene.token, "present").await;
    let began = Instant::now();
    scene.phone.signal(Signal::STOP);
    watch.until_presence(&scene.token, "unreachable").await;
    // It was heard up to two seconds before.
    let silent = began.elapsed();
    assert!((Duration::from_millis(3900)..Duration::from_secs(10)).contains(&silent), "{silent:?}");
    // It is dialled once more, for two seconds at most.
    let began = Instant::now();
    scene.sign(&key, b"data").await.refused("TokenAbsent");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    scene.phone.signal(Signal::CONT);
    watch.until_presence(&scene.token, "present").await;
    scene.sign(&key, b"data").await.unwrap();
    assert_eq!(scene.phone.outcomes(), ["generate: approved", "sign: approved"]);
}

#[tokio::test]
async fn a_phone_that_is_killed_is_back_by_itself_when_it_runs_again() {
    let mut scene = Scene::open().await;
    let key = scene.generate("Ed25519").await.unwrap();
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    scene.phone.kill().await;
    watch.until_presence(&scene.token, "unreachable").await;
    scene.sign(&key, b"data").await.refused("TokenAbsent");
    scene.phone.restart().await;
    watch.until_presence(&scene.token, "present").await;
    scene.sign(&key, b"data").await.unwrap();
}

#[tokio::test]
async fn a_phone_that_says_good_bye_is_removed_at_once() {
    let mut scene = Scene::open().await;
    let key = scene.generate("Ed25519").await.unwrap();
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    watch.until_presence(&scene.token, "present").await;
    scene.phone.stop().await;
    let began = Instant::now();
    watch.until_presence(&scene.token, "removed").await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(watch.told(&scene.token).last().map(String::as_str), Some("removed"));
    scene.sign(&key, b"data").await.refused("TokenAbsent");
}

#[tokio::test]
async fn a_phone_that_stays_away_is_removed_after_the_grace() {
    let scene = Scene::in_house(phone_house("grace = \"5s\"").await, Plan::new()).await;
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    watch.until_presence(&scene.token, "present").await;
    scene.wire.tap().silence();
    watch.until_presence(&scene.token, "unreachable").await;
    let began = Instant::now();
    watch.until_presence(&scene.token, "removed").await;
    let grace = began.elapsed();
    assert!((Duration::from_millis(4500)..Duration::from_secs(10)).contains(&grace), "{grace:?}");
    scene.wire.tap().pass();
    watch.until_presence(&scene.token, "present").await;
}

#[tokio::test]
async fn a_daemon_that_is_killed_finds_its_phones_again() {
    let mut scene = Scene::open().await;
    let key = scene.generate("Ed25519").await.unwrap();
    scene.house.daemon.kill().await;
    scene.house.daemon.restart(&scene.house.bus).await.unwrap();
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    watch.until_presence(&scene.token, "present").await;
    scene.sign(&key, b"data").await.unwrap();
    assert_eq!(scene.alice.keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_operation_whose_line_is_cut_is_said_to_have_failed_and_is_not_done_twice() {
    let mut behind = Behind::set("", Plan::new().screen()).await;
    let cutting = async {
        behind.phone.screen().question().await;
        behind.relay.cut();
        behind.phone.screen().see("The question was taken back.").await;
    };
    let (signature, ()) = tokio::join!(behind.sign(), cutting);
    signature.refused("TokenRemoved");
    behind.relay.mend();
    behind.watch.until_presence(&behind.token, "present").await;
    let (signature, _) = tokio::join!(behind.sign(), behind.phone.screen().answer("y"));
    signature.unwrap();
    assert_eq!(behind.phone.outcomes(), ["generate: approved", "sign: given up", "sign: approved"]);
}

#[tokio::test]
async fn a_line_that_flaps_ten_times_removes_nothing() {
    let mut behind = Behind::set("", Plan::new()).await;
    for _ in 0..10 {
        behind.relay.tap().until("a heartbeat", |tap| !tap.carried(Way::ToComputer).is_empty()).await;
        behind.relay.cut();
        behind.relay.mend();
        // Short cuts are waited out.
        behind.signs_again().await;
    }
    assert!(!behind.watch.told(&behind.token).iter().any(|told| told == "removed"));
    assert_eq!(behind.phone.outcomes().len(), 11);
    assert!(behind.house.daemon.log().contains("a phone was paired"));
}

#[tokio::test]
async fn a_phone_over_a_socket_is_back_soon_after_a_cut() {
    let mut behind = Behind::set("", Plan::new()).await;
    behind.relay.cut();
    behind.watch.until_presence(&behind.token, "unreachable").await;
    behind.sign().await.refused("TokenAbsent");
    behind.relay.mend();
    let began = Instant::now();
    behind.signs_again().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
