//! What is made of a card: several applications on one, a fresh identity, keys in its places, by the command line.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, PIN, Watch, flag, word};
use claviger_tests::pcsc::issue::{GnuPg, PivIssuer, pkcs11_tool};
use claviger_tests::pcsc::{Card, Kind};
use claviger_tests::peer::{Outcome, none};
use claviger_tests::shell::Shell;
use serde_json::Value;

use crate::desk::{ADMIN_PIN, Desk, MANAGEMENT_KEY, private_key};
use crate::witness::{MESSAGE, Witness};

/// Another management key than the card has.
const WRONG_KEY: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Returns a shell of alice's with files of all that she may be asked for.
fn shell(house: &CardHouse) -> Shell {
    let shell = Shell::new(&house.house.bus, &Person::alice());
    shell.file("pin", format!("{PIN}\n")).file("message", MESSAGE).file("wrong-key", WRONG_KEY);
    shell.file("management-key", MANAGEMENT_KEY).file("admin-pin", ADMIN_PIN).file("wrong-pin", "87654321");
    shell
}

/// Returns what a command printed as JSON.
async fn json(shell: &Shell, words: &str) -> Value {
    let ran = shell.claviger(&format!("--json {words}")).await.ok();
    serde_json::from_slice(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_with_piv_and_openpgp_is_two_tokens() {
    let house = CardHouse::open().await;
    let card = tokio::task::block_in_place(|| {
        let card = Card::insert(&house.pcscd, 0, Kind::PivAndOpenPgp);
        PivIssuer::new(&house.pcscd, &card).key("9a", "ECCP256");
        GnuPg::new(&house.pcscd, &card).generate(1, "22 ed25519");
        card
    });
    let alice = house.visitor(&Person::alice()).await;
    let mut watch = Watch::of(&house.house, &Person::alice()).await;
    let both = |tokens: &[(String, _)]| {
        let of = |kind: &str| tokens.iter().find(|(id, _)| id.contains(kind)).map(|(id, _)| id.clone());
        of(":piv:").zip(of(":openpgp:"))
    };
    let (piv, openpgp) = watch.until("two tokens", both).await;
    for (token, application) in [(&piv, "piv"), (&openpgp, "openpgp")] {
        let row = alice.token(token).await.unwrap();
        assert_eq!(word(&row, "application"), application);
        assert_eq!(word(&row, "reader"), card.reader());
    }
    let shell = shell(&house);
    let listed = json(&shell, "card list").await;
    assert_eq!(listed.as_array().map(Vec::len), Some(2), "{listed}");

    // Each is enrolled, unlocked and used for itself.
    let [signs] = &alice.enrol(&piv, PIN, none()).await.unwrap()[..] else { panic!("one key") };
    let [also] = &alice.enrol(&openpgp, PIN, none()).await.unwrap()[..] else { panic!("one key") };
    for key in [signs, also, signs] {
        Witness::new(&alice, key).await.everything().await;
    }
    alice.lock_card(&openpgp).await.unwrap();
    assert!(flag(&alice.token(&openpgp).await.unwrap(), "locked"));
    alice.sign(also, "", MESSAGE, none()).await.refused("PinNeeded");
    alice.sign(signs, "", MESSAGE, none()).await.unwrap();
    alice.call::<()>("Tokens", "ForgetToken", &(&*piv, none())).await.unwrap();
    alice.unlock_card(&openpgp, PIN).await.unwrap();
    alice.sign(also, "", MESSAGE, none()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fresh_identity_keeps_the_keys_and_the_owner() {
    let desk = Desk::with(Kind::Piv, |pcscd, card| {
        PivIssuer::new(pcscd, card).key("9a", "ECCP256");
    })
    .await;
    let shell = shell(&desk.house);
    let old = &desk.token;
    let refused = shell.claviger("card init --yes --management-key-file wrong-key").await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    let refused = shell.claviger("card init --yes").await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    assert!(refused.stderr.contains("management key"), "{refused:?}");
    assert!(flag(&desk.alice.token(old).await.unwrap(), "enrolled"));

    let ran = shell.claviger("card init --yes --default-management-key").await.ok();
    let new = ran.text();
    assert!(new.starts_with("card:piv:") && new != old, "{new}");
    // Another program reads the same from the card.
    let issuer = PivIssuer::new(&desk.house.pcscd, &desk.card);
    let status = tokio::task::block_in_place(|| issuer.tool(&["-a", "status"]).ok());
    let guid = new.trim_start_matches("card:piv:");
    assert!(status.text().to_lowercase().contains(&guid.to_lowercase()), "{new}: {status:?}");
    desk.alice.token(old).await.refused("NoSuchToken");
    assert!(flag(&desk.alice.token(new).await.unwrap(), "enrolled"));
    desk.alice.unlock_card(new, PIN).await.unwrap();
    let (key, _) = desk.alice.keys().await.unwrap().swap_remove(0);
    Witness::new(&desk.alice, &key).await.everything().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_is_nobodys_may_get_a_fresh_identity() {
    let house = CardHouse::open().await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Piv));
    let mut watch = Watch::of(&house.house, &Person::alice()).await;
    let old = watch.until_card_in(card.reader()).await;
    let shell = shell(&house);
    let ran = shell.claviger("card init --yes --default-management-key").await.ok();
    assert_ne!(ran.text(), old);
    assert_eq!(watch.until_card_in(card.reader()).await, ran.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_made_on_a_fresh_piv_card_by_the_command_line() {
    let house = CardHouse::open().await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::Piv));
    let mut watch = Watch::of(&house.house, &Person::alice()).await;
    watch.until_card_in(card.reader()).await;
    let shell = shell(&house);
    shell.claviger("card enrol --pin-file pin").await.ok();
    let make = "key generate P-256 --location card --slot 9a --label mine";
    for authority in ["", " --management-key-file wrong-key", " --management-key-file pin"] {
        let refused = shell.claviger(&format!("{make}{authority}")).await;
        assert!([Some(1), Some(5)].contains(&refused.code), "{authority}: {refused:?}");
        assert!(refused.stderr.contains("management key"), "{authority}: {refused:?}");
    }
    assert_eq!(json(&shell, "key list").await.as_array().map(Vec::len), Some(0), "nothing was made");

    let made = shell.claviger(&format!("{make} --default-management-key")).await.ok();
    let id = made.text();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "the id alone: {id:?}");
    verifies(&shell, "mine").await;

    // With its certificate on the card, other programs see it too.
    let issuer = PivIssuer::new(&house.pcscd, &card);
    let public = shell.claviger("key show mine --public").await.ok().stdout;
    std::fs::write(issuer.folder().join("9a.pub"), public).unwrap();
    let certificate = tokio::task::block_in_place(|| issuer.sign_certificate("9a"));
    shell.file("certificate", certificate);
    shell.claviger("key certificate mine --set certificate --management-key-file management-key").await.ok();
    let seen =
        tokio::task::block_in_place(|| pkcs11_tool(&house.pcscd, &card, &["-O", "--type", "cert"]).ok());
    assert!(seen.text().contains("Certificate for PIV Authentication"), "{seen:?}");
    verifies(&shell, "mine").await;

    // "What stood in the slot before is lost", its certificate too, and no other program is misled by it.
    let make = "key generate P-384 --location card --slot 9a --label other --default-management-key";
    shell.claviger(make).await.ok();
    let keys = json(&shell, "key list").await;
    let labels: Vec<_> = keys.as_array().unwrap().iter().map(|key| key["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["other"]);
    verifies(&shell, "other").await;
    let seen =
        tokio::task::block_in_place(|| pkcs11_tool(&house.pcscd, &card, &["-O", "--type", "cert"]).ok());
    assert!(!seen.text().contains("Certificate for PIV Authentication"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_made_and_taken_in_on_an_openpgp_card_by_the_command_line() {
    let house = CardHouse::open().await;
    let card = tokio::task::block_in_place(|| Card::insert(&house.pcscd, 0, Kind::OpenPgp));
    let mut watch = Watch::of(&house.house, &Person::alice()).await;
    watch.until_card_in(card.reader()).await;
    let shell = shell(&house);
    shell.claviger("card enrol --pin-file pin").await.ok();
    let make = "key generate Ed25519 --location card --slot sign --label made";
    for authority in ["", " --admin-pin-file wrong-pin"] {
        let refused = shell.claviger(&format!("{make}{authority}")).await;
        assert_eq!(refused.code, Some(5), "{authority}: {refused:?}");
        assert!(refused.stderr.contains("Admin PIN"), "{authority}: {refused:?}");
    }
    shell.claviger(&format!("{make} --admin-pin-file admin-pin")).await.ok();
    shell.file("private-key", private_key("P-384").await);
    let take = "key import private-key --location card --slot authenticate --label taken";
    shell.claviger(&format!("{take} --admin-pin-file admin-pin")).await.ok();
    let keys = json(&shell, "key list").await;
    assert_eq!(keys.as_array().map(Vec::len), Some(2), "{keys}");
    verifies(&shell, "taken").await;
    let signed = shell.claviger("sign --key made --mechanism EDDSA -o signature message").await;
    signed.ok();
    shell.claviger("verify --key made --signature signature message").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_taken_in_on_a_piv_card_by_the_command_line() {
    let desk = Desk::fresh(Kind::Piv).await;
    let shell = shell(&desk.house);
    shell.file("private-key", private_key("RSA-2048").await);
    let take = "key import private-key --location card --slot 9a --label taken";
    let refused = shell.claviger(&format!("{take} --management-key-file wrong-key")).await;
    assert_eq!(refused.code, Some(5), "{refused:?}");
    shell.claviger(&format!("{take} --management-key-file management-key")).await.ok();
    verifies(&shell, "taken").await;
    let key = desk.key_at("9a").await;
    key.everything().await;
    let mismatch = tokio::task::block_in_place(|| {
        let issuer = PivIssuer::new(&desk.house.pcscd, &desk.card);
        std::fs::write(issuer.folder().join("9a.pub"), key.public_pem()).unwrap();
        issuer.certify("9a");
        let words = ["-a", "verify-pin", "-P", PIN, "-a", "test-signature", "-s", "9a", "-i", "9a.crt"];
        issuer.tool(&words)
    });
    assert!(mismatch.ok().stderr.contains("uccessful"), "it is the very key");
}

/// Signs with the command line, and has openssl verify.
async fn verifies(shell: &Shell, label: &str) {
    shell.claviger(&format!("key show {label} --public -o public.pem")).await.ok();
    shell.claviger(&format!("sign --key {label} -o signature message")).await.ok();
    let hash = match json(shell, &format!("key show {label}")).await["algorithm"].as_str() {
        Some("P-384") => "sha384",
        _ => "sha256",
    };
    let words = format!("dgst -{hash} -verify public.pem -signature signature message");
    assert_eq!(shell.run("openssl", &words).await.ok().text(), "Verified OK");
}
