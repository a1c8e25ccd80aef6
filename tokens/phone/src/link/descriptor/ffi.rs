//! The one place of this crate where the compiler takes our word.
#![expect(
    unsafe_code,
    reason = "tokio wants the promise that a descriptor stays the same while it is watched"
)]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;

/// Watches a descriptor.
pub(crate) fn watch(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor, and keeps it open, until it is dropped; it is moved
    // into the `AsyncFd`, which deregisters it first.
    unsafe { AsyncFd::register(descriptor) }.map_err(io::Error::from)
}
