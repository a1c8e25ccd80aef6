use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claviger_client::blocking::{Client, Interrupt, Watch};
use claviger_client::{
    Bus, CertificateOptions, ChangePinOptions, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, Error, ErrorName, Event, KeyFilter, KeyRow, NewKeyOptions, Secret, SignOptions,
    TokenFilter, TokenRow, UnlockOptions, UnlockTokenOptions, VerifyOptions,
};

use crate::Store;

/// The key store that is the daemon. Nothing is connected before the first call.
pub(crate) struct Daemon {
    bus: Bus,
    pool: Mutex<Pool>,
    watching: Mutex<Watching>,
}

/// Connections on which events come: those that nobody waits at now, and what ends the wait at each.
#[derive(Default)]
struct Watching {
    idle: Vec<(u64, Watch)>,
    interrupts: BTreeMap<u64, Interrupt>,
    last: u64,
}

/// The connections, each with a channel of its own, and how many are being made.
#[derive(Default)]
struct Pool {
    kept: Vec<Kept>,
    coming: usize,
}

/// A connection, and how many calls are under way on it.
struct Kept {
    client: Arc<Client>,
    calls: usize,
}

impl Daemon {
    /// Makes the key store that is on that bus.
    pub(crate) fn new(bus: Bus) -> Self {
        Self { bus, pool: Mutex::default(), watching: Mutex::default() }
    }

    /// Asks over a connection that nobody else uses meanwhile; where all are in use, over the one that fewest use.
    fn ask<T>(&self, call: impl Fn(&Client) -> Result<T, Error>) -> Result<T, Error> {
        let client = self.take()?;
        let answer = call(&client);
        let is_broken = matches!(answer, Err(Error::Lost(_) | Error::NoBus(_) | Error::Timeout));
        self.give_back(&client, is_broken);
        answer
    }

    /// Asks what changes nothing; again where the connection turns out to be gone since it was last used.
    fn read<T>(&self, call: impl Fn(&Client) -> Result<T, Error>) -> Result<T, Error> {
        match self.ask(&call) {
            Err(Error::Lost(_)) => {
                // The daemon was started anew, and the others are gone too. Who uses one of them keeps it meanwhile.
                let gone = std::mem::take(&mut self.pool().kept);
                drop(gone);
                self.ask(call)
            }
            answer => answer,
        }
    }

    fn take(&self) -> Result<Arc<Client>, Error> {
        let is_to_be_kept = {
            let mut pool = self.pool();
            let has_room = pool.kept.len() + pool.coming < KEPT;
            match pool.kept.iter_mut().min_by_key(|kept| kept.calls) {
                Some(kept) if kept.calls == 0 || !has_room => {
                    kept.calls += 1;
                    return Ok(Arc::clone(&kept.client));
                }
                Some(_) | None => {}
            }
            pool.coming += usize::from(has_room);
            has_room
        };
        // The daemon gives a user eight channels. Who comes while the first ones are being made does without.
        let builder = claviger_client::Client::builder(&self.bus);
        let made = Client::build(if is_to_be_kept { builder } else { builder.without_channel() });
        if !is_to_be_kept {
            return made.map(Arc::new);
        }
        let mut pool = self.pool();
        pool.coming -= 1;
        let client = Arc::new(made?);
        pool.kept.push(Kept { client: Arc::clone(&client), calls: 1 });
        Ok(client)
    }

    fn give_back(&self, client: &Arc<Client>, is_broken: bool) {
        let mut pool = self.pool();
        let Some(place) = pool.kept.iter().position(|kept| Arc::ptr_eq(&kept.client, client)) else { return };
        pool.kept[place].calls -= 1;
        if is_broken {
            drop(pool.kept.swap_remove(place));
        }
    }

    fn watching(&self) -> MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn unlock(&self, token: &str, secret: Option<&Secret>) -> Result<(), Error> {
        match secret {
            Some(secret) if is_local(token) => {
                in_turn(|| self.ask(|client| client.unlock(secret, &UnlockOptions::default())))
            }
            secret => self.ask(|client| {
                let pin = secret.map(Secret::to_descriptor).transpose()?;
                // The program saw `CKF_USER_PIN_FINAL_TRY`, and gives a PIN nevertheless.
                let options =
                    UnlockTokenOptions { pin, last_try: Some(true), ..UnlockTokenOptions::default() };
                client.unlock_token(token, &options)
            }),
        }
    }

    fn change_secret(&self, token: &str, old: &Secret, new: &Secret) -> Result<(), Error> {
        if is_local(token) {
            return in_turn(|| self.ask(|client| client.change_passphrase(old, new)));
        }
        let options = ChangePinOptions { last_try: Some(true) };
        self.ask(|client| client.change_pin(token, old, new, &options))
    }

    fn unblock(&self, token: &str, puk: &Secret, new: &Secret) -> Result<(), Error> {
        self.ask(|client| client.unblock_pin(token, puk, new))
    }

    fn sign(&self, key: &str, mechanism: &str, data: &[u8], options: &SignOptions) -> Result<Vec<u8>, Error> {
        self.read(|client| client.sign(key, mechanism, data, options))
    }

    fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: &DecryptOptions,
    ) -> Result<Secret, Error> {
        self.read(|client| client.decrypt(key, mechanism, data, options))
    }

    fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &[u8],
        options: &DeriveOptions,
    ) -> Result<Secret, Error> {
        self.read(|client| client.derive(key, mechanism, peer, options))
    }

    fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &[u8],
        options: &DecapsulateOptions,
    ) -> Result<Secret, Error> {
        self.read(|client| client.decapsulate(key, mechanism, ciphertext, options))
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
        let idle = self.watching().idle.pop();
        let Some((number, mut watch)) = idle else {
            // What happened before nobody told: it is looked at once, before anything is waited for.
            let watch = Watch::on(&self.bus)?;
            let mut watching = self.watching();
            watching.last += 1;
            let number = watching.last;
            watching.interrupts.insert(number, watch.interrupt());
            watching.idle.push((number, watch));
            return Ok(());
        };
        let event = watch.next_within(WAIT);
        let mut watching = self.watching();
        match event {
            Ok(Some(Event::Gone)) | Err(_) => drop(watching.interrupts.remove(&number)),
            Ok(_) => watching.idle.push((number, watch)),
        }
        event.map(drop)
    }

    fn interrupt(&self) {
        self.watching().interrupts.values().for_each(Interrupt::interrupt);
    }
}

/// The local store is named as the daemon names it; whatever has another name is a card or a phone.
fn is_local(token: &str) -> bool {
    token == "local" || token.starts_with("local:")
}

/// The most connections that are kept: the daemon allows eight channels to a user.
const KEPT: usize = 4;

/// How long one wait for an event takes.
const WAIT: Duration = Duration::from_millis(500);

/// How long a check of a pass phrase waits for others of the same user. Each takes about half a second.
const TURN: Duration = Duration::from_secs(20);

/// How long it waits before it asks again.
const LOOK: Duration = Duration::from_millis(50);
