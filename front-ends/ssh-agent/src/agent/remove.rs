use std::time::Duration;

use claviger_client::{Error, ErrorName};

use crate::protocol::Identity;
use crate::store::Store;

use super::keys::Key;
use super::refusal::Refusal;
use super::{Agent, held, now};

impl<S: Store> Agent<S> {
    /// Takes a key or a certificate out: a key that came by `ssh-add` leaves the store, anything else is hidden.
    pub(super) async fn remove(&self, blob: &[u8], identity: &Identity) -> Result<(), Refusal> {
        let key = identity.key().to_blob();
        let record = self.book()?.get(&key).cloned().unwrap_or_default();
        match identity {
            Identity::Certificate(_) if record.certificates.iter().any(|known| known == blob) => {
                let changed = self.book()?.change(|records| {
                    if let Some(record) = records.get_mut(&key) {
                        record.certificates.retain(|known| known != blob);
                    }
                });
                changed.map_err(Refusal::Book)
            }
            Identity::Key(_) if record.is_ours => self.delete(&key).await,
            Identity::Key(_) | Identity::Certificate(_) => {
                self.find(identity.key()).await?.ok_or(Refusal::NoSuchKey)?;
                let is_new = held(&self.hidden).insert(blob.to_vec());
                if is_new { Ok(()) } else { Err(Refusal::NoSuchKey) }
            }
        }
    }

    /// Takes everything out: what came by `ssh-add` leaves the store, everything else is hidden.
    pub(super) async fn remove_all(&self) -> Result<(), Refusal> {
        let keys = self.look().await?;
        let ours: Vec<Vec<u8>> = {
            let book = self.book()?;
            book.records().iter().filter(|(_, record)| record.is_ours).map(|(blob, _)| blob.clone()).collect()
        };
        let others = keys.into_iter().map(|key| key.blob).filter(|blob| !ours.contains(blob));
        held(&self.hidden).extend(others);
        let mut outcome = Ok(());
        for blob in ours {
            // One that cannot be deleted keeps no other.
            outcome = outcome.and(self.delete(&blob).await);
        }
        outcome
    }

    /// Ends what is over, again and again.
    pub async fn end_lifetimes(&self) {
        loop {
            let end = held(&self.book).next_end();
            match end.map(|end| end.saturating_sub(now())) {
                Some(0) => {
                    if let Err(refusal) = self.end_what_is_over().await {
                        self.journal.say(refusal);
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                // The clock of such waits stands still while the machine sleeps: it is looked at every minute.
                Some(left) => {
                    let left = Duration::from_secs(left).min(LONGEST);
                    drop(tokio::time::timeout(left, self.changed.notified()).await);
                }
                None => self.changed.notified().await,
            }
        }
    }

    async fn end_what_is_over(&self) -> Result<(), Refusal> {
        let now = now();
        let over: Vec<(Vec<u8>, bool)> = {
            let book = self.book()?;
            let over = book.records().iter().filter(|(_, record)| record.is_over(now));
            over.map(|(blob, record)| (blob.clone(), record.is_ours)).collect()
        };
        for (blob, is_ours) in over {
            if is_ours {
                self.delete(&blob).await?;
            } else {
                held(&self.hidden).insert(blob.clone());
                self.book()?.change(|records| records.remove(&blob)).map_err(Refusal::Book)?;
            }
        }
        Ok(())
    }

    /// Deletes a key that came by `ssh-add`, first in the store.
    async fn delete(&self, blob: &[u8]) -> Result<(), Refusal> {
        let keys = self.look().await?;
        let record = self.book()?.get(blob).cloned().unwrap_or_default();
        let known = keys.into_iter().find(|key| key.blob == blob && record.is_about(&key.id));
        if let Some(Key { id, label, .. }) = known {
            match self.store.delete(&id).await {
                Ok(()) => self.forget_keys(),
                Err(Error::Refused(refusal)) if refusal.name == ErrorName::NoSuchKey => self.forget_keys(),
                Err(error) => return Err(Refusal::Store("delete", label, error)),
            }
        }
        let changed = self.book()?.change(|records| records.remove(blob));
        changed.map(drop).map_err(Refusal::Book)
    }
}

/// How long after a failure it is tried again.
const AGAIN: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(60);
