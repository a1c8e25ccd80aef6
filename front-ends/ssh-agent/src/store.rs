//! The key store, as the agent sees it.

use claviger_client::{Error, KeyRow, Secret};

use crate::protocol::{PublicKey, Scheme};

/// What the agent asks of the key store.
pub trait Store: Send + Sync + 'static {
    /// Returns the ids and attributes of the user's keys.
    fn list(&self) -> impl Future<Output = Result<Vec<(String, KeyRow)>, Error>> + Send;

    /// Signs; ECDSA as r || s. Given up when the future is dropped.
    fn sign(&self, job: Job<'_>) -> impl Future<Output = Result<Vec<u8>, Error>> + Send;

    /// Takes a private key in, DER PKCS#8, and returns its id.
    fn import(&self, key: &Secret, label: &str) -> impl Future<Output = Result<String, Error>> + Send;

    /// Has its owner asked at each use of a key.
    fn ask_always(&self, key: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes a key for good.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Returns true where that is a signature by that key.
    fn verify(
        &self,
        key: &PublicKey,
        scheme: Scheme,
        data: &[u8],
        signature: &[u8],
    ) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// One signature.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The key's id.
    pub key: &'a str,
    /// For example `EDDSA`.
    pub mechanism: &'static str,
    /// What to sign.
    pub data: &'a [u8],
    /// What it is for, for the person who is asked.
    pub reason: Option<&'a str>,
    /// The person is to be asked in any case.
    pub confirm: bool,
    /// True where it is likely that nobody has to be asked: it is tried without, first.
    pub is_quiet: bool,
}
