use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use claviger_phone_protocol::SERVICE_UUID;
use rustix::net::{Shutdown, shutdown};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, broadcast, mpsc};
use zbus::{Connection, ObjectPath, OwnedFd, OwnedObjectPath, OwnedVariant, Variant, fdo};

use super::{PAUSE, Trouble};
use crate::bus;
use crate::manager::SecurityManager;
use crate::stream::{Idle, serve};

/// Offers the service over RFCOMM for ever: BlueZ may come, go and come again.
pub(super) async fn run(manager: Arc<SecurityManager>) -> io::Result<()> {
    let room = Arc::new(Semaphore::new(MOST_STREAMS));
    let mut trouble = Trouble::default();
    loop {
        let served = serve_bluetooth(&manager, &room, &mut trouble).await;
        if let Err(error) = served {
            trouble.tell(&"offer the service over Bluetooth", &error);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Registers the service and serves whoever dials it, until BlueZ or the bus goes.
async fn serve_bluetooth(
    manager: &Arc<SecurityManager>,
    room: &Arc<Semaphore>,
    trouble: &mut Trouble,
) -> zbus::Result<()> {
    let connection = Connection::system().await?;
    let (sender, mut streams) = mpsc::channel(1);
    let (hangups, _) = broadcast::channel(MOST_STREAMS * 2);
    let profile = Profile { streams: sender, hangups: hangups.clone() };
    connection.object_server().at(PROFILE, profile).await?;
    // Before the registration: a BlueZ that goes right behind it is not missed.
    let mut gone = bus::signals(&connection, BUS, BUS, Some(BLUEZ)).await?;
    register(&connection).await?;
    trouble.over(&"Bluetooth");
    loop {
        let stream = tokio::select! {
            stream = streams.recv() => stream,
            _ = bus::next(&mut gone) => return Ok(()),
        };
        let Some((device, mut stream)) = stream else { return Ok(()) };
        let Ok(place) = Arc::clone(room).try_acquire_owned() else {
            hang_up(&stream);
            continue;
        };
        let (manager, hangups) = (Arc::clone(manager), hangups.subscribe());
        tokio::spawn(async move {
            // BlueZ does not close the descriptor when it takes the connection down: that is ours.
            tokio::select! {
                ended = serve(&mut stream, &manager, Idle::Short) => drop(ended),
                () = hung_up(hangups, device) => {}
            }
            hang_up(&stream);
            drop(place);
        });
    }
}

/// Ends a stream. BlueZ has it open as well: closing it ends nothing.
fn hang_up(stream: &UnixStream) {
    // It may have ended already.
    let _ = shutdown(stream, Shutdown::Both);
}

/// Waits until BlueZ takes the device's connection down.
async fn hung_up(mut hangups: broadcast::Receiver<OwnedObjectPath>, device: OwnedObjectPath) {
    loop {
        match hangups.recv().await {
            Ok(which) if which == device => return,
            // Some were missed, perhaps this one: a host that is still there dials again.
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => return std::future::pending().await,
        }
    }
}

async fn register(connection: &Connection) -> zbus::Result<()> {
    let options: HashMap<&str, Variant<'_>> = HashMap::from([
        ("Name", Variant::from("Claviger security manager")),
        ("Role", Variant::from("server")),
        // Any free channel. Without this option nobody listens and there is no SDP record, and BlueZ says nothing of it.
        ("Channel", Variant::from(0_u16)),
        // A bond is wanted, so that strangers do not even get a stream; it is trusted for nothing.
        ("RequireAuthentication", Variant::from(true)),
        ("RequireAuthorization", Variant::from(false)),
    ]);
    let body = (ObjectPath::try_from(PROFILE)?, SERVICE_UUID, options);
    let manager = Some("org.bluez.ProfileManager1");
    connection.call_method(Some(BLUEZ), "/org/bluez", manager, "RegisterProfile", &body).await?;
    Ok(())
}

/// What BlueZ calls (org.bluez.Profile1).
struct Profile {
    streams: mpsc::Sender<(OwnedObjectPath, UnixStream)>,
    hangups: broadcast::Sender<OwnedObjectPath>,
}

#[zbus::interface(name = "org.bluez.Profile1")]
impl Profile {
    fn new_connection(
        &self,
        device: OwnedObjectPath,
        stream: OwnedFd,
        _properties: HashMap<String, OwnedVariant>,
    ) -> fdo::Result<()> {
        let failed = |error: &dyn std::fmt::Display| fdo::Error::Failed(error.to_string());
        // It is an RFCOMM socket, which is read and written as any stream socket is.
        let stream = StdStream::from(std::os::fd::OwnedFd::from(stream));
        stream.set_nonblocking(true).map_err(|error| failed(&error))?;
        let stream = UnixStream::from_std(stream).map_err(|error| failed(&error))?;
        self.streams.try_send((device, stream)).map_err(|_| failed(&"too many connections at once"))
    }

    fn request_disconnection(&self, device: OwnedObjectPath) {
        // Where no stream is there, none is to be ended.
        drop(self.hangups.send(device));
    }

    /// BlueZ forgets the registration, because it ends; what is told then is the change of its name's owner.
    fn release(&self) {}
}

const BUS: &str = "org.freedesktop.DBus";
const BLUEZ: &str = "org.bluez";
const PROFILE: &str = "/org/claviger/phone/profile";

/// How many computers may be connected at a time: a piconet has seven.
const MOST_STREAMS: usize = 7;
