//! What lies on disk, in one folder that only its owner may enter:
//!
//! | path | what |
//! | --- | --- |
//! | `slots` | the key slots: every way to the data key (tokens/soft) |
//! | `keys/ID.json` | one key: public half, label, certificates, and the private half sealed under the data key |
//! | `pairings/ID.json` | one paired computer: its public key and ours, which is not sealed |
//! | `audit.jsonl` | what was asked and what came of it, a line each |
//! | `lock` | held by whoever uses the folder |
//!
//! Each document is a file of its own and is replaced as a whole, so that a full disk or a loss of power leaves the old one;
//! one that is damaged is named and left where it is, and the others still open.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Store`], [`StoreError`] |
//! | `folder` | [`Folder`]: documents that are replaced as a whole |
//! | `key` | [`KeyDocument`] |
//! | `pairing` | [`PairingDocument`] |

mod folder;
mod key;
mod pairing;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

pub use folder::Folder;
pub use key::KeyDocument;
pub use pairing::PairingDocument;

/// The folder, held against every other process.
pub struct Store {
    root: PathBuf,
    keys: Folder,
    pairings: Folder,
    _lock: File,
}

/// A document that cannot be used: which, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedDocument {
    /// Its path.
    pub path: PathBuf,
    /// How one can tell.
    pub how: String,
}

/// Why the store did not do it.
#[derive(Debug)]
pub enum StoreError {
    /// Another agent uses the folder.
    InUse(PathBuf),
    /// There are keys already.
    Exists(PathBuf),
    /// The system refused something: what, of which file, and why.
    System(&'static str, PathBuf, io::Error),
}

impl Store {
    /// Opens the folder, and makes it where there is none.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process holds it; [`StoreError::System`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        folder::make(root)?;
        let lock = lock(root)?;
        Ok(Self {
            root: root.to_owned(),
            keys: Folder::open(root.join("keys"))?,
            pairings: Folder::open(root.join("pairings"))?,
            _lock: lock,
        })
    }

    /// Returns where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the key slots, if there are any.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn slots(&self) -> Result<Option<Vec<u8>>, StoreError> {
        folder::read(&self.root.join(SLOTS)).map(|bytes| bytes.map(|bytes| bytes.to_vec()))
    }

    /// Writes the key slots of a new store.
    ///
    /// # Errors
    /// [`StoreError::Exists`] where there are some: writing others would lose every key; [`StoreError::System`].
    pub fn create_slots(&self, slots: &[u8]) -> Result<(), StoreError> {
        if self.slots()?.is_some() {
            return Err(StoreError::Exists(self.root.clone()));
        }
        folder::replace(&self.root, SLOTS, slots)
    }

    /// Returns every key, and the documents that are damaged.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn keys(&self) -> Result<(Vec<KeyDocument>, Vec<DamagedDocument>), StoreError> {
        self.keys.documents(KeyDocument::from_bytes)
    }

    /// Keeps a key, durably.
    ///
    /// # Errors
    /// [`StoreError::System`]; what was there before is there still.
    pub fn keep_key(&self, key: &KeyDocument) -> Result<(), StoreError> {
        self.keys.keep(&key.id.to_string(), &key.to_bytes())
    }

    /// Erases a key.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn erase_key(&self, id: claviger_token::KeyId) -> Result<(), StoreError> {
        self.keys.erase(&id.to_string())
    }

    /// Returns every pairing, and the documents that are damaged.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn pairings(&self) -> Result<(Vec<PairingDocument>, Vec<DamagedDocument>), StoreError> {
        self.pairings.documents(PairingDocument::from_bytes)
    }

    /// Keeps a pairing, durably.
    ///
    /// # Errors
    /// [`StoreError::System`]; what was there before is there still.
    pub fn keep_pairing(&self, pairing: &PairingDocument) -> Result<(), StoreError> {
        self.pairings.keep(&pairing.known.pairing.to_string(), &pairing.to_bytes())
    }

    /// Erases a pairing.
    ///
    /// # Errors
    /// [`StoreError::System`].
    pub fn erase_pairing(&self, id: claviger_phone_protocol::PairingId) -> Result<(), StoreError> {
        self.pairings.erase(&id.to_string())
    }
}

fn lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join("lock");
    let failed = |error: io::Error| StoreError::System("open", path.clone(), error);
    let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse(root.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => {
                write!(formatter, "cannot use {}: another claviger-phone does", path.display())
            }
            Self::Exists(path) => {
                write!(formatter, "cannot make a store in {}: there is one already", path.display())
            }
            Self::System(verb, path, error) => write!(formatter, "cannot {verb} {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(_, _, error) => Some(error),
            Self::InUse(_) | Self::Exists(_) => None,
        }
    }
}

impl From<StoreError> for claviger_token::TokenError {
    fn from(error: StoreError) -> Self {
        match error {
            // What is not kept durably was not made.
            StoreError::System(..) => Self::Device(error.to_string().into()),
            StoreError::InUse(_) | StoreError::Exists(_) => Self::Internal(error.to_string().into()),
        }
    }
}

const SLOTS: &str = "slots";

#[cfg(test)]
mod tests;
