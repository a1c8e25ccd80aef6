//! The key store that is the daemon.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Daemon`]: what is asked, and what is asked again |
//! | `pool` | [`Pool`]: the connections that are kept |
//! | `watches` | [`Watches`]: the connections on which events come |

mod pool;
mod watches;

use std::time::{Duration, Instant};

use claviger_client::blocking::Client;
use claviger_client::{
    Bus, CertificateOptions, ChangePinOptions, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, Error, ErrorName, KeyFilter, KeyRow, NewKeyOptions, Secret, SignOptions, TokenFilter,
    TokenRow, UnlockOptions, UnlockTokenOptions, VerifyOptions,
};

use crate::Store;
use pool::Pool;
use watches::Watches;

/// The key store that is the daemon. Nothing is connected before the first call.
pub(crate) struct Daemon {
    pool: Pool,
    watches: Watches,
}

impl Daemon {
    /// Makes the key store that is on that bus.
    pub(crate) fn new(bus: Bus) -> Self {
        Self { pool: Pool::on(bus.clone()), watches: Watches::on(bus) }
    }

    /// Asks what may take a person, or changes something: again only where it cannot have reached the daemon.
    fn ask<T>(&self, call: impl Fn(&Client) -> Result<T, Error>) -> Result<T, Error> {
        self.twice(Error::is_unsent, call)
    }

    /// Asks what changes nothing and takes nobody; again where the connection ended meanwhile, whether or not it got there.
    fn read<T>(&self, call: impl Fn(&Client) -> Result<T, Error>) -> Result<T, Error> {
        self.twice(|_| true, call)
    }

    /// Asks; once more, over a new connection, where the first one was lost and `may` says so.
    fn twice<T>(
        &self,
        may: impl Fn(&Error) -> bool,
        call: impl Fn(&Client) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.pool.with(&call) {
            Err(error @ Error::Lost(_)) if may(&error) => {
                // The daemon or the bus was started anew, and the other connections are gone too.
                self.pool.forget();
                self.pool.with(call)
            }
            answer => answer,
        }
    }
}

/// Asks again while the user's one place for checks of a pass phrase is taken: programs that start together log in
/// together.
fn in_turn<T>(ask: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(Error::Refused(refusal))
                if refusal.name == ErrorName::LimitsExceeded && began.elapsed() < TURN =>
            {
                std::thread::sleep(LOOK);
            }
            answer => return answer,
        }
    }
}

impl Store for Daemon {
    fn list_tokens(&self) -> Result<Vec<(String, TokenRow)>, Error> {
        self.read(|client| client.list_tokens(&TokenFilter::default()))
    }

    fn list_keys(&self) -> Result<Vec<(String, KeyRow)>, Error> {
        self.read(|client| client.list_keys(&KeyFilter::default()))
    }

    fn certificates(&self, key: &str) -> Result<Vec<Vec<u8>>, Error> {
        self.read(|client| client.certificates(key))
    }

    fn unlock(&self, token: &str, secret: Option<&Secret>, last_try: bool) -> Result<(), Error> {
        match secret {
            Some(secret) if is_local(token) => {
                in_turn(|| self.ask(|client| client.unlock(secret, &UnlockOptions::default())))
            }
            secret => self.ask(|client| {
                let pin = secret.map(Secret::to_descriptor).transpose()?;
                let last_try = last_try.then_some(true);
                let options = UnlockTokenOptions { pin, last_try, ..UnlockTokenOptions::default() };
                client.unlock_token(token, &options)
            }),
        }
    }

    fn change_secret(&self, token: &str, old: &Secret, new: &Secret, last_try: bool) -> Result<(), Error> {
        if is_local(token) {
            return in_turn(|| self.ask(|client| client.change_passphrase(old, new)));
        }
        let options = ChangePinOptions { last_try: last_try.then_some(true) };
        self.ask(|client| client.change_pin(token, old, new, &options))
    }

    fn unblock(&self, token: &str, puk: &Secret, new: &Secret) -> Result<(), Error> {
        self.ask(|client| client.unblock_pin(token, puk, new))
    }

    fn sign(&self, key: &str, mechanism: &str, data: &[u8], options: &SignOptions) -> Result<Vec<u8>, Error> {
        self.ask(|client| client.sign(key, mechanism, data, options))
    }

    fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: &DecryptOptions,
    ) -> Result<Secret, Error> {
        self.ask(|client| client.decrypt(key, mechanism, data, options))
    }

    fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &[u8],
        options: &DeriveOptions,
    ) -> Result<Secret, Error> {
        self.ask(|client| client.derive(key, mechanism, peer, options))
    }

    fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &[u8],
        options: &DecapsulateOptions,
    ) -> Result<Secret, Error> {
        self.ask(|client| client.decapsulate(key, mechanism, ciphertext, options))
    }

    fn generate_key(&self, algorithm: &str, options: &NewKeyOptions) -> Result<String, Error> {
        self.ask(|client| client.generate_key(algorithm, options))
    }

    fn import_key(&self, private_key: &Secret, options: &NewKeyOptions) -> Result<String, Error> {
        self.ask(|client| client.import_key(private_key, options))
    }

    fn delete_key(&self, key: &str) -> Result<(), Error> {
        self.ask(|client| client.delete_key(key))
    }

    fn set_label(&self, key: &str, label: &str) -> Result<(), Error> {
        self.ask(|client| client.set_label(key, label))
    }

    fn set_certificate(
        &self,
        key: &str,
        certificate: &[u8],
        options: &CertificateOptions,
    ) -> Result<(), Error> {
        self.ask(|client| client.set_certificate(key, certificate, options))
    }

    fn verify(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        signature: &[u8],
        options: &VerifyOptions,
    ) -> Result<bool, Error> {
        self.read(|client| client.verify(public_key, mechanism, data, signature, options))
    }

    fn encrypt(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        options: &EncryptOptions,
    ) -> Result<Vec<u8>, Error> {
        self.read(|client| client.encrypt(public_key, mechanism, data, options))
    }

    fn encapsulate(&self, public_key: &[u8], mechanism: &str) -> Result<(Vec<u8>, Secret), Error> {
        self.read(|client| client.encapsulate(public_key, mechanism))
    }

    fn random(&self, length: u32, token: Option<&str>) -> Result<Secret, Error> {
        self.read(|client| match token {
            Some(token) => client.random_of(length, token),
            None => client.random(length),
        })
    }

    fn wait_for_change(&self) -> Result<(), Error> {
        self.watches.wait()
    }

    fn interrupt(&self) {
        self.watches.end();
    }
}

/// The local store is named as the daemon names it; whatever has another name is a card or a phone.
fn is_local(token: &str) -> bool {
    token == "local" || token.starts_with("local:")
}

/// How long a check of a pass phrase waits for others of the same user. Each takes about half a second.
const TURN: Duration = Duration::from_secs(20);

/// How long it waits before it asks again.
const LOOK: Duration = Duration::from_millis(50);
