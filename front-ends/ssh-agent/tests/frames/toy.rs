//! A key store in memory: Ed25519 keys that sign, and keys of other kinds with one signature each.

use std::sync::{Arc, Mutex};

use claviger_client::{ByteBuf, CallError, Error, ErrorName, KeyRow, Secret};
use claviger_ssh_agent::der;
use claviger_ssh_agent::protocol::{Curve, PublicKey, Scheme};
use claviger_ssh_agent::store::{Job, Store};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use tokio::sync::Notify;

/// The store.
#[derive(Default)]
pub(crate) struct Toy {
    keys: Mutex<Vec<(String, KeyRow, Signs)>>,
    reasons: Mutex<Vec<String>>,
    /// What is refused.
    refuses: Mutex<Vec<ErrorName>>,
    /// Keys that are not deleted.
    stubborn: Mutex<Vec<String>>,
    /// Imports wait for this, once it is there.
    gate: Mutex<Option<Arc<Gate>>>,
}

/// Where a key waits on its way in.
#[derive(Default)]
pub(crate) struct Gate {
    /// It is there.
    pub(crate) reached: Notify,
    /// It may go on.
    pub(crate) open: Notify,
}

enum Signs {
    /// With this.
    Ed25519(Box<Ed25519KeyPair>),
    /// Always that.
    Fixed(Vec<u8>),
}

impl Toy {
    /// Has a key of each kind whose signature is made up: numbers with the top bit set, and with zeros before them.
    pub(crate) fn with_fixed_keys() -> Self {
        let toy = Self::default();
        for (curve, mechanism) in Curve::ALL.into_iter().zip(["ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512"])
        {
            let size = curve.size();
            let point = [vec![4], vec![0x11; size], vec![0x22; size]].concat();
            let signature = [vec![0xff; size], vec![0; 2], vec![0x7f; size - 2]].concat();
            let key = PublicKey::Ecdsa(curve, point);
            toy.keep(curve.ssh_name(), &key, &[mechanism], Signs::Fixed(signature));
        }
        let modulus = [vec![0xc3; 255], vec![1]].concat();
        let key = PublicKey::Rsa { exponent: vec![1, 0, 1], modulus };
        let signature = [vec![0; 2], vec![0x44; 254]].concat();
        toy.keep("rsa", &key, &["SHA256_RSA_PKCS", "SHA512_RSA_PKCS"], Signs::Fixed(signature));
        toy
    }

    /// Returns what signatures were said to be for.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.reasons.lock().unwrap().clone()
    }

    /// Takes the keys of another store.
    pub(crate) fn take(&self, other: &Self) {
        self.keys.lock().unwrap().append(&mut other.keys.lock().unwrap());
    }

    /// Returns ids, labels and policies of the keys.
    pub(crate) fn rows(&self) -> Vec<(String, KeyRow)> {
        self.keys.lock().unwrap().iter().map(|(id, row, _)| (id.clone(), row.clone())).collect()
    }

    /// Returns the labels of the keys.
    pub(crate) fn labels(&self) -> Vec<String> {
        self.rows().into_iter().map(|(_, row)| row.label).collect()
    }

    /// Changes what the store says of the first key.
    pub(crate) fn change(&self, change: impl FnOnce(&mut KeyRow)) {
        change(&mut self.keys.lock().unwrap()[0].1);
    }

    /// Refuses imports from now on with that, or does not any more.
    pub(crate) fn refuse(&self, name: Option<ErrorName>) {
        *self.refuses.lock().unwrap() = name.into_iter().collect();
    }

    /// Deletes no key of that label from now on.
    pub(crate) fn hold(&self, label: &str) {
        self.stubborn.lock().unwrap().push(label.to_owned());
    }

    /// Deletes every key again.
    pub(crate) fn release(&self) {
        self.stubborn.lock().unwrap().clear();
    }

    /// Has imports wait.
    pub(crate) fn gate(&self) -> Arc<Gate> {
        self.gate.lock().unwrap().insert(Arc::default()).clone()
    }

    fn keep(&self, label: &str, key: &PublicKey, mechanisms: &[&str], signs: Signs) -> String {
        let mut keys = self.keys.lock().unwrap();
        let last = keys.last().map_or(0, |(id, ..)| u128::from_str_radix(id, 16).unwrap());
        let id = format!("{:032x}", last + 1);
        let row = KeyRow {
            label: label.to_owned(),
            usage: vec!["sign".to_owned()],
            state: "current".to_owned(),
            location: vec!["local".to_owned()],
            public_key: ByteBuf::from(der::to_spki(key).expect("a key")),
            mechanisms: mechanisms.iter().map(|name| (*name).to_owned()).collect(),
            ..KeyRow::default()
        };
        keys.push((id.clone(), row, signs));
        id
    }
}

fn refused(name: ErrorName) -> Error {
    Error::Refused(CallError::new(name, "cannot: it is a toy"))
}

impl Store for Toy {
    async fn list(&self) -> Result<Vec<(String, KeyRow)>, Error> {
        Ok(self.rows())
    }

    async fn sign(&self, job: Job<'_>) -> Result<Vec<u8>, Error> {
        self.reasons.lock().unwrap().extend(job.reason.map(str::to_owned));
        let keys = self.keys.lock().unwrap();
        let (_, row, signs) =
            keys.iter().find(|(id, ..)| id == job.key).ok_or_else(|| refused(ErrorName::NoSuchKey))?;
        assert!(row.mechanisms.iter().any(|mechanism| mechanism == job.mechanism), "{}", job.mechanism);
        Ok(match signs {
            Signs::Ed25519(pair) => pair.sign(job.data).as_ref().to_vec(),
            Signs::Fixed(signature) => signature.clone(),
        })
    }

    async fn import(&self, key: &Secret, label: &str) -> Result<String, Error> {
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.reached.notify_one();
            gate.open.notified().await;
        }
        if let Some(name) = self.refuses.lock().unwrap().first() {
            return Err(refused(*name));
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes());
        let pair = pair.map_err(|_| refused(ErrorName::DataInvalid))?;
        let public = PublicKey::Ed25519(pair.public_key().as_ref().try_into().unwrap());
        let spki = der::to_spki(&public).expect("a key");
        let is_same = |row: &KeyRow| *row.public_key == *spki || (!label.is_empty() && row.label == label);
        if self.rows().iter().any(|(_, row)| is_same(row)) {
            return Err(refused(ErrorName::AlreadyExists));
        }
        Ok(self.keep(label, &public, &["EDDSA"], Signs::Ed25519(Box::new(pair))))
    }

    async fn ask_always(&self, key: &str) -> Result<(), Error> {
        let mut keys = self.keys.lock().unwrap();
        let found =
            keys.iter_mut().find(|(id, ..)| id == key).ok_or_else(|| refused(ErrorName::NoSuchKey))?;
        found.1.confirm = Some("always".to_owned());
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let mut keys = self.keys.lock().unwrap();
        let is_held = |label: &String| self.stubborn.lock().unwrap().contains(label);
        if keys.iter().any(|(id, row, _)| id == key && is_held(&row.label)) {
            return Err(refused(ErrorName::Locked));
        }
        let before = keys.len();
        keys.retain(|(id, ..)| id != key);
        if keys.len() < before { Ok(()) } else { Err(refused(ErrorName::NoSuchKey)) }
    }

    async fn verify(
        &self,
        key: &PublicKey,
        _scheme: Scheme,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        match key {
            PublicKey::Ed25519(key) => {
                Ok(UnparsedPublicKey::new(&ED25519, key).verify(data, signature).is_ok())
            }
            PublicKey::Ecdsa(..) | PublicKey::Rsa { .. } => Err(refused(ErrorName::NotSupported)),
        }
    }
}
