//! The socket that clients find: systemd's, or one of our own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::Mode;

use crate::{Problem, ffi};

/// A socket of our own, which goes with the value.
#[derive(Debug)]
pub(crate) struct Own {
    path: PathBuf,
    /// A folder that was made for it alone.
    folder: Option<PathBuf>,
}

/// Returns the socket that systemd passed, if it did.
pub(crate) fn passed() -> Result<Option<UnixListener>, Problem> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(None);
    }
    if number("LISTEN_FDS") != Some(1) {
        return Err(Problem::BadSocket("systemd passed more than one"));
    }
    let Some(descriptor) = ffi::first_passed_descriptor() else { return Ok(None) };
    listening(descriptor).map(Some)
}

/// Returns the socket that stands at standard input: the program that went before made it.
pub(crate) fn inherited() -> Result<UnixListener, Problem> {
    let copied = io::stdin().as_fd().try_clone_to_owned();
    let descriptor = copied.map_err(|error| Problem::System("take the socket over", error))?;
    // Standard input is nobody's any more.
    let null = fs::File::open("/dev/null").map_err(|error| Problem::System("open /dev/null", error))?;
    let closed = rustix::stdio::dup2_stdin(&null);
    closed.map_err(|error| Problem::System("leave standard input", error.into()))?;
    listening(descriptor)
}

fn listening(descriptor: OwnedFd) -> Result<UnixListener, Problem> {
    if !rustix::net::sockopt::socket_acceptconn(&descriptor).unwrap_or(false) {
        return Err(Problem::BadSocket("it does not listen"));
    }
    let name = rustix::net::getsockname(&descriptor);
    if name.map(|name| name.address_family()) != Ok(rustix::net::AddressFamily::UNIX) {
        return Err(Problem::BadSocket("it is no Unix socket"));
    }
    rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC)
        .map_err(|error| Problem::System("take the socket over", error.into()))?;
    Ok(UnixListener::from(descriptor))
}

impl Own {
    /// Makes a socket that only its owner may use, at `path` or at a place of its own.
    pub(crate) fn listen(path: Option<&Path>) -> Result<(UnixListener, Self), Problem> {
        let own = match path {
            Some(path) => Self { path: path.to_owned(), folder: None },
            None => {
                Self::somewhere().map_err(|error| Problem::System("make a folder for the socket", error))?
            }
        };
        let listener = own.bind();
        // What could not be made is not to be removed: it may be another agent's.
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => {
                let path = own.path.clone();
                std::mem::forget(own);
                return Err(Problem::Socket(path, error));
            }
        };
        Ok((listener, own))
    }

    /// Returns what removes a socket that another process made for this one.
    pub(crate) fn taken_over(path: PathBuf) -> Self {
        let parent = path.parent().map(Path::to_owned);
        let is_own = |folder: &PathBuf| {
            folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(OWN_FOLDER))
        };
        Self { path, folder: parent.filter(is_own) }
    }

    /// Leaves the socket there: another process has it now.
    pub(crate) fn hand_over(self) -> PathBuf {
        let path = self.path.clone();
        std::mem::forget(self);
        path
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn somewhere() -> io::Result<Self> {
        let pid = std::process::id();
        if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
            let folder = PathBuf::from(runtime).join("claviger");
            DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            return Ok(Self { path: folder.join(format!("ssh-agent.{pid}.sock")), folder: None });
        }
        let temporary = std::env::temp_dir();
        // A name that somebody took already is passed over: `create` takes no folder that is there.
        for attempt in 0..100 {
            let folder = temporary.join(format!("{OWN_FOLDER}{pid}.{attempt}"));
            match DirBuilder::new().mode(0o700).create(&folder) {
                Ok(()) => {
                    return Ok(Self { path: folder.join(format!("agent.{pid}")), folder: Some(folder) });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists))
    }

    fn bind(&self) -> io::Result<UnixListener> {
        let is_stale = fs::symlink_metadata(&self.path).is_ok_and(|data| data.file_type().is_socket())
            && UnixStream::connect(&self.path)
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
        if is_stale {
            fs::remove_file(&self.path)?;
        }
        // From its first moment on it is its owner's alone.
        let before = rustix::process::umask(Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(&self.path);
        rustix::process::umask(before);
        listener
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // Whoever removed it before did what was to be done.
        fs::remove_file(&self.path).ok();
        if let Some(folder) = &self.folder {
            fs::remove_dir(folder).ok();
        }
    }
}

const OWN_FOLDER: &str = "claviger-ssh-agent.";
