//! What is physically possible here: the raw signature, the bare durable update.

use std::path::Path;
use std::time::{Duration, Instant};

use aws_lc_rs::{digest, rsa, signature as aws};
use ring::{rand, signature as ring_signature};
use rusqlite::{Connection, params};

use crate::error::Error;
use crate::stats::Series;

/// Signs with the libraries themselves, in this thread.
pub(crate) struct RawSigner {
    ring_p256: ring_signature::EcdsaKeyPair,
    p256: aws::EcdsaKeyPair,
    ed25519: aws::Ed25519KeyPair,
    rsa: aws::RsaKeyPair,
    random: rand::SystemRandom,
}

/// What one raw signature takes, in microseconds.
pub(crate) struct RawTimes {
    pub(crate) ring_p256: f64,
    pub(crate) p256: f64,
    pub(crate) ed25519: f64,
    pub(crate) rsa: f64,
}

impl RawSigner {
    /// Makes the keys.
    pub(crate) fn new() -> Result<Self, Error> {
        let refused = |_| Error::Cryptography("make keys of its own");
        let random = rand::SystemRandom::new();
        let kind = &ring_signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = ring_signature::EcdsaKeyPair::generate_pkcs8(kind, &random).map_err(refused)?;
        Ok(Self {
            ring_p256: ring_signature::EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random)
                .map_err(|_| Error::Cryptography("read a key of its own"))?,
            p256: aws::EcdsaKeyPair::generate(&aws::ECDSA_P256_SHA256_FIXED_SIGNING)
                .map_err(|_| Error::Cryptography("make a P-256 key"))?,
            ed25519: aws::Ed25519KeyPair::generate()
                .map_err(|_| Error::Cryptography("make an Ed25519 key"))?,
            rsa: aws::RsaKeyPair::generate(rsa::KeySize::Rsa2048)
                .map_err(|_| Error::Cryptography("make an RSA key"))?,
            random,
        })
    }

    /// Takes the time of each kind of signature.
    pub(crate) fn time(&self) -> Result<RawTimes, Error> {
        let digest = digest::digest(&digest::SHA256, &[3; 32]);
        let aws_random = aws_lc_rs::rand::SystemRandom::new();
        let mut room = vec![0; self.rsa.public_modulus_len()];
        Ok(RawTimes {
            ring_p256: micros_each(|| self.ring_p256.sign(&self.random, &[3; 32]).is_ok())?,
            p256: micros_each(|| self.p256.sign_digest(&digest).is_ok())?,
            ed25519: micros_each(|| self.ed25519.try_sign(&[3; 32]).is_ok())?,
            rsa: micros_each(|| {
                self.rsa.sign(&aws::RSA_PKCS1_SHA256, &aws_random, &[3; 32], &mut room).is_ok()
            })?,
        })
    }
}

fn micros_each(mut sign: impl FnMut() -> bool) -> Result<f64, Error> {
    let began = Instant::now();
    let mut done = 0;
    while began.elapsed() < Duration::from_millis(40) {
        if !sign() {
            return Err(Error::Cryptography("sign"));
        }
        done += 1;
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / f64::from(done))
}

/// A bare SQLite file, opened as the daemon opens its table (WAL, `synchronous=FULL`, exclusive), with the daemon's
/// table of keys: an update of a label writes the same two pages.
pub(crate) struct BareTable(Connection);

impl BareTable {
    /// Makes one of a few rows in `folder`.
    pub(crate) fn create(folder: &Path) -> Result<Self, Error> {
        let db = Connection::open(folder.join("bare.sqlite"))?;
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        db.pragma_update_and_check(None, "secure_delete", "ON", |_| Ok(()))?;
        db.execute_batch(SCHEMA)?;
        let bare = Self(db);
        // A log that still grows costs the file system more than one that is written over and over: SQLite begins
        // anew after 1,000 pages.
        bare.0.pragma_update(None, "synchronous", "OFF")?;
        (0..600).try_for_each(|turn| bare.update(turn))?;
        bare.0.pragma_update(None, "synchronous", "FULL")?;
        Ok(bare)
    }

    /// Takes the time of durable updates, one row each; returns their median, in microseconds.
    pub(crate) fn time_update(&self, for_so_long: Duration) -> Result<f64, Error> {
        let mut each = Series::default();
        let until = Instant::now() + for_so_long;
        for turn in 0.. {
            let began = Instant::now();
            if began >= until {
                break;
            }
            self.update(turn)?;
            each.push(began.elapsed().as_secs_f64() * 1e6);
        }
        Ok(each.median())
    }

    fn update(&self, turn: u64) -> Result<(), Error> {
        let mut update = self.0.prepare_cached("UPDATE key SET label = ?3 WHERE id = ?1 AND uid = ?2")?;
        update.execute(params![format!("{:032x}", 2), 1002, format!("label {turn}")])?;
        Ok(())
    }
}

const SCHEMA: &str = "
    CREATE TABLE key (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, uid INTEGER NOT NULL, user_name TEXT NOT NULL,
        label TEXT NOT NULL, algorithm TEXT NOT NULL, usage TEXT NOT NULL, public_key BLOB NOT NULL,
        state TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER
    ) STRICT;
    CREATE INDEX key_of_user ON key (uid);
    CREATE UNIQUE INDEX key_label ON key (uid, label) WHERE label <> '' AND state = 'current';
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4)
    INSERT INTO key (id, uid, user_name, label, algorithm, usage, public_key, state, created)
        SELECT printf('%032x', i), 1000 + i, 'user', 'label', 'P-256', 'sign,derive', randomblob(91), 'current', 0
        FROM n;
";
