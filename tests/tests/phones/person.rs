//! What the phone's person sees, and what comes of the answers.

use claviger_tests::accounts::Person;
use claviger_tests::agent::Agent;
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Options, Outcome, Peer, none, option};
use claviger_tests::phone::{PASSPHRASE, Plan, Scene, on_the_phone, phone_house};
use claviger_tests::{secret, until};

const MESSAGE: &[u8] = b"what the person is asked about";

/// Returns what the daemon calls this process.
fn application() -> String {
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    format!("{} (process {})", name.trim(), std::process::id())
}

#[tokio::test]
async fn the_person_sees_who_asks_for_what() {
    let scene = Scene::with_screen().await;
    let screen = scene.phone.screen();
    let options = on_the_phone(&scene.token, "contracts");
    let body = ("P-256", options);
    let made = scene.alice.call::<String>("Keys", "GenerateKey", &body);
    let (key, asked) = tokio::join!(made, screen.answer("y"));
    assert!(asked.contains("Make a new key: \"contracts\""), "{asked}");
    let key = key.unwrap();
    let (signature, asked) = tokio::join!(scene.sign(&key, MESSAGE), screen.answer("y"));
    signature.unwrap();
    let digest = OpenSsl::new().run("dgst -sha256 -hex -r", MESSAGE).await.ok();
    let digest = digest.text().split(' ').next().unwrap();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    for shown in
        ["Sign: \"contracts\"", &host, "games", &application(), "sign", "P-256", "ECDSA_SHA256", digest]
    {
        assert!(asked.contains(shown), "{shown:?} is not shown: {asked}");
    }
    let audit = scene.phone.audit().pop().unwrap();
    assert_eq!(
        (audit.host, audit.user, audit.application, audit.purpose, audit.outcome.as_str()),
        (host, "games".to_owned(), application(), "sign".to_owned(), "approved")
    );
    assert_eq!((audit.label.as_deref(), audit.digest.as_deref()), (Some("contracts"), Some(digest)));
}

#[tokio::test]
async fn what_the_program_says_is_shown_and_its_own_wish_for_a_yes_costs_no_second_question() {
    let scene = Scene::with_screen().await;
    let key = scene.generate_with_a_yes("P-256").await;
    let mut agent = Agent::of(&scene.house, &Person::alice()).await;
    let reason = format!("log in to {} of\nexample.org", "x".repeat(150));
    let options = Options::from([("confirm", true.into()), ("reason", reason.clone().into())]);
    let signing = scene.alice.sign_and_ask(&key, MESSAGE, options);
    let (signature, asked) = tokio::join!(signing, scene.phone.screen().answer("y"));
    signature.unwrap();
    let shown = format!("sign; the program says: {}", reason.replace('\n', " "));
    assert!(asked.contains(&shown), "{asked}");
    assert!(agent.heard_nothing().await, "the phone's question is enough");
    assert_eq!(scene.phone.outcomes(), ["generate: approved", "sign: approved"], "one question for its use");
    assert_eq!(scene.phone.audit().pop().unwrap().purpose, shown);
    // As little where the phone is told.
    let options = Options::from([("confirm", true.into()), ("token", scene.token.clone().into())]);
    let signing = scene.alice.sign_and_ask(&key, MESSAGE, options);
    let (signature, _) = tokio::join!(signing, scene.phone.screen().answer("y"));
    signature.unwrap();
    assert!(agent.heard_nothing().await, "the phone's question is enough");
    // The control: the key's own policy is the computer's, and asks here.
    scene.alice.call_and_ask::<()>("Keys", "SetConfirm", &(key.as_str(), "always", none())).await.unwrap();
    let signing = scene.alice.sign_and_ask(&key, MESSAGE, option("confirm", true));
    let answers = async {
        agent.asked().await.said(true);
        scene.phone.screen().answer("y").await
    };
    let (signature, _) = tokio::join!(signing, answers);
    signature.unwrap();
    assert!(agent.heard_nothing().await);
}

#[tokio::test]
async fn a_no_is_told_as_one_and_nothing_is_signed() {
    let scene = Scene::with_screen().await;
    let key = scene.generate_with_a_yes("P-256").await;
    let (signature, _) = tokio::join!(scene.sign(&key, MESSAGE), scene.phone.screen().answer("n"));
    let refusal = signature.refused("Declined");
    assert!(refusal.text.contains("phone"), "{refusal}");
    assert_eq!(scene.phone.outcomes().last().unwrap(), "sign: refused");
}

#[tokio::test]
async fn a_yes_for_a_while_is_asked_for_once_and_is_for_that_key_alone() {
    let scene = Scene::with_screen().await;
    let screen = scene.phone.screen();
    let key = scene.generate_with_a_yes("P-256").await;
    let other = scene.generate_with_a_yes("Ed25519").await;
    let (signature, _) = tokio::join!(scene.sign(&key, MESSAGE), screen.answer("m"));
    signature.unwrap();
    for _ in 0..5 {
        scene.sign(&key, MESSAGE).await.unwrap();
    }
    let (signature, asked) = tokio::join!(scene.sign(&other, MESSAGE), screen.answer("n"));
    signature.refused("Declined");
    assert!(asked.contains("Ed25519"), "{asked}");
    let outcomes = scene.phone.outcomes();
    assert_eq!(outcomes[2], "sign: approved for a while");
    assert_eq!(outcomes[3..8], ["sign: allowed"; 5]);
    // Locking takes it back.
    scene.alice.lock().await.unwrap();
    let unlocking = unlock(&scene.alice, &scene.token);
    let (unlocked, asked) = tokio::join!(unlocking, screen.answer("y"));
    unlocked.unwrap();
    assert!(asked.contains("Make the keys usable"), "{asked}");
    let (signature, _) = tokio::join!(scene.sign(&key, MESSAGE), screen.answer("n"));
    signature.refused("Declined");
}

async fn unlock(peer: &Peer, token: &str) -> Result<(), claviger_tests::peer::Refusal> {
    peer.call("Tokens", "UnlockToken", &(token, none())).await
}

#[tokio::test]
async fn a_question_disappears_with_whoever_asked() {
    let scene = Scene::with_screen().await;
    let screen = scene.phone.screen();
    let key = scene.generate_with_a_yes("P-256").await;
    let visitor = scene.house.visitor(&Person::alice()).await;
    let asking = {
        let (visitor, key) = (visitor.clone(), key.clone());
        tokio::spawn(async move { visitor.sign(&key, "", MESSAGE, none()).await })
    };
    screen.question().await;
    visitor.connection().clone().close().await.unwrap();
    screen.see("The question was taken back.").await;
    asking.await.unwrap().expect_err("its connection is closed");
    scene.phone.until_audit("it was given up", |audit| audit.last().unwrap() == "sign: given up").await;
    // The next one is answered as if nothing had been.
    let (signature, _) = tokio::join!(scene.sign(&key, MESSAGE), screen.answer("y"));
    signature.unwrap();
}

#[tokio::test]
async fn a_question_ends_with_the_callers_patience() {
    let scene = Scene::with_screen().await;
    let key = scene.generate_with_a_yes("P-256").await;
    let signing = scene.alice.sign(&key, "", MESSAGE, option("timeout-ms", 1500u32));
    let asking = async {
        scene.phone.screen().question().await;
        scene.phone.screen().see("The question was taken back.").await;
    };
    let (signature, ()) = tokio::join!(signing, asking);
    signature.refused("Timeout");
    scene.phone.until_audit("it was given up", |audit| audit.last().unwrap() == "sign: given up").await;
}

#[tokio::test]
async fn nobody_at_the_phone_is_told_after_the_configured_time() {
    let house = phone_house("request-timeout = \"5s\"").await;
    let rules = "[[rule]]\noperation = 'sign'\nanswer = 'ignore'\n[[rule]]\nanswer = 'approve'\n";
    let scene = Scene::in_house(house, Plan::new().rules(rules)).await;
    let options = on_the_phone(&scene.token, "");
    // A key that agrees on secrets proves itself without a signature.
    let key: String = scene.alice.call("Keys", "GenerateKey", &("P-256", options)).await.unwrap();
    let refusal = scene.sign(&key, MESSAGE).await.refused("Timeout");
    assert!(refusal.text.contains("phone"), "{refusal}");
    scene.phone.until_audit("it was given up", |audit| audit.last().unwrap() == "sign: given up").await;
}

#[tokio::test]
async fn a_lock_holds_on_the_phone_for_this_computer() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    scene.alice.lock().await.unwrap();
    scene
        .alice
        .sign(&key, "", MESSAGE, option("no-prompt", true))
        .await
        .refused("InteractiveAuthorizationRequired");
    assert_eq!(scene.phone.outcomes(), ["generate: approved"], "nobody is asked");
    assert!(claviger_tests::cards::flag(&scene.alice.token(&scene.token).await.unwrap(), "locked"));
    // The phone itself is as it was, for others.
    assert_eq!(scene.phone.list().await["unlocked"], true);
    // Who wants to use a key all the same has its person unlock it first.
    scene.sign(&key, MESSAGE).await.unwrap();
    assert_eq!(scene.phone.outcomes()[1..], ["unlock: approved", "sign: approved"]);
    unlock(&scene.alice, &scene.token).await.unwrap();
}

#[tokio::test]
async fn no_key_comes_to_a_phone_that_is_not_to_be_bothered() {
    let scene = Scene::open().await;
    let options = || {
        let mut options = on_the_phone(&scene.token, "");
        options.insert("no-prompt", true.into());
        options
    };
    let made = scene.alice.call::<String>("Keys", "GenerateKey", &("P-256", options())).await;
    made.refused("InteractiveAuthorizationRequired");
    let private = OpenSsl::new().private_key("-algorithm ED25519").await;
    let body = (secret::pipe(&private), options());
    let taken = scene.alice.call::<String>("Keys", "ImportKey", &body).await;
    taken.refused("InteractiveAuthorizationRequired");
    assert!(scene.phone.outcomes().is_empty(), "somebody was asked: {:?}", scene.phone.outcomes());
    assert_eq!(scene.phone.list().await["keys"].as_array().map(Vec::len), Some(0));
    scene.generate("P-256").await.unwrap();
}

#[tokio::test]
async fn a_lock_that_the_person_does_not_lift_stays() {
    let rules = "[[rule]]\noperation = 'unlock'\nanswer = 'refuse'\n[[rule]]\nanswer = 'approve'\n";
    let scene = Scene::with(Plan::new().rules(rules)).await;
    let key = scene.generate("P-256").await.unwrap();
    scene.alice.call::<()>("Tokens", "LockToken", &(scene.token.as_str(), none())).await.unwrap();
    unlock(&scene.alice, &scene.token).await.refused("Declined");
    scene.sign(&key, MESSAGE).await.refused("Declined");
    assert_eq!(scene.phone.outcomes(), ["generate: approved", "unlock: refused", "unlock: refused"]);
}

#[tokio::test]
async fn a_locked_phone_asks_its_own_person_for_the_pass_phrase() {
    let scene = Scene::with_screen().await;
    let screen = scene.phone.screen();
    let key = scene.generate_with_a_yes("P-256").await;
    scene.phone.claviger_phone(&["lock"]).await.ok();
    let person = async {
        let asked = screen.see("Enter the pass phrase").await;
        assert!(asked.contains("Sign"), "{asked}");
        screen.enter("not the pass phrase");
        screen.see("Enter the pass phrase").await;
        screen.enter(PASSPHRASE);
    };
    let (signature, ()) = tokio::join!(scene.sign(&key, MESSAGE), person);
    signature.unwrap();
    assert_eq!(scene.phone.outcomes().last().unwrap(), "sign: approved by unlocking");
    assert!(!screen.all().contains(PASSPHRASE), "what is typed is not shown");
    // Unlocked by it, it asks for a yes alone.
    let (signature, _) = tokio::join!(scene.sign(&key, MESSAGE), screen.answer("y"));
    signature.unwrap();
}

#[tokio::test]
async fn a_phone_without_a_screen_that_is_locked_says_so() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    scene.phone.claviger_phone(&["lock"]).await.ok();
    scene.sign(&key, MESSAGE).await.refused("Locked");
    let input = PASSPHRASE.as_bytes();
    scene.phone.claviger_phone_with(&["unlock", "--passphrase-file", "-"], input).await.ok();
    scene.sign(&key, MESSAGE).await.unwrap();
}

#[tokio::test]
async fn questions_come_one_after_the_other() {
    let scene = Scene::with_screen().await;
    let screen = scene.phone.screen();
    let key = scene.generate_with_a_yes("P-256").await;
    let signing = async {
        let all = [0u8, 1, 2, 3].map(|number| {
            let (alice, key) = (scene.alice.clone(), key.clone());
            tokio::spawn(async move { alice.sign(&key, "", &[number], none()).await })
        });
        let mut signed = 0;
        for one in all {
            signed += usize::from(one.await.unwrap().is_ok());
        }
        signed
    };
    let answering = async {
        for answer in ["y", "n", "y", "n"] {
            let asked = screen.answer(answer).await;
            assert_eq!(asked.matches("Approve?").count(), 1, "{asked}");
        }
    };
    let (signed, ()) = tokio::join!(signing, answering);
    assert_eq!(signed, 2);
    let settled = until(|| scene.phone.outcomes().len() == 5).await;
    assert!(settled, "{:?}", scene.phone.outcomes());
}
