//! A house with a pcscd beside it: what most scenarios of cards start from.

use std::path::PathBuf;
use std::time::Duration;

use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use tokio::sync::watch;
use zbus::MessageStream;

use crate::accounts::Person;
use crate::daemon::{CHEAP, Start};
use crate::house::House;
use crate::pcsc::card::{Depth, Logged};
use crate::pcsc::foreign::Refused;
use crate::pcsc::issue::PivIssuer;
use crate::pcsc::{Card, ForeignUser, Kind, Pcscd};
use crate::peer::{Attributes, Options, Peer, Refusal, none};
use crate::{in_time, next, secret};

/// The PIN of PIV and OpenPGP cards as they come.
pub const PIN: &str = "123456";

/// What is signed where it does not matter what.
pub const MESSAGE: &[u8] = b"what a card signs";

/// A bus, a daemon, and a pcscd that this daemon uses.
pub struct CardHouse {
    /// The bus and the daemon on it. They go before pcscd.
    pub house: House,
    /// pcscd.
    pub pcscd: Pcscd,
}

impl CardHouse {
    /// Starts all three; pcscd with two readers.
    pub async fn open() -> Self {
        Self::configured("").await
    }

    /// The same, with these lines in the daemon's `[cards]`, and whatever follows it.
    pub async fn configured(cards: &str) -> Self {
        Self::beside(Pcscd::start(), cards).await
    }

    /// The same, with a pcscd that is there already.
    pub async fn beside(pcscd: Pcscd, cards: &str) -> Self {
        let house = House::with(start(&pcscd.socket(), cards)).await;
        Self { house, pcscd }
    }

    /// Returns somebody who has only connected.
    pub async fn visitor(&self, person: &Person) -> Peer {
        self.house.visitor(person).await
    }

    /// Puts a PIV card with a P-256 key at 9A into the reader, which alice enrols and thereby unlocks.
    pub async fn alices_card(&self, slot: u16) -> Enrolled {
        let alice = self.visitor(&Person::alice()).await;
        let card = piv_card(&self.pcscd, slot).await;
        Enrolled::enrol(&self.house, alice, card).await
    }
}

/// Returns how a daemon is started that uses the pcscd of this socket, whether or not it is there.
pub fn start(pcscd: &std::path::Path, cards: &str) -> Start {
    let helper = if cards.contains("opensc-socket") { "" } else { "opensc-socket = \"\"\n" };
    let config = format!("{CHEAP}[cards]\n{helper}{cards}\n");
    let environment = vec![("PCSCLITE_CSOCK_NAME".to_owned(), PathBuf::from(pcscd).into())];
    Start { config, environment, ..Start::default() }
}

/// Makes a PIV card with a P-256 key and a certificate at 9A, in a reader.
#[expect(clippy::unused_async, reason = "it takes long, and is meant to let other tasks run")]
pub async fn piv_card(pcscd: &Pcscd, slot: u16) -> Card {
    // The programs that make it are waited for; other tasks run meanwhile.
    tokio::task::block_in_place(|| {
        let card = Card::insert(pcscd, slot, Kind::Piv);
        PivIssuer::new(pcscd, &card).key("9a", "ECCP256");
        card
    })
}

/// A card that somebody enrolled.
pub struct Enrolled {
    /// The card.
    pub card: Card,
    /// Whose it is.
    pub owner: Peer,
    /// What the owner is told as it happens.
    pub watch: Watch,
    /// The id of the token.
    pub token: String,
    /// Its PIN.
    pub pin: String,
    /// The id of the first key on it.
    pub key: String,
    /// The public half of that key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
}

impl Enrolled {
    /// Enrols a card that lies in its reader, with the PIN that cards come with.
    pub async fn enrol(house: &House, owner: Peer, card: Card) -> Self {
        let mut watch = Watch::of(house, &owner.person).await;
        let token = watch.until_card_in(card.reader()).await;
        let keys = owner.enrol(&token, PIN, none()).await.expect("it can be enrolled");
        let key = keys.into_iter().next().expect("it has a key");
        let public_key = owner.public_key(&key).await.unwrap();
        Self { card, owner, watch, token, pin: PIN.to_owned(), key, public_key }
    }

    /// Signs [`MESSAGE`] with the first key, a P-256 one. A signature that is not right fails the test.
    pub async fn sign(&self) -> Result<(), Refusal> {
        self.sign_message(MESSAGE).await
    }

    /// The same with other data.
    pub async fn sign_message(&self, message: &[u8]) -> Result<(), Refusal> {
        let signature = self.owner.sign(&self.key, "ECDSA_SHA256", message, none()).await?;
        assert_right(&self.public_key, message, &signature);
        Ok(())
    }

    /// Signs, and returns the instructions (ISO 7816-4) of the commands that the card was sent for it.
    pub async fn instructions(&mut self) -> Vec<u8> {
        self.card.log(Depth::Headers);
        self.card.drain_log();
        self.sign().await.expect("it signs");
        let log = self.card.drain_log();
        self.card.log(Depth::Off);
        log.iter().filter_map(Logged::command).map(|command| command[1]).collect()
    }

    /// Unlocks it with its PIN.
    pub async fn unlock(&self) -> Result<(), Refusal> {
        self.owner.unlock_card(&self.token, &self.pin).await
    }

    /// Gives it another PIN, which locks it.
    pub async fn change_pin(&mut self, pin: &str) -> Result<(), Refusal> {
        let pins = (self.token.as_str(), secret::pipe(&self.pin), secret::pipe(pin), none());
        self.owner.call::<()>("Tokens", "ChangePin", &pins).await?;
        pin.clone_into(&mut self.pin);
        Ok(())
    }

    /// Waits until the daemon says that the card stands so: `present`, `removed` or `unreachable`.
    pub async fn until(&mut self, presence: &str) {
        self.watch.until_presence(&self.token, presence).await;
    }

    /// Pulls the card and waits until the daemon says so.
    pub async fn pull(&mut self) {
        self.card.remove();
        self.until("removed").await;
    }

    /// Returns how many tries are left at the PIN, as another program sees it; a card that was left verified fails
    /// the test.
    pub fn tries_left(&self, pcscd: &Pcscd) -> u16 {
        let word = pin_state(&mut connected(pcscd, &self.card));
        assert_eq!(word & 0xFFF0, 0x63C0, "the state of the PIN is {word:04X}");
        word & 0xF
    }

    /// Puts it back and waits until the daemon says so.
    pub async fn put_back(&mut self) {
        tokio::task::block_in_place(|| self.card.put_back());
        self.until("present").await;
    }
}

/// Holds that a P-256 signature, r and s, of the message is right.
#[track_caller]
pub fn assert_right(public_key: &[u8], message: &[u8], signature: &[u8]) {
    let point = public_key.last_chunk::<65>().expect("a P-256 key");
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature);
    assert!(verified.is_ok(), "a wrong signature");
}

/// Returns another program that is connected to the card.
pub fn connected(pcscd: &Pcscd, card: &Card) -> ForeignUser {
    let mut user = ForeignUser::start(pcscd);
    user.connect_shared(card.reader()).expect("the card is shared");
    user
}

/// Selects PIV and asks for the state of the PIN as another program would, which spends no try: 9000 where it is
/// verified, 63Cx where not.
pub fn pin_state(user: &mut ForeignUser) -> u16 {
    let ask = |user: &mut ForeignUser, command: &[u8]| {
        let answer = user.transmit(command)?;
        Ok::<_, Refused>(u16::from_be_bytes(*answer.last_chunk().expect("a status")))
    };
    for _ in 0..2 {
        // In a transaction: the daemon may be about to do something.
        let asked = user.begin().and_then(|()| {
            let selected = ask(user, SELECT_PIV);
            let state = selected.and_then(|_| ask(user, PIN_STATE));
            user.end().and(state)
        });
        match asked {
            Ok(state) => return state,
            Err(why) if why == "ResetCard" => user.reconnect().expect("the card is there"),
            Err(why) => panic!("cannot ask the card: {why}"),
        }
    }
    panic!("the card is reset again and again");
}

/// SELECT of PIV.
pub const SELECT_PIV: &[u8] = b"\x00\xA4\x04\x00\x0B\xA0\x00\x00\x03\x08\x00\x00\x10\x00\x01\x00\x00";
/// VERIFY without data: asks for the state of the PIN.
pub const PIN_STATE: &[u8] = b"\x00\x20\x00\x80";
/// GENERAL AUTHENTICATE.
pub const AUTHENTICATE: u8 = 0x87;

impl Peer {
    /// Enrols a card and returns the ids of its keys.
    pub async fn enrol(&self, token: &str, pin: &str, mut options: Options) -> Result<Vec<String>, Refusal> {
        options.insert("pin", secret::pipe(pin).into());
        self.call("Tokens", "EnrolCard", &(token, options)).await
    }

    /// Unlocks a card.
    pub async fn unlock_card(&self, token: &str, pin: &str) -> Result<(), Refusal> {
        let options = Options::from([("pin", secret::pipe(pin).into())]);
        self.call("Tokens", "UnlockToken", &(token, options)).await
    }

    /// Locks a card.
    pub async fn lock_card(&self, token: &str) -> Result<(), Refusal> {
        self.call("Tokens", "LockToken", &(token, none())).await
    }

    /// Returns all tokens: the caller's, and the cards in the readers.
    pub async fn tokens(&self) -> Vec<(String, Attributes)> {
        let all = Options::from([("all", true.into())]);
        self.call("Tokens", "ListTokens", &(all,)).await.expect("everybody may ask")
    }

    /// Returns the attributes of one token.
    pub async fn token(&self, token: &str) -> Result<Attributes, Refusal> {
        self.call("Tokens", "GetToken", &(token, none())).await
    }
}

/// What a person is told of tokens as it happens.
pub struct Watch {
    peer: Peer,
    signals: watch::Receiver<Vec<(String, String)>>,
}

impl Watch {
    /// Subscribes over a connection of its own.
    pub async fn of(house: &House, person: &Person) -> Self {
        let peer = house.visitor(person).await;
        let mut messages = MessageStream::from(peer.connection());
        let (told, signals) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Some(Ok(message)) = next(&mut messages).await {
                if message.header().member().is_some_and(|member| member == "TokenChanged") {
                    let (token, state): (String, Attributes) = message.body().deserialize().unwrap();
                    told.send_modify(|told| told.push((token, word(&state, "presence"))));
                }
            }
        });
        peer.call::<()>("Service", "Subscribe", &(none(),)).await.unwrap();
        Self { peer, signals }
    }

    /// Waits until the tokens stand so, asking anew at each signal.
    pub async fn until<T>(&mut self, what: &str, found: impl Fn(&[(String, Attributes)]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                self.signals.borrow_and_update();
                let tokens = self.peer.tokens().await;
                if let Some(found) = found(&tokens) {
                    return found;
                }
                self.signals.changed().await.expect("the daemon runs");
            }
        };
        in_time(what, waiting).await
    }

    /// Returns how a token was said to stand, one after the other.
    pub fn told(&self, token: &str) -> Vec<String> {
        let told = self.signals.borrow();
        let of_token = told.iter().filter(|(id, _)| id == token);
        of_token.map(|(_, presence)| presence.clone()).collect()
    }

    /// Waits until a card with an application is in the reader, and returns the id of the (first) token.
    pub async fn until_card_in(&mut self, reader: &str) -> String {
        let here = |(id, row): &&(String, Attributes)| {
            !id.is_empty() && word(row, "reader") == reader && word(row, "presence") == "present"
        };
        self.until("a card", |tokens| tokens.iter().find(here).map(|(id, _)| id.clone())).await
    }

    /// Waits until a token stands so: `present`, `removed` or `unreachable`.
    pub async fn until_presence(&mut self, token: &str, presence: &str) {
        let stands = |(id, row): &(String, Attributes)| id == token && word(row, "presence") == presence;
        self.until(presence, |tokens| tokens.iter().any(stands).then_some(())).await;
    }
}

/// Returns an attribute that is a text; empty where it is left out.
pub fn word(row: &Attributes, name: &str) -> String {
    row.get(name).map(|value| value.clone().try_into().expect("a text")).unwrap_or_default()
}

/// Returns an attribute that is yes or no; no where it is left out.
pub fn flag(row: &Attributes, name: &str) -> bool {
    row.get(name).is_some_and(|value| value.clone().try_into().expect("yes or no"))
}

/// As long as it may take to see that something does not happen.
pub const MOMENT: Duration = Duration::from_millis(300);
