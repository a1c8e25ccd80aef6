//! Arguments that are not what they should be.

use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Outcome, Peer, none, option};
use claviger_tests::secret;
use serde_bytes::Bytes;
use zbus::Variant;

const MIB: usize = 1 << 20;

async fn alice_with_key(house: &House) -> (Peer, String) {
    let alice = house.alice().await;
    let key = alice.generate("P-256").await.unwrap();
    (alice, key)
}

#[tokio::test]
async fn an_unknown_option_is_refused_by_every_method() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let odd = || option("no-such-option", 1u32);
    let (key, data) = (key.as_str(), Bytes::new(b"data"));
    let pipe = || secret::pipe("secret");
    let calls = [
        alice.call::<()>("Account", "Register", &(pipe(), odd())).await,
        alice.call::<()>("Account", "Consent", &(pipe(), odd())).await,
        alice.call::<()>("Account", "Unlock", &(pipe(), odd())).await,
        alice.call::<()>("Account", "Lock", &(odd(),)).await,
        alice.call::<()>("Account", "ChangePassphrase", &(pipe(), pipe(), odd())).await,
        alice.call::<zbus::OwnedFd>("Account", "MakeRecoveryCode", &(odd(),)).await.map(drop),
        alice.call::<()>("Account", "Recover", &(pipe(), pipe(), odd())).await,
        alice.call::<zbus::OwnedFd>("Account", "Backup", &(odd(),)).await.map(drop),
        alice.call::<()>("Account", "Restore", &(pipe(), odd())).await,
        alice.call::<Attributes>("Account", "GetAccount", &(odd(),)).await.map(drop),
        alice.call::<Vec<(String, Attributes)>>("Keys", "ListKeys", &(odd(),)).await.map(drop),
        alice.call::<(String, Attributes)>("Keys", "GetKey", &(key, odd())).await.map(drop),
        alice.bytes("Keys", "Sign", &(key, "", data, odd())).await.map(drop),
        alice.bytes("Keys", "SignFile", &(key, "", pipe(), odd())).await.map(drop),
        alice.bytes("Keys", "Decrypt", &(key, "RSA_PKCS", data, odd())).await.map(drop),
        alice.bytes("Keys", "Derive", &(key, "ECDH1_DERIVE", data, odd())).await.map(drop),
        alice.bytes("Keys", "Decapsulate", &(key, "ML_KEM", data, odd())).await.map(drop),
        alice.call::<String>("Keys", "GenerateKey", &("P-256", odd())).await.map(drop),
        alice.call::<String>("Keys", "ImportKey", &(pipe(), odd())).await.map(drop),
        alice.call::<()>("Keys", "DeleteKey", &(key, odd())).await,
        alice.call::<()>("Keys", "SetDefaultKey", &("sign", key, odd())).await,
        alice.call::<()>("Keys", "SetLabel", &(key, "label", odd())).await,
        alice.call::<Attributes>("Keys", "Explain", &(key, "", odd())).await.map(drop),
        alice.bytes("Public", "Digest", &("SHA256", data, odd())).await.map(drop),
        alice.bytes("Public", "DigestFile", &("SHA256", pipe(), odd())).await.map(drop),
        alice.call::<bool>("Public", "Verify", &(data, "", data, data, odd())).await.map(drop),
        alice.bytes("Public", "Encrypt", &(data, "RSA_PKCS", data, odd())).await.map(drop),
        alice.call::<(Vec<u8>, Vec<u8>)>("Public", "Encapsulate", &(data, "ML_KEM", odd())).await.map(drop),
        alice.bytes("Public", "Random", &(1u32, odd())).await.map(drop),
        alice.call::<Vec<(String, Attributes)>>("Public", "GetPublicKeys", &("", odd())).await.map(drop),
        alice.call::<zbus::OwnedFd>("Service", "OpenChannel", &(odd(),)).await.map(drop),
        alice.call::<()>("Service", "Subscribe", &(odd(),)).await,
        alice.call::<()>("Service", "Unsubscribe", &(odd(),)).await,
    ];
    for call in calls {
        call.refused("InvalidArgs");
    }
    assert_eq!(alice.keys().await.unwrap().len(), 1, "and nothing was done");
}

#[tokio::test]
async fn an_option_of_the_wrong_type_or_of_another_mechanism_is_refused() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let wrong: [(&str, Variant<'static>); 9] = [
        ("format", 1u32.into()),
        ("format", "pem".into()),
        ("hash", "SHA256".into()),
        ("salt-length", 32u32.into()),
        ("timeout-ms", "soon".into()),
        ("no-prompt", "yes".into()),
        ("context", Variant::new(vec![1u8])),
        ("token", 1u32.into()),
        ("token", "".into()),
    ];
    for (name, value) in wrong {
        let shown = format!("{name} = {value:?}");
        let result = alice.sign(&key, "ECDSA_SHA256", b"data", option(name, value)).await;
        assert_eq!(result.expect_err(&shown).name, "InvalidArgs", "{shown}");
    }
}

#[tokio::test]
async fn unknown_mechanisms_algorithms_hashes_and_keys_are_named_as_such() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    for mechanism in ["NO_SUCH", "ecdsa_sha256", "ECDSA_SHA1", "RSA_X_509", "CKM_"] {
        alice.sign(&key, mechanism, b"data", none()).await.refused("InvalidArgs");
    }
    // These exist, but not for this key.
    for mechanism in ["EDDSA", "SHA256_RSA_PKCS", "ML_DSA"] {
        alice.sign(&key, mechanism, b"data", none()).await.refused("MechanismNotSupported");
    }
    for algorithm in ["", "P-257", "RSA-1024", "secp256k1"] {
        alice.generate(algorithm).await.refused("InvalidArgs");
    }
    let digest = ("MD5", Bytes::new(b"data"), none());
    alice.bytes("Public", "Digest", &digest).await.refused("InvalidArgs");
    for name in ["no such label", "0123456789abcdef0123456789abcdef", "pkcs11:object=none"] {
        alice.sign(name, "", b"data", none()).await.refused("NoSuchKey");
    }
    alice.sign("pkcs11:pin-value=1234", "", b"data", none()).await.refused("InvalidArgs");
}

#[tokio::test]
async fn what_several_keys_match_is_not_guessed_at() {
    let house = House::open().await;
    let (alice, first) = alice_with_key(&house).await;
    let second = alice.generate("P-256").await.unwrap();
    alice.sign("pkcs11:type=private", "", b"data", none()).await.refused("AmbiguousKey");
    alice.delete("pkcs11:type=private").await.refused("AmbiguousKey");
    alice.delete(&first).await.unwrap();
    alice.sign("pkcs11:type=private", "", b"data", none()).await.expect("one is left");
    alice.sign(&second, "", b"data", none()).await.unwrap();
}

#[tokio::test]
async fn a_label_is_one_keys() {
    let house = House::open().await;
    let (alice, first) = alice_with_key(&house).await;
    let second = alice.generate("P-256").await.unwrap();
    alice.call::<()>("Keys", "SetLabel", &(first.as_str(), "twin", none())).await.unwrap();
    let again = alice.call::<()>("Keys", "SetLabel", &(second.as_str(), "twin", none())).await;
    again.refused("AlreadyExists");
    let third = alice.call::<String>("Keys", "GenerateKey", &("P-256", option("label", "twin"))).await;
    third.refused("AlreadyExists");
    alice.call::<()>("Keys", "SetLabel", &("twin", "", none())).await.unwrap();
    alice.call::<()>("Keys", "SetLabel", &(second.as_str(), "twin", none())).await.expect("it is free");
    assert_eq!(alice.keys().await.unwrap().len(), 2);
}

#[tokio::test]
async fn one_mebibyte_goes_by_value_and_not_a_byte_more() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let channel = alice.channel().await.unwrap();
    let (most, more) = (vec![1; MIB], vec![1; MIB + 1]);
    for peer in [&alice, &channel] {
        peer.sign(&key, "ECDSA_SHA256", &most, none()).await.unwrap();
        peer.sign(&key, "ECDSA_SHA256", &more, none()).await.refused("DataTooLarge");
        peer.bytes("Public", "Digest", &("SHA256", Bytes::new(&most), none())).await.unwrap();
        let digest = ("SHA256", Bytes::new(&more), none());
        peer.bytes("Public", "Digest", &digest).await.refused("DataTooLarge");
        let random = u32::try_from(MIB).unwrap();
        assert_eq!(peer.bytes("Public", "Random", &(random, none())).await.unwrap().len(), MIB);
        let refusal = peer.bytes("Public", "Random", &(random + 1, none())).await.expect_err("too many");
        assert!(["DataTooLarge", "InvalidArgs"].contains(&refusal.name.as_str()), "{refusal}");
    }
    // The same data by descriptor.
    let file = (key.as_str(), "ECDSA_SHA256", secret::pipe(&more), none());
    alice.bytes("Keys", "SignFile", &file).await.unwrap();
}

#[tokio::test]
async fn a_label_that_looks_like_something_else_is_refused() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let long = "x".repeat(300);
    for label in ["0123456789abcdef0123456789abcdef", "pkcs11:object=x", "two\nlines", long.as_str()] {
        alice.call::<()>("Keys", "SetLabel", &(key.as_str(), label, none())).await.refused("InvalidArgs");
        let body = ("P-256", option("label", label.to_owned()));
        alice.call::<String>("Keys", "GenerateKey", &body).await.refused("InvalidArgs");
    }
    assert_eq!(alice.keys().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_is_used_for_what_it_is_meant_for_only() {
    let house = House::open().await;
    let alice = house.alice().await;
    let usage = option("usage", vec!["derive".to_owned()]);
    let key: String = alice.call("Keys", "GenerateKey", &("P-256", usage)).await.unwrap();
    alice.sign(&key, "ECDSA_SHA256", b"data", none()).await.refused("UsageNotAllowed");
    let impossible = option("usage", vec!["decrypt".to_owned()]);
    alice.call::<String>("Keys", "GenerateKey", &("P-256", impossible)).await.refused("InvalidArgs");
}

#[tokio::test]
async fn data_that_do_not_fit_the_mechanism_are_refused() {
    let house = House::open().await;
    let (alice, key) = alice_with_key(&house).await;
    let rsa = alice.generate("RSA-2048").await.unwrap();
    let body = (rsa.as_str(), "RSA_PKCS_OAEP", Bytes::new(b"short"), none());
    alice.bytes("Keys", "Decrypt", &body).await.refused("DataInvalid");
    let point = [4; 65];
    for peer in [&point[..], b"", &[0x30, 0x80]] {
        let body = (key.as_str(), "ECDH1_DERIVE", Bytes::new(peer), none());
        alice.bytes("Keys", "Derive", &body).await.refused("DataInvalid");
    }
    alice.sign(&key, "ECDSA", &[1; 65], none()).await.refused("DataInvalid");
    alice.sign(&rsa, "RSA_PKCS", &[1; 246], none()).await.refused("DataInvalid");
    alice.sign(&rsa, "RSA_PKCS", &[], none()).await.refused("DataInvalid");
    // SHA-1 is signed in no form.
    let sha1 = [&b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"[..], &[7; 20]].concat();
    alice.sign(&rsa, "RSA_PKCS", &sha1, none()).await.refused("DataInvalid");
    for garbage in [&b"not a key"[..], &[0x30, 0x82, 0xff, 0xff], b""] {
        let refusal = alice.import(garbage).await.expect_err("no key");
        assert!(["DataInvalid", "InvalidArgs"].contains(&refusal.name.as_str()), "{refusal}");
    }
}
