//! A key on a phone does everything that a key can do, and those who use it need not know where it is.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{flag, word};
use claviger_tests::command::{as_person, run};
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Attributes, NAME, Options, Outcome, PATH, none, option};
use claviger_tests::phone::{Plan, Scene, on_the_phone};
use claviger_tests::secret;
use claviger_tests::shell::Shell;
use serde_bytes::{ByteBuf, Bytes};

use crate::witness::{MESSAGE, Witness};

/// Has the phone make keys, and openssl witness all that they do.
async fn witnessed(algorithms: &[&str]) {
    let scene = Scene::open().await;
    for algorithm in algorithms {
        let key = scene.generate(algorithm).await.unwrap_or_else(|refusal| panic!("{algorithm}: {refusal}"));
        Witness::new(&scene.alice, &key).await.everything().await;
    }
}

#[tokio::test]
async fn keys_on_curves_do_all_that_they_are_said_to_do() {
    witnessed(&["P-256", "P-384", "P-521", "Ed25519", "X25519"]).await;
}

#[tokio::test]
async fn rsa_keys_do_all_that_they_are_said_to_do() {
    witnessed(&["RSA-2048"]).await;
}

#[tokio::test]
async fn keys_of_lattices_sign_and_open_what_is_for_them() {
    let scene = Scene::open().await;
    for algorithm in ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"] {
        let key = scene.generate(algorithm).await.unwrap();
        let public = scene.alice.public_key(&key).await.unwrap();
        let signature = scene.sign(&key, MESSAGE).await.unwrap();
        let verify = async |message: &[u8]| -> bool {
            let body = (Bytes::new(&public), "ML_DSA", Bytes::new(message), Bytes::new(&signature), none());
            scene.alice.call("Public", "Verify", &body).await.unwrap()
        };
        assert!(verify(MESSAGE).await && !verify(b"another").await, "{algorithm}");
    }
    for algorithm in ["ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"] {
        let key = scene.generate(algorithm).await.unwrap();
        let public = scene.alice.public_key(&key).await.unwrap();
        let (ciphertext, shared): (ByteBuf, ByteBuf) = scene
            .alice
            .call("Public", "Encapsulate", &(Bytes::new(&public), "ML_KEM", none()))
            .await
            .unwrap();
        let body = (key.as_str(), "ML_KEM", Bytes::new(&ciphertext), none());
        assert_eq!(scene.alice.bytes("Keys", "Decapsulate", &body).await.unwrap(), *shared, "{algorithm}");
    }
}

#[tokio::test]
async fn the_phone_says_what_it_makes_and_makes_all_of_it() {
    let scene = Scene::open().await;
    let token = scene.alice.token(&scene.token).await.unwrap();
    let words = |name: &str| -> Vec<String> { token[name].clone().try_into().unwrap() };
    assert_eq!(words("generates").len(), 14, "{:?}", words("generates"));
    assert_eq!(word(&token, "kind"), "phone");
    assert_eq!(word(&token, "name"), "Alice's phone");
    assert_eq!(word(&token, "presence"), "present");
    assert_eq!(words("links"), [scene.wire.link()]);
    assert_eq!(word(&token, "link"), scene.wire.link());
    assert!(flag(&token, "enrolled") && !flag(&token, "locked"));
}

#[tokio::test]
async fn a_key_from_outside_comes_to_stand_on_the_phone() {
    let scene = Scene::open().await;
    for words in ["-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-algorithm ED25519", "-algorithm RSA"] {
        let private = OpenSsl::new().private_key(words).await;
        let key = scene.import(&private).await.unwrap();
        let public = OpenSsl::new().public_key(&private).await;
        assert_eq!(scene.alice.public_key(&key).await.unwrap(), public);
        Witness::new(&scene.alice, &key).await.everything().await;
    }
    assert_eq!(scene.phone.list().await["keys"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn a_mebibyte_is_signed_and_more_is_refused_and_hashed_files_have_no_limit() {
    let scene = Scene::open().await;
    let (ed25519, p256) = (scene.generate("Ed25519").await.unwrap(), scene.generate("P-256").await.unwrap());
    let most = vec![b'm'; 1 << 20];
    assert_eq!(scene.sign(&ed25519, &most).await.unwrap().len(), 64);
    let more = vec![b'm'; (1 << 20) + 1];
    scene.sign(&ed25519, &more).await.expect_err("it is too much");
    // What is hashed here travels as a digest.
    let before = scene.wire.tap().carried(claviger_tests::phone::Way::ToPhone).len();
    Witness::new(&scene.alice, &p256).await.signs_file("ECDSA_SHA256", &vec![b'm'; 5 << 20]).await;
    let sent = scene.wire.tap().carried(claviger_tests::phone::Way::ToPhone).len() - before;
    assert!(sent < 20_000, "{sent} bytes were sent");
}

#[tokio::test]
async fn random_bytes_come_from_the_phone() {
    let scene = Scene::open().await;
    let before = scene.wire.tap().carried(claviger_tests::phone::Way::ToComputer).len();
    let options = || option("token", scene.token.clone());
    let first = scene.alice.bytes("Public", "Random", &(4096u32, options())).await.unwrap();
    let second = scene.alice.bytes("Public", "Random", &(4096u32, options())).await.unwrap();
    assert!(first.len() == 4096 && second.len() == 4096 && first != second);
    let came = scene.wire.tap().carried(claviger_tests::phone::Way::ToComputer).len() - before;
    assert!(came > 8192, "{came} bytes came from the phone");
    let refusal = scene.alice.bytes("Public", "Random", &(4097u32, options())).await.refused("DataTooLarge");
    assert!(refusal.text.ends_with("at most 4096 bytes are given at a time; ask for them in several calls"));
}

#[tokio::test]
async fn a_key_on_the_phone_is_certified() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let openssl = OpenSsl::new();
    openssl.run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=CA -keyout ca.key -out ca.crt", b"").await.ok();
    openssl.run("req -new -key ca.key -subj /CN=alice -out any.csr", b"").await.ok();
    let public = scene.alice.public_key(&key).await.unwrap();
    openssl.run("pkey -pubin -inform DER -pubout -out key.pub", &public).await.ok();
    let words = "x509 -req -in any.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 7 -force_pubkey key.pub -outform DER";
    let certificate = openssl.run(words, b"").await.ok().stdout;
    let body = (key.as_str(), Bytes::new(&certificate), none());
    scene.alice.call::<()>("Keys", "SetCertificate", &body).await.unwrap();
    let kept: Vec<ByteBuf> =
        scene.alice.call("Keys", "GetCertificates", &(key.as_str(), none())).await.unwrap();
    assert_eq!(kept, [ByteBuf::from(certificate)]);
}

#[tokio::test]
async fn the_default_key_signs_on_the_phone_without_being_named() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    scene.alice.call::<()>("Keys", "SetDefaultKey", &("sign", key.as_str(), none())).await.unwrap();
    let signature = scene.alice.sign("", "", MESSAGE, option("format", "der")).await.unwrap();
    Witness::new(&scene.alice, &key).await.accepts(&signature).await;
    assert_eq!(scene.phone.outcomes().last().unwrap(), "sign: approved");
}

#[tokio::test]
async fn where_a_key_would_be_used_is_explained_and_not_done() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let explain = async || -> Attributes {
        scene.alice.call("Keys", "Explain", &(key.as_str(), "ECDSA_SHA256", none())).await.unwrap()
    };
    let explained = explain().await;
    assert_eq!(
        (word(&explained, "location"), word(&explained, "token")),
        ("phone".to_owned(), scene.token.clone())
    );
    assert!(!explained.contains_key("refusal"), "{explained:?}");
    assert_eq!(scene.phone.outcomes(), ["generate: approved"], "nobody was asked");
    let prompts =
        |explained: &Attributes| -> Vec<String> { explained["prompts"].clone().try_into().unwrap() };
    assert_eq!(prompts(&explained), ["your yes on the phone \"Alice's phone\""]);
    scene.alice.lock().await.unwrap();
    let prompts = prompts(&explain().await);
    assert_eq!(prompts.len(), 2, "{prompts:?}");
    assert!(prompts[0].contains("unlocking the phone"), "{prompts:?}");
}

#[tokio::test]
async fn a_key_that_is_deleted_is_erased_on_the_phone_if_its_person_lets_it() {
    let rules =
        "[[rule]]\noperation = 'delete'\nkey = 'kept'\nanswer = 'refuse'\n[[rule]]\nanswer = 'approve'\n";
    let scene = Scene::with(Plan::new().rules(rules)).await;
    let mut keys = Vec::new();
    for label in ["kept", "erased"] {
        let options = on_the_phone(&scene.token, label);
        let key: String = scene.alice.call("Keys", "GenerateKey", &("Ed25519", options)).await.unwrap();
        keys.push(key);
    }
    for key in &keys {
        scene.alice.delete(key).await.unwrap();
        scene.sign(key, MESSAGE).await.refused("NoSuchKey");
    }
    let two =
        |outcomes: &[String]| outcomes.iter().filter(|outcome| outcome.starts_with("delete")).count() == 2;
    scene.phone.until_audit("both were asked about", two).await;
    let there = scene.phone.list().await;
    let labels: Vec<_> = there["keys"].as_array().unwrap().iter().map(|key| key["label"].clone()).collect();
    assert_eq!(labels, ["kept"]);
}

#[tokio::test]
async fn keys_that_were_on_the_phone_before_prove_themselves_and_are_taken_in() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let public = scene.alice.public_key(&key).await.unwrap();
    scene.alice.call::<()>("Tokens", "Unpair", &(scene.token.as_str(), none())).await.unwrap();
    let token = scene.phone.pair(&scene.alice, Some(&scene.wire.link())).await;
    assert_ne!(token, scene.token);
    let keys = scene.alice.keys().await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(scene.alice.public_key(&keys[0].0).await.unwrap(), public);
    scene.sign(&keys[0].0, MESSAGE).await.unwrap();
    assert!(scene.phone.audit().iter().any(|entry| entry.purpose == "enrolment"));
}

#[tokio::test]
async fn the_command_line_does_it_all() {
    let scene = Scene::open().await;
    let shell = Shell::new(&scene.house.bus, &Person::alice());
    let listed = shell.claviger("phone list").await.ok();
    assert!(listed.text().contains("Alice's phone") && listed.text().contains("by serial:"), "{listed:?}");
    let made = shell.claviger("key generate P-256 --location phone --label onphone").await.ok();
    let key = made.text().to_owned();
    shell.file("message", MESSAGE);
    shell.claviger("sign --key onphone -o signature message").await.ok();
    Witness::new(&scene.alice, &key).await.accepts(&shell.read("signature")).await;
    shell.claviger("key default onphone --purpose sign").await.ok();
    shell.claviger("sign -o other message").await.ok();
    Witness::new(&scene.alice, &key).await.accepts(&shell.read("other")).await;
    let random = shell.claviger(&format!("random 16 --token {}", scene.token)).await;
    assert_eq!(random.code, Some(0), "{random:?}");
    shell.claviger("phone lock").await.ok();
    assert!(shell.claviger("phone list").await.ok().text().contains(" locked"));
    shell.claviger("phone unlock").await.ok();
    assert_eq!(scene.phone.outcomes().last().unwrap(), "unlock: approved");
    shell.claviger("sign -o third message").await.ok();
    shell.claviger(&format!("phone unpair -y {}", scene.token)).await.ok();
    assert_ne!(shell.claviger("sign -o fourth message").await.code, Some(0));
    assert!(!shell.claviger("phone list").await.ok().text().contains("Alice's phone"));
}

#[tokio::test]
async fn a_program_that_knows_nothing_of_phones_signs_with_one() {
    let scene = Scene::open().await;
    let key = scene.generate("Ed25519").await.unwrap();
    let mut busctl = as_person(&Person::alice(), "busctl");
    busctl
        .arg(format!("--address={}", scene.house.bus.address()))
        .args(["--json=short", "call", NAME, PATH, "org.claviger.KeyStore1.Keys", "Sign", "ssaya{sv}"])
        .args([key.as_str(), "", "3", "97", "98", "99", "0"]);
    let ran = run(busctl, b"").await.ok();
    let answer: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let signature: Vec<u8> = serde_json::from_value(answer["data"][0].clone()).unwrap();
    let openssl = OpenSsl::new();
    let public = scene.alice.public_key(&key).await.unwrap();
    openssl.run("pkey -pubin -inform DER -pubout -out public.pem", &public).await.ok();
    openssl.file("message", b"abc");
    openssl.file("signature", &signature);
    let words = "pkeyutl -verify -pubin -inkey public.pem -rawin -in message -sigfile signature";
    openssl.run(words, b"").await.ok();
    let audit = scene.phone.audit().pop().unwrap();
    assert!(audit.application.starts_with("busctl (process "), "{audit:?}");
}

#[tokio::test]
async fn a_pin_for_a_phone_is_refused() {
    let scene = Scene::open().await;
    let options = Options::from([("pin", secret::pipe("1234").into())]);
    let body = (scene.token.as_str(), options);
    scene.alice.call::<()>("Tokens", "UnlockToken", &body).await.refused("NotSupported");
}

#[tokio::test]
async fn a_key_on_the_phone_is_used_there_where_that_is_told_and_has_no_pin_here() {
    let scene = Scene::open().await;
    let key = scene.generate("P-256").await.unwrap();
    let (_, row): (String, Attributes) =
        scene.alice.call("Keys", "GetKey", &(key.as_str(), none())).await.unwrap();
    let policies: Vec<String> = row["pin-policies"].clone().try_into().unwrap();
    assert_eq!(policies, [""], "its person is asked there, and not by this computer");
    let at = |token: &str| option("token", token.to_owned());
    scene.alice.sign(&key, "", MESSAGE, at(&scene.token)).await.unwrap();
    let nowhere = format!("local:{}", Person::alice().uid);
    scene.alice.sign(&key, "", MESSAGE, at(&nowhere)).await.refused("NoSuchToken");
    let quiet = Options::from([("token", scene.token.clone().into()), ("no-prompt", true.into())]);
    scene.alice.sign(&key, "", MESSAGE, quiet).await.refused("InteractiveAuthorizationRequired");
    assert_eq!(scene.phone.outcomes().iter().filter(|outcome| outcome.starts_with("sign")).count(), 1);
}
