use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::ffi;

/// The sockets that a process has open for the module: the daemon holds its end for as long as anybody has one of them, so
/// a child gives up what it inherited. It reads without a lock, which a thread could hold that it has not.
pub(super) struct Sockets {
    entries: [Entry; MOST],
    remembering: Mutex<()>,
}

/// A descriptor, and what it was when it was told: device and inode, which no other file has at the same time. The number
/// may be another file's by now.
struct Entry {
    descriptor: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Sockets {
    /// Makes an empty list.
    pub(super) const fn new() -> Self {
        Self { entries: [const { Entry::empty() }; MOST], remembering: Mutex::new(()) }
    }

    /// Takes notice of a socket, in the place of one that is closed. Where there are too many it is not kept: a child has it
    /// for as long as it lives, which costs the daemon something and nobody else.
    pub(super) fn remember(&self, socket: BorrowedFd<'_>) {
        let Ok(stat) = rustix::fs::fstat(socket) else { return };
        let _one = self.remembering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = self.entries.iter().find(|entry| !entry.is_open()) {
            entry.descriptor.store(NONE, Ordering::Release);
            entry.device.store(stat.st_dev, Ordering::Release);
            entry.inode.store(stat.st_ino, Ordering::Release);
            entry.descriptor.store(socket.as_raw_fd(), Ordering::Release);
        }
    }

    /// Closes those that are open still.
    pub(super) fn close(&self) {
        self.entries.iter().for_each(|entry| ffi::close_where(entry.number(), |file| entry.is(file)));
    }
}

impl Entry {
    const fn empty() -> Self {
        Self { descriptor: AtomicI32::new(NONE), device: AtomicU64::new(0), inode: AtomicU64::new(0) }
    }

    fn number(&self) -> i32 {
        self.descriptor.load(Ordering::Acquire)
    }

    fn is_open(&self) -> bool {
        ffi::is(self.number(), |file| self.is(file))
    }

    /// Returns true for the file that was told.
    fn is(&self, file: BorrowedFd<'_>) -> bool {
        let (device, inode) = (self.device.load(Ordering::Acquire), self.inode.load(Ordering::Acquire));
        rustix::fs::fstat(file.as_fd()).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (device, inode))
    }
}

/// No descriptor.
const NONE: i32 = -1;

/// More than are open at once: two for each connection that is kept, two for each who waits for events.
const MOST: usize = 64;
