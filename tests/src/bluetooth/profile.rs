//! A program that BlueZ hands RFCOMM streams to.

use std::collections::HashMap;

use tokio::net::UnixStream;
use tokio::sync::mpsc;
use zbus::{Connection, ObjectPath, OwnedFd, OwnedObjectPath, OwnedVariant, Variant, fdo};

use super::bluez::BlueZ;

/// Which end of the stream the program is.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// It dials.
    Client,
    /// It is dialled, and has an SDP record.
    Server,
}

/// A registered program.
pub struct Profile {
    streams: mpsc::UnboundedReceiver<UnixStream>,
    _connection: Connection,
}

impl Profile {
    /// Registers it on a connection of its own.
    pub async fn register(bluez: &BlueZ, service: &str, role: Role) -> zbus::Result<Self> {
        let connection = bluez.bus().connect(&crate::accounts::Person::root()).await;
        let (send, streams) = mpsc::unbounded_channel();
        connection.object_server().at(PATH, Handler { streams: send }).await?;
        let mut options: HashMap<&str, Variant<'_>> = HashMap::from([("RequireAuthentication", true.into())]);
        match role {
            Role::Client => drop(options.insert("Role", "client".into())),
            Role::Server => {
                options.insert("Role", "server".into());
                // Any channel: without this option nobody listens, and nobody says so.
                options.insert("Channel", 0_u16.into());
            }
        }
        let path = ObjectPath::try_from(PATH)?;
        let body = (path, service, options);
        let (name, manager) = (Some("org.bluez"), Some("org.bluez.ProfileManager1"));
        connection.call_method(name, "/org/bluez", manager, "RegisterProfile", &body).await?;
        Ok(Self { streams, _connection: connection })
    }

    /// Waits for the next stream. It is an RFCOMM socket, which is read and written as any stream socket is. `shutdown` ends
    /// it; closing it does not, as BlueZ has it open as well.
    pub async fn stream(&mut self) -> UnixStream {
        crate::in_time("a stream from BlueZ", self.streams.recv()).await.expect("the handler lives")
    }
}

struct Handler {
    streams: mpsc::UnboundedSender<UnixStream>,
}

#[zbus::interface(name = "org.bluez.Profile1")]
impl Handler {
    fn new_connection(
        &self,
        _device: OwnedObjectPath,
        stream: OwnedFd,
        _properties: HashMap<String, OwnedVariant>,
    ) -> fdo::Result<()> {
        let stream = std::os::unix::net::UnixStream::from(std::os::fd::OwnedFd::from(stream));
        stream.set_nonblocking(true).map_err(|error| fdo::Error::Failed(error.to_string()))?;
        let stream = UnixStream::from_std(stream).map_err(|error| fdo::Error::Failed(error.to_string()))?;
        self.streams.send(stream).map_err(|error| fdo::Error::Failed(error.to_string()))
    }

    fn request_disconnection(&self, _device: OwnedObjectPath) -> fdo::Result<()> {
        Ok(())
    }

    fn release(&self) -> fdo::Result<()> {
        Ok(())
    }
}

const PATH: &str = "/org/claviger/tests/profile";
