//! The agent: what is asked on a connection, and what is answered.
//!
//! | file | noun |
//! | --- | --- |
//! | `keys` | a key of the store that ssh can use |
//! | `list` | what is shown |
//! | `sign` | a signature |
//! | `add`, `remove` | what `ssh-add` puts in and takes out, and what ends by itself |
//! | `bind` | a connection is tied to a session |

mod add;
mod bind;
mod keys;
mod list;
mod refusal;
mod remove;
mod sign;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::book::Book;
use crate::clock::Overdue;
use crate::folders::Folders;
use crate::journal::Journal;
use crate::lock::Lock;
use crate::protocol::constraint::RESTRICT_DESTINATION;
use crate::protocol::{Answer, Malformed, Request, SESSION_BIND};
use crate::sessions::Sessions;
use crate::store::Store;

use keys::Key;
use refusal::Refusal;

/// One agent, which all connections share.
pub struct Agent<S> {
    store: S,
    settings: Settings,
    journal: Journal,
    lock: Lock,
    book: Mutex<Book>,
    /// Blobs that are not shown until they are added again.
    hidden: Mutex<BTreeSet<Vec<u8>>>,
    /// Keys that are to be deleted unless a clock is wrong.
    overdue: Mutex<Overdue>,
    /// The keys as they were seen last.
    keys: Mutex<Vec<Key>>,
    /// Keys go into the store one after the other.
    adding: tokio::sync::Mutex<()>,
    /// A lifetime is new, or what could not be ended is to be tried again.
    changed: Notify,
}

/// How an agent is to be.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The lifetime of keys that are added without one, in seconds.
    pub lifetime: Option<u32>,
    /// Where certificates and known hosts are.
    pub folders: Folders,
}

impl<S: Store> Agent<S> {
    /// Makes an agent for that store.
    pub fn new(store: S, book: Book, settings: Settings, journal: Journal) -> Self {
        Self {
            store,
            settings,
            journal,
            lock: Lock::default(),
            book: Mutex::new(book),
            hidden: Mutex::default(),
            overdue: Mutex::default(),
            keys: Mutex::default(),
            adding: tokio::sync::Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// Returns the key store.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Answers a message of a connection. To drop the future is to give up.
    pub async fn answer(&self, sessions: &mut Sessions, message: &[u8]) -> Answer {
        let request = match Request::parse(message) {
            Ok(request) => request,
            Err(error) => return self.not_understood(sessions, message, error),
        };
        if self.lock.is_locked() && !matches!(request, Request::Unlock(_) | Request::Bind(_)) {
            self.journal.detail("it is locked");
            return if request == Request::List { Answer::Identities(Vec::new()) } else { Answer::Failure };
        }
        match self.perform(sessions, request).await {
            Ok(answer) => answer,
            Err(refusal) => {
                self.journal.say(refusal);
                Answer::Failure
            }
        }
    }

    async fn perform(&self, sessions: &mut Sessions, request: Request<'_>) -> Result<Answer, Refusal> {
        match request {
            Request::List => return self.list(sessions).await.map(Answer::Identities),
            Request::Sign { blob, identity, data, flags } => {
                let wanted = sign::Wanted { blob, key: identity.key(), data, flags };
                return self.sign(sessions, wanted).await.map(Answer::Signature);
            }
            // ssh-add -D still asks for it.
            Request::RemoveAllOfVersion1 => {}
            Request::Query => return Ok(Answer::Extensions(EXTENSIONS)),
            Request::Bind(bind) => self.bind(sessions, &bind).await?,
            Request::Add { .. }
            | Request::Remove { .. }
            | Request::RemoveAll
            | Request::Smartcard
            | Request::Lock(_)
            | Request::Unlock(_)
                if sessions.is_forwarded() =>
            {
                return Err(Refusal::FromElsewhere);
            }
            Request::Add { key, comment, constraints } => self.add(&key, &comment, constraints).await?,
            Request::Remove { blob, identity } => self.remove(blob, &identity).await?,
            Request::RemoveAll => self.remove_all().await?,
            Request::Lock(passphrase) => {
                if !self.lock.lock(passphrase).await {
                    return Err(Refusal::NotLocked);
                }
            }
            Request::Unlock(passphrase) => {
                if !self.lock.unlock(passphrase).await {
                    return Err(Refusal::NotUnlocked);
                }
            }
            Request::Smartcard => return Err(Refusal::Smartcard),
            Request::Extension(_) | Request::Unknown(_) => {
                self.journal.detail("a message that is not known here");
                return Ok(Answer::Failure);
            }
        }
        Ok(Answer::Success)
    }

    /// What is not understood is refused. A binding that is not understood leaves it open where the connection leads.
    fn not_understood(&self, sessions: &mut Sessions, message: &[u8], error: Malformed) -> Answer {
        let name = message.get(5..5 + SESSION_BIND.len());
        if message.first() == Some(&27) && name == Some(SESSION_BIND.as_bytes()) {
            sessions.failed();
        }
        let number = message.first().copied().unwrap_or_default();
        self.journal.say(format_args!("cannot read a message of number {number}: {error}"));
        Answer::Failure
    }

    fn book(&self) -> Result<MutexGuard<'_, Book>, Refusal> {
        let mut book = held(&self.book);
        book.refresh().map_err(Refusal::Book)?;
        Ok(book)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `query` answers.
const EXTENSIONS: &[&str] = &["query", SESSION_BIND, RESTRICT_DESTINATION];
