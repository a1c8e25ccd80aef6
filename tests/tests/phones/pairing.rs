//! Pairing: asked for on both sides, one at a time, and not with whoever does not know the secret.

use claviger_tests::accounts::Person;
use claviger_tests::daemon::{CHEAP, Start};
use claviger_tests::house::House;
use claviger_tests::peer::{Outcome, Peer, none, option};
use claviger_tests::phone::{Liar, PairCall, Phone, Plan, Relay, Scene, Wire, phone_house};
use claviger_tests::place::SmallDisk;

/// A house, a phone at the end of a wire, and alice, who has not paired it.
struct Strangers {
    phone: Phone,
    alice: Peer,
    wire: Wire,
    house: House,
}

impl Strangers {
    async fn meet(plan: Plan) -> Self {
        let house = phone_house("").await;
        let wire = Wire::between(&Person::service(), &plan.person);
        let phone = Phone::start(plan.at(&wire)).await;
        let alice = house.visitor(&Person::alice()).await;
        Self { phone, alice, wire, house }
    }

    fn call(&self, method: &'static str) -> PairCall {
        PairCall::begin(&self.alice, Some(&self.wire.link()), option("method", method))
    }

    /// Holds that nothing is left of a pairing, on either side.
    async fn are_strangers(&self) {
        assert!(self.alice.tokens().await.is_empty(), "the computer kept something");
        assert_eq!(self.phone.list().await["hosts"], serde_json::json!([]), "the phone kept something");
    }
}

#[tokio::test]
async fn a_phone_is_paired_by_its_uri_and_signs() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    assert_eq!(scene.sign(&key, b"a message").await.unwrap().len(), 64);
    assert_eq!(scene.phone.outcomes(), ["generate: approved", "sign: approved"]);
}

#[tokio::test]
async fn a_no_on_the_phone_is_no_pairing() {
    let strangers = Strangers::meet(Plan::new().screen()).await;
    let mut call = strangers.call("uri");
    let uri = call.hears("uri ").await;
    let invitation = strangers.phone.invite(&uri);
    call.hears("asked").await;
    let question = strangers.phone.screen().answer("n").await;
    assert!(question.contains("Pair with this computer") && question.contains("games"), "{question}");
    call.ends().await.refused("Declined");
    assert_eq!(invitation.ends().await.code, Some(5));
    strangers.are_strangers().await;
}

#[tokio::test]
async fn a_phone_is_paired_by_the_same_numbers_on_both_sides() {
    let strangers = Strangers::meet(Plan::new().screen()).await;
    let mut call = strangers.call("numbers");
    let mut invitation = strangers.phone.invite_by_numbers();
    let (here, there) = (call.hears("code ").await, invitation.code().await);
    assert_eq!((here.len(), &here), (6, &there));
    call.says("yes").await;
    let question = strangers.phone.screen().answer("y").await;
    assert!(question.contains(&here), "the question shows the number as well: {question}");
    let token = call.ends().await.unwrap();
    invitation.ends().await.ok();
    assert_eq!(strangers.alice.tokens().await[0].0, token);
}

#[tokio::test]
async fn numbers_that_differ_for_the_computers_person_are_no_pairing() {
    let strangers = Strangers::meet(Plan::new()).await;
    let mut call = strangers.call("numbers");
    let mut invitation = strangers.phone.invite_by_numbers();
    call.hears("code ").await;
    invitation.code().await;
    call.says("no").await;
    call.ends().await.refused("WrongToken");
    assert_eq!(invitation.ends().await.code, Some(1));
    strangers.are_strangers().await;
}

#[tokio::test]
async fn a_no_on_the_phone_to_the_same_numbers_is_no_pairing() {
    let strangers = Strangers::meet(Plan::new().screen()).await;
    let mut call = strangers.call("numbers");
    let mut invitation = strangers.phone.invite_by_numbers();
    call.hears("code ").await;
    invitation.code().await;
    call.says("yes").await;
    strangers.phone.screen().answer("n").await;
    call.ends().await.refused("Declined");
    assert_eq!(invitation.ends().await.code, Some(5));
    strangers.are_strangers().await;
}

#[tokio::test]
async fn a_phone_with_another_secret_is_not_paired() {
    let strangers = Strangers::meet(Plan::new()).await;
    let mut call = strangers.call("uri");
    let uri = call.hears("uri ").await;
    // Another secret, of the same length.
    let at = uri.find("s=").expect("a secret") + 2;
    let other = if uri[at..].starts_with('A') { "B" } else { "A" };
    let wrong = [&uri[..at], other, &uri[at + 1..]].concat();
    let mut invitation = strangers.phone.invite(&wrong);
    call.ends().await.refused("WrongToken");
    invitation.says("did not work out").await;
    invitation.gives_up();
    strangers.are_strangers().await;
}

#[tokio::test]
async fn a_phone_that_expects_another_computer_is_not_paired() {
    let strangers = Strangers::meet(Plan::new()).await;
    let mut call = strangers.call("uri");
    let uri = call.hears("uri ").await;
    // Another computer's key.
    let at = uri.find("k=").expect("a key") + 2;
    let other = if uri[at..].starts_with('A') { "B" } else { "A" };
    let wrong = [&uri[..at], other, &uri[at + 1..]].concat();
    let mut invitation = strangers.phone.invite(&wrong);
    call.ends().await.refused("WrongToken");
    invitation.says("did not work out").await;
    invitation.gives_up();
    strangers.are_strangers().await;
}

#[tokio::test]
async fn a_pairing_that_nobody_takes_up_ends_with_its_time() {
    let strangers = Strangers::meet(Plan::new()).await;
    let link = strangers.wire.link();
    let mut call = PairCall::begin(&strangers.alice, Some(&link), option("timeout-ms", 4000u32));
    call.hears("uri ").await;
    call.ends().await.refused("Timeout");
    strangers.are_strangers().await;
}

#[tokio::test]
async fn a_computer_pairs_one_phone_at_a_time() {
    let strangers = Strangers::meet(Plan::new()).await;
    let mut first = strangers.call("uri");
    let uri = first.hears("uri ").await;
    let second = PairCall::begin(&strangers.alice, Some("socket"), none());
    let refusal = second.ends().await.expect_err("one at a time");
    assert!(["DeviceBusy", "LimitsExceeded"].contains(&refusal.name.as_str()), "{refusal}");
    let bob = strangers.house.visitor(&Person::bob()).await;
    PairCall::begin(&bob, Some("socket"), none()).ends().await.refused("DeviceBusy");
    // The first goes on as if nothing had been.
    let invitation = strangers.phone.invite(&uri);
    first.ends().await.unwrap();
    invitation.ends().await.ok();
}

#[tokio::test]
async fn a_phone_pairs_one_computer_at_a_time() {
    let strangers = Strangers::meet(Plan::new()).await;
    let mut call = strangers.call("uri");
    let uri = call.hears("uri ").await;
    let mut numbers = strangers.phone.invite_by_numbers();
    numbers.stands().await;
    let refused = strangers.phone.invite(&uri).ends().await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("another pairing is under way"), "{}", refused.stderr);
    numbers.gives_up();
    // The one that was given up makes room.
    let token = async {
        loop {
            let ran = strangers.phone.invite(&uri).ends().await;
            if ran.code == Some(0) {
                return;
            }
            assert!(ran.stderr.contains("another pairing is under way"), "{ran:?}");
        }
    };
    let (paired, ()) = tokio::join!(call.ends(), token);
    paired.unwrap();
}

#[tokio::test]
async fn a_pairing_ends_with_whoever_wanted_it() {
    let house = phone_house("").await;
    let alice = house.visitor(&Person::alice()).await;
    let relay = Relay::to(house.daemon.phone_socket(&alice.person), &alice.person);
    let phone = Phone::start(Plan::new().over(&relay).screen()).await;
    let mut call = PairCall::begin(&alice, Some("socket"), none());
    let uri = call.hears("uri ").await;
    let invitation = phone.invite(&uri);
    call.hears("asked").await;
    phone.screen().question().await;
    call.hangs_up().await.refused("Cancelled");
    phone.screen().see("The question was taken back.").await;
    let ran = invitation.ends().await;
    assert!(ran.code == Some(1) && ran.stderr.contains("the computer has given it up"), "{ran:?}");

    // And with a caller that vanishes from the bus.
    let visitor = house.visitor(&Person::alice()).await;
    let mut call = PairCall::begin(&visitor, Some("socket"), none());
    let uri = call.hears("uri ").await;
    let invitation = phone.invite(&uri);
    call.hears("asked").await;
    phone.screen().question().await;
    visitor.connection().clone().close().await.unwrap();
    phone.screen().see("The question was taken back.").await;
    assert_eq!(invitation.ends().await.code, Some(1));
    assert!(alice.tokens().await.is_empty());
    assert_eq!(phone.list().await["hosts"], serde_json::json!([]));
}

#[tokio::test]
async fn a_pairing_that_cannot_be_written_down_is_none_on_the_phone_either() {
    let disk = SmallDisk::new(1024, &Person::service());
    let config = format!("{CHEAP}[phones]\nbluetooth = false\n");
    let house = House::with(Start { config, state: Some(disk.path().to_owned()), ..Start::default() }).await;
    let plan = Plan::new().screen();
    let wire = Wire::between(&Person::service(), &plan.person);
    let phone = Phone::start(plan.at(&wire)).await;
    let alice = house.visitor(&Person::alice()).await;
    let mut call = PairCall::begin(&alice, Some(&wire.link()), none());
    let uri = call.hears("uri ").await;
    let invitation = phone.invite(&uri);
    call.hears("asked").await;
    disk.fill(0);
    phone.screen().answer("y").await;
    call.ends().await.refused("StoreFull");
    // The phone had kept it already.
    invitation.ends().await.ok();
    let forgotten = async { while phone.list().await["hosts"] != serde_json::json!([]) {} };
    claviger_tests::in_time("the phone to forget it", forgotten).await;
    assert!(alice.tokens().await.is_empty(), "the computer kept something");
    // With room again it works.
    disk.relieve();
    let mut call = PairCall::begin(&alice, Some(&wire.link()), none());
    let uri = call.hears("uri ").await;
    let invitation = phone.invite(&uri);
    phone.screen().answer("y").await;
    let token = call.ends().await.unwrap();
    invitation.ends().await.ok();
    assert_eq!(alice.tokens().await[0].0, token);
}

#[tokio::test]
async fn a_line_that_is_cut_before_the_yes_pairs_nobody() {
    let house = phone_house("").await;
    let alice = house.visitor(&Person::alice()).await;
    let relay = Relay::to(house.daemon.phone_socket(&alice.person), &alice.person);
    let phone = Phone::start(Plan::new().over(&relay).screen()).await;
    let mut call = PairCall::begin(&alice, Some("socket"), none());
    let uri = call.hears("uri ").await;
    let _invitation = phone.invite(&uri);
    call.hears("asked").await;
    phone.screen().question().await;
    relay.cut();
    phone.screen().see("The question was taken back.").await;
    call.ends().await.refused("TokenRemoved");
    assert!(alice.tokens().await.is_empty());
    assert_eq!(phone.list().await["hosts"], serde_json::json!([]));
}

#[tokio::test]
async fn the_end_of_a_pairing_is_one_on_both_sides_and_leaves_the_key_on_the_phone() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    scene.alice.call::<()>("Tokens", "Unpair", &(scene.token.as_str(), none())).await.unwrap();
    scene.sign(&key, b"data").await.refused("NoSuchKey");
    assert!(scene.alice.tokens().await.is_empty());
    let there = claviger_tests::in_time("the phone's end of it", async {
        loop {
            let there = scene.phone.list().await;
            if there["hosts"] == serde_json::json!([]) {
                return there;
            }
        }
    });
    assert_eq!(there.await["keys"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_phone_that_forgets_the_computer_is_gone_at_once() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let mut watch = claviger_tests::cards::Watch::of(&scene.house, &Person::alice()).await;
    let id = scene.token.strip_prefix("phone:").unwrap();
    scene.phone.claviger_phone(&["forget", id]).await.ok();
    watch.until_presence(&scene.token, "removed").await;
    scene.sign(&key, b"data").await.refused("TokenAbsent");
}

#[tokio::test]
async fn two_computers_use_one_phone_and_one_computer_two_phones() {
    let (here, there) = (phone_house("").await, phone_house("").await);
    let phone_person = Person::alice();
    let wires = [0, 1].map(|_| Wire::between(&Person::service(), &phone_person));
    let phone = Phone::start(Plan::new().at(&wires[0]).at(&wires[1])).await;
    let liar = Liar::start(here.daemon.phone_socket(&phone_person), &phone_person);
    let alice = here.visitor(&Person::alice()).await;
    let bob = there.visitor(&Person::bob()).await;
    let first = phone.pair(&alice, Some(&wires[0].link())).await;
    let other = phone.pair(&bob, Some(&wires[1].link())).await;
    let second = liar.pair(&alice).await;
    for (peer, token) in [(&alice, &first), (&bob, &other), (&alice, &second)] {
        let options = claviger_tests::phone::on_the_phone(token, "");
        let key: String = peer.call("Keys", "GenerateKey", &("Ed25519", options)).await.unwrap();
        peer.sign(&key, "", b"data", none()).await.unwrap();
    }
    assert_eq!(phone.list().await["hosts"].as_array().map(Vec::len), Some(2));
    assert_eq!(alice.tokens().await.len(), 2);
    // What the computers asked for is kept apart.
    let audit: Vec<_> = phone.audit().into_iter().filter(|entry| entry.operation != "pair").collect();
    assert_eq!(audit.len(), 4);
    assert_eq!(audit.iter().filter(|entry| format!("phone:{}", entry.pairing) == first).count(), 2);
    assert_eq!(audit.iter().filter(|entry| entry.user == "news").count(), 2);
}
