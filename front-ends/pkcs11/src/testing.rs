//! A key store for the tests of the frame: it has what it is given, and remembers what it was asked.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use claviger_client::{
    Bus, ByteBuf, CallError, CertificateOptions, Client, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, Error, ErrorName, KeyRow, NewKeyOptions, Secret, SignOptions, TokenRow, VerifyOptions,
};

use crate::state::Module;
use crate::store::Store;
use crate::template::Template;

/// The store; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct House(Arc<Mutex<Inside>>, Arc<Condvar>);

/// What is in it.
#[derive(Default)]
pub(crate) struct Inside {
    pub(crate) tokens: Vec<(String, TokenRow)>,
    pub(crate) keys: Vec<(String, KeyRow)>,
    pub(crate) chains: Vec<(String, Vec<Vec<u8>>)>,
    /// What it was asked to do, one line each.
    pub(crate) asked: Vec<String>,
    /// What it refuses everything but lists with.
    pub(crate) refuses: Option<ErrorName>,
    /// True where its bus cannot be reached for a reason of this process's.
    pub(crate) no_bus: bool,
    /// How often it was asked for its tokens.
    pub(crate) lists: usize,
    /// How often it told of a change, and how often it had when it was asked for its tokens last.
    changes: usize,
    listed: usize,
    interrupted: bool,
    /// Held to keep those in who wait or sign.
    pub(crate) door: Arc<Mutex<()>>,
}

/// How long a test waits for what should come.
const DEADLINE: Duration = Duration::from_secs(30);

/// The PIN of every token.
pub(crate) const PIN: &[u8] = b"123456";

/// A P-256 and an RSA-2048 key of openssl's making, and a certificate of the latter.
pub(crate) const P256: &[u8] = include_bytes!("testing/p256.spki.der");
pub(crate) const RSA: &[u8] = include_bytes!("testing/rsa.spki.der");
pub(crate) const CERTIFICATE: &[u8] = include_bytes!("testing/rsa.certificate.der");

/// The keys' ids.
pub(crate) const P256_ID: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const RSA_ID: &str = "00112233445566778899aabbccddeeff";

/// The tokens' ids.
pub(crate) const LOCAL: &str = "local:1000";
pub(crate) const CARD: &str = "card:piv:1";

impl House {
    /// Makes a store with a local P-256 key and an RSA key on a card, and the module over it.
    pub(crate) fn furnished() -> (Self, Module) {
        let house = Self::default();
        *house.inside() = Inside {
            tokens: vec![
                (LOCAL.to_owned(), token("local", "local key store")),
                (CARD.to_owned(), TokenRow { tries_left: Some(3), ..token("card", "badge") }),
            ],
            keys: vec![
                (P256_ID.to_owned(), key("mine", "P-256", P256, LOCAL)),
                (RSA_ID.to_owned(), key("badge", "RSA-2048", RSA, CARD)),
            ],
            ..Inside::default()
        };
        (house.clone(), Module::new(Box::new(house)))
    }

    /// Returns what is in it.
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// Says whether the card is there.
    pub(crate) fn put_card(&self, presence: &str) {
        self.inside().tokens[1].1.presence = presence.to_owned();
        self.tell();
    }

    /// Tells those who wait that something changed.
    pub(crate) fn tell(&self) {
        self.inside().changes += 1;
        self.1.notify_all();
    }

    /// Waits until it was asked for its tokens so often.
    pub(crate) fn wait_for_lists(&self, lists: usize) {
        let waits = |inside: &mut Inside| inside.lists < lists;
        let (_inside, timeout) = self.1.wait_timeout_while(self.inside(), DEADLINE, waits).unwrap();
        assert!(!timeout.timed_out(), "nobody asked");
    }

    /// Returns how often it was asked for something that begins so.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.inside().asked.iter().filter(|line| line.starts_with(what)).count()
    }

    /// Waits until it was asked for something that begins so.
    pub(crate) fn wait_for(&self, what: &str) {
        let waits = |inside: &mut Inside| !inside.asked.iter().any(|line| line.starts_with(what));
        let (_inside, timeout) = self.1.wait_timeout_while(self.inside(), DEADLINE, waits).unwrap();
        assert!(!timeout.timed_out(), "nobody asked");
    }

    /// Leaves by the door, when nobody holds it.
    fn leave(&self) {
        let door = self.inside().door.clone();
        drop(door.lock().unwrap());
    }

    /// Refuses to spend a card's last try.
    fn spare(&self, token: &str, last_try: bool) -> Result<(), Error> {
        let inside = self.inside();
        let row = inside.tokens.iter().find(|(id, _)| id == token).map(|(_, row)| row);
        let is_last = row.is_some_and(|row| row.tries_left == Some(1));
        if is_last && !last_try { Err(refusal(ErrorName::PinNeeded)) } else { Ok(()) }
    }

    fn ask(&self, what: String) -> Result<MutexGuard<'_, Inside>, Error> {
        let mut inside = self.inside();
        inside.asked.push(what);
        self.1.notify_all();
        if inside.no_bus {
            return Err(no_bus());
        }
        match inside.refuses {
            Some(name) => Err(refusal(name)),
            None => Ok(inside),
        }
    }
}

fn token(kind: &str, name: &str) -> TokenRow {
    TokenRow {
        kind: kind.to_owned(),
        name: name.to_owned(),
        presence: "present".to_owned(),
        enrolled: true,
        generates: vec!["P-256".to_owned()],
        ..TokenRow::default()
    }
}

/// Returns the row of a key that stands on one token.
pub(crate) fn key(label: &str, algorithm: &str, spki: &[u8], token: &str) -> KeyRow {
    let (usage, mechanisms): (&[&str], &[&str]) = match algorithm {
        "P-256" => (&["sign", "derive"], &["ECDSA", "ECDSA_SHA256", "ECDH1_DERIVE"]),
        _ => (&["sign", "decrypt"], &["RSA_PKCS", "SHA256_RSA_PKCS", "RSA_PKCS_OAEP"]),
    };
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    KeyRow {
        label: label.to_owned(),
        algorithm: algorithm.to_owned(),
        usage: owned(usage),
        state: "current".to_owned(),
        tokens: vec![token.to_owned()],
        pin_policies: vec!["once".to_owned()],
        present: true,
        public_key: ByteBuf::from(spki.to_vec()),
        mechanisms: owned(mechanisms),
        ..KeyRow::default()
    }
}

/// Returns a template of those attributes.
pub(crate) fn template(attributes: &[(u64, &[u8])]) -> Template {
    let owned = attributes.iter().map(|(kind, value)| (*kind, value.to_vec().into()));
    Template::new(owned.collect()).unwrap()
}

/// Returns why a bus is not reached whose path leads through a file.
fn no_bus() -> Error {
    let bus = Bus::Address("unix:path=/dev/null/bus".to_owned());
    let builder = Client::builder(&bus).tell_sockets(|_| {});
    claviger_client::blocking::Client::build(builder).err().unwrap()
}

fn refusal(name: ErrorName) -> Error {
    Error::Refused(CallError::new(name, "cannot do it: the test's key store says no"))
}

impl Store for House {
    fn list_tokens(&self) -> Result<Vec<(String, TokenRow)>, Error> {
        let mut inside = self.inside();
        if inside.no_bus {
            return Err(no_bus());
        }
        inside.lists += 1;
        inside.listed = inside.changes;
        self.1.notify_all();
        Ok(inside.tokens.clone())
    }

    fn list_keys(&self) -> Result<Vec<(String, KeyRow)>, Error> {
        Ok(self.inside().keys.clone())
    }

    fn certificates(&self, key: &str) -> Result<Vec<Vec<u8>>, Error> {
        let inside = self.inside();
        let chain = inside.chains.iter().find(|(id, _)| id == key);
        Ok(chain.map(|(_, chain)| chain.clone()).unwrap_or_default())
    }

    fn unlock(&self, token: &str, secret: Option<&Secret>, last_try: bool) -> Result<(), Error> {
        self.spare(token, last_try)?;
        drop(self.ask(format!("unlock {token}"))?);
        match secret {
            Some(pin) if pin.as_bytes() != PIN => Err(refusal(ErrorName::BadPin)),
            Some(_) | None => Ok(()),
        }
    }

    fn change_secret(&self, token: &str, old: &Secret, _new: &Secret, last_try: bool) -> Result<(), Error> {
        self.spare(token, last_try)?;
        drop(self.ask(format!("change {token}"))?);
        if old.as_bytes() == PIN { Ok(()) } else { Err(refusal(ErrorName::BadPin)) }
    }

    fn unblock(&self, token: &str, puk: &Secret, _new: &Secret) -> Result<(), Error> {
        drop(self.ask(format!("unblock {token}"))?);
        if puk.as_bytes() == b"12345678" { Ok(()) } else { Err(refusal(ErrorName::BadPin)) }
    }

    fn sign(
        &self,
        key: &str,
        mechanism: &str,
        _data: &[u8],
        options: &SignOptions,
    ) -> Result<Vec<u8>, Error> {
        drop(self.ask(format!("sign {key} {mechanism} at {}", options.token.as_deref().unwrap_or("any")))?);
        self.leave();
        Ok(vec![0x5a; if key == P256_ID { 64 } else { 256 }])
    }

    fn decrypt(&self, key: &str, _: &str, _data: &[u8], options: &DecryptOptions) -> Result<Secret, Error> {
        drop(self.ask(format!("decrypt {key} at {}", options.token.as_deref().unwrap_or("any")))?);
        Ok(Secret::new(b"the plain text".to_vec()))
    }

    fn derive(&self, key: &str, _: &str, _peer: &[u8], options: &DeriveOptions) -> Result<Secret, Error> {
        drop(self.ask(format!("derive {key} at {}", options.token.as_deref().unwrap_or("any")))?);
        Ok(Secret::new(vec![0x33; 32]))
    }

    fn decapsulate(&self, _: &str, _: &str, _: &[u8], _: &DecapsulateOptions) -> Result<Secret, Error> {
        Err(refusal(ErrorName::MechanismNotSupported))
    }

    fn generate_key(&self, algorithm: &str, options: &NewKeyOptions) -> Result<String, Error> {
        let mut inside =
            self.ask(format!("generate {algorithm} {:?} {:?}", options.location, options.usage))?;
        let id = "fedcba9876543210fedcba9876543210".to_owned();
        let label = options.label.clone().unwrap_or_default();
        inside.keys.push((id.clone(), key(&label, algorithm, P256, LOCAL)));
        Ok(id)
    }

    fn import_key(&self, private_key: &Secret, options: &NewKeyOptions) -> Result<String, Error> {
        let first = private_key.as_bytes().first().copied();
        let mut inside = self.ask(format!("import {first:?} {:?}", options.label))?;
        let id = "aaaabbbbccccddddaaaabbbbccccdddd".to_owned();
        inside.keys.push((id.clone(), key("imported", "P-256", P256, LOCAL)));
        Ok(id)
    }

    fn delete_key(&self, key: &str) -> Result<(), Error> {
        self.ask(format!("delete {key}"))?.keys.retain(|(id, _)| id != key);
        Ok(())
    }

    fn set_label(&self, key: &str, label: &str) -> Result<(), Error> {
        let mut inside = self.ask(format!("label {key} {label}"))?;
        inside.keys.iter_mut().filter(|(id, _)| id == key).for_each(|(_, row)| row.label = label.to_owned());
        Ok(())
    }

    fn set_certificate(&self, key: &str, value: &[u8], options: &CertificateOptions) -> Result<(), Error> {
        let mut inside = self.ask(format!("certify {key} {}", value.len()))?;
        let own = (!value.is_empty()).then(|| ByteBuf::from(value.to_vec()));
        for (_, row) in inside.keys.iter_mut().filter(|(id, _)| id == key) {
            row.certificate.clone_from(&own);
        }
        let above = options.chain.iter().flatten().map(|above| above.to_vec());
        let chain = own.iter().map(|own| own.to_vec()).chain(above).collect();
        inside.chains.retain(|(id, _)| id != key);
        inside.chains.push((key.to_owned(), chain));
        Ok(())
    }

    fn verify(
        &self,
        _: &[u8],
        _: &str,
        _: &[u8],
        signature: &[u8],
        _: &VerifyOptions,
    ) -> Result<bool, Error> {
        drop(self.ask("verify".to_owned())?);
        Ok(signature.iter().all(|byte| *byte == 0x5a))
    }

    fn encrypt(&self, _: &[u8], _: &str, _: &[u8], _: &EncryptOptions) -> Result<Vec<u8>, Error> {
        drop(self.ask("encrypt".to_owned())?);
        Ok(vec![0xa5; 256])
    }

    fn encapsulate(&self, _: &[u8], _: &str) -> Result<(Vec<u8>, Secret), Error> {
        Err(refusal(ErrorName::MechanismNotSupported))
    }

    fn random(&self, length: u32, _token: Option<&str>) -> Result<Secret, Error> {
        Ok(Secret::new(vec![4; length as usize]))
    }

    fn wait_for_change(&self) -> Result<(), Error> {
        let inside = self.inside();
        let waits = |inside: &mut Inside| inside.changes == inside.listed && !inside.interrupted;
        drop(self.1.wait_while(inside, waits).unwrap());
        self.leave();
        Ok(())
    }

    fn interrupt(&self) {
        let mut inside = self.inside();
        inside.asked.push("interrupt".to_owned());
        inside.interrupted = true;
        self.1.notify_all();
    }
}
