use std::collections::HashMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::greeter;
use crate::registry::{Registry, WeakRegistry};

/// The sockets on which this computer listens, one for each user who has a phone that comes that way, or waits for one.
///
/// A phone behind `adb reverse` ends at a process of its owner: whoever connects must be the owner, or root. That
/// proves nothing of the phone; what it says then does.
pub(crate) struct Sockets {
    folder: PathBuf,
    listening: HashMap<u32, AbortHandle>,
}

impl Sockets {
    pub(crate) fn new(runtime: &Path) -> Self {
        Self { folder: runtime.join("phone"), listening: HashMap::new() }
    }

    /// Listens for the phones of that user, if this was not so before.
    pub(crate) fn listen(&mut self, uid: u32, registry: &Arc<Registry>) -> io::Result<()> {
        if self.listening.contains_key(&uid) {
            return Ok(());
        }
        let _runtime = registry.runtime.enter();
        let listener = bind(&self.folder, uid)?;
        let task = registry.runtime.spawn(accept(listener, uid, Arc::downgrade(registry)));
        self.listening.insert(uid, task.abort_handle());
        Ok(())
    }

    /// Listens no more where `wanted` says so.
    pub(crate) fn retain(&mut self, wanted: impl Fn(u32) -> bool) {
        let folder = &self.folder;
        self.listening.retain(|uid, task| {
            let stays = wanted(*uid);
            if !stays {
                task.abort();
                // Gone already, or a next start removes it.
                drop(std::fs::remove_file(folder.join(uid.to_string())));
            }
            stays
        });
    }
}

fn bind(folder: &Path, uid: u32) -> io::Result<UnixListener> {
    if let Err(error) = std::fs::create_dir(folder)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(error);
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    let path = folder.join(uid.to_string());
    // One that an earlier process left behind; anything else that stands there is nobody's to remove.
    if std::fs::symlink_metadata(&path).is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(&path)?;
    }
    let listener = UnixListener::bind(&path)?;
    // Everybody may connect: who it is, the kernel says then.
    std::fs::set_permissions(&path, Permissions::from_mode(0o666))?;
    Ok(listener)
}

async fn accept(listener: UnixListener, uid: u32, registry: WeakRegistry) {
    let places = Arc::new(Semaphore::new(MOST_GREETED));
    let mut warned = None;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!("cannot accept a phone's connection: {error}");
                tokio::time::sleep(AFTER_A_FAILURE).await;
                continue;
            }
        };
        let (Some(registry), true) = (registry.upgrade(), is_owners(&stream, uid, &mut warned)) else {
            continue;
        };
        // More than that at once is nobody's phone: closed.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let runtime = registry.runtime.clone();
        runtime.spawn(async move {
            greeter::greet(Arc::downgrade(&registry), uid, Box::new(stream)).await;
            drop(place);
        });
    }
}

/// Returns true where it is the owner, or root. Of somebody else it is written once in a while: they may try all day.
fn is_owners(stream: &UnixStream, uid: u32, warned: &mut Option<Instant>) -> bool {
    let peer = stream.peer_cred().map(|peer| peer.uid());
    let allowed = peer.as_ref().is_ok_and(|peer| *peer == uid || *peer == 0);
    if !allowed && warned.is_none_or(|warned| warned.elapsed() > BETWEEN_WARNINGS) {
        *warned = Some(Instant::now());
        tracing::warn!("somebody else connected to the phone socket of user {uid}: {peer:?}");
    }
    allowed
}

/// How many connections of one user may wait to be recognised.
const MOST_GREETED: usize = 8;
/// After what a failed accept is tried again: there are no descriptors left, or no memory.
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);
/// How long nothing more is written of strangers.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
