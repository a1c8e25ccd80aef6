use claviger_client::{Error, ErrorName};

use crate::clock::Now;
use crate::protocol::{PublicKey, Purpose, signature_blob};
use crate::reason::reason;
use crate::sessions::Sessions;
use crate::store::{Job, Store};

use super::refusal::Refusal;
use super::{Agent, held};

/// What a client wants to be signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The key or certificate, as the client named it.
    pub(super) blob: &'a [u8],
    /// The key.
    pub(super) key: &'a PublicKey,
    /// What to sign.
    pub(super) data: &'a [u8],
    /// How.
    pub(super) flags: u32,
}

impl<S: Store> Agent<S> {
    /// Signs, and returns the signature as ssh has it.
    pub(super) async fn sign(&self, sessions: &Sessions, wanted: Wanted<'_>) -> Result<Vec<u8>, Refusal> {
        let Wanted { blob, key: public, data, flags } = wanted;
        let key = self.find(public).await?.filter(|key| key.signs).ok_or(Refusal::NoSuchKey)?;
        let scheme = key.scheme(flags).ok_or_else(|| Refusal::NoSuchScheme(key.comment()))?;
        let record = self.book()?.get(&key.blob).cloned().unwrap_or_default();
        let is_hidden = |blob: &[u8]| held(&self.hidden).contains(blob);
        let now = Now::read();
        if record.is_over(&now) || is_hidden(blob) || is_hidden(&key.blob) {
            return Err(Refusal::NoSuchKey);
        }
        let purpose = Purpose::of(blob, data);
        let mut host = None;
        if !record.destinations.is_empty() {
            let login = if let Purpose::Login(login) = &purpose { Some(login) } else { None };
            let permitted = sessions.may_sign(&record.destinations, login, now.wall);
            host = Some(permitted.map_err(|why| Refusal::NotPermitted(key.comment(), why))?);
        }
        let reason = reason(&purpose, sessions, &self.settings.folders, host);
        self.journal.detail(format_args!("{}: {}", key.comment(), reason.as_deref().unwrap_or("sign")));
        let job = Job {
            key: &key.id,
            mechanism: scheme.mechanism,
            data,
            reason: reason.as_deref(),
            // What another machine asks for, its user may know nothing of.
            confirm: record.confirm || sessions.is_forwarded(),
            is_quiet: key.is_quiet,
        };
        match self.store.sign(job).await {
            Ok(signature) => {
                let written = signature_blob(public, scheme, &signature);
                written.ok_or_else(|| Refusal::NoSuchScheme(key.comment()))
            }
            Err(error) => {
                if let Error::Refused(refusal) = &error
                    && refusal.name == ErrorName::NoSuchKey
                {
                    self.forget_keys();
                }
                Err(Refusal::Store("sign with", key.comment(), error))
            }
        }
    }
}
