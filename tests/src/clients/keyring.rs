use serde_bytes::Bytes;

use super::{Authority, Location};
use crate::accounts::Person;
use crate::cards::{CardHouse, PIN, Watch};
use crate::house::House;
use crate::pcsc::issue::PivIssuer;
use crate::pcsc::{Card, Kind, Pcscd};
use crate::peer::{Attributes, Peer, none};
use crate::phone::{Plan, Scene, on_the_phone};

/// Alice's RSA and EC key at one location, certified, and locked where they can be.
pub struct Keyring {
    /// Where they are.
    pub location: Location,
    /// Alice, as she is known on the bus.
    pub alice: Peer,
    /// The token.
    pub token: String,
    /// An RSA-2048 key, for everything.
    pub rsa: Held,
    /// A P-256 key, for everything.
    pub ec: Held,
    /// Who certified them.
    pub authority: Authority,
    watch: Watch,
    place: Where,
}

/// One of the keys.
pub struct Held {
    /// Its id: 32 hexadecimal digits, which are `CKA_ID`.
    pub id: String,
    /// Its label.
    pub label: String,
    /// The public half, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
}

impl Held {
    /// Returns the id as it stands in a URI.
    pub fn id_in_uri(&self) -> String {
        percent(&self.id)
    }
}

/// Returns bytes, given in hexadecimal digits, as they stand in a URI.
pub fn percent(digits: &str) -> String {
    digits.as_bytes().chunks(2).map(|pair| format!("%{}", String::from_utf8_lossy(pair))).collect()
}

/// The things around a location, in the order in which they go.
enum Where {
    Local(Box<House>),
    Card { card: Box<Card>, house: Box<House>, _pcscd: Box<Pcscd> },
    Phone(Box<Scene>),
}

impl Keyring {
    /// Makes everything anew.
    pub async fn at(location: Location) -> Self {
        let made = match location {
            Location::Local => local().await,
            // The retired places of PIV, whose keys may do everything.
            Location::Card => card(["82", "83"]).await,
            Location::Phone => phone().await,
        };
        Self::of(location, made).await
    }

    /// Makes a card whose EC key is at 9C, where each use wants the PIN.
    pub async fn with_signature_key() -> Self {
        Self::of(Location::Card, card(["82", "9c"]).await).await
    }

    async fn of(location: Location, (alice, token, [rsa, ec], place): Made) -> Self {
        let authority = Authority::new().await;
        let rsa = held(&alice, &authority, &rsa, "rsa").await;
        let ec = held(&alice, &authority, &ec, "ec").await;
        let watch = Watch::of(house(&place), &alice.person).await;
        let keyring = Self { location, alice, token, rsa, ec, authority, watch, place };
        keyring.lock().await;
        keyring
    }

    /// Returns the house that the keys are in.
    pub fn house(&self) -> &House {
        house(&self.place)
    }

    /// Locks the store or the card. A phone is left as it is: its own person alone opens it.
    pub async fn lock(&self) {
        match self.location {
            Location::Local => self.alice.lock().await.unwrap(),
            Location::Card => self.alice.lock_card(&self.token).await.unwrap(),
            Location::Phone => {}
        }
    }

    /// Takes the keys away: the store is locked, the card pulled, the phone's line silent; the daemon knows it.
    pub async fn take_away(&mut self) {
        match &mut self.place {
            Where::Local(_) => self.alice.lock().await.unwrap(),
            Where::Card { card, .. } => {
                card.remove();
                self.watch.until_presence(&self.token, "removed").await;
            }
            Where::Phone(scene) => {
                scene.wire.tap().silence();
                self.watch.until_presence(&self.token, "unreachable").await;
            }
        }
    }

    /// Brings them back.
    pub async fn bring_back(&mut self) {
        match &mut self.place {
            Where::Local(_) => {}
            Where::Card { card, .. } => {
                tokio::task::block_in_place(|| card.put_back());
                self.watch.until_presence(&self.token, "present").await;
            }
            Where::Phone(scene) => {
                scene.wire.tap().pass();
                self.watch.until_presence(&self.token, "present").await;
            }
        }
    }
}

type Made = (Peer, String, [String; 2], Where);

async fn local() -> Made {
    let house = House::open().await;
    let alice = house.alice().await;
    let rsa = alice.generate("RSA-2048").await.unwrap();
    let ec = alice.generate("P-256").await.unwrap();
    let token = key(&alice, &ec).await["tokens"].clone();
    let tokens: Vec<String> = token.try_into().unwrap();
    (alice, tokens[0].clone(), [rsa, ec], Where::Local(Box::new(house)))
}

/// Makes a PIV card with an RSA and an EC key in these places.
async fn card([rsa, ec]: [&str; 2]) -> Made {
    let CardHouse { house, pcscd } = CardHouse::open().await;
    let card = tokio::task::block_in_place(|| {
        let card = Card::insert(&pcscd, 0, Kind::Piv);
        let issuer = PivIssuer::new(&pcscd, &card);
        issuer.key(rsa, "RSA2048");
        issuer.key(ec, "ECCP256");
        card
    });
    let alice = house.visitor(&Person::alice()).await;
    let mut watch = Watch::of(&house, &alice.person).await;
    let token = watch.until_card_in(card.reader()).await;
    alice.enrol(&token, PIN, none()).await.unwrap();
    let keys = alice.keys().await.unwrap();
    let at = |slot: &str| {
        let here = |row: &Attributes| {
            row["slots"].clone().try_into().is_ok_and(|slots: Vec<String>| slots == [slot])
        };
        keys.iter().find(|(_, row)| here(row)).map(|(id, _)| id.clone()).expect("it was made")
    };
    let ids = [at(rsa), at(ec)];
    let place = Where::Card { card: Box::new(card), house: Box::new(house), _pcscd: Box::new(pcscd) };
    (alice, token, ids, place)
}

async fn phone() -> Made {
    let scene = Scene::with(Plan::new()).await;
    let mut ids = Vec::new();
    for algorithm in ["RSA-2048", "P-256"] {
        let body = (algorithm, on_the_phone(&scene.token, ""));
        ids.push(scene.alice.call("Keys", "GenerateKey", &body).await.unwrap());
    }
    let ids = ids.try_into().expect("two were made");
    (scene.alice.clone(), scene.token.clone(), ids, Where::Phone(Box::new(scene)))
}

fn house(place: &Where) -> &House {
    match place {
        Where::Local(house) | Where::Card { house, .. } => house,
        Where::Phone(scene) => &scene.house,
    }
}

/// Names and certifies a key.
async fn held(alice: &Peer, authority: &Authority, id: &str, label: &str) -> Held {
    alice.call::<()>("Keys", "SetLabel", &(id, label, none())).await.unwrap();
    let public_key = alice.public_key(id).await.unwrap();
    let certificate = authority.certify(&public_key).await;
    let body = (id, Bytes::new(&certificate), none());
    alice.call::<()>("Keys", "SetCertificate", &body).await.unwrap();
    Held { id: id.to_owned(), label: label.to_owned(), public_key, certificate }
}

async fn key(alice: &Peer, id: &str) -> Attributes {
    alice.call::<(String, Attributes)>("Keys", "GetKey", &(id, none())).await.unwrap().1
}
