use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::error::TableError;
use super::folder;

/// The hold on a state folder. The kernel gives it up when the process ends, however it ends.
pub(super) struct Lock {
    _file: std::fs::File,
}

impl Lock {
    /// Takes the folder, or says that another daemon has it.
    ///
    /// SQLite's own lock would come later, only with its first access, and tell less.
    pub(super) fn take(folder: &Path) -> Result<Self, TableError> {
        let path = folder.join(NAME);
        let file = folder::open_private_file(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(Errno::WOULDBLOCK) => Err(TableError::InUse { path }),
            Err(error) => Err(TableError::io("lock", &path, error.into())),
        }
    }
}

const NAME: &str = "lock";
