//! The one place of this crate where the compiler takes our word.
#![expect(
    unsafe_code,
    reason = "tokio wants the promise that a descriptor stays the same while it is watched"
)]

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::SealFlags;
use rustix::mm::{MapFlags, ProtFlags};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a descriptor for what `interest` says.
pub(crate) fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor, and keeps it open, until it is dropped; it is moved
    // into the `AsyncFd`, which deregisters it first.
    unsafe { AsyncFd::register_with_interest(descriptor, interest) }.map_err(io::Error::from)
}

/// Returns true where a file in memory can neither shrink nor change any more, so that it may be mapped.
pub(crate) fn is_frozen(file: &OwnedFd) -> bool {
    let needed = SealFlags::SHRINK | SealFlags::WRITE;
    rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals.contains(needed))
}

/// Gives `work` the bytes of a frozen file from `at` on, at most `length`, without copying them. An empty piece is
/// the end.
pub(crate) fn mapped<T>(
    file: &OwnedFd,
    at: u64,
    length: usize,
    work: impl FnOnce(&[u8]) -> T,
) -> io::Result<T> {
    let size = u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
    let length = usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX).min(length);
    if length == 0 {
        return Ok(work(&[]));
    }
    if !is_frozen(file) {
        return Err(io::Error::other("the file may change"));
    }
    let (protection, flags) = (ProtFlags::READ, MapFlags::SHARED | MapFlags::POPULATE);
    // SAFETY: the kernel chooses an address that is free; nothing else knows of this mapping.
    let address = unsafe { rustix::mm::mmap(std::ptr::null_mut(), length, protection, flags, file, at) }?;
    // SAFETY: `length` bytes from `address` are mapped for reading. The seals keep them there and unchanged: the
    // file has at least `at + length` bytes for ever and nobody can write to it.
    let outcome = work(unsafe { std::slice::from_raw_parts(address.cast::<u8>(), length) });
    // SAFETY: it is the mapping made above, and the slice of it is gone.
    unsafe { rustix::mm::munmap(address, length) }?;
    Ok(outcome)
}
