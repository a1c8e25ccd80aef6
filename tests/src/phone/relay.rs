use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener as StdListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::tap::{Joint, Tap};
use crate::accounts::Person;
use crate::place::{Place, give};
use crate::until;

/// What `adb reverse` does: a phone connects here, and from here somebody connects to the daemon's socket. It can be cut.
pub struct Relay {
    tap: Arc<Tap>,
    socket: PathBuf,
    up: watch::Sender<bool>,
    task: JoinHandle<()>,
    _place: Place,
}

impl Relay {
    /// Connects whoever comes as `person` to the daemon's socket.
    pub fn to(daemon: PathBuf, person: &Person) -> Self {
        let place = Place::new();
        let socket = place.path().join("relay");
        let listener = StdListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        give(&socket, person, 0o600);
        let (tap, (up, is_up)) = (Tap::new(), watch::channel(true));
        let task = tokio::spawn(serve(
            UnixListener::from_std(listener).unwrap(),
            Arc::clone(&tap),
            (daemon, person.clone()),
            is_up,
        ));
        Self { tap, socket, up, task, _place: place }
    }

    /// Returns where the phone connects.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns what it carries.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Cuts the line: both ends see it end, and nobody gets through.
    pub fn cut(&self) {
        self.up.send_replace(false);
    }

    /// Lets through again whoever connects.
    pub fn mend(&self) {
        self.up.send_replace(true);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns true where somebody listens at the daemon's socket, for everybody.
pub(super) fn is_open(socket: &Path) -> bool {
    let is_for_all = std::fs::metadata(socket).is_ok_and(|found| found.permissions().mode() & 0o777 == 0o666);
    is_for_all && UnixStream::connect(socket).is_ok()
}

/// Waits until the daemon listens there.
pub async fn until_listened(socket: &Path) {
    assert!(until(|| is_open(socket)).await, "the daemon does not listen at {}", socket.display());
}

async fn serve(
    listener: UnixListener,
    tap: Arc<Tap>,
    (daemon, person): (PathBuf, Person),
    mut up: watch::Receiver<bool>,
) {
    while let Ok((phone, _)) = listener.accept().await {
        // The daemon may have no such socket (yet).
        if !*up.borrow_and_update() || !is_open(&daemon) {
            continue;
        }
        let computer = person.connect(&daemon);
        computer.set_nonblocking(true).unwrap();
        let phone = phone.into_std().unwrap();
        let mut joint = Joint::new(&tap, computer.into(), phone.into(), || ());
        tokio::select! {
            () = joint.ended() => {}
            _ = up.wait_for(|up| !up) => {}
        }
    }
}
