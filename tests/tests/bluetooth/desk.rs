//! Alice at a computer with BlueZ, and her phone behind an independent radio.

use std::path::Path;
use std::time::Duration;

use claviger_tests::accounts::Person;
use claviger_tests::bluetooth::{Air, BlueZ, Bonds, Device, Radio};
use claviger_tests::cards::{Watch, assert_right, word};
use claviger_tests::daemon::{CHEAP, Start};
use claviger_tests::house::House;
use claviger_tests::peer::{Peer, Refusal, none, option};
use claviger_tests::phone::{Phone, Plan, on_the_phone};

/// The computer and the phone; in the order in which they are switched off.
pub(crate) struct Desk {
    pub(crate) alice: Peer,
    pub(crate) phone: Phone,
    pub(crate) radio: Option<Radio>,
    /// The bus of the applications, and the service on it.
    pub(crate) house: House,
    pub(crate) bonds: Bonds,
    /// The bus of BlueZ, BlueZ on it, and its controller.
    pub(crate) bluez: BlueZ,
    pub(crate) air: Air,
}

/// A phone that is paired with Alice's account, and what is told of it.
pub(crate) struct Paired {
    pub(crate) token: String,
    pub(crate) key: String,
    pub(crate) public_key: Vec<u8>,
    pub(crate) watch: Watch,
    pub(crate) desk: Desk,
}

/// A computer and a phone's radio, which are bonded; behind the radio is whoever listens at [`POCKET`].
pub(crate) struct Bonded {
    pub(crate) device: Device,
    pub(crate) radio: Radio,
    pub(crate) bonds: Bonds,
    pub(crate) bluez: BlueZ,
    pub(crate) air: Air,
}

impl Bonded {
    pub(crate) async fn set() -> Self {
        let air = Air::start().await;
        let radio = Radio::phone(&air, "Pocket", Path::new(POCKET)).await;
        let bluez = BlueZ::start(&air).await;
        let bonds = Bonds::agree(&bluez).await;
        let device = bluez.find(radio.address()).await;
        device.bond().await.unwrap();
        Self { device, radio, bonds, bluez, air }
    }
}

impl Desk {
    /// Bonds the phone and the computer; nobody has paired them.
    pub(crate) async fn set(plan: Plan) -> Self {
        Self::configured(plan, "").await
    }

    /// The same, with these lines in the service's `[phones]`.
    pub(crate) async fn configured(plan: Plan, lines: &str) -> Self {
        Self::on(Bonded::set().await, plan, lines).await
    }

    /// Starts the phone's agent and the computer's service.
    pub(crate) async fn on(bonded: Bonded, plan: Plan, lines: &str) -> Self {
        let Bonded { device: _, radio, bonds, bluez, air } = bonded;
        let phone = Phone::start(plan.link(&["--listen", &format!("unix:{POCKET}")])).await;
        let house = House::with(Start {
            config: format!("{CHEAP}[phones]\n{lines}\n"),
            environment: vec![("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), bluez.bus().address().into())],
            ..Start::default()
        })
        .await;
        let alice = house.visitor(&Person::alice()).await;
        Self { alice, phone, radio: Some(radio), house, bonds, bluez, air }
    }

    /// Returns the phone's radio.
    pub(crate) fn radio(&mut self) -> &mut Radio {
        self.radio.as_mut().expect("it is switched on")
    }

    /// Returns the name that the service has for the way to the phone.
    pub(crate) fn link(&self) -> String {
        format!("bluetooth:{}", self.radio.as_ref().expect("it is switched on").address())
    }

    /// Pairs a phone that says yes to everything, and has it make a key.
    pub(crate) async fn pair(self) -> Paired {
        let token = self.phone.pair(&self.alice, Some(&self.link())).await;
        let options = on_the_phone(&token, LABEL);
        let key: String = self.alice.call("Keys", "GenerateKey", &("P-256", options)).await.unwrap();
        let public_key = self.alice.public_key(&key).await.unwrap();
        let watch = Watch::of(&self.house, &self.alice.person).await;
        Paired { token, key, public_key, watch, desk: self }
    }
}

impl Paired {
    /// Pairs a phone that says yes to everything, and has it make a key.
    pub(crate) async fn set() -> Self {
        Desk::set(Plan::new()).await.pair().await
    }

    /// The same, with a service that is as impatient as it may be.
    pub(crate) async fn impatient() -> Self {
        Desk::configured(Plan::new(), IMPATIENT).await.pair().await
    }

    /// Signs with the key on the phone. A signature that is not right fails the test.
    pub(crate) async fn sign(&self) -> Result<(), Refusal> {
        let signature = self.desk.alice.sign(&self.key, "ECDSA_SHA256", MESSAGE, none()).await?;
        assert_right(&self.public_key, MESSAGE, &signature);
        Ok(())
    }

    /// Waits until the service says that the phone stands so: `present`, `removed` or `unreachable`.
    pub(crate) async fn until(&mut self, presence: &str) {
        self.watch.until_presence(&self.token, presence).await;
    }

    /// Waits until a connection to the phone stands, or none does.
    pub(crate) async fn until_connected(&mut self, wanted: bool) {
        let token = self.token.clone();
        let stands = move |(id, row): &(String, _)| *id == token && word(row, "link").is_empty() != wanted;
        self.watch.until("a connection", |tokens| tokens.iter().any(&stands).then_some(())).await;
    }

    /// Returns how the phone was said to stand since it was paired, without what is said twice.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut told = self.watch.told(&self.token);
        told.dedup();
        told
    }

    /// Returns why the links to the phone do not work, as people are told.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let mut row = self.desk.alice.token(&self.token).await.unwrap();
        row.remove("faults").map(|faults| faults.try_into().unwrap()).unwrap_or_default()
    }

    /// Returns what came of each signature that the phone was asked for.
    pub(crate) fn signatures(&self) -> Vec<String> {
        self.desk.phone.outcomes().into_iter().filter(|outcome| outcome.starts_with("sign: ")).collect()
    }

    /// Fails if the phone is said to stand so before that time is over: what must not come cannot be waited for otherwise.
    pub(crate) async fn stays_away_from(&mut self, presence: &str, time: Duration) {
        let came = tokio::time::timeout(time, self.until(presence)).await;
        assert!(came.is_err(), "it is {presence}: {:?}", self.told());
    }
}

/// Signs as any application does: with whatever is its user's default key, by that key's usual mechanism.
pub(crate) async fn application(user: &Peer) -> Result<Vec<u8>, Refusal> {
    user.sign("", "", MESSAGE, option("format", "der")).await
}

/// Says yes to whatever a phone asks until something is done.
pub(crate) async fn agree_to<T>(phone: &Phone, doing: impl Future<Output = T>) -> T {
    let mut doing = std::pin::pin!(doing);
    loop {
        tokio::select! {
            done = &mut doing => return done,
            _ = phone.screen().answer("y") => {}
        }
    }
}

/// Where a phone's agent waits for its radio.
pub(crate) const POCKET: &str = "/tmp/pocket";

/// What is signed: nothing that stands anywhere by chance.
pub(crate) const MESSAGE: &[u8] = b"pay 4711 groats to the bearer of this canary, signed over the air";
/// What the key on the phone is called.
pub(crate) const LABEL: &str = "label-canary-in-the-pocket";
/// The least patience that can be configured.
pub(crate) const IMPATIENT: &str = "lost = \"5s\"\ngrace = \"1s\"";
