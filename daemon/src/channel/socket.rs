//! The daemon's end of a channel as a transport of zbus: a unix socket whose messages are bounded.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::watch;
use zbus::connection::socket::{ReadHalf, Socket as Transport, Split, WriteHalf};
use zbus::export::async_trait::async_trait;

use super::frames::Frames;

/// The descriptor, to be split.
#[derive(Debug)]
pub(super) struct Socket(Arc<Shared>);

/// What both halves have. While a reply is stuck no further request is read: whoever does not read their replies
/// does not fill our memory with them.
#[derive(Debug)]
struct Shared {
    stream: UnixStream,
    flowing: watch::Sender<bool>,
}

#[derive(Debug)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    flowing: watch::Receiver<bool>,
    frames: Frames,
}

#[derive(Debug)]
pub(super) struct Writer(Arc<Shared>);

impl Socket {
    /// Takes our own end of a pair; it is made non-blocking, which the far end does not share.
    pub(super) fn new(stream: std::os::unix::net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (flowing, _) = watch::channel(true);
        Ok(Self(Arc::new(Shared { stream: UnixStream::from_std(stream)?, flowing })))
    }
}

impl Transport for Socket {
    type ReadHalf = Reader;
    type WriteHalf = Writer;

    fn split(self) -> Split<Reader, Writer> {
        let flowing = self.0.flowing.subscribe();
        let reader = Reader { shared: Arc::clone(&self.0), flowing, frames: Frames::new() };
        Split::new(reader, Writer(self.0))
    }
}

#[async_trait]
impl ReadHalf for Reader {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        self.flowing.wait_for(|flowing| *flowing).await.map_err(io::Error::other)?;
        let stream = &self.shared.stream;
        let (count, descriptors) = loop {
            stream.readable().await?;
            match stream.try_io(Interest::READABLE, || receive(stream, buffer)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                received => break received?,
            }
        };
        self.frames.advance(&buffer[..count]).map_err(io::Error::other)?;
        Ok((count, descriptors))
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

#[async_trait]
impl WriteHalf for Writer {
    async fn sendmsg(&mut self, buffer: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
        let Shared { stream, flowing } = &*self.0;
        loop {
            match stream.try_io(Interest::WRITABLE, || send(stream, buffer, descriptors)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    flowing.send_if_modified(|flowing| std::mem::replace(flowing, false));
                    let room = tokio::time::timeout(PATIENCE, stream.writable()).await;
                    room.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                }
                sent => {
                    flowing.send_if_modified(|flowing| !std::mem::replace(flowing, true));
                    return sent;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        Ok(rustix::net::shutdown(&self.0.stream, rustix::net::Shutdown::Both)?)
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

fn receive(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    Ok((received.bytes, descriptors))
}

fn send(socket: &UnixStream, buffer: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors in one message"));
    }
    let buffers = [IoSlice::new(buffer)];
    Ok(rustix::net::sendmsg(socket.as_fd(), &buffers, &mut control, SendFlags::NOSIGNAL)?)
}

/// Descriptors that one message may carry: no method takes more. The kernel closes what does not fit.
const DESCRIPTORS: usize = 2;
/// How long the far end may leave a reply unread.
const PATIENCE: Duration = Duration::from_secs(30);
