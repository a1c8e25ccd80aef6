//! Data by descriptor: read in bounded pieces on threads of their own, at most two per user, so that a file
//! system that never answers (FUSE) holds up nothing else.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::time::Duration;

use claviger_core::{Refusal, Resource};
use claviger_soft::Digester;
use claviger_token::Hash;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, OFlags};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ffi;
use crate::permits::Permits;

/// Returns the digest of everything the descriptor holds.
pub(crate) async fn digest(
    permits: &Permits,
    uid: u32,
    descriptor: OwnedFd,
    hash: Hash,
) -> Result<Vec<u8>, Refusal> {
    on_a_thread(permits, uid, move |given_up| digest_here(&Source::open(descriptor)?, hash, given_up)).await
}

/// Returns everything the descriptor holds, at most `limit` bytes.
pub(crate) async fn read(
    permits: &Permits,
    uid: u32,
    descriptor: OwnedFd,
    limit: usize,
) -> Result<Vec<u8>, Refusal> {
    read_as(permits, uid, descriptor, limit, Ok).await
}

/// Returns what `parse` makes of everything the descriptor holds; it runs on the same thread.
pub(crate) async fn read_as<T: Send + 'static>(
    permits: &Permits,
    uid: u32,
    descriptor: OwnedFd,
    limit: usize,
    parse: impl FnOnce(Vec<u8>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    on_a_thread(permits, uid, move |given_up| {
        let source = Source::open(descriptor)?;
        let mut data = vec![0; limit + 1];
        let mut filled = 0;
        while filled <= limit {
            match source.read(&mut data[filled..], filled as u64, given_up)? {
                0 => {
                    data.truncate(filled);
                    return parse(data);
                }
                count => filled += count,
            }
        }
        Err(Refusal::DataTooLarge { limit })
    })
    .await
}

/// Returns the reading end of a pipe into which what `make` gives is written. The bytes are the service's only
/// until the reader took them or went away: what a caller keeps is the caller's memory.
pub(crate) fn write_out(
    permits: &Permits,
    uid: u32,
    make: impl FnOnce() -> Result<Vec<u8>, Refusal> + Send + 'static,
) -> Result<OwnedFd, Refusal> {
    let permit = permits.take(uid, Resource::Files)?;
    let (reader, mut writer) = io::pipe().map_err(unreadable)?;
    start(move || {
        match make() {
            // The reader may go away at any time; that is its business.
            Ok(bytes) => drop(io::Write::write_all(&mut writer, &bytes)),
            Err(refusal) => tracing::error!(uid, "nothing was written out: {refusal}"),
        }
        drop(permit);
    })?;
    Ok(reader.into())
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
    let thread = std::thread::Builder::new().name("file".to_owned()).spawn(work);
    thread.map(drop).map_err(|error| Refusal::Internal(format!("no thread can be started ({error})").into()))
}

async fn on_a_thread<T: Send + 'static>(
    permits: &Permits,
    uid: u32,
    work: impl FnOnce(&CancellationToken) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    // The permit goes with the thread: a read that hangs keeps its place although its caller has gone.
    let permit = permits.take(uid, Resource::Files)?;
    let given_up = CancellationToken::new();
    let given_up_there = given_up.clone();
    let _guard: DropGuard = given_up.drop_guard();
    let (done, result) = tokio::sync::oneshot::channel();
    start(move || {
        let outcome = work(&given_up_there);
        drop(permit);
        drop(done.send(outcome));
    })?;
    result.await.unwrap_or(Err(Refusal::Cancelled))
}

fn digest_here(source: &Source, hash: Hash, given_up: &CancellationToken) -> Result<Vec<u8>, Refusal> {
    match source {
        Source::File(file) if ffi::is_frozen(file) => digest_frozen(file, hash, given_up),
        Source::File(_) | Source::Stream(_) => digest_read(source, hash, given_up),
    }
}

/// Hashes a file that can neither shrink nor change where it stands.
fn digest_frozen(file: &OwnedFd, hash: Hash, given_up: &CancellationToken) -> Result<Vec<u8>, Refusal> {
    let mut digester = Digester::new(hash);
    let mut at = 0;
    while !given_up.is_cancelled() {
        let update = |bytes: &[u8]| {
            digester.update(bytes);
            bytes.len() as u64
        };
        match ffi::mapped(file, at, WINDOW, update).map_err(unreadable)? {
            0 => return Ok(digester.finish()),
            count => at += count,
        }
    }
    Err(Refusal::Cancelled)
}

/// Reads and hashes at the same time: one thread reads the next pieces while this one hashes the last.
fn digest_read(source: &Source, hash: Hash, given_up: &CancellationToken) -> Result<Vec<u8>, Refusal> {
    let (full, pieces) = mpsc::sync_channel::<(Vec<u8>, usize)>(PIECES);
    let (empty, buffers) = mpsc::channel();
    let mut digester = Digester::new(hash);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut at = 0;
            for number in 0.. {
                let mut buffer = if number < PIECES {
                    vec![0; PIECE]
                } else {
                    match buffers.recv() {
                        Ok(buffer) => buffer,
                        Err(_) => return Ok(()),
                    }
                };
                let count = source.read(&mut buffer, at, given_up)?;
                at += count as u64;
                if count == 0 || full.send((buffer, count)).is_err() {
                    return Ok(());
                }
            }
            Ok(())
        });
        for (buffer, count) in pieces {
            digester.update(&buffer[..count]);
            drop(empty.send(buffer));
        }
        reader.join().unwrap_or(Err(Refusal::Internal("the reading thread ended".into())))
    })?;
    Ok(digester.finish())
}

/// What a descriptor of data may be.
enum Source {
    /// A file: read by position from its beginning, so that the sender's own position stays.
    File(OwnedFd),
    /// A pipe or socket: read to its end, as it comes.
    Stream(OwnedFd),
}

impl Source {
    fn open(descriptor: OwnedFd) -> Result<Self, Refusal> {
        let refused = |what: &str| {
            Refusal::InvalidArguments(format!("data come by file, pipe or socket, not by {what}").into())
        };
        if rustix::fs::fcntl_getfl(&descriptor).map_err(unreadable)?.contains(OFlags::PATH) {
            return Err(refused("a path alone"));
        }
        let status = rustix::fs::fstat(&descriptor).map_err(unreadable)?;
        match FileType::from_raw_mode(status.st_mode) {
            FileType::RegularFile => Ok(Self::File(descriptor)),
            FileType::Fifo | FileType::Socket => Ok(Self::Stream(descriptor)),
            FileType::Directory => Err(refused("a directory")),
            _ => Err(refused("a device")),
        }
    }

    fn read(&self, buffer: &mut [u8], at: u64, given_up: &CancellationToken) -> Result<usize, Refusal> {
        loop {
            if given_up.is_cancelled() {
                return Err(Refusal::Cancelled);
            }
            let result = match self {
                Self::File(file) => rustix::io::pread(file, &mut *buffer, at).map_err(io::Error::from),
                Self::Stream(stream) if !readable(stream).map_err(unreadable)? => continue,
                Self::Stream(stream) => rustix::io::read(stream, &mut *buffer).map_err(io::Error::from),
            };
            match result {
                Ok(count) => return Ok(count),
                Err(error) if retry(error.kind()) => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    }
}

/// Waits a little for a stream to have something, so that a caller who left is noticed.
fn readable(stream: &OwnedFd) -> io::Result<bool> {
    let mut wanted = [PollFd::new(stream, PollFlags::IN)];
    let moment = Duration::from_millis(50);
    let moment = Timespec::try_from(moment).map_err(io::Error::other)?;
    match rustix::event::poll(&mut wanted, Some(&moment)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

const fn retry(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

fn unreadable(error: impl Into<io::Error>) -> Refusal {
    Refusal::DataInvalid(format!("the descriptor cannot be read: {}", error.into()).into())
}

/// Bytes of a frozen file that are mapped at a time.
const WINDOW: usize = 16 * 1024 * 1024;
/// Bytes of one piece; four of them are under way.
const PIECE: usize = 256 * 1024;
const PIECES: usize = 4;

#[cfg(test)]
mod tests {
    use super::{PIECE, WINDOW, digest, read};
    use crate::permits::Permits;
    use claviger_core::{Caps, Refusal};
    use claviger_token::Hash;
    use rustix::fs::{MemfdFlags, SealFlags};
    use std::os::fd::OwnedFd;

    fn memory(bytes: &[u8], seals: SealFlags) -> OwnedFd {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("test", flags).expect("a memfd");
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = &rest[rustix::io::write(&file, rest).expect("written")..];
        }
        rustix::fs::fcntl_add_seals(&file, seals).expect("sealed");
        file
    }

    #[tokio::test]
    async fn frozen_files_others_and_pipes_have_the_same_digest() {
        let permits = Permits::new(Caps::default());
        for size in [0, 1, PIECE, WINDOW, WINDOW + 4097] {
            let bytes: Vec<u8> = (0..size).map(|place| (place % 251) as u8).collect();
            let expected = claviger_soft::digest(Hash::Sha256, &bytes);
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            let ways = [
                memory(&bytes, SealFlags::SHRINK | SealFlags::WRITE),
                memory(&bytes, SealFlags::GROW),
                OwnedFd::from(reader),
            ];
            let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes));
            for way in ways {
                let found = digest(&permits, 1, way, Hash::Sha256).await;
                assert_eq!(found.as_deref(), Ok(&*expected), "{size}");
            }
            writing.join().expect("no panic").expect("all was read");
        }
    }

    #[tokio::test]
    async fn what_is_read_whole_has_a_limit() {
        let permits = Permits::new(Caps::default());
        let file = || memory(b"abcd", SealFlags::empty());
        assert_eq!(read(&permits, 1, file(), 4).await, Ok(b"abcd".to_vec()));
        assert_eq!(read(&permits, 1, file(), 3).await, Err(Refusal::DataTooLarge { limit: 3 }));
    }
}
