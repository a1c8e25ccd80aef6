//! Secrets by descriptor: pass phrases, phrases, codes, keys to import.
//!
//! Pipe, socket or memfd, at most 64 KiB, with a deadline. `O_NONBLOCK` is never set on a received descriptor:
//! it would change the sender's file too.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use claviger_core::Refusal;
use claviger_token::Secret;
use rustix::fs::{FileType, MemfdFlags, OFlags, SealFlags, SeekFrom};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::pipe::SpliceFlags;
use tokio::io::Interest;
use zeroize::Zeroizing;

/// Reads a secret to its end.
pub(crate) async fn read(descriptor: OwnedFd, limit: usize) -> Result<Secret, Refusal> {
    match tokio::time::timeout(DEADLINE, read_kind(descriptor, limit)).await {
        // It would protect nothing, and is no guess at anything: a sender that went away leaves this.
        Ok(Ok(secret)) if secret.is_empty() => Err(Refusal::InvalidArguments("the secret is empty".into())),
        Ok(result) => result,
        Err(_) => Err(Refusal::Timeout),
    }
}

/// Reads what must be nothing: the secret is given elsewhere.
pub(crate) async fn read_nothing(descriptor: OwnedFd) -> Result<(), Refusal> {
    let given = || Refusal::InvalidArguments("the secret must be empty: it is typed at the reader".into());
    match tokio::time::timeout(DEADLINE, read_kind(descriptor, 1)).await {
        Ok(Ok(secret)) if secret.is_empty() => Ok(()),
        Ok(Ok(_) | Err(Refusal::DataTooLarge { .. })) => Err(given()),
        Ok(Err(refusal)) => Err(refusal),
        Err(_) => Err(Refusal::Timeout),
    }
}

/// Returns a sealed memfd that holds the secret: how one leaves the service.
pub(crate) fn hand_out(secret: &Secret) -> Result<OwnedFd, Refusal> {
    memory(secret.expose())
        .map_err(|error| Refusal::Internal(format!("no memory file can be made ({error})").into()))
}

fn memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = rustix::fs::memfd_create("claviger", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = &rest[written..];
    }
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
    )?;
    Ok(file)
}

async fn read_kind(descriptor: OwnedFd, limit: usize) -> Result<Secret, Refusal> {
    let refused = |what: &str| {
        Refusal::InvalidArguments(format!("a secret comes by pipe, socket or memfd, not by {what}").into())
    };
    let flags = rustix::fs::fcntl_getfl(&descriptor).map_err(unreadable)?;
    if flags.contains(OFlags::PATH) {
        return Err(refused("a path alone"));
    }
    let status = rustix::fs::fstat(&descriptor).map_err(unreadable)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Fifo => {
            let (own_end, other_end) = rustix::pipe::pipe().map_err(unreadable)?;
            stream(descriptor, limit, |from, buffer| from_pipe(from, &other_end, &own_end, buffer)).await
        }
        FileType::Socket => stream(descriptor, limit, from_socket).await,
        // Only files in memory know seals; any other could hang, or be a FUSE file system that never answers.
        FileType::RegularFile if rustix::fs::fcntl_get_seals(&descriptor).is_ok() => {
            memory_file(&descriptor, limit)
        }
        FileType::RegularFile => Err(refused("a file on disk")),
        FileType::Directory => Err(refused("a directory")),
        _ => Err(refused("a device")),
    }
}

/// Reads until the end, waiting for readiness between reads that never block.
async fn stream(
    descriptor: OwnedFd,
    limit: usize,
    read: impl Fn(&OwnedFd, &mut [u8]) -> io::Result<usize>,
) -> Result<Secret, Refusal> {
    let descriptor = crate::ffi::watch(descriptor, Interest::READABLE).map_err(unreadable)?;
    // One buffer of the whole size: a growing one would leave copies behind.
    let mut buffer = Zeroizing::new(vec![0; limit + 1]);
    let mut filled = 0;
    loop {
        match read(descriptor.get_ref(), &mut buffer[filled..]) {
            Ok(0) => return Ok(Secret::take(&mut buffer[..filled])),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                descriptor.readable().await.map_err(unreadable)?.clear_ready();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
        if filled > limit {
            return Err(Refusal::DataTooLarge { limit });
        }
    }
}

/// Moves what a pipe holds into a pipe of our own and reads it there: `splice` has a flag that keeps it from
/// blocking, `read` on a shared pipe has none on the kernels in use.
fn from_pipe(from: &OwnedFd, into: &OwnedFd, out: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let moved = rustix::pipe::splice(from, None, into, None, buffer.len(), SpliceFlags::NONBLOCK)?;
    let mut read = 0;
    while read < moved {
        read += rustix::io::read(out, &mut buffer[read..moved])?;
    }
    Ok(moved)
}

fn from_socket(from: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    match rustix::net::recv(from, buffer, RecvFlags::DONTWAIT) {
        Ok((count, _)) => Ok(count),
        Err(error) => Err(error.into()),
    }
}

/// Reads a file in memory, sealed or not: it is read, never mapped, so a sender that shrinks it meanwhile
/// gives a shorter secret and no fault.
fn memory_file(file: &impl AsFd, limit: usize) -> Result<Secret, Refusal> {
    let mut buffer = Zeroizing::new(vec![0; limit + 1]);
    let mut filled = 0;
    while filled <= limit {
        match rustix::io::pread(file, &mut buffer[filled..], filled as u64) {
            Ok(0) => return Ok(Secret::take(&mut buffer[..filled])),
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    Err(Refusal::DataTooLarge { limit })
}

fn unreadable(error: impl Into<io::Error>) -> Refusal {
    Refusal::InvalidArguments(format!("the secret's descriptor cannot be read: {}", error.into()).into())
}

/// How long a sender may take to say its secret.
const DEADLINE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
