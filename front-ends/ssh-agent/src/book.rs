//! What came by `ssh-add`: which keys, until when, for which hosts, with which certificates.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::clock::{End, Now};
use crate::protocol::constraint::{read_destinations, write_destinations};
use crate::protocol::{Constraints, Destination};

/// What is known of a key beside what the key store knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// True where it came into the store by `ssh-add`: it goes with what ends here.
    pub is_ours: bool,
    /// Its id in the store; none while it is on its way there. The same key under another id came some other way.
    pub id: Option<String>,
    /// When its time is over.
    pub expires: Option<End>,
    /// Each use is to be asked for, by this agent: also while the store does not know it yet, or any more.
    pub confirm: bool,
    /// Where it may be used; anywhere where there are none.
    pub destinations: Vec<Destination>,
    /// Certificates that came with it.
    pub certificates: Vec<Vec<u8>>,
}

impl Record {
    /// Returns what constraints mean from now on.
    pub fn new(is_ours: bool, constraints: Constraints, now: &Now) -> Self {
        let Constraints { lifetime, confirm, destinations } = constraints;
        let expires = lifetime.map(|seconds| End::after(seconds, now));
        Self { is_ours, expires, confirm, destinations, ..Self::default() }
    }

    /// Returns true where that very key came into the store by `ssh-add`: it may be deleted there. While no id is
    /// known nothing is: the same key may have come some other way.
    pub fn owns(&self, id: &str) -> bool {
        self.is_ours && self.id.as_deref() == Some(id)
    }

    /// Returns true where its time is over.
    pub fn is_over(&self, now: &Now) -> bool {
        self.expires.as_ref().is_some_and(|end| end.left(now) == 0)
    }
}

/// The records, by the keys' blobs. Those of keys that came by `ssh-add` are kept in a file, which several agents of a
/// user share.
#[derive(Debug, Default)]
pub struct Book {
    file: Option<PathBuf>,
    seen: Option<Version>,
    records: BTreeMap<Vec<u8>, Record>,
}

/// What tells one version of the file from another: it is written as a new file each time.
type Version = (u64, i64, i64, u64);

impl Book {
    /// Opens the book that is kept in `file`; without one it is forgotten with this agent.
    pub fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let mut book = Self { file, ..Self::default() };
        book.refresh()?;
        Ok(book)
    }

    /// Takes in what another agent wrote.
    pub fn refresh(&mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let version = version(file)?;
        if version == self.seen {
            return Ok(());
        }
        let kept = if version.is_some() { read(file)? } else { BTreeMap::new() };
        self.records.retain(|_, record| !record.is_ours);
        self.records.extend(kept);
        self.seen = version;
        Ok(())
    }

    /// Returns the records.
    pub const fn records(&self) -> &BTreeMap<Vec<u8>, Record> {
        &self.records
    }

    /// Returns the record of a key.
    pub fn get(&self, blob: &[u8]) -> Option<&Record> {
        self.records.get(blob)
    }

    /// Returns in how many seconds the next key's time is over.
    pub fn next_end(&self, now: &Now) -> Option<u64> {
        let ends = self.records.values().filter_map(|record| record.expires.as_ref());
        ends.map(|end| end.left(now)).filter(|left| *left > 0).min()
    }

    /// Changes the records, and keeps them before it returns. What could not be kept is not changed.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut BTreeMap<Vec<u8>, Record>) -> T) -> io::Result<T> {
        let Some(file) = self.file.clone() else { return Ok(change(&mut self.records)) };
        let folder = file.parent().unwrap_or_else(|| Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        // Other agents of this user wait here; the lock ends with the file's value.
        let lock = open_lock(&file.with_extension("lock"))?;
        wait_for(&lock)?;
        self.refresh()?;
        let mut records = self.records.clone();
        let changed = change(&mut records);
        if ours(&records).ne(ours(&self.records)) {
            write(&file, folder, &records)?;
            self.seen = version(&file)?;
        }
        self.records = records;
        Ok(changed)
    }
}

fn ours(records: &BTreeMap<Vec<u8>, Record>) -> impl Iterator<Item = (&Vec<u8>, &Record)> {
    records.iter().filter(|(_, record)| record.is_ours)
}

fn open_lock(path: &Path) -> io::Result<File> {
    File::options().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Takes the lock. Others hold it for as long as a file is written; whoever holds it longer does not stop this agent.
fn wait_for(lock: &File) -> io::Result<()> {
    let began = Instant::now();
    loop {
        match rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if began.elapsed() < PATIENCE => std::thread::sleep(BREATH),
            Err(Errno::INTR) => {}
            taken => return Ok(taken?),
        }
    }
}

fn version(file: &Path) -> io::Result<Option<Version>> {
    match fs::metadata(file) {
        Ok(data) => Ok(Some((data.ino(), data.mtime(), data.mtime_nsec(), data.size()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A record as it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Kept {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<End>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    confirm: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destinations: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<String>,
}

fn read(file: &Path) -> io::Result<BTreeMap<Vec<u8>, Record>> {
    let kept: Vec<Kept> = serde_json::from_slice(&fs::read(file)?)?;
    kept.into_iter()
        .map(|kept| restore(kept).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData)))
        .collect()
}

fn restore(kept: Kept) -> Option<(Vec<u8>, Record)> {
    let Kept { key, id, expires, confirm, destinations, certificates } = kept;
    let decode = |text: String| BASE64.decode(text.as_bytes()).ok();
    let destinations = match destinations {
        Some(text) => read_destinations(&decode(text)?).ok()?,
        None => Vec::new(),
    };
    let certificates = certificates.into_iter().map(decode).collect::<Option<_>>()?;
    Some((decode(key)?, Record { is_ours: true, id, expires, confirm, destinations, certificates }))
}

/// Writes the file whole and beside the old one, which it then replaces.
fn write(file: &Path, folder: &Path, records: &BTreeMap<Vec<u8>, Record>) -> io::Result<()> {
    let kept: Vec<Kept> = ours(records)
        .map(|(blob, record)| Kept {
            key: BASE64.encode(blob),
            id: record.id.clone(),
            expires: record.expires.clone(),
            confirm: record.confirm,
            destinations: (!record.destinations.is_empty())
                .then(|| BASE64.encode(&write_destinations(&record.destinations))),
            certificates: record.certificates.iter().map(|blob| BASE64.encode(blob)).collect(),
        })
        .collect();
    let fresh = file.with_extension("new");
    let mut writing = File::options().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    writing.write_all(&serde_json::to_vec_pretty(&kept)?)?;
    writing.sync_all()?;
    fs::rename(&fresh, file)?;
    File::open(folder)?.sync_all()
}

/// How long the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
const BREATH: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
