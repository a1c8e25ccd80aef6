use std::sync::{Mutex, PoisonError};

use claviger_client::{
    Bus, Client, Error, ErrorName, KeyFilter, KeyRow, NewKeyOptions, Secret, SignOptions, VerifyOptions,
};

use crate::der;
use crate::protocol::{PublicKey, Scheme};
use crate::store::{Job, Store};

/// The key store behind the bus. A bus that went away is looked for again at the next call.
pub(crate) struct Daemon {
    bus: Bus,
    client: Mutex<Option<Client>>,
}

impl Daemon {
    /// Connects when it is first needed.
    pub(crate) const fn on(bus: Bus) -> Self {
        Self { bus, client: Mutex::new(None) }
    }

    async fn client(&self) -> Result<Client, Error> {
        if let Some(client) = &*self.client.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(client.clone());
        }
        let client = Client::connect(&self.bus).await?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }

    /// Makes sure that a connection which failed is not used again.
    fn judged<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        if let Err(Error::NoBus(_) | Error::Lost(_) | Error::Protocol(_)) = &answer {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        answer
    }

    /// Signs where a person may be asked: over a connection of its own, whose end takes the question back.
    async fn sign_patiently(&self, job: Job<'_>) -> Result<Vec<u8>, Error> {
        let client = Client::builder(&self.bus).without_channel().connect().await?;
        client.sign(job.key, job.mechanism, job.data, &options(job, false)).await
    }
}

impl Store for Daemon {
    async fn list(&self) -> Result<Vec<(String, KeyRow)>, Error> {
        let client = self.client().await?;
        let answer = self.judged(client.list_keys(&KeyFilter::default()).await);
        match answer {
            // Nothing was changed: what ended is begun anew.
            Err(Error::NoBus(_) | Error::Lost(_)) => {
                let client = self.client().await?;
                self.judged(client.list_keys(&KeyFilter::default()).await)
            }
            answer => answer,
        }
    }

    async fn sign(&self, job: Job<'_>) -> Result<Vec<u8>, Error> {
        if !job.is_quiet || job.confirm {
            return self.sign_patiently(job).await;
        }
        let client = self.client().await?;
        let answer = self.judged(client.sign(job.key, job.mechanism, job.data, &options(job, true)).await);
        match &answer {
            Err(Error::Refused(refusal)) if wants_a_person(refusal.name) => self.sign_patiently(job).await,
            Err(Error::Lost(_)) => self.sign_patiently(job).await,
            _ => answer,
        }
    }

    async fn import(&self, key: &Secret, label: &str) -> Result<String, Error> {
        let label = Some(label.to_owned()).filter(|label| !label.is_empty());
        let usage = Some(vec!["sign".to_owned()]);
        let location = Some("local".to_owned());
        let options = NewKeyOptions { label, usage, location, ..NewKeyOptions::default() };
        self.judged(self.client().await?.import_key(key, &options).await)
    }

    async fn ask_always(&self, key: &str) -> Result<(), Error> {
        self.judged(self.client().await?.set_confirm(key, "always").await)
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.judged(self.client().await?.delete_key(key).await)
    }

    async fn verify(
        &self,
        key: &PublicKey,
        scheme: Scheme,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        let spki = der::to_spki(key).map_err(|error| Error::Local("verify", std::io::Error::other(error)))?;
        let client = self.client().await?;
        let options = VerifyOptions::default();
        self.judged(client.verify(&spki, scheme.mechanism, data, signature, &options).await)
    }
}

fn options(job: Job<'_>, no_prompt: bool) -> SignOptions {
    SignOptions {
        no_prompt: no_prompt.then_some(true),
        reason: job.reason.map(str::to_owned),
        confirm: job.confirm.then_some(true),
        ..SignOptions::default()
    }
}

/// Returns true where the same could be done after asking somebody.
fn wants_a_person(name: ErrorName) -> bool {
    matches!(
        name,
        ErrorName::Locked
            | ErrorName::PinNeeded
            | ErrorName::UserPresenceNeeded
            | ErrorName::InteractiveAuthorizationRequired
    )
}
