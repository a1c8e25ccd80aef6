use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{PAUSE, Trouble};
use crate::manager::SecurityManager;
use crate::stream::{Idle, serve};

/// A socket to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `unix:PATH`.
    Unix(PathBuf),
    /// `abstract:NAME`, for example what `adb reverse localabstract:NAME …` made.
    Abstract(String),
    /// `tcp:127.0.0.1:PORT`: of this device only.
    Tcp(SocketAddr),
}

/// The text names no socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTarget;

impl Target {
    async fn stream(&self) -> io::Result<Socket> {
        match self {
            Self::Unix(path) => dial(&SocketAddrUnix::new(path)?).map(Socket::Unix),
            Self::Abstract(name) => {
                dial(&SocketAddrUnix::new_abstract_name(name.as_bytes())?).map(Socket::Unix)
            }
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Ok(Socket::Tcp(stream))
            }
        }
    }
}

/// Connects to a local socket: it answers at once or, where too many wait there already, not now (`EAGAIN`).
fn dial(address: &SocketAddrUnix) -> io::Result<UnixStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, address)?;
    UnixStream::from_std(socket.into())
}

enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Connects for ever: whoever listens at the other end comes and goes.
pub(super) async fn connect(target: Target, manager: Arc<SecurityManager>) -> io::Result<()> {
    let mut trouble = Trouble::default();
    loop {
        match target.stream().await {
            Ok(socket) => {
                trouble.over(&target);
                drop(match socket {
                    Socket::Unix(stream) => serve(stream, &manager, Idle::Short).await,
                    Socket::Tcp(stream) => serve(stream, &manager, Idle::Short).await,
                });
            }
            Err(error) => trouble.tell(&format_args!("connect to {target}"), &error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Lets hosts of the same user connect.
pub(super) async fn listen(path: &Path, manager: Arc<SecurityManager>) -> io::Result<()> {
    let listener = bind(path)?;
    let room = Arc::new(Semaphore::new(MOST_STREAMS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                let manager = Arc::clone(&manager);
                tokio::spawn(async move {
                    drop(serve(stream, &manager, Idle::Short).await);
                    drop(place);
                });
            }
            Err(error) => {
                eprintln!("claviger-phone: cannot take a connection at {}: {error}", path.display());
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Makes a socket that only this user and root can connect to, in the place of one that nobody listens at any more.
pub(crate) fn bind(path: &Path) -> io::Result<UnixListener> {
    let stale = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
        && dial(&SocketAddrUnix::new(path)?)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
    if stale {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        match text.split_once(':').ok_or(InvalidTarget)? {
            ("unix", path) if !path.is_empty() => Ok(Self::Unix(path.into())),
            ("abstract", name) if !name.is_empty() => Ok(Self::Abstract(name.to_owned())),
            ("tcp", address) => {
                let address: SocketAddr = address.parse().map_err(|_| InvalidTarget)?;
                // The channel would protect it, but nothing here is meant for a network.
                if address.ip().is_loopback() { Ok(Self::Tcp(address)) } else { Err(InvalidTarget) }
            }
            _ => Err(InvalidTarget),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Abstract(name) => write!(formatter, "abstract:{name}"),
            Self::Tcp(address) => write!(formatter, "tcp:{address}"),
        }
    }
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("write unix:PATH, abstract:NAME or tcp:127.0.0.1:PORT (this device only)")
    }
}

impl std::error::Error for InvalidTarget {}

/// How many streams one socket has at a time.
const MOST_STREAMS: usize = 16;

#[cfg(test)]
mod tests {
    use super::{AddressFamily, InvalidTarget, SocketAddrUnix, SocketFlags, SocketType, Target};

    #[test]
    fn a_target_is_read_back_as_it_is_written() {
        for text in ["unix:/run/x", "abstract:claviger", "tcp:127.0.0.1:4711", "tcp:[::1]:4711"] {
            let target: Target = text.parse().expect("a target");
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn a_socket_where_too_many_wait_holds_nothing_up() {
        let name = format!("claviger-phone-test-{}", std::process::id());
        let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).expect("a name");
        let flags = SocketFlags::CLOEXEC;
        let listener = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let listener = listener.expect("a socket");
        rustix::net::bind(&listener, &address).expect("bound");
        rustix::net::listen(&listener, 0).expect("it listens");
        let (told, outcome) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let target = Target::Abstract(name);
                let mut open = Vec::new();
                let error = loop {
                    match target.stream().await {
                        Ok(stream) => open.push(stream),
                        Err(error) => break error.kind(),
                    }
                };
                told.send(error).expect("the test waits");
            });
        });
        let kind = outcome.recv_timeout(std::time::Duration::from_secs(20)).expect("it does not block");
        assert_eq!(kind, std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn no_network_is_reached() {
        for text in
            ["tcp:192.0.2.1:4711", "tcp:0.0.0.0:1", "tcp:localhost:1", "unix:", "abstract:", "/run/x", ""]
        {
            assert_eq!(text.parse::<Target>(), Err(InvalidTarget), "{text}");
        }
    }
}
