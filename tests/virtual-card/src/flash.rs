//! The card's memory: two images in the state folder that outlive power and process, and RAM that does not.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use littlefs2::consts::{U8, U512};
use littlefs2::driver::Storage;
use littlefs2::fs::Filesystem;
use littlefs2::io::{Error, Result};
use littlefs2_core::DynFilesystem;

/// What the chip has to keep things in.
#[derive(Clone, Copy)]
pub struct Memory<'a> {
    /// Keeps what the applets call internal: the state of the random generator.
    pub internal: &'a dyn DynFilesystem,
    /// Keeps keys, certificates and PIN counters.
    pub external: &'a dyn DynFilesystem,
    /// Is empty after every power cycle.
    pub volatile: &'a dyn DynFilesystem,
}

/// Mounts the memory in `folder`, making it where it is missing, and returns what `use_it` gives.
pub fn with_memory<T>(folder: &Path, use_it: impl FnOnce(Memory<'_>) -> T) -> std::io::Result<T> {
    std::fs::create_dir_all(folder)?;
    let mut internal = Image::open(&folder.join("internal.img"))?;
    let mut external = Image::open(&folder.join("external.img"))?;
    let mut volatile = Ram(vec![ERASED; SIZE]);
    Filesystem::format(&mut volatile).map_err(broken)?;
    let mut given = None;
    Filesystem::mount_and_then(&mut internal, |internal| {
        Filesystem::mount_and_then(&mut external, |external| {
            Filesystem::mount_and_then(&mut volatile, |volatile| {
                given = Some(use_it(Memory { internal, external, volatile }));
                Ok(())
            })
        })
    })
    .map_err(broken)?;
    Ok(given.expect("it was mounted, so it was used"))
}

fn broken(error: Error) -> std::io::Error {
    std::io::Error::other(format!("littlefs: {error:?}"))
}

/// An image that is read once and written through.
struct Image {
    file: File,
    ram: Ram,
}

impl Image {
    fn open(path: &Path) -> std::io::Result<Self> {
        let is_new = !path.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut content = vec![ERASED; SIZE];
        if is_new {
            file.write_all_at(&content, 0)?;
        } else {
            file.read_exact_at(&mut content, 0)?;
        }
        let mut image = Self { file, ram: Ram(content) };
        if is_new {
            Filesystem::format(&mut image).map_err(broken)?;
        }
        Ok(image)
    }

    fn keep(&self, offset: usize, length: usize) -> Result<()> {
        self.file.write_all_at(&self.ram.0[offset..offset + length], offset as u64).map_err(|_| Error::IO)
    }
}

struct Ram(Vec<u8>);

/// Names the geometry once for both kinds.
macro_rules! geometry {
    () => {
        const READ_SIZE: usize = 16;
        const WRITE_SIZE: usize = 16;
        const BLOCK_SIZE: usize = 512;
        const BLOCK_COUNT: usize = SIZE / 512;
        const BLOCK_CYCLES: isize = -1;
        type CACHE_SIZE = U512;
        type LOOKAHEAD_SIZE = U8;
    };
}

impl Storage for Ram {
    geometry!();

    fn read(&mut self, offset: usize, buffer: &mut [u8]) -> Result<usize> {
        let from = self.0.get(offset..offset + buffer.len()).ok_or(Error::IO)?;
        buffer.copy_from_slice(from);
        Ok(buffer.len())
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> Result<usize> {
        let to = self.0.get_mut(offset..offset + data.len()).ok_or(Error::NO_SPACE)?;
        to.copy_from_slice(data);
        Ok(data.len())
    }

    fn erase(&mut self, offset: usize, length: usize) -> Result<usize> {
        let to = self.0.get_mut(offset..offset + length).ok_or(Error::NO_SPACE)?;
        to.fill(ERASED);
        Ok(length)
    }
}

impl Storage for Image {
    geometry!();

    fn read(&mut self, offset: usize, buffer: &mut [u8]) -> Result<usize> {
        self.ram.read(offset, buffer)
    }

    fn write(&mut self, offset: usize, data: &[u8]) -> Result<usize> {
        self.ram.write(offset, data)?;
        self.keep(offset, data.len())?;
        Ok(data.len())
    }

    fn erase(&mut self, offset: usize, length: usize) -> Result<usize> {
        self.ram.erase(offset, length)?;
        self.keep(offset, length)?;
        Ok(length)
    }
}

/// Room for both applets with all their keys and 24 certificates.
const SIZE: usize = 512 * 1024;
const ERASED: u8 = 0xFF;
