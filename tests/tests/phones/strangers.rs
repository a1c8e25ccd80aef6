//! Other users, other phones, and whatever else is on the line.

use std::io::{ErrorKind, Read};

use claviger_tests::accounts::Person;
use claviger_tests::cards::{MOMENT, Watch};
use claviger_tests::peer::{Outcome, none, option};
use claviger_tests::phone::{PairCall, Phone, Plan, Scene, Way, phone_house, until_listened};

#[tokio::test]
async fn another_user_neither_sees_nor_uses_nor_unpairs_a_phone() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    // One who has no account, and one who has.
    let strangers = [scene.house.visitor(&Person::bob()).await, scene.house.bob().await];
    for bob in &strangers {
        let tokens = bob.tokens().await;
        assert!(!tokens.iter().any(|(id, _)| *id == scene.token), "{tokens:?}");
        let token = scene.token.as_str();
        bob.token(token).await.refused("NoSuchToken");
        for (member, body) in
            [("Unpair", none()), ("ForgetToken", none()), ("LockToken", none()), ("UnlockToken", none())]
        {
            let refusal = bob.call::<()>("Tokens", member, &(token, body)).await.expect_err(member);
            assert!(["NoSuchToken", "NotRegistered"].contains(&refusal.name.as_str()), "{member}: {refusal}");
        }
        let random = bob.bytes("Public", "Random", &(16u32, option("token", token.to_owned()))).await;
        let refusal = random.expect_err("it is not theirs");
        assert!(["NoSuchToken", "NotRegistered"].contains(&refusal.name.as_str()), "{refusal}");
        let refusal = bob.sign(&key, "", b"data", none()).await.expect_err("it is not theirs");
        assert!(["NoSuchKey", "NotRegistered"].contains(&refusal.name.as_str()), "{refusal}");
        let options = claviger_tests::phone::on_the_phone(token, "");
        let made = bob.call::<String>("Keys", "GenerateKey", &("P-256", options)).await;
        let refusal = made.expect_err("it is not theirs");
        assert!(["NoSuchToken", "NotRegistered"].contains(&refusal.name.as_str()), "{refusal}");
    }
    assert_eq!(scene.phone.outcomes(), ["generate: approved"]);
    scene.sign(&key, b"data").await.unwrap();
}

#[tokio::test]
async fn another_phone_on_the_same_line_is_not_taken_for_it() {
    let mut scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    scene.phone.kill().await;
    // The same name, on the same line.
    let mut other = Phone::start(Plan::new().at(&scene.wire)).await;
    watch.until_presence(&scene.token, "unreachable").await;
    let said = scene.wire.tap().lines(Way::ToComputer).len();
    scene.wire.tap().until("it is dialled again", |tap| tap.lines(Way::ToComputer).len() > said + 2).await;
    scene.sign(&key, b"data").await.refused("TokenAbsent");
    let row = scene.alice.token(&scene.token).await.unwrap();
    let faults: Vec<String> = row["faults"].clone().try_into().unwrap();
    assert!(!faults.is_empty(), "why it cannot be reached is told");
    assert_eq!(other.list().await["hosts"], serde_json::json!([]), "and the other is as it was");
    assert!(other.audit().is_empty());
    other.kill().await;
    scene.phone.restart().await;
    watch.until_presence(&scene.token, "present").await;
    scene.sign(&key, b"data").await.unwrap();
}

#[tokio::test]
async fn another_users_process_at_the_socket_is_hung_up_on() {
    let house = phone_house("").await;
    let alice = house.visitor(&Person::alice()).await;
    let socket = house.daemon.phone_socket(&alice.person);
    let mut call = PairCall::begin(&alice, Some("socket"), none());
    call.hears("uri ").await;
    until_listened(&socket).await;
    let read = |person: Person| {
        let mut stream = person.connect(&socket);
        stream.set_read_timeout(Some(MOMENT)).unwrap();
        tokio::task::spawn_blocking(move || {
            let mut heard = Vec::new();
            let ended = stream.read_to_end(&mut heard);
            (heard, ended.map_err(|error| error.kind()))
        })
    };
    let (heard, ended) = read(Person::bob()).await.unwrap();
    assert_eq!((heard.as_slice(), ended.is_err_and(|kind| kind == ErrorKind::WouldBlock)), (&b""[..], false));
    // The control: its owner's is spoken to, and root's.
    for person in [Person::alice(), Person::root()] {
        let (heard, _) = read(person).await.unwrap();
        assert!(heard.starts_with(b"AT"), "{}", String::from_utf8_lossy(&heard));
    }
    call.hangs_up().await.refused("Cancelled");
}

#[tokio::test]
async fn junk_on_the_line_does_no_harm() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let mut watch = Watch::of(&scene.house, &Person::alice()).await;
    let random = scene.alice.bytes("Public", "Random", &(60_000u32, none())).await.unwrap();
    let lines = b"\r\nRING\r\n\r\nNO CARRIER\r\n+CKX: 0,\"AAAA\"\r\nAT+CKX=0,\"AAAA\"\r".to_vec();
    let long = vec![b'x'; 40_000];
    for junk in [random, lines, long, vec![0; 5000], b"\r".repeat(3000)] {
        for way in [Way::ToPhone, Way::ToComputer] {
            scene.wire.tap().inject(way, &junk);
            // Whatever it broke is mended by itself, also where it shows only at the next word.
            let signed = claviger_tests::in_time("a signature after junk", async {
                loop {
                    watch.until_presence(&scene.token, "present").await;
                    match scene.sign(&key, &junk[..16]).await {
                        Ok(signature) => return signature,
                        Err(refusal) => {
                            let known = ["TokenRemoved", "TokenAbsent"].contains(&refusal.name.as_str());
                            assert!(known, "{refusal}");
                        }
                    }
                }
            });
            assert_eq!(signed.await.len(), 64);
        }
    }
}
