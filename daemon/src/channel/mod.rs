//! Private channels: one end of a socket pair that speaks the same interfaces, with no bus daemon in the way.
//!
//! Each channel has a thread of its own. A message is read, answered and written on it without waking another
//! one, and the kernel shares the processors among the threads: whoever floods theirs does not slow down
//! anybody else's.

pub mod frames;
mod socket;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use claviger_core::policy::Caller;
use claviger_core::{Refusal, Resource};
use claviger_dbus::names::OBJECT_PATH;
use zbus::connection::Builder;
use zbus::{Connection, Guid};

use crate::bus::{AccountFace, Door, KeysFace, PublicFace, ServiceFace, SessionsFace, TokensFace};
use crate::callers::Peer;
use crate::service::Service;
use socket::Socket;

/// Opens a channel for `opener`, who is `caller`, and returns the caller's end of it.
pub fn open(service: &Arc<Service>, opener: &Peer, caller: Arc<Caller>) -> Result<OwnedFd, Refusal> {
    let permit = service.permits.take(caller.uid, Resource::Channels)?;
    if service.permits.taken(Resource::Channels) > MOST_CHANNELS {
        return Err(Refusal::LimitsExceeded("channels, all users together"));
    }
    let internal = |error: std::io::Error| Refusal::Internal(format!("no channel ({error})").into());
    let (ours, theirs) = UnixStream::pair().map_err(internal)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(internal)?;
    let uid = caller.uid;
    let peer = Arc::new(Peer::channel(opener, caller));
    let service = Arc::clone(service);
    std::thread::Builder::new()
        .name("channel".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            // Given back last, when the runtime has ended too.
            let _permit = permit;
            let runtime = runtime;
            if let Err(error) = runtime.block_on(serve(service, &peer, uid, ours)) {
                tracing::debug!(uid, "a channel ended: {error}");
            }
            peer.gone.cancel();
        })
        .map_err(internal)?;
    Ok(theirs.into())
}

/// Serves one channel until either end closes it or its opener vanishes.
async fn serve(service: Arc<Service>, peer: &Arc<Peer>, uid: u32, ours: UnixStream) -> zbus::Result<()> {
    let gone = peer.gone.clone();
    let door = Door::channel(service, Arc::clone(peer));
    let building = tokio::time::timeout(HANDSHAKE, build(door, uid, ours));
    let connection = tokio::select! {
        () = gone.cancelled() => return Ok(()),
        built = building => built.map_err(|_| zbus::Error::Handshake("too slow".to_owned()))??,
    };
    tokio::select! {
        () = gone.cancelled() => {}
        _ = connection.closed() => {}
    }
    // A far end that reads nothing keeps a reply half written: it is not waited for.
    tokio::time::timeout(PARTING, connection.close()).await.unwrap_or(Ok(()))
}

async fn build(door: Door, uid: u32, ours: UnixStream) -> zbus::Result<Connection> {
    Builder::socket(Socket::new(ours)?)
        .server(Guid::generate())
        .p2p()
        // The kernel says of both ends of a pair that they are ours: the caller authenticates as themselves.
        .user_id(uid)
        .serve_at(OBJECT_PATH, ServiceFace(door.clone()))
        .serve_at(OBJECT_PATH, KeysFace(door.clone()))
        .serve_at(OBJECT_PATH, AccountFace(door.clone()))
        .serve_at(OBJECT_PATH, TokensFace(door.clone()))
        .serve_at(OBJECT_PATH, PublicFace(door.clone()))
        .serve_at(OBJECT_PATH, SessionsFace(door))
        .build()
        .await
}

/// Channels of all users together: each has a thread and some descriptors.
const MOST_CHANNELS: u32 = 1024;
/// How long closing may take.
const PARTING: Duration = Duration::from_secs(1);
/// How long the far end may take to authenticate.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// The stack of a channel's thread in bytes.
const STACK: usize = 1024 * 1024;
