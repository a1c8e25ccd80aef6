//! Parsers of outside bytes under changed input: no panic, and what is accepted makes sense.
//!
//! The same seed every time; the fuzz targets (tests/fuzz) look further.

#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod common;

use claviger_soft::{
    ConsentSeal, Cost, KeySlots, algorithm_of, check_digest_info, digest, digest_info, ecdsa_der_to_raw,
    ecdsa_raw_to_der, encapsulate, encrypt, import_with, open_record, verify,
};
use claviger_token::{Algorithm, Hash, KeyHandle, Mechanism, Parameters, TokenError};
use common::{Store, binding, secret};

/// How often each parser is tried.
const ROUNDS: usize = 20_000;

#[test]
fn key_slots_never_panic_and_are_written_as_they_were_read() {
    let store = common::store();
    let (slots, _) =
        KeySlots::from_bytes(&store.slots).unwrap().with_recovery_code(&store.data_key, Cost::FLOOR).unwrap();
    let bytes = slots.to_bytes();
    let mut random = Random::new(1);
    for _ in 0..ROUNDS {
        let mut changed = random.change(&bytes);
        if let Some(body) = changed.len().checked_sub(32).filter(|_| random.below(4) > 0) {
            // With a right sum the rest of the parser is reached.
            let sum = digest(Hash::Sha256, &changed[..body]);
            changed[body..].copy_from_slice(&sum);
        }
        if let Ok(slots) = KeySlots::from_bytes(&changed) {
            assert_eq!(slots.to_bytes(), changed);
            let _id = slots.host_id();
        }
    }
}

#[test]
fn records_and_consent_seals_that_were_changed_never_open() {
    let store = common::store();
    let handle = store.generate(Algorithm::P256, 1);
    let record = handle.record.unwrap();
    let sealed = ConsentSeal::seal(&store.slots, &secret(b"PHRASE"), Cost::FLOOR).unwrap();
    let mut random = Random::new(2);
    for _ in 0..ROUNDS {
        let changed = random.change(&record);
        let opened = open_record(&store.data_key, &handle.binding, &handle.info.public_key, &changed);
        assert!(changed == *record || matches!(opened, Err(TokenError::Damaged(_))));
        let changed = random.change(&sealed);
        if changed != sealed {
            assert!(ConsentSeal::open(&changed, &secret(b"PHRASE")).is_err());
        }
    }
}

#[test]
fn public_keys_never_panic_wherever_they_are_given() {
    let store = common::store();
    let keys = every_key(&store);
    let mut random = Random::new(3);
    let none = Parameters::default();
    for round in 0..ROUNDS {
        let key = &keys[round % keys.len()];
        let changed = random.change(&key.info.public_key);
        if let Ok(algorithm) = algorithm_of(&changed) {
            assert_eq!(algorithm, key.info.algorithm, "a key does not turn into another kind");
        }
        let mechanism = Mechanism::ALL[random.below(Mechanism::ALL.len())];
        assert_ne!(verify(&changed, mechanism, &none, &[1; 32], &[1; 64]), Ok(true));
        let _encrypted = encrypt(&changed, mechanism, &none, b"message");
        let _encapsulated = encapsulate(&changed);
        if Mechanism::Ecdh1Derive.fits(key.info.algorithm) {
            let _shared = store.derive(key, &changed);
        }
    }
}

#[test]
fn private_keys_never_panic_and_what_is_taken_works() {
    let store = common::store();
    let documents: Vec<_> = every_key(&store).iter().map(|key| document(&store, key)).collect();
    let mut random = Random::new(4);
    let mut taken = 0;
    for round in 0..ROUNDS {
        let changed = secret(&random.change(&documents[round % documents.len()]));
        if let Ok(made) = import_with(&store.data_key, &changed, &binding(1)) {
            taken += 1;
            assert_eq!(algorithm_of(&made.public_key), Ok(made.algorithm));
            let record = made.record.as_ref().unwrap();
            assert!(open_record(&store.data_key, &binding(1), &made.public_key, record).is_ok());
            // A new seed is a new key: it must sign what its own public key verifies.
            let key = common::handle(made, binding(1));
            if let Some(mechanism) = key.info.algorithm.default_signature() {
                let none = Parameters::default();
                let signature = store.sign(&key, mechanism, &none, b"message").unwrap();
                assert_eq!(verify(&key.info.public_key, mechanism, &none, b"message", &signature), Ok(true));
            }
        }
    }
    assert!(taken > 0, "changed seeds are keys too: the control");
}

#[test]
fn signatures_digest_infos_and_ciphertexts_never_panic() {
    let store = common::store();
    let keys = every_key(&store);
    let none = Parameters::default();
    let info = digest_info(Hash::Sha256, &[1; 32]);
    let raw = ecdsa_raw_to_der(Algorithm::P256, &[0x81; 64]).unwrap();
    let mut random = Random::new(5);
    for _ in 0..ROUNDS {
        let changed = random.change(&info);
        assert!(check_digest_info(&changed).is_err() || changed.len() == info.len());
        let changed = random.change(&raw);
        if let Ok(numbers) = ecdsa_der_to_raw(Algorithm::P256, &changed) {
            assert_eq!(
                ecdsa_raw_to_der(Algorithm::P256, &numbers),
                Ok(changed),
                "one DER for each signature"
            );
        }
    }
    for round in 0..ROUNDS / 20 {
        let key = &keys[round % keys.len()];
        let size = [0, 1, 32, 255, 256, 384, 512, 768, 1088, 1568][random.below(10)];
        let ciphertext = random.bytes(size);
        let mechanism = Mechanism::ALL[random.below(Mechanism::ALL.len())];
        let _opened = store.decrypt(key, mechanism, &none, &ciphertext);
        let _opened = store.decapsulate(key, &ciphertext);
        let _signature = store.sign(key, mechanism, &none, &ciphertext);
        let held = verify(&key.info.public_key, mechanism, &none, &[1; 32], &ciphertext);
        assert_ne!(held, Ok(true));
    }
}

/// Returns a key of every algorithm; of RSA the smallest only, for the time.
fn every_key(store: &Store) -> Vec<KeyHandle> {
    let algorithms = Algorithm::ALL.into_iter();
    let quick = algorithms.filter(|algorithm| algorithm.modulus_size().is_none_or(|size| size == 256));
    quick.enumerate().map(|(id, algorithm)| store.generate(algorithm, id as u8)).collect()
}

fn document(store: &Store, key: &KeyHandle) -> Vec<u8> {
    let record = key.record.as_ref().unwrap();
    open_record(&store.data_key, &key.binding, &key.info.public_key, record).unwrap().expose().to_vec()
}

/// Numbers that are the same every time (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }

    /// Returns the bytes with one to three changes, mostly near the front, where headers are.
    fn change(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut changed = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let reach = if self.below(2) == 0 { changed.len().min(40) } else { changed.len() };
            let at = self.below(reach);
            match self.below(6) {
                _ if changed.is_empty() => changed = self.bytes(3),
                0 => changed[at] ^= 1 << self.below(8),
                1 => changed[at] = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff][self.below(8)],
                2 => changed.truncate(at),
                3 => changed.insert(at, self.below(256) as u8),
                4 => drop(changed.remove(at)),
                _ => changed.extend_from_within(at..),
            }
        }
        changed
    }
}
