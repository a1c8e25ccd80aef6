//! The one place of this crate where the compiler takes our word.
#![expect(
    unsafe_code,
    reason = "tokio wants the promise that a descriptor stays the same while it is watched"
)]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::unix::AsyncFd;

/// Watches a descriptor.
pub(crate) fn watch(descriptor: Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    // SAFETY: an `OwnedFd` names the same open descriptor, and keeps it open, until it is dropped; the last
    // `Arc` of it is dropped no earlier than the one in the `AsyncFd`, which deregisters it first.
    unsafe { AsyncFd::register(descriptor) }.map_err(io::Error::from)
}
