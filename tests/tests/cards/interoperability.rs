//! Keys that other programs made serve Claviger, and keys that Claviger made serve other programs.

use std::fs;

use claviger_tests::pcsc::Kind;
use claviger_tests::pcsc::issue::{GnuPg, PivIssuer, pkcs11_tool};
use claviger_tests::place::Place;

use crate::desk::Desk;
use crate::witness::MESSAGE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_yubico_piv_tool_sign_decrypt_and_agree() {
    let desk = Desk::with(Kind::Piv, |pcscd, card| {
        let issuer = PivIssuer::new(pcscd, card);
        for (slot, algorithm) in [("9a", "ECCP256"), ("9c", "ECCP384"), ("9d", "RSA2048"), ("9e", "ECCP256")]
        {
            issuer.key(slot, algorithm);
        }
        issuer.key("95", "ECCP384");
    })
    .await;
    for slot in ["9a", "9c", "9d", "9e", "95"] {
        desk.key_at(slot).await.everything().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_gnupg_sign_decrypt_and_agree() {
    for attributes in
        [["22 ed25519", "18 cv25519", "19 nistp256"], ["19 nistp521", "1 rsa2048", "19 nistp384"]]
    {
        let desk = Desk::with(Kind::OpenPgp, |pcscd, card| {
            let gnupg = GnuPg::new(pcscd, card);
            for (number, attributes) in (1..).zip(attributes) {
                gnupg.generate(number, attributes);
            }
        })
        .await;
        for slot in ["sign", "decrypt", "authenticate"] {
            desk.key_at(slot).await.everything().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_pkcs11_tool_sign_and_agree() {
    let desk = Desk::with(Kind::OpenPgp, |pcscd, card| {
        for (id, kind) in [("01", "rsa:2048"), ("02", "EC:secp384r1"), ("03", "EC:secp256r1")] {
            let officer = ["--login", "--login-type", "so", "--so-pin", "12345678"];
            let make = ["--keypairgen", "--key-type", kind, "--id", id];
            pkcs11_tool(pcscd, card, &[&officer[..], &make].concat()).ok();
        }
    })
    .await;
    for slot in ["sign", "decrypt", "authenticate"] {
        desk.key_at(slot).await.everything().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_claviger_on_a_piv_card_serve_yubico_piv_tool_and_opensc() {
    let desk = Desk::fresh(Kind::Piv).await;
    desk.import("9a", "RSA-2048").await.unwrap();
    desk.generate("9c", "P-384").await.unwrap();
    desk.generate("9d", "P-256").await.unwrap();
    let issuer = PivIssuer::new(&desk.house.pcscd, &desk.card);
    for (slot, hash) in [("9a", "SHA256"), ("9c", "SHA384"), ("9d", "SHA256")] {
        let key = desk.key_at(slot).await;
        fs::write(issuer.folder().join(format!("{slot}.pub")), key.public_pem()).unwrap();
        tokio::task::block_in_place(|| {
            issuer.certify(slot);
            let certificate = format!("{slot}.crt");
            let test = if slot == "9d" { "test-decipher" } else { "test-signature" };
            let words = ["-a", "verify-pin", "-P", "123456", "-a", test, "-s", slot, "-H", hash];
            let ran = issuer.tool(&[&words[..], &["-i", &certificate]].concat()).ok();
            assert!(ran.stderr.contains("uccessful"), "{slot}: {ran:?}");
        });
    }
    // OpenSC knows curves only on PIV cards that it knows by their ATR, which this one's is none of.
    let signature = opensc_signs(&desk, "01", "SHA256-RSA-PKCS", "123456");
    desk.key_at("9a").await.accepts(&signature).await;
    for slot in ["9a", "9c", "9d"] {
        desk.key_at(slot).await.everything().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_claviger_on_an_openpgp_card_serve_opensc() {
    let desk = Desk::fresh(Kind::OpenPgp).await;
    desk.import("sign", "RSA-2048").await.unwrap();
    desk.generate("authenticate", "P-256").await.unwrap();
    let signature = opensc_signs(&desk, "03", "ECDSA", "123456");
    desk.key_at("authenticate").await.accepts(&signature).await;
    desk.key_at("sign").await.everything().await;
}

/// gpg itself makes an OpenPGP key of them, signs, encrypts and decrypts with it; the fingerprint and the time that
/// Claviger wrote on the card are what gpg expects there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_claviger_on_an_openpgp_card_serve_gnupg() {
    for (sign, decrypt) in [("Ed25519", "X25519"), ("P-256", "P-384"), ("RSA-2048", "RSA-2048")] {
        let desk = Desk::fresh(Kind::OpenPgp).await;
        for (slot, algorithm) in [("sign", sign), ("decrypt", decrypt)] {
            match algorithm {
                "RSA-2048" => desk.import(slot, algorithm).await.unwrap(),
                _ => desk.generate(slot, algorithm).await.unwrap(),
            };
        }
        tokio::task::block_in_place(|| gnupg_uses(&desk));
        desk.key_at("sign").await.everything().await;
        desk.key_at("decrypt").await.everything().await;
    }
}

fn gnupg_uses(desk: &Desk) {
    let gnupg = GnuPg::new(&desk.house.pcscd, &desk.card);
    let place = Place::new();
    let (message, done) = (place.file("message", MESSAGE), place.path().join("done"));
    let (message, done) = (message.to_str().unwrap(), done.to_str().unwrap());
    let pin = ["--pinentry-mode", "loopback", "--passphrase", "123456", "--yes", "--trust-model", "always"];
    let gpg = |words: &[&str]| gnupg.gpg(&[&pin[..], words].concat()).ok();
    let status = gnupg.gpg(&["--with-colons", "--card-status"]).ok();
    let field = |name: &str| {
        let line = status.text().lines().find_map(|line| line.strip_prefix(name)).expect("the card tells");
        line.split(':').next().unwrap().to_owned()
    };
    // gpg computes the fingerprint anew from the public key and the time that stands on the card.
    let then = format!("{}!", field("fprtime:"));
    gpg(&["--faked-system-time", &then, "--quick-gen-key", ALICE, "card", "default", "never"]);
    let keys = gpg(&["--with-colons", "--list-secret-keys"]);
    let own = keys.text().lines().find_map(|line| line.strip_prefix("fpr:::::::::"));
    assert_eq!(own.map(|own| own.trim_end_matches(':')), Some(field("fpr:").as_str()), "{keys:?}");

    gpg(&["--output", done, "--local-user", ALICE, "--sign", message]);
    let verified = gpg(&["--status-fd", "1", "--verify", done]);
    assert!(verified.text().contains("GOODSIG"), "{verified:?}");
    gpg(&["--output", done, "--recipient", ALICE, "--encrypt", message]);
    assert_eq!(gpg(&["--decrypt", done]).stdout, MESSAGE);
}

const ALICE: &str = "alice@example.org";

/// Returns OpenSC's signature over the SHA-256 digest of [`MESSAGE`], as openssl reads it.
fn opensc_signs(desk: &Desk, id: &str, mechanism: &str, pin: &str) -> Vec<u8> {
    let place = Place::new();
    let data = if mechanism == "ECDSA" { digest() } else { MESSAGE.to_vec() };
    let (input, output) = (place.file("input", data), place.path().join("output"));
    let mut words = vec!["--login", "--pin", pin, "--sign", "--id", id, "-m", mechanism];
    words.extend(["-i", input.to_str().unwrap(), "-o", output.to_str().unwrap()]);
    if mechanism == "ECDSA" {
        words.extend(["--signature-format", "openssl"]);
    }
    tokio::task::block_in_place(|| pkcs11_tool(&desk.house.pcscd, &desk.card, &words).ok());
    fs::read(output).unwrap()
}

fn digest() -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, MESSAGE).as_ref().to_vec()
}
