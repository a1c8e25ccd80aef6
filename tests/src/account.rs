//! The usual beginning: an account, unlocked, with a key.

use crate::accounts::Person;
use crate::bus::Bus;
use crate::peer::{Attributes, Options, Peer, Refusal, none, option};
use crate::secret;

/// The pass phrase of accounts whose pass phrase is not what matters.
pub const PASSPHRASE: &str = "correct horse battery staple";

impl Peer {
    /// Connects over the bus as a person with an active, unlocked account that has no keys.
    pub async fn registered(bus: &Bus, person: &Person) -> Self {
        let peer = Self::on(bus, person).await;
        peer.register(PASSPHRASE).await.expect("a fresh user can register");
        peer.unlock(PASSPHRASE).await.expect("an active account can be unlocked");
        peer
    }

    /// Registers without making any keys.
    pub async fn register(&self, passphrase: &str) -> Result<(), Refusal> {
        let options = option("keys", Vec::<String>::new());
        self.call("Account", "Register", &(secret::pipe(passphrase), options)).await
    }

    /// Unlocks.
    pub async fn unlock(&self, passphrase: &str) -> Result<(), Refusal> {
        self.call("Account", "Unlock", &(secret::pipe(passphrase), none())).await
    }

    /// Locks.
    pub async fn lock(&self) -> Result<(), Refusal> {
        self.call("Account", "Lock", &(none(),)).await
    }

    /// Changes the pass phrase.
    pub async fn change_passphrase(&self, old: &str, new: &str) -> Result<(), Refusal> {
        let secrets = (secret::pipe(old), secret::pipe(new), none());
        self.call("Account", "ChangePassphrase", &secrets).await
    }

    /// Returns the state of the account.
    pub async fn account(&self) -> Attributes {
        self.call("Account", "GetAccount", &(none(),)).await.expect("everybody may ask")
    }

    /// Makes a key and returns its id.
    pub async fn generate(&self, algorithm: &str) -> Result<String, Refusal> {
        self.call("Keys", "GenerateKey", &(algorithm, none())).await
    }

    /// Takes a DER PKCS#8 key in and returns its id.
    pub async fn import(&self, pkcs8: &[u8]) -> Result<String, Refusal> {
        self.call("Keys", "ImportKey", &(secret::pipe(pkcs8), none())).await
    }

    /// Deletes a key.
    pub async fn delete(&self, key: &str) -> Result<(), Refusal> {
        self.call("Keys", "DeleteKey", &(key, none())).await
    }

    /// Signs by value.
    pub async fn sign(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: Options,
    ) -> Result<Vec<u8>, Refusal> {
        self.bytes("Keys", "Sign", &(key, mechanism, serde_bytes::Bytes::new(data), options)).await
    }

    /// Returns the ids and attributes of all keys.
    pub async fn keys(&self) -> Result<Vec<(String, Attributes)>, Refusal> {
        self.call("Keys", "ListKeys", &(none(),)).await
    }

    /// Returns the public key, DER SubjectPublicKeyInfo.
    pub async fn public_key(&self, key: &str) -> Result<Vec<u8>, Refusal> {
        let (_, mut attributes): (String, Attributes) = self.call("Keys", "GetKey", &(key, none())).await?;
        Ok(attributes.remove("public-key").expect("every key has one").try_into().unwrap())
    }
}
