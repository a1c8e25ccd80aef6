//! Every mechanism of every key that a card can have, through the daemon: openssl agrees with each.
//!
//! The card itself does the bare operation; hashes and paddings are the host's, so that an application sees no
//! difference to a local key.

use claviger_tests::pcsc::Kind;
use claviger_tests::pcsc::issue::PivIssuer;
use claviger_tests::peer::{Outcome, none};

use crate::desk::Desk;
use crate::witness::MESSAGE;

const ECDSA: [&str; 4] = ["ECDSA", "ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512"];

const RSA_SIGNATURES: [&str; 8] = [
    "RSA_PKCS",
    "SHA256_RSA_PKCS",
    "SHA384_RSA_PKCS",
    "SHA512_RSA_PKCS",
    "RSA_PKCS_PSS",
    "SHA256_RSA_PKCS_PSS",
    "SHA384_RSA_PKCS_PSS",
    "SHA512_RSA_PKCS_PSS",
];

/// Compares without the order.
#[track_caller]
fn assert_offers(offered: &[&str], expected: &[&str]) {
    let sorted = |words: &[&str]| {
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.sort();
        words
    };
    assert_eq!(sorted(offered), sorted(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_curves_on_a_piv_card() {
    let desk = Desk::with(Kind::Piv, |pcscd, card| {
        let issuer = PivIssuer::new(pcscd, card);
        for (slot, algorithm) in [("9a", "ECCP256"), ("9c", "ECCP384"), ("9d", "ECCP384"), ("82", "ECCP256")]
        {
            issuer.key(slot, algorithm);
        }
    })
    .await;
    for slot in ["9a", "9c"] {
        let key = desk.key_at(slot).await;
        assert_offers(&key.mechanisms(), &ECDSA);
        key.everything().await;
    }
    let agrees = desk.key_at("9d").await;
    assert_offers(&agrees.mechanisms(), &["ECDH1_DERIVE"]);
    agrees.everything().await;
    let both = desk.key_at("82").await;
    assert_offers(&both.mechanisms(), &[&ECDSA[..], &["ECDH1_DERIVE"]].concat());
    both.everything().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rsa_2048_on_a_piv_card() {
    let desk = Desk::with(Kind::Piv, |pcscd, card| {
        PivIssuer::new(pcscd, card).key("82", "RSA2048");
    })
    .await;
    let key = desk.key_at("82").await;
    assert_offers(&key.mechanisms(), &[&RSA_SIGNATURES[..], &["RSA_PKCS_OAEP"]].concat());
    key.everything().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_longer_rsa_keys_on_a_piv_card() {
    let desk = Desk::fresh(Kind::Piv).await;
    for algorithm in ["RSA-3072", "RSA-4096"] {
        let id = desk.import("9a", algorithm).await.unwrap();
        let key = desk.key_at("9a").await;
        assert_offers(&key.mechanisms(), &RSA_SIGNATURES);
        key.everything().await;
        desk.alice.delete(&id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_curves_on_an_openpgp_card() {
    let desk = Desk::fresh(Kind::OpenPgp).await;
    for (sign, decrypt, authenticate) in
        [("P-256", "P-384", "P-521"), ("Ed25519", "X25519", "P-256"), ("P-384", "P-521", "Ed25519")]
    {
        let mut made = Vec::new();
        for (slot, algorithm) in [("sign", sign), ("decrypt", decrypt), ("authenticate", authenticate)] {
            made.push(desk.generate(slot, algorithm).await.unwrap());
            let key = desk.key_at(slot).await;
            match (slot, algorithm) {
                ("decrypt", _) => assert_offers(&key.mechanisms(), &["ECDH1_DERIVE"]),
                (_, "Ed25519") => assert_offers(&key.mechanisms(), &["EDDSA"]),
                _ => assert_offers(&key.mechanisms(), &ECDSA),
            }
            key.everything().await;
        }
        for id in made {
            desk.alice.delete(&id).await.unwrap();
        }
    }
}

/// "PSO: DECIPHER (…) the card removes the padding" (OpenPGP card 3.4, 7.2.11): it has no raw RSA, so PSS and OAEP are
/// beyond it. They are not offered, and refused before the card is asked anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rsa_on_an_openpgp_card() {
    let desk = Desk::fresh(Kind::OpenPgp).await;
    for algorithm in ["RSA-2048", "RSA-3072", "RSA-4096"] {
        let made =
            [desk.import("sign", algorithm).await.unwrap(), desk.import("decrypt", algorithm).await.unwrap()];
        let signs = desk.key_at("sign").await;
        assert_offers(&signs.mechanisms(), &RSA_SIGNATURES[..4]);
        signs.everything().await;
        let opens = desk.key_at("decrypt").await;
        assert_offers(&opens.mechanisms(), &["RSA_PKCS"]);
        opens.everything().await;

        let [sign, decrypt] = &made;
        let pss = desk.alice.sign(sign, "SHA256_RSA_PKCS_PSS", MESSAGE, none()).await;
        pss.refused("MechanismNotSupported");
        let size: usize = algorithm.trim_start_matches("RSA-").parse().unwrap();
        let block = vec![1; size / 8];
        opens.decrypt("RSA_PKCS_OAEP", &block, none()).await.refused("MechanismNotSupported");
        for id in [sign, decrypt] {
            desk.alice.delete(id).await.unwrap();
        }
    }
}

/// The card is given a digest: however much there is to sign, it is busy as briefly as ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_file_of_fifty_mebibytes() {
    let desk = Desk::with(Kind::Piv, |pcscd, card| {
        let issuer = PivIssuer::new(pcscd, card);
        issuer.key("9a", "ECCP256");
        issuer.key("9c", "RSA2048");
    })
    .await;
    let content: Vec<u8> =
        (0..50 << 20).map(|place: u32| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    desk.key_at("9a").await.signs_file("ECDSA_SHA256", &content).await;
    desk.key_at("9a").await.signs_file("ECDSA_SHA512", &content).await;
    desk.key_at("9c").await.signs_file("SHA256_RSA_PKCS", &content).await;
}
