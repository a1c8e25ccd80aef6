//! A key store in memory: Ed25519 keys that sign, and keys of other kinds with one signature each.

use std::sync::Mutex;

use claviger_client::{ByteBuf, CallError, Error, ErrorName, KeyRow, Secret};
use claviger_ssh_agent::der;
use claviger_ssh_agent::protocol::{Curve, PublicKey, Scheme};
use claviger_ssh_agent::store::{Job, Store};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

/// The store.
#[derive(Default)]
pub(crate) struct Toy {
    keys: Mutex<Vec<(String, KeyRow, Signs)>>,
    reasons: Mutex<Vec<String>>,
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
            toy.keep(curve.name(), &key, &[mechanism], Signs::Fixed(signature));
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

    fn keep(&self, label: &str, key: &PublicKey, mechanisms: &[&str], signs: Signs) -> String {
        let mut keys = self.keys.lock().unwrap();
        let id = format!("{:032x}", keys.len() + 1);
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
        Ok(self.keys.lock().unwrap().iter().map(|(id, row, _)| (id.clone(), row.clone())).collect())
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
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes());
        let pair = pair.map_err(|_| refused(ErrorName::DataInvalid))?;
        let public = PublicKey::Ed25519(pair.public_key().as_ref().try_into().unwrap());
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
