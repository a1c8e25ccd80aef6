use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::geteuid;

use super::error::TableError;

/// Makes the state folder where there is none, checks that it is the daemon's own, and returns its real path.
pub(super) fn prepare(folder: &Path) -> Result<PathBuf, TableError> {
    // Without a trailing slash: with one, "do not follow" follows.
    let folder: PathBuf = folder.components().collect();
    make(&folder).map_err(|error| TableError::io("make", &folder, error))?;
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(&folder)
        .map_err(|error| refused(&folder, error, "it is not a folder, or it is a symbolic link"))?;
    let metadata = handle.metadata().map_err(|error| TableError::io("look at", &folder, error))?;
    check_owner(&folder, &metadata)?;
    close_to_others(&handle, &folder)?;
    // SQLite refuses symbolic links anywhere in the path, /var/run for example.
    fs::canonicalize(&folder).map_err(|error| TableError::io("find", &folder, error))
}

/// Opens a file that only the daemon may read and write, and makes it, durably, where there is none.
pub(super) fn open_private_file(path: &Path) -> Result<File, TableError> {
    check_private_file(path)?;
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| refused(path, error, "it is a symbolic link"))?;
    close_to_others(&file, path)?;
    sync_parent(path).map_err(|error| TableError::io("write the folder of", path, error))?;
    Ok(file)
}

/// Checks that `path`, if it is there, is a plain file of the daemon's own that nobody else can write or reach
/// by another name.
pub(super) fn check_private_file(path: &Path) -> Result<(), TableError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(TableError::io("look at", path, error)),
    };
    if metadata.is_symlink() {
        return Err(unsafe_path(path, "it is a symbolic link"));
    }
    if !metadata.is_file() {
        return Err(unsafe_path(path, "it is not a plain file"));
    }
    check_owner(path, &metadata)?;
    if metadata.nlink() > 1 {
        return Err(unsafe_path(path, "it has a second name (a hard link)"));
    }
    Ok(())
}

fn make(folder: &Path) -> io::Result<()> {
    match fs::symlink_metadata(folder) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            sync_parent(folder)
        }
        Err(error) => Err(error),
    }
}

/// Takes the right to read from everybody else, as a backup's `cp` or a generous umask may have left it.
fn close_to_others(file: &File, path: &Path) -> Result<(), TableError> {
    let failed = |error| TableError::io("close to others", path, error);
    let mode = file.metadata().map_err(failed)?.mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode & 0o700)).map_err(failed)
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), TableError> {
    if metadata.uid() != geteuid().as_raw() {
        return Err(unsafe_path(path, "it belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(unsafe_path(path, "others may write to it"));
    }
    Ok(())
}

/// Makes a new name survive a power failure.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    File::open(parent)?.sync_all()
}

fn unsafe_path(path: &Path, reason: &'static str) -> TableError {
    TableError::Unsafe { path: path.to_owned(), reason }
}

/// Returns what an open that follows no link failed for.
fn refused(path: &Path, error: io::Error, reason: &'static str) -> TableError {
    match Errno::from_io_error(&error) {
        Some(Errno::LOOP | Errno::NOTDIR) => unsafe_path(path, reason),
        _ => TableError::io("open", path, error),
    }
}
