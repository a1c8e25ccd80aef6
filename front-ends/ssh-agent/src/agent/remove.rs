use std::time::Duration;

use claviger_client::{Error, ErrorName};

use crate::clock::Now;
use crate::protocol::Identity;
use crate::store::Store;

use super::keys::Key;
use super::refusal::Refusal;
use super::{Agent, held};

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

    /// Ends what is over, again and again. What cannot be ended, for example while the account is locked, is told once, and
    /// tried when somebody lists the keys and every minute.
    pub async fn end_lifetimes(&self) {
        let mut told = None;
        loop {
            let now = Now::read();
            let failure = self.end_what_is_over(&now).await.err().map(|refusal| refusal.to_string());
            if let Some(failure) = failure.as_ref().filter(|failure| told.as_ref() != Some(*failure)) {
                self.journal.say(failure);
            }
            told = failure;
            let end = held(&self.book).next_end(&now).map(Duration::from_secs);
            // The clock of such waits stands still while the machine sleeps: it is looked at every minute.
            let is_waiting = told.is_some() || !held(&self.overdue).is_empty();
            match end.or(is_waiting.then_some(LONGEST)) {
                Some(left) => {
                    drop(tokio::time::timeout(left.min(LONGEST), self.changed.notified()).await);
                }
                None => self.changed.notified().await,
            }
        }
    }

    async fn end_what_is_over(&self, now: &Now) -> Result<(), Refusal> {
        let mut outcome = Ok(());
        for (blob, is_ours) in self.what_ends(now)? {
            // One that cannot be ended keeps no other.
            outcome = outcome.and(if is_ours {
                self.delete(&blob).await
            } else {
                held(&self.hidden).insert(blob.clone());
                self.forget(&blob)
            });
        }
        outcome
    }

    /// Returns the keys whose time is over, and whether they came by `ssh-add`; without those for which that is not certain.
    fn what_ends(&self, now: &Now) -> Result<Vec<(Vec<u8>, bool)>, Refusal> {
        let (book, mut overdue) = (self.book()?, held(&self.overdue));
        let is_over = |blob: &[u8]| book.get(blob).is_some_and(|record| record.is_over(now));
        overdue.retain(is_over);
        let over = book.records().iter().filter(|(blob, _)| is_over(blob));
        let may_end = over.filter(|(blob, record)| {
            record.expires.as_ref().is_some_and(|end| overdue.may_be_deleted(blob, end, now))
        });
        Ok(may_end.map(|(blob, record)| (blob.clone(), record.is_ours)).collect())
    }

    /// Deletes a key that came by `ssh-add`, first in the store. To delete a key is to delete it everywhere: one that stands
    /// on a card or a phone too by now is somebody's own, and only hidden.
    async fn delete(&self, blob: &[u8]) -> Result<(), Refusal> {
        let keys = self.look().await?;
        let record = self.book()?.get(blob).cloned().unwrap_or_default();
        match keys.into_iter().find(|key| key.blob == blob) {
            Some(Key { id, label, is_only_local: true, .. }) if record.owns(&id) => {
                let deleted = self.store.delete(&id).await;
                self.forget_keys();
                match deleted {
                    Ok(()) => {}
                    Err(Error::Refused(refusal)) if refusal.name == ErrorName::NoSuchKey => {}
                    Err(error) => return Err(Refusal::Store("delete", label, error)),
                }
            }
            Some(_) => drop(held(&self.hidden).insert(blob.to_vec())),
            None => {}
        }
        self.forget(blob)
    }

    fn forget(&self, blob: &[u8]) -> Result<(), Refusal> {
        self.book()?.change(|records| records.remove(blob)).map(drop).map_err(Refusal::Book)
    }
}

/// After so long it is looked again whether something is over.
const LONGEST: Duration = Duration::from_secs(60);
