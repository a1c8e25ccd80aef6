//! Folders with the right owner, and small file systems.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use tempfile::TempDir;

use crate::accounts::Person;

/// A folder that goes with the test, and that everybody may enter.
pub struct Place {
    folder: TempDir,
}

impl Place {
    /// Makes the folder.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("claviger-test-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a folder in it that belongs to `owner` alone.
    pub fn folder(&self, name: &str, owner: &Person) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir(&path).unwrap();
        give(&path, owner, 0o700);
        path
    }

    /// Writes a file in it that everybody may read.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// A file system in memory that goes with the test.
pub struct SmallDisk {
    path: PathBuf,
    // Removed after the file system in it.
    _place: Place,
}

impl SmallDisk {
    /// Makes one of `kibibytes` that belongs to `owner`.
    pub fn new(kibibytes: u32, owner: &Person) -> Self {
        let place = Place::new();
        let path = place.folder("disk", owner);
        let options = format!("size={kibibytes}k,mode=0700,uid={},gid={}", owner.uid, owner.gid);
        let options = std::ffi::CString::new(options).unwrap();
        mount("claviger-test", &path, "tmpfs", MountFlags::empty(), Some(options.as_c_str())).unwrap();
        Self { path, _place: place }
    }

    /// Returns where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fills what room is left, but for `spare` bytes; [`SmallDisk::relieve`] undoes it.
    pub fn fill(&self, spare: u64) {
        let room = rustix::fs::statvfs(&self.path).unwrap();
        let size = (room.f_bavail * room.f_frsize).saturating_sub(spare);
        fs::write(self.path.join(FILLER), vec![0; usize::try_from(size).unwrap()]).unwrap();
    }

    /// Makes room again.
    pub fn relieve(&self) {
        fs::remove_file(self.path.join(FILLER)).unwrap();
    }

    /// Makes the whole file system read-only.
    pub fn make_read_only(&self) {
        mount_remount(&self.path, MountFlags::RDONLY, "").unwrap();
    }

    /// Makes it writable again.
    pub fn make_writable(&self) {
        mount_remount(&self.path, MountFlags::empty(), "").unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Detached: a daemon that a failing test left behind must not keep it.
        if let Err(error) = unmount(&self.path, UnmountFlags::DETACH) {
            eprintln!("{} stays mounted: {error}", self.path.display());
        }
    }
}

/// Gives the file or folder to `owner`.
pub fn give(path: &Path, owner: &Person, mode: u32) {
    chown(path, Some(owner.uid), Some(owner.gid)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

const FILLER: &str = "filler";
