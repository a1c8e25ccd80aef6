//! The floor of D-Bus: the daemon's own methods, with the same arguments and nothing done.

use std::os::fd::OwnedFd as StdFd;
use std::os::unix::net::UnixStream;

use claviger_dbus::wire::{NoOptions, SignOptions};
use claviger_dbus::{ByteBuf, Bytes, names};
use zbus::connection::Builder;
use zbus::message::Header;
use zbus::{Connection, Guid, OwnedFd, fdo};

use crate::child::say_ready;
use crate::error::{Doing, Error};

/// The name it has on the bus.
pub(crate) const NAME: &str = "org.claviger.Bench.Noop";

struct Keys;

#[zbus::interface(name = "org.claviger.KeyStore1.Keys")]
impl Keys {
    #[expect(clippy::unused_async, reason = "the daemon's method is asynchronous")]
    async fn sign(&self, _key: &str, _mechanism: &str, _data: &Bytes, _options: SignOptions) -> ByteBuf {
        ByteBuf::from([7; 64])
    }
}

struct Service;

#[zbus::interface(name = "org.claviger.KeyStore1.Service")]
impl Service {
    async fn open_channel(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] bus: &Connection,
        _options: NoOptions,
    ) -> fdo::Result<OwnedFd> {
        let sender = header.sender().ok_or_else(|| fdo::Error::Failed("no sender".to_owned()))?;
        let bus = fdo::DBusProxy::new(bus).await?;
        let uid = bus.get_connection_unix_user(sender.to_owned().into()).await?;
        let (ours, theirs) = UnixStream::pair().map_err(|error| fdo::Error::IOError(error.to_string()))?;
        tokio::spawn(serve_channel(ours, uid));
        Ok(StdFd::from(theirs).into())
    }
}

async fn serve_channel(stream: UnixStream, uid: u32) -> zbus::Result<()> {
    let channel = Builder::unix_stream(stream)
        .server(Guid::generate())
        .p2p()
        .user_id(uid)
        .serve_at(names::OBJECT_PATH, Keys)
        .build()
        .await?;
    channel.closed().await;
    Ok(())
}

/// Serves until it is ended, on as many threads as the daemon.
pub(crate) fn serve(bus: &str) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .doing("start the no-op server's threads")?;
    runtime.block_on(async {
        let connection = Builder::address(bus)
            .serve_at(names::OBJECT_PATH, Keys)
            .serve_at(names::OBJECT_PATH, Service)
            .name(NAME)
            .build()
            .await?;
        say_ready()?;
        connection.closed().await;
        Ok(())
    })
}
