use std::collections::BTreeSet;
use std::sync::Mutex;

use claviger_client::{Error, ErrorName};

use crate::book::Record;
use crate::der;
use crate::protocol::{Constraints, Identity, PrivateKey};
use crate::store::Store;

use super::refusal::Refusal;
use super::{Agent, held, now};

impl<S: Store> Agent<S> {
    /// Takes a key in. One that the store has already is not made twice: the constraints then hold in this agent only.
    pub(super) async fn add(
        &self,
        key: &PrivateKey<'_>,
        comment: &str,
        mut constraints: Constraints,
    ) -> Result<(), Refusal> {
        let blob = key.identity.key().to_blob();
        constraints.lifetime = constraints.lifetime.or(self.settings.lifetime);
        let confirm = constraints.confirm;
        // Others that add the same key wait for nothing here: the store makes one of them fail.
        let _arriving = Arriving::new(&self.arriving, &blob);
        let known = self.look().await?.into_iter().find(|known| known.blob == blob);
        let is_ours = match &known {
            Some(known) => {
                self.book()?.get(&blob).is_some_and(|record| record.is_ours && record.is_about(&known.id))
            }
            None => true,
        };
        // Kept before the key is made: no key is without its end because something broke in between.
        self.keep(&blob, &key.identity, &key.blob, Record::new(is_ours, constraints, now()))?;
        let outcome = match known {
            Some(known) if confirm && is_ours => self.ask_always(&known.id, comment).await,
            Some(_) => Ok(()),
            None => self.import(key, comment, confirm).await,
        };
        match outcome {
            Ok(()) => {
                held(&self.hidden).retain(|hidden| *hidden != blob && *hidden != key.blob);
                self.changed.notify_one();
                Ok(())
            }
            // Whether there is a key now is seen when the keys are listed next.
            Err(refusal) => Err(refusal),
        }
    }

    async fn import(&self, key: &PrivateKey<'_>, comment: &str, confirm: bool) -> Result<(), Refusal> {
        let pkcs8 = der::to_pkcs8(key).map_err(Refusal::Unencodable)?;
        let imported = self.store.import(&pkcs8, &label(comment)).await;
        self.forget_keys();
        let id = match imported {
            Ok(id) => id,
            // Somebody else was quicker: it is there.
            Err(Error::Refused(refusal)) if refusal.name == ErrorName::AlreadyExists && !confirm => {
                return Ok(());
            }
            Err(error) => return Err(Refusal::Store("add", comment.to_owned(), error)),
        };
        let blob = key.identity.key().to_blob();
        let named = self.book()?.change(|records| {
            if let Some(record) = records.get_mut(&blob) {
                record.id = Some(id.clone());
            }
        });
        named.map_err(Refusal::Book)?;
        if !confirm {
            return Ok(());
        }
        let asked = self.ask_always(&id, comment).await;
        if asked.is_err() {
            // Better no key than one that is not asked for.
            let deleted = self.store.delete(&id).await;
            deleted.map_err(|error| Refusal::Store("delete again", comment.to_owned(), error))?;
        }
        asked
    }

    async fn ask_always(&self, id: &str, comment: &str) -> Result<(), Refusal> {
        let asked = self.store.ask_always(id).await;
        self.forget_keys();
        asked.map_err(|error| Refusal::Store("have its use asked for of", comment.to_owned(), error))
    }

    /// Writes down what is known of a key; certificates of earlier times stay.
    fn keep(&self, key: &[u8], identity: &Identity, blob: &[u8], mut record: Record) -> Result<(), Refusal> {
        let mut book = self.book()?;
        if let Some(known) = book.get(key) {
            record.certificates.clone_from(&known.certificates);
            record.id.clone_from(&known.id);
        }
        if matches!(identity, Identity::Certificate(_)) {
            record.certificates.retain(|known| known != blob);
            record.certificates.push(blob.to_vec());
        }
        let kept = book.change(|records| records.insert(key.to_vec(), record));
        kept.map(drop).map_err(Refusal::Book)
    }
}

/// A key is on its way into the store: what is written of it is not forgotten meanwhile.
struct Arriving<'a> {
    all: &'a Mutex<BTreeSet<Vec<u8>>>,
    blob: Vec<u8>,
}

impl<'a> Arriving<'a> {
    fn new(all: &'a Mutex<BTreeSet<Vec<u8>>>, blob: &[u8]) -> Self {
        held(all).insert(blob.to_vec());
        Self { all, blob: blob.to_vec() }
    }
}

impl Drop for Arriving<'_> {
    fn drop(&mut self) {
        held(self.all).remove(&self.blob);
    }
}

/// Returns what the store takes as a label.
fn label(comment: &str) -> String {
    let text: String = comment.chars().filter(|letter| !letter.is_control()).collect();
    let is_misleading = text.starts_with("pkcs11:")
        || (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let text = if is_misleading { format!("ssh: {text}") } else { text };
    let end = (0..=text.len().min(LABEL)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}

/// In bytes.
const LABEL: usize = 255;

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn any_comment_becomes_a_label() {
        assert_eq!(label("alice@host\n"), "alice@host");
        assert_eq!(label("pkcs11:id=1"), "ssh: pkcs11:id=1");
        assert_eq!(label(&"a".repeat(32)), format!("ssh: {}", "a".repeat(32)));
        assert_eq!(label(&"ä".repeat(200)).len(), 254);
    }
}
