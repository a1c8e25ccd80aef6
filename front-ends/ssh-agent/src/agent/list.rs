use crate::book::Record;
use crate::folders::Found;
use crate::protocol::key_of;
use crate::sessions::Sessions;
use crate::store::Store;

use super::keys::Key;
use super::refusal::Refusal;
use super::{Agent, held, now};

impl<S: Store> Agent<S> {
    /// Returns blobs and comments of what may be seen on that connection: each key, its certificates behind it.
    pub(super) async fn list(&self, sessions: &Sessions) -> Result<Vec<(Vec<u8>, String)>, Refusal> {
        let keys = self.look().await?;
        self.tidy(&keys)?;
        let found = self.settings.folders.certificates();
        let (book, hidden, now) = (self.book()?, held(&self.hidden), now());
        let mut shown = Vec::new();
        for key in keys.iter().filter(|key| key.signs) {
            let record = book.get(&key.blob);
            if hidden.contains(&key.blob) || !record.is_none_or(|record| may_see(record, sessions, now)) {
                continue;
            }
            shown.push((key.blob.clone(), key.comment()));
            let certificates = certificates(key, record, &found);
            shown.extend(certificates.into_iter().filter(|(blob, _)| !hidden.contains(blob)));
        }
        Ok(shown)
    }

    /// Forgets what is known of keys that the store has no longer.
    fn tidy(&self, keys: &[Key]) -> Result<(), Refusal> {
        let arriving = held(&self.arriving).clone();
        let is_there = |(blob, record): (&Vec<u8>, &Record)| {
            arriving.contains(blob) || keys.iter().any(|key| key.blob == *blob && record.is_about(&key.id))
        };
        let mut book = self.book()?;
        if !book.records().iter().all(is_there) {
            book.change(|records| records.retain(|blob, record| is_there((blob, record))))
                .map_err(Refusal::Book)?;
        }
        Ok(())
    }
}

fn may_see(record: &Record, sessions: &Sessions, now: u64) -> bool {
    !record.is_over(now) && sessions.may_list(&record.destinations, now)
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
