use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{DamagedDocument, StoreError};

/// A folder of documents `NAME.json`.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Opens the folder, and makes it where there is none.
    pub(super) fn open(path: PathBuf) -> Result<Self, StoreError> {
        make(&path)?;
        Ok(Self(path))
    }

    /// Returns the documents that are what they should be, and those that are not.
    pub(super) fn documents<D>(
        &self,
        parse: impl Fn(&str, &[u8]) -> Result<D, String>,
    ) -> Result<(Vec<D>, Vec<DamagedDocument>), StoreError> {
        let failed = |error| StoreError::System("read", self.0.clone(), error);
        let (mut documents, mut damaged) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.0).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(ENDING)) else {
                continue;
            };
            let parsed = match read(&path) {
                Ok(Some(bytes)) => parse(name, &bytes),
                Ok(None) => continue,
                Err(StoreError::System(_, _, error)) => Err(error.to_string()),
                Err(error) => return Err(error),
            };
            match parsed {
                Ok(document) => documents.push(document),
                Err(how) => damaged.push(DamagedDocument { path, how }),
            }
        }
        Ok((documents, damaged))
    }

    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        replace(&self.0, &format!("{name}{ENDING}"), bytes)
    }

    pub(super) fn erase(&self, name: &str) -> Result<(), StoreError> {
        let path = self.0.join(format!("{name}{ENDING}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::System("erase", path, error))
            }
            Ok(()) | Err(_) => sync(&self.0),
        }
    }
}

/// Makes a folder that only its owner may enter. One that others may enter is refused: it holds private keys.
pub(super) fn make(path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::System("make", path.to_owned(), error);
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        let others = io::Error::other("others may enter it; make it yours alone: chmod 700");
        return Err(StoreError::System("use", path.to_owned(), others));
    }
    Ok(())
}

/// Reads a file, which may hold secrets; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let failed = |error| StoreError::System("read", path.to_owned(), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Room for everything: a vector that grows leaves copies behind.
    let size = file.metadata().map_err(failed)?.len().min(SIZE_LIMIT);
    let mut bytes = Zeroizing::new(Vec::with_capacity(size as usize + 1));
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

/// Puts a file in the place of the one of that name, if any: afterwards there is one or the other, also after a loss of power.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    let (path, new) = (folder.join(name), folder.join(format!("{name}.new")));
    let written = write(&new, bytes).and_then(|()| fs::rename(&new, &path));
    if let Err(error) = written {
        // Half a file is of no use to anybody; where even this fails, the next attempt overwrites it.
        drop(fs::remove_file(&new));
        return Err(StoreError::System("write", path, error));
    }
    sync(folder)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| StoreError::System("write", folder.to_owned(), error))
}

const ENDING: &str = ".json";

/// The most bytes of a document: a key with a long chain of certificates.
const SIZE_LIMIT: u64 = 1024 * 1024;
