//! Secrets in descriptors, as programs pass them: well-behaved, and otherwise.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use zbus::Fd;

/// Returns the reading end of a pipe that holds `bytes` and then ends.
pub fn pipe(bytes: impl AsRef<[u8]>) -> Fd<'static> {
    let (reading, writing) = open_pipe();
    let (bytes, mut writing) = (bytes.as_ref().to_vec(), File::from(writing));
    if bytes.len() <= 4096 {
        writing.write_all(&bytes).unwrap();
    } else {
        // More than a pipe holds. The reader may well close it before the end.
        std::thread::spawn(move || drop(writing.write_all(&bytes)));
    }
    reading.into()
}

/// A pipe that the test still holds the writing end of.
pub struct OpenPipe {
    writing: File,
    reading: OwnedFd,
}

impl OpenPipe {
    /// Makes a pipe with `bytes` in it and without an end.
    pub fn new(bytes: &[u8]) -> Self {
        let (reading, writing) = open_pipe();
        let mut writing = File::from(writing);
        writing.write_all(bytes).unwrap();
        Self { writing, reading }
    }

    /// Returns the end that is sent.
    pub fn reading(&self) -> Fd<'static> {
        self.reading.try_clone().unwrap().into()
    }

    /// Waits until somebody has read everything that is in it.
    pub async fn drained(&self) {
        let empty = || rustix::io::ioctl_fionread(&self.reading).unwrap() == 0;
        assert!(crate::until(empty).await, "nobody reads the pipe");
    }

    /// Adds `bytes` and ends it.
    pub fn finish(self, bytes: &[u8]) {
        let Self { mut writing, reading } = self;
        writing.write_all(bytes).unwrap();
        drop(reading);
    }
}

/// Returns a file in memory that holds `bytes`, with those seals.
pub fn memfd(bytes: &[u8], seals: SealFlags) -> Fd<'static> {
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::memfd_create("claviger-test", flags).unwrap());
    file.write_all(bytes).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    OwnedFd::from(file).into()
}

/// Returns any file or folder as a descriptor.
pub fn open(path: impl AsRef<std::path::Path>) -> Fd<'static> {
    OwnedFd::from(File::open(path).unwrap()).into()
}

/// Reads a descriptor that the daemon returned to its end.
pub fn read(descriptor: zbus::OwnedFd) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::from(OwnedFd::from(descriptor)).read_to_end(&mut bytes).unwrap();
    bytes
}

fn open_pipe() -> (OwnedFd, OwnedFd) {
    pipe_with(PipeFlags::CLOEXEC).unwrap()
}
