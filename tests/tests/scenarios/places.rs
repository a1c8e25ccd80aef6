//! Where a key is used: every operation takes the token.

use claviger_tests::accounts::Person;
use claviger_tests::house::House;
use claviger_tests::peer::{Attributes, Options, Outcome, Peer, Refusal, option};
use claviger_tests::secret;
use serde_bytes::{ByteBuf, Bytes};

const DATA: &[u8] = b"data";

/// Somebody's keys, and what they open.
struct Scene {
    alice: Peer,
    signs: String,
    decrypts: (String, Vec<u8>),
    derives: (String, Vec<u8>),
    decapsulates: (String, Vec<u8>),
}

impl Scene {
    async fn of(alice: Peer) -> Self {
        let none = claviger_tests::peer::none;
        let (signs, rsa) =
            (alice.generate("P-256").await.unwrap(), alice.generate("RSA-2048").await.unwrap());
        let public = alice.public_key(&rsa).await.unwrap();
        let body = (Bytes::new(&public), "RSA_PKCS_OAEP", Bytes::new(DATA), none());
        let ciphertext = alice.bytes("Public", "Encrypt", &body).await.unwrap();
        let x25519 = alice.generate("X25519").await.unwrap();
        let peer = alice.public_key(&alice.generate("X25519").await.unwrap()).await.unwrap();
        let kem = alice.generate("ML-KEM-512").await.unwrap();
        let public = alice.public_key(&kem).await.unwrap();
        let body = (Bytes::new(&public), "ML_KEM", none());
        let (encapsulated, _): (ByteBuf, ByteBuf) = alice.call("Public", "Encapsulate", &body).await.unwrap();
        Self {
            alice,
            signs,
            decrypts: (rsa, ciphertext),
            derives: (x25519, peer),
            decapsulates: (kem, encapsulated.into_vec()),
        }
    }

    /// Does all that uses a private key, at that token.
    async fn everything(&self, token: &str) -> [Result<(), Refusal>; 5] {
        let at = || option("token", token.to_owned());
        let Self { alice, signs, .. } = self;
        let opens =
            async |member: &str, mechanism: &str, (key, data): &(String, Vec<u8>), options: Options| {
                let body = (key.as_str(), mechanism, Bytes::new(data), options);
                alice.bytes("Keys", member, &body).await.map(drop)
            };
        let file = (signs.as_str(), "ECDSA_SHA256", secret::pipe(DATA), at());
        [
            alice.sign(signs, "ECDSA_SHA256", DATA, at()).await.map(drop),
            alice.bytes("Keys", "SignFile", &file).await.map(drop),
            opens("Decrypt", "RSA_PKCS_OAEP", &self.decrypts, at()).await,
            opens("Derive", "ECDH1_DERIVE", &self.derives, at()).await,
            opens("Decapsulate", "ML_KEM", &self.decapsulates, at()).await,
        ]
    }

    async fn explained(&self, token: &str) -> Option<String> {
        let body = (self.signs.as_str(), "", option("token", token.to_owned()));
        let explanation: Attributes = self.alice.call("Keys", "Explain", &body).await.unwrap();
        explanation.get("refusal").map(|name| name.clone().try_into().unwrap())
    }
}

#[tokio::test]
async fn whatever_uses_a_private_key_uses_it_at_the_token_that_is_told() {
    let house = House::open().await;
    let scene = Scene::of(house.alice().await).await;
    let (local, other) = (format!("local:{}", Person::alice().uid), format!("local:{}", Person::bob().uid));
    for done in scene.everything(&local).await {
        done.expect("that is where it stands");
    }
    assert_eq!(scene.explained(&local).await, None);
    house.bob().await;
    for token in [other.as_str(), "card:piv:00ff", "local"] {
        for done in scene.everything(token).await {
            let refusal = done.refused("NoSuchToken");
            assert!(refusal.text.contains("claviger token list"), "it says what helps: {refusal}");
        }
        assert!(scene.explained(token).await.is_some_and(|name| name.ends_with("NoSuchToken")), "{token}");
    }
    for done in scene.everything("").await {
        done.refused("InvalidArgs");
    }
}

/// The default key is a key as any other.
#[tokio::test]
async fn the_default_key_is_used_at_the_token_that_is_told() {
    let house = House::open().await;
    let alice = house.alice().await;
    alice.generate("Ed25519").await.unwrap();
    let at = |token: String| option("token", token);
    alice.sign("", "", DATA, at(format!("local:{}", Person::alice().uid))).await.unwrap();
    alice.sign("", "", DATA, at("card:piv:00ff".to_owned())).await.refused("NoSuchToken");
}
