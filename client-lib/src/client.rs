use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use claviger_dbus::Failure;
use rustix::fs::{FileType, SeekFrom};
use zeroize::Zeroizing;

use crate::channel::Channel;
use crate::daemon::{self, Face};
use crate::secret::read_descriptor;
use crate::{Bus, Error};

/// A connection to the daemon. Clones share it, and may be used at once from many tasks.
///
/// It must be used within the tokio runtime that made it. When the bus goes away, make another one.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    bus: Bus,
    timeout: Duration,
    connection: zbus::Connection,
    /// Who serves on the bus, once found.
    face: RwLock<Option<Arc<Face>>>,
    channel: Channel,
    tell: Option<Tell>,
}

/// Who is told of each socket that a client opens.
pub(crate) type Tell = fn(BorrowedFd<'_>);

/// What a client is to be like, before it connects.
#[derive(Clone, Debug)]
pub struct Builder {
    bus: Bus,
    timeout: Duration,
    channel: bool,
    tell: Option<Tell>,
}

impl Builder {
    /// Waits that long for an answer; 130 seconds unless told. The daemon itself gives up after 120.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Uses no channel: everything goes over the bus.
    pub const fn without_channel(mut self) -> Self {
        self.channel = false;
        self
    }

    /// Tells of each socket that is opened, to the bus or for a channel: a program that is forked has them in its child too.
    pub const fn tell_sockets(mut self, tell: fn(BorrowedFd<'_>)) -> Self {
        self.tell = Some(tell);
        self
    }

    /// Connects to the bus. The daemon itself is looked for at the first call.
    pub async fn connect(self) -> Result<Client, Error> {
        let Self { bus, timeout, channel, tell } = self;
        let builder = match tell {
            Some(tell) => told(&bus, tell).await.map_err(Error::NoBus)?,
            None => bus.builder(),
        };
        let connection = builder.method_timeout(timeout).build().await.map_err(Error::NoBus)?;
        let channel = Channel::new(channel, tell);
        let inner = Inner { bus, timeout, connection, face: RwLock::new(None), channel, tell };
        Ok(Client { inner: Arc::new(inner) })
    }
}

impl Client {
    /// Connects to the daemon on that bus.
    pub async fn connect(bus: &Bus) -> Result<Self, Error> {
        Self::builder(bus).connect().await
    }

    /// Returns a builder for a client on that bus.
    pub fn builder(bus: &Bus) -> Builder {
        Builder { bus: bus.clone(), timeout: TIMEOUT, channel: true, tell: None }
    }

    /// Returns the bus that was asked for.
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    /// Returns true while a channel is open.
    pub fn has_channel(&self) -> bool {
        self.inner.channel.is_open()
    }

    /// Returns a builder for a connection of the same kind, without a channel.
    pub(crate) fn sibling(&self) -> Builder {
        Builder { tell: self.inner.tell, ..Self::builder(self.bus()).without_channel() }
    }

    pub(crate) fn connection(&self) -> &zbus::Connection {
        &self.inner.connection
    }

    /// Does something that changes nothing: over the channel where there is one, else over the bus. Doing it again is right
    /// whether or not it was done.
    pub(crate) async fn operate<T, F>(&self, call: impl Fn(Arc<Face>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.over_channel(|_| true, call).await
    }

    /// Uses a private key, for which somebody may have to say yes: over the channel where there is one, else over the
    /// bus. It is done again only where it cannot have reached the daemon, so that nobody is asked twice.
    pub(crate) async fn perform<T, F>(&self, call: impl Fn(Arc<Face>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.over_channel(Error::is_unsent, call).await
    }

    /// As [`operate`](Self::operate), with a file's contents. What comes out of a pipe is gone when it was read: that is
    /// not tried twice, and goes over the bus.
    pub(crate) async fn operate_on<T, F>(
        &self,
        file: BorrowedFd<'_>,
        call: impl Fn(Arc<Face>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        if is_readable_again(file) { self.operate(call).await } else { self.call(call).await }
    }

    /// As [`perform`](Self::perform), with a file's contents, as [`operate_on`](Self::operate_on).
    pub(crate) async fn perform_on<T, F>(
        &self,
        file: BorrowedFd<'_>,
        call: impl Fn(Arc<Face>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        if is_readable_again(file) { self.perform(call).await } else { self.call(call).await }
    }

    /// Does something over the channel where there is one, else over the bus; over the bus, too, where the channel broke
    /// and `may` says of the error that it may be done again.
    async fn over_channel<T, F>(
        &self,
        may: impl Fn(&Error) -> bool,
        call: impl Fn(Arc<Face>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let bus = self.face().await?;
        if let Some(channel) = self.inner.channel.face(&bus, self.inner.timeout).await {
            match call(channel.clone()).await {
                Err(Failure::Transport(error)) if broke(&channel, &error) => {
                    self.inner.channel.forget(&channel);
                    let error = Error::from(Failure::Transport(error));
                    if !may(&error) {
                        return Err(error);
                    }
                }
                answer => return answer.map_err(Error::from),
            }
        }
        self.call(call).await
    }

    /// Does something over the bus, once; again only where the bus says that it reached nobody.
    pub(crate) async fn call<T, F>(&self, call: impl Fn(Arc<Face>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let face = self.face().await?;
        match call(face.clone()).await.map_err(Error::from) {
            // A unique name is gone for ever; the daemon may be back under another one.
            Err(Error::NoDaemon(_)) if self.inner.bus == Bus::System => {
                self.forget(&face);
                call(self.face().await?).await.map_err(Error::from)
            }
            answer => answer,
        }
    }

    /// Returns the daemon on the bus, after looking who it is.
    pub(crate) async fn face(&self) -> Result<Arc<Face>, Error> {
        let Inner { bus, connection, face, .. } = &*self.inner;
        if let Some(face) = &*face.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(face.clone());
        }
        let destination = daemon::find(bus, connection).await?;
        let found = Arc::new(Face::new(connection, destination).await.map_err(Error::Protocol)?);
        *face.write().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    fn forget(&self, gone: &Arc<Face>) {
        let mut face = self.inner.face.write().unwrap_or_else(PoisonError::into_inner);
        if face.as_ref().is_some_and(|known| Arc::ptr_eq(known, gone)) {
            *face = None;
        }
    }
}

/// Returns a builder for a connection to a bus whose socket is told of, where it is one that can be connected here.
async fn told(bus: &Bus, tell: Tell) -> zbus::Result<zbus::connection::Builder<'static>> {
    let Some(socket) = bus.socket().await else { return Ok(bus.builder()) };
    let socket = socket?;
    tell(socket.as_fd());
    Ok(zbus::connection::Builder::unix_stream(socket))
}

/// Returns true where the channel ended before an answer came.
fn broke(channel: &Face, error: &zbus::Error) -> bool {
    match error {
        zbus::Error::InputOutput(cause) => cause.kind() != io::ErrorKind::TimedOut,
        _ => channel.keys.inner().connection().is_closed(),
    }
}

/// Returns true for what can be read once more: all but pipes.
fn is_readable_again(file: BorrowedFd<'_>) -> bool {
    rustix::fs::seek(file, SeekFrom::Current(0)).is_ok()
}

/// Reads what the daemon gave, without blocking the runtime. What is in memory already is read at once: no thread is started
/// for it, which a program that is no friend of threads would have to bear.
pub(crate) async fn receive(descriptor: zbus::OwnedFd, limit: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let descriptor = OwnedFd::from(descriptor);
    let stat = rustix::fs::fstat(&descriptor);
    let is_file = stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    let bytes = if is_file {
        read_descriptor(descriptor, limit)
    } else {
        let reading = tokio::task::spawn_blocking(move || read_descriptor(descriptor, limit));
        reading.await.map_err(io::Error::from).flatten()
    };
    bytes.map_err(|error| Error::Local("read the answer", error))
}

/// A little more than the daemon waits for a person.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(130);

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test fails by panicking")]

    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::receive;

    #[test]
    fn a_secret_is_read_without_a_thread() {
        let secret = crate::secret_descriptor(b"correct horse").expect("a descriptor");
        // There is no runtime here that could start one.
        let mut reading = pin!(receive(secret.into(), 64));
        let Poll::Ready(read) = reading.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("it is there already");
        };
        assert_eq!(read.expect("the secret").as_slice(), b"correct horse");
    }
}
