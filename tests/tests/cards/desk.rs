//! Alice at a card that she enrolled, of any kind, with whatever others put on it before.

use claviger_tests::accounts::Person;
use claviger_tests::cards::{CardHouse, PIN, Watch};
use claviger_tests::pcsc::{Card, Kind, Pcscd};
use claviger_tests::peer::{Attributes, Options, Peer, Refusal, none};
use claviger_tests::{openssl::OpenSsl, secret};

use crate::witness::Witness;

pub(crate) struct Desk {
    pub(crate) house: CardHouse,
    pub(crate) card: Card,
    pub(crate) alice: Peer,
    pub(crate) token: String,
}

impl Desk {
    /// Has a new card prepared by others, and enrols it then.
    pub(crate) async fn with(kind: Kind, prepare: impl FnOnce(&Pcscd, &Card)) -> Self {
        let house = CardHouse::open().await;
        let card = tokio::task::block_in_place(|| {
            let card = Card::insert(&house.pcscd, 0, kind);
            prepare(&house.pcscd, &card);
            card
        });
        Self::at(house, card, PIN).await
    }

    /// Enrols a card that lies in its reader.
    pub(crate) async fn at(house: CardHouse, card: Card, pin: &str) -> Self {
        let alice = house.visitor(&Person::alice()).await;
        let mut watch = Watch::of(&house.house, &Person::alice()).await;
        let token = watch.until_card_in(card.reader()).await;
        alice.enrol(&token, pin, none()).await.unwrap();
        Self { house, card, alice, token }
    }

    /// The same with a card as it comes.
    pub(crate) async fn fresh(kind: Kind) -> Self {
        Self::with(kind, |_, _| ()).await
    }

    /// Has the card make a key.
    pub(crate) async fn generate(&self, slot: &str, algorithm: &str) -> Result<String, Refusal> {
        self.alice.call("Keys", "GenerateKey", &(algorithm, self.site(slot))).await
    }

    /// Has openssl make a key, and the card take it.
    pub(crate) async fn import(&self, slot: &str, algorithm: &str) -> Result<String, Refusal> {
        let private = private_key(algorithm).await;
        self.alice.call("Keys", "ImportKey", &(secret::pipe(private), self.site(slot))).await
    }

    fn site(&self, slot: &str) -> Options {
        let authority = if self.token.contains(":piv:") { MANAGEMENT_KEY } else { ADMIN_PIN };
        Options::from([
            ("location", "card".into()),
            ("token", self.token.clone().into()),
            ("slot", slot.to_owned().into()),
            ("authority", secret::pipe(authority).into()),
        ])
    }

    /// Returns the key at a place on the card.
    pub(crate) async fn key_at(&self, slot: &str) -> Witness {
        let at = |attributes: &Attributes, name: &str| -> Vec<String> {
            attributes[name].clone().try_into().unwrap()
        };
        let keys = self.alice.keys().await.unwrap();
        let found = keys.iter().find(|(_, key)| {
            at(key, "slots")
                .iter()
                .zip(at(key, "tokens"))
                .any(|(at, token)| at == slot && token == self.token)
        });
        let (id, _) = found.unwrap_or_else(|| panic!("nothing at {slot}: {keys:?}"));
        Witness::new(&self.alice, id).await
    }
}

/// Returns a private key that openssl made, DER PKCS#8.
pub(crate) async fn private_key(algorithm: &str) -> Vec<u8> {
    let words = match algorithm.split_once('-') {
        Some(("RSA", bits)) => format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}"),
        Some(_) => format!("-algorithm EC -pkeyopt ec_paramgen_curve:{algorithm}"),
        None => format!("-algorithm {algorithm}"),
    };
    OpenSsl::new().private_key(&words).await
}

/// 01 to 08, three times: every PIV card's as it comes.
pub(crate) const MANAGEMENT_KEY: &[u8] =
    &[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// Every OpenPGP card's as it comes.
pub(crate) const ADMIN_PIN: &[u8] = b"12345678";
