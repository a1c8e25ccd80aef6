//! The whole of it: an application signs, and does not notice where.

use std::fs;
use std::path::Path;

use claviger_soft::{KeySlots, open_record};
use claviger_tests::bluetooth::in_guest;
use claviger_tests::command::Ran;
use claviger_tests::lab::Running;
use claviger_tests::memory;
use claviger_tests::openssl::OpenSsl;
use claviger_tests::peer::{Attributes, Outcome, Peer, none};
use claviger_tests::phone::{PASSPHRASE, Plan};
use claviger_tests::shell::Shell;
use claviger_token::{Binding, Secret};
use data_encoding::{BASE64, HEXLOWER};
use memchr::memmem;
use serde_json::Value;

use crate::capture::Capture;
use crate::desk::{Desk, LABEL, MESSAGE, agree_to, application};

#[tokio::test]
async fn an_application_signs_unchanged_when_the_default_key_is_on_the_phone() {
    in_guest(async || {
        let desk = Desk::set(Plan::new().screen()).await;
        let screen = desk.phone.screen();
        let shell = Shell::new(&desk.house.bus, &desk.alice.person);

        // Alice as she was: her default key is in the local store.
        desk.alice.register(claviger_tests::account::PASSPHRASE).await.unwrap();
        desk.alice.unlock(claviger_tests::account::PASSPHRASE).await.unwrap();
        let local = shell.claviger("key generate P-256").await.ok();
        shell.claviger(&format!("key default {} --purpose sign", local.text())).await.ok();
        verified(&desk.alice, &application(&desk.alice).await.unwrap()).await;

        // She pairs her phone, as the documentation says, and has it make her new default key.
        let mut pairing = Running::start(shell.command(&format!("phone pair --link {}", desk.link())));
        pairing.hear("claviger-pair:").await;
        let uri = format!("claviger-pair:{}", pairing.hear("\n").await.trim());
        let invitation = desk.phone.invite(&uri);
        let (question, invited, paired) =
            tokio::join!(screen.answer("y"), invitation.ends(), pairing.ended());
        assert!(question.contains(&desk.alice.person.name), "{question}");
        invited.ok();
        assert_eq!(paired, Some(0), "{}", pairing.said());
        let generate = format!("key generate P-256 --location phone --label {LABEL}");
        let key = agree_to(&desk.phone, shell.claviger(&generate)).await.ok().text().to_owned();
        shell.claviger(&format!("key default {key} --purpose sign")).await.ok();

        // The same application. She says yes, and what she said yes to is what was signed.
        let (signed, question) = tokio::join!(application(&desk.alice), screen.answer("y"));
        let signature = signed.unwrap();
        let (default, _): (String, Attributes) =
            desk.alice.call("Keys", "GetKey", &("", none())).await.unwrap();
        assert_eq!(default, key);
        verified(&desk.alice, &signature).await;
        let digest = digest(MESSAGE).await;
        for shown in [LABEL, &desk.alice.person.name, "sign", &digest] {
            assert!(question.contains(shown), "{shown:?} is not in: {question}");
        }
        // Another that knows nothing of phones, or of keys.
        shell.file("letter", MESSAGE);
        let (signed, _) = tokio::join!(shell.claviger("sign -o signature letter"), screen.answer("y"));
        signed.ok();
        verified(&desk.alice, &shell.read("signature")).await;

        // And she says no.
        let (refused, _) = tokio::join!(application(&desk.alice), screen.answer("n"));
        refused.refused("Declined");
        let signed = |outcome: &&String| outcome.starts_with("sign: ");
        let outcomes = desk.phone.outcomes();
        let outcomes: Vec<_> = outcomes.iter().filter(signed).collect();
        assert_eq!(outcomes[outcomes.len() - 3..], ["sign: approved", "sign: approved", "sign: refused"]);

        the_computer_never_held(&private_key(&desk.phone.state()).await, &desk);
        only_handshake_and_ciphertext(&Capture::of(desk.bluez.controller().recorded()), &desk, &key);
    })
    .await;
}

/// Holds the signature against the default key, with openssl.
async fn verified(user: &Peer, signature: &[u8]) {
    let openssl = OpenSsl::new();
    let public_key = user.public_key("").await.unwrap();
    openssl.run("pkey -pubin -inform DER -pubout -out public.pem", &public_key).await.ok();
    openssl.file("message", MESSAGE);
    openssl.file("signature", signature);
    let words = "dgst -sha256 -verify public.pem -signature signature message";
    openssl.run(words, b"").await.ok();
    openssl.file("message", b"something else");
    assert_ne!(openssl.run(words, b"").await.code, Some(0), "the control");
}

async fn digest(data: &[u8]) -> String {
    let Ran { stdout, .. } = OpenSsl::new().run("dgst -sha256 -binary", data).await.ok();
    HEXLOWER.encode(&stdout)
}

/// Opens the phone's store as the phone does, and returns the scalar of the one key in it.
async fn private_key(state: &Path) -> Vec<u8> {
    let mut keys = fs::read_dir(state.join("keys")).unwrap();
    let document = fs::read(keys.next().unwrap().unwrap().path()).unwrap();
    assert!(keys.next().is_none(), "one key was made");
    let document: Value = serde_json::from_slice(&document).unwrap();
    let text = |name: &str| document[name].as_str().unwrap();
    let bytes = |name: &str| BASE64.decode(text(name).as_bytes()).unwrap();
    let slots = KeySlots::from_bytes(&fs::read(state.join("slots")).unwrap()).unwrap();
    let data_key = slots.open(&Secret::new(PASSPHRASE.as_bytes().to_vec()), None).unwrap();
    let binding = Binding {
        uid: 0,
        user_name: "claviger-phone".to_owned(),
        key: text("id").parse().unwrap(),
        created: document["created"].as_i64().unwrap(),
    };
    let opened = open_record(&data_key, &binding, &bytes("public-key"), &bytes("record")).unwrap();
    let pkcs8 = opened.expose().to_vec();
    let openssl = OpenSsl::new();
    assert_eq!(openssl.public_key(&pkcs8).await, bytes("public-key"));
    // RFC 5915: an OCTET STRING of 32 bytes, behind the version.
    let at = memmem::find(&pkcs8, &[0x02, 0x01, 0x01, 0x04, 0x20]).unwrap() + 5;
    pkcs8[at..at + 32].to_vec()
}

/// Looks for the private key wherever the computer keeps something; the control finds it where it is.
fn the_computer_never_held(scalar: &[u8], desk: &Desk) {
    let [big, little] = memory::both_ends(scalar);
    let canaries = [big.as_slice(), &little];
    assert!(!memory::find(desk.phone.pid(), &canaries).is_empty(), "the control: the phone holds it");
    assert_eq!(memory::find(desk.house.daemon.pid(), &canaries), Vec::<String>::new());

    let kept = everything_in(desk.house.daemon.state());
    let has = |bytes: &[u8]| memmem::find(&kept, bytes).is_some();
    assert!(has(LABEL.as_bytes()), "the control: the table has the key's label");
    let written = [HEXLOWER.encode(scalar), BASE64.encode(scalar)].map(String::into_bytes);
    for form in canaries.into_iter().chain(written.iter().map(Vec::as_slice)) {
        assert!(!has(form), "{form:02x?}");
    }
}

fn everything_in(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { everything_in(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

/// Whoever records the air reads who is called, the handshake, and nothing else.
fn only_handshake_and_ciphertext(air: &Capture, desk: &Desk, key: &str) {
    let lines = air.lines();
    for control in ["AT+CKVER?", "+CKVER: 1", "AT+CKHS=\"uri:", "+CKHS: \"", "AT+CKX=0,\"", "+CKX: 0,\""] {
        assert!(lines.iter().any(|line| line.starts_with(control)), "the control: {control} in {lines:#?}");
    }
    assert!(air.has(b"Pocket"), "the control: the radio's name is no secret");
    for line in &lines {
        let open =
            ["AT", "ATE0", "ATI", "AT+CMEE=1", "AT+CKVER?", "+CKVER: 1", "OK"].contains(&line.as_str());
        let sealed = [
            "AT+CKHS=\"",
            "+CKHS: \"",
            "AT+CKX=0,\"",
            "AT+CKX=1,\"",
            "+CKX: 0,\"",
            "+CKX: 1,\"",
            "+CME ERROR: ",
        ];
        assert!(open || sealed.iter().any(|beginning| line.starts_with(beginning)), "{line:?} is in the air");
    }
    let person = desk.alice.person.name.as_str();
    for secret in
        [LABEL, person, key, "CKSIGN", "CKPAIR", "CKGEN"].map(str::as_bytes).into_iter().chain([MESSAGE])
    {
        for form in [secret.to_vec(), BASE64.encode(secret).trim_end_matches('=').as_bytes().to_vec()] {
            assert!(!air.has(&form), "{} is in the air", String::from_utf8_lossy(&form));
        }
        // What is in base64 is no text behind that.
        let sealed =
            lines.iter().filter_map(|line| BASE64.decode(line.split('"').rev().nth(1)?.as_bytes()).ok());
        assert!(sealed.into_iter().all(|bytes| memmem::find(&bytes, secret).is_none()));
    }
}
