use super::{PairCall, Phone, Plan, Wire};
use crate::accounts::Person;
use crate::daemon::{CHEAP, Start};
use crate::house::House;
use crate::peer::{Options, Peer, Refusal, none};
use crate::secret;

/// Alice, a phone of hers, and the wire between the two; paired.
pub struct Scene {
    /// The phone.
    pub phone: Phone,
    /// Alice, who has no account but for the phone.
    pub alice: Peer,
    /// The phone's token.
    pub token: String,
    /// The wire.
    pub wire: Wire,
    /// The bus and the daemon on it.
    pub house: House,
}

impl Scene {
    /// Pairs a phone that says yes to everything.
    pub async fn open() -> Self {
        Self::with(Plan::new()).await
    }

    /// Pairs a phone whose person looks at a screen.
    pub async fn with_screen() -> Self {
        Self::with(Plan::new().screen()).await
    }

    /// Pairs a phone of that plan.
    pub async fn with(plan: Plan) -> Self {
        Self::in_house(phone_house("").await, plan).await
    }

    /// The same in that house.
    pub async fn in_house(house: House, plan: Plan) -> Self {
        let wire = Wire::between(&Person::service(), &plan.person);
        let phone = Phone::start(plan.at(&wire)).await;
        let alice = house.visitor(&Person::alice()).await;
        let token = phone.pair(&alice, Some(&wire.link())).await;
        Self { phone, alice, token, wire, house }
    }

    /// Makes a key on the phone.
    pub async fn generate(&self, algorithm: &str) -> Result<String, Refusal> {
        self.alice.call("Keys", "GenerateKey", &(algorithm, on_the_phone(&self.token, ""))).await
    }

    /// Makes a key on the phone, whose person says yes on the screen.
    pub async fn generate_with_a_yes(&self, algorithm: &str) -> String {
        let (made, _) = tokio::join!(self.generate(algorithm), self.phone.screen().answer("y"));
        made.unwrap()
    }

    /// Has the phone take a key from outside.
    pub async fn import(&self, pkcs8: &[u8]) -> Result<String, Refusal> {
        let options = on_the_phone(&self.token, "");
        self.alice.call("Keys", "ImportKey", &(secret::pipe(pkcs8), options)).await
    }

    /// Signs with a key, by its usual mechanism.
    pub async fn sign(&self, key: &str, data: &[u8]) -> Result<Vec<u8>, Refusal> {
        self.alice.sign(key, "", data, none()).await
    }
}

impl Phone {
    /// Pairs with somebody's account by URI, and returns the token. Where the phone has a screen its person says yes there.
    pub async fn pair(&self, owner: &Peer, link: Option<&str>) -> String {
        let mut call = PairCall::begin(owner, link, none());
        let uri = call.hears("uri ").await;
        let invitation = self.invite(&uri);
        let yes = async {
            if self.has_screen() {
                self.screen().answer("y").await;
            }
        };
        let (token, invited, ()) = tokio::join!(call.ends(), invitation.ends(), yes);
        invited.ok();
        token.unwrap()
    }
}

/// Opens a house without Bluetooth, with these lines in `[phones]`, and whatever follows it.
pub async fn phone_house(phones: &str) -> House {
    let config = format!("{CHEAP}[phones]\nbluetooth = false\n{phones}\n");
    House::with(Start { config, ..Start::default() }).await
}

/// Returns the options of a key that is to be on that phone, with that label.
pub fn on_the_phone(token: &str, label: &str) -> Options {
    let mut options = Options::from([("location", "phone".into()), ("token", token.to_owned().into())]);
    if !label.is_empty() {
        options.insert("label", label.to_owned().into());
    }
    options
}
