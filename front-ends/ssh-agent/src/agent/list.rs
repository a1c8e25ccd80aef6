use std::collections::BTreeMap;

use crate::book::Record;
use crate::clock::Now;
use crate::folders::Found;
use crate::protocol::key_of;
use crate::sessions::Sessions;
use crate::store::Store;

use super::keys::Key;
use super::refusal::Refusal;
use super::{Agent, held};

impl<S: Store> Agent<S> {
    /// Returns blobs and comments of what may be seen on that connection: each key, its certificates behind it.
    pub(super) async fn list(&self, sessions: &Sessions) -> Result<Vec<(Vec<u8>, String)>, Refusal> {
        let named = self.named()?;
        let keys = self.look().await?;
        self.tidy(&named, &keys)?;
        let found = self.settings.folders.certificates();
        let (book, hidden, now) = (self.book()?, held(&self.hidden), Now::read());
        if book.records().values().any(|record| record.is_over(&now)) {
            // It could not be ended: somebody is here, and perhaps it can now.
            self.changed.notify_one();
        }
        let mut shown = Vec::new();
        for key in keys.iter().filter(|key| key.signs) {
            let record = book.get(&key.blob);
            if hidden.contains(&key.blob) || !record.is_none_or(|record| may_see(record, sessions, &now)) {
                continue;
            }
            shown.push((key.blob.clone(), key.comment()));
            let certificates = certificates(key, record, &found);
            shown.extend(certificates.into_iter().filter(|(blob, _)| !hidden.contains(blob)));
        }
        Ok(shown)
    }

    /// Returns the keys of the book by their ids. One without an id is on its way into the store, perhaps by another
    /// agent of this user.
    fn named(&self) -> Result<BTreeMap<Vec<u8>, String>, Refusal> {
        let book = self.book()?;
        let named =
            book.records().iter().filter_map(|(blob, record)| Some((blob.clone(), record.id.clone()?)));
        Ok(named.collect())
    }

    /// Forgets what is known of keys that the store has no longer: of those that had their ids before it was asked. Others
    /// may have come since.
    fn tidy(&self, named: &BTreeMap<Vec<u8>, String>, keys: &[Key]) -> Result<(), Refusal> {
        let is_gone = |blob: &Vec<u8>, record: &Record| {
            let id = named.get(blob).filter(|id| record.id.as_ref() == Some(*id));
            id.is_some_and(|id| !keys.iter().any(|key| key.blob == *blob && key.id == *id))
        };
        let mut book = self.book()?;
        if book.records().iter().any(|(blob, record)| is_gone(blob, record)) {
            book.change(|records| records.retain(|blob, record| !is_gone(blob, record)))
                .map_err(Refusal::Book)?;
        }
        Ok(())
    }
}

fn may_see(record: &Record, sessions: &Sessions, now: &Now) -> bool {
    !record.is_over(now) && sessions.may_list(&record.destinations, now.wall)
}

/// Returns the certificates of a key: those that came with it, and those that were found.
fn certificates(key: &Key, record: Option<&Record>, found: &[Found]) -> Vec<(Vec<u8>, String)> {
    let brought = record.into_iter().flat_map(|record| &record.certificates);
    let brought = brought.filter(|blob| key_of(blob).is_ok_and(|public| public == key.public));
    let mut all: Vec<_> = brought.map(|blob| (blob.clone(), key.comment())).collect();
    for Found { blob, key: public, comment } in found {
        if *public == key.public && !all.iter().any(|(known, _)| known == blob) {
            let comment = if comment.is_empty() { key.comment() } else { comment.clone() };
            all.push((blob.clone(), comment));
        }
    }
    all
}
