use claviger_client::{Error, ErrorName, Secret};

use crate::book::Record;
use crate::clock::Now;
use crate::der;
use crate::protocol::{Constraints, Identity, PrivateKey};
use crate::store::Store;

use super::keys::Key;
use super::refusal::Refusal;
use super::{Agent, held};

/// A key that somebody adds.
struct Arrival<'a> {
    key: &'a PrivateKey<'a>,
    blob: Vec<u8>,
    comment: &'a str,
    constraints: Constraints,
}

/// What the store made of a key.
enum Made {
    /// A key of that id.
    New(String),
    /// Nothing: somebody was quicker, and it is there.
    Before(Key),
}

impl<S: Store> Agent<S> {
    /// Takes a key in. One that the store has already is not made twice: the constraints then hold in this agent only.
    pub(super) async fn add(
        &self,
        key: &PrivateKey<'_>,
        comment: &str,
        mut constraints: Constraints,
    ) -> Result<(), Refusal> {
        constraints.lifetime = constraints.lifetime.or(self.settings.lifetime);
        let arrival = Arrival { key, blob: key.identity.key().to_blob(), comment, constraints };
        let adding = self.adding.lock().await;
        let known = self.look().await?.into_iter().find(|known| known.blob == arrival.blob);
        let known = if known.is_some() { known } else { self.import(&arrival).await? };
        if let Some(known) = known {
            self.constrain(&arrival, &known).await?;
        }
        drop(adding);
        held(&self.hidden).retain(|hidden| *hidden != arrival.blob && *hidden != key.blob);
        self.changed.notify_one();
        Ok(())
    }

    /// Writes down what holds for a key that the store has.
    async fn constrain(&self, arrival: &Arrival<'_>, known: &Key) -> Result<(), Refusal> {
        let is_ours = self.book()?.get(&arrival.blob).is_some_and(|record| record.owns(&known.id));
        let record = Record::new(is_ours, arrival.constraints.clone(), &Now::read());
        self.keep(arrival, Record { id: Some(known.id.clone()), ..record })?;
        if is_ours && arrival.constraints.confirm {
            self.ask_always(&known.id, arrival.comment).await?;
        }
        Ok(())
    }

    /// Makes the key in the store, or returns the one that is there.
    async fn import(&self, arrival: &Arrival<'_>) -> Result<Option<Key>, Refusal> {
        let pkcs8 = der::to_pkcs8(arrival.key).map_err(Refusal::BadKey)?;
        let record = Record::new(true, arrival.constraints.clone(), &Now::read());
        // Kept before the key is made: what holds for it holds from its first moment, and where this agent ends in between.
        let earlier = self.keep(arrival, record.clone())?;
        let made = self.make(&pkcs8, arrival).await;
        self.forget_keys();
        match made {
            Ok(Made::New(id)) => {
                let named = self.keep(arrival, Record { id: Some(id.clone()), ..record });
                let outcome = match named {
                    Ok(_) if arrival.constraints.confirm => self.ask_always(&id, arrival.comment).await,
                    named => named.map(drop),
                };
                if outcome.is_err() {
                    // Better no key than one without its end, or that is not asked for.
                    let deleted = self.store.delete(&id).await;
                    self.forget_keys();
                    deleted
                        .map_err(|error| Refusal::Store("delete again", arrival.comment.to_owned(), error))?;
                    self.take_back(arrival, Some(&id), earlier)?;
                }
                outcome.map(|()| None)
            }
            Ok(Made::Before(known)) => self.take_back(arrival, None, earlier).map(|()| Some(known)),
            // Nobody knows whether there is a key now. If so, what holds for it stays written.
            Err(Refusal::Store(
                what,
                key,
                error @ (Error::Timeout | Error::Lost(_) | Error::Protocol(_)),
            )) => Err(Refusal::Store(what, key, error)),
            Err(refusal) => self.take_back(arrival, None, earlier).and(Err(refusal)),
        }
    }

    /// Imports the key under the comment. Where another key is called so (a comment is often only `user@host`) a number
    /// tells them apart.
    async fn make(&self, pkcs8: &Secret, arrival: &Arrival<'_>) -> Result<Made, Refusal> {
        let fails = |error| Refusal::Store("add", arrival.comment.to_owned(), error);
        let first = label(arrival.comment);
        let mut name = first.clone();
        loop {
            let error = match self.store.import(pkcs8, &name).await {
                Ok(id) => return Ok(Made::New(id)),
                Err(error) => error,
            };
            if !matches!(&error, Error::Refused(refusal) if refusal.name == ErrorName::AlreadyExists) {
                return Err(fails(error));
            }
            let known = self.look().await?.into_iter().find(|known| known.blob == arrival.blob);
            if let Some(known) = known {
                return Ok(Made::Before(known));
            }
            let rows = self.store.list().await.map_err(fails)?;
            let is_taken = |name: &String| rows.iter().any(|(_, row)| row.label == *name);
            let free = (2..=NAMESAKES).map(|number| numbered(&first, number)).find(|name| !is_taken(name));
            // Its name was not what was there already, or there is none left.
            name = free.filter(|_| is_taken(&name)).ok_or_else(|| fails(error))?;
        }
    }

    async fn ask_always(&self, id: &str, comment: &str) -> Result<(), Refusal> {
        let asked = self.store.ask_always(id).await;
        self.forget_keys();
        asked.map_err(|error| Refusal::Store("have its use asked for of", comment.to_owned(), error))
    }

    /// Writes down what is known of a key, and returns what was before; certificates of earlier times stay.
    fn keep(&self, arrival: &Arrival<'_>, mut record: Record) -> Result<Option<Record>, Refusal> {
        let PrivateKey { identity, blob, .. } = arrival.key;
        let kept = self.book()?.change(|records| {
            if let Some(known) = records.get(&arrival.blob) {
                record.certificates.clone_from(&known.certificates);
            }
            if matches!(identity, Identity::Certificate(_)) {
                record.certificates.retain(|known| known != blob);
                record.certificates.push(blob.clone());
            }
            records.insert(arrival.blob.clone(), record)
        });
        kept.map_err(Refusal::Book)
    }

    /// Forgets what was written of a key that did not come, if it still stands there under that id.
    fn take_back(
        &self,
        arrival: &Arrival<'_>,
        id: Option<&str>,
        earlier: Option<Record>,
    ) -> Result<(), Refusal> {
        let changed = self.book()?.change(|records| {
            let is_this = |record: &Record| record.is_ours && record.id.as_deref() == id;
            if !records.get(&arrival.blob).is_some_and(is_this) {
                return;
            }
            match earlier.filter(|record| record.id.is_some()) {
                Some(earlier) => drop(records.insert(arrival.blob.clone(), earlier)),
                None => drop(records.remove(&arrival.blob)),
            }
        });
        changed.map_err(Refusal::Book)
    }
}

/// Returns what the store takes as a label.
fn label(comment: &str) -> String {
    let text: String = comment.chars().filter(|letter| !letter.is_control()).collect();
    let is_misleading = text.starts_with("pkcs11:")
        || (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let text = if is_misleading { format!("ssh: {text}") } else { text };
    shortened(&text, LABEL).to_owned()
}

/// Returns the label of the key that is the `number`th of that name.
fn numbered(label: &str, number: u32) -> String {
    let number = format!(" ({number})");
    format!("{}{number}", shortened(label, LABEL - number.len()))
}

fn shortened(text: &str, limit: usize) -> &str {
    let end = (0..=text.len().min(limit)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// In bytes.
const LABEL: usize = 255;
/// As many keys may have one comment; the store takes fewer altogether.
const NAMESAKES: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::{label, numbered};

    #[test]
    fn any_comment_becomes_a_label() {
        assert_eq!(label("alice@host\n"), "alice@host");
        assert_eq!(label("pkcs11:id=1"), "ssh: pkcs11:id=1");
        assert_eq!(label(&"a".repeat(32)), format!("ssh: {}", "a".repeat(32)));
        assert_eq!(label(&"ä".repeat(200)).len(), 254);
        assert_eq!(numbered("alice@host", 2), "alice@host (2)");
        assert_eq!(numbered(&"ä".repeat(127), 10).len(), 255);
    }
}
