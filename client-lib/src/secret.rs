use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, SeekFrom};
use zeroize::Zeroizing;

use crate::{Descriptor, Error};

/// Bytes that are wiped when dropped and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; they are wiped when this value goes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns a descriptor that gives the secret, for one call: see [`secret_descriptor`].
    pub fn to_descriptor(&self) -> Result<Descriptor, Error> {
        let descriptor = secret_descriptor(self.as_bytes());
        descriptor.map(Descriptor::from).map_err(|error| Error::Local("pass a secret on", error))
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(bytes)
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

/// Returns a descriptor that gives `bytes`: a sealed memfd that stands at its beginning. A secret crosses the
/// bus in nothing else.
pub fn secret_descriptor(bytes: &[u8]) -> io::Result<OwnedFd> {
    let descriptor =
        rustix::fs::memfd_create("claviger-secret", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(bytes)?;
    rustix::fs::seek(&file, SeekFrom::Start(0))?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
    )?;
    Ok(file.into())
}

/// Reads what the daemon gave through a descriptor, to its end, but at most `limit` bytes. Blocks.
pub(crate) fn read_descriptor(descriptor: OwnedFd, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // A memfd may stand at its end; a pipe cannot be set back and need not.
    match rustix::fs::seek(&descriptor, SeekFrom::Start(0)) {
        Ok(_) | Err(rustix::io::Errno::SPIPE) => {}
        Err(error) => return Err(error.into()),
    }
    let mut bytes = Zeroizing::new(Vec::new());
    // A Vec that grows leaves copies behind: room for a phrase is made first.
    bytes.reserve_exact(4096);
    std::fs::File::from(descriptor).take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {limit} bytes came")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{read_descriptor, secret_descriptor};
    use rustix::fs::SealFlags;
    use std::io;

    #[test]
    fn a_secret_is_read_from_its_beginning_and_cannot_be_changed() -> io::Result<()> {
        let descriptor = secret_descriptor(b"correct horse")?;
        let seals = rustix::fs::fcntl_get_seals(&descriptor)?;
        assert!(seals.contains(SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL));
        assert!(rustix::io::write(&descriptor, b"x").is_err());
        assert_eq!(read_descriptor(descriptor, 64)?.as_slice(), b"correct horse");
        Ok(())
    }

    #[test]
    fn a_pipe_is_read_to_its_end_but_not_beyond_the_limit() -> io::Result<()> {
        for (limit, fits) in [(5, true), (4, false)] {
            let (reading, writing) = rustix::pipe::pipe()?;
            rustix::io::write(&writing, b"horse")?;
            drop(writing);
            assert_eq!(read_descriptor(reading, limit).is_ok(), fits);
        }
        Ok(())
    }
}
