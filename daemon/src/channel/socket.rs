//! The daemon's end of a channel as a transport of zbus: a unix socket whose messages are bounded.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use zbus::connection::socket::{ReadHalf, Socket as Transport, Split, WriteHalf};
use zbus::export::async_trait::async_trait;

use super::frames::Frames;

/// Our end of the pair, to be split.
#[derive(Debug)]
pub(super) struct Socket {
    reader: Reader,
    writer: Writer,
}

#[derive(Debug)]
pub(super) struct Reader {
    socket: AsyncFd<OwnedFd>,
    flowing: watch::Receiver<bool>,
    frames: Frames,
}

/// While a reply is stuck no further request is read: whoever does not read their replies does not fill our memory
/// with them.
#[derive(Debug)]
pub(super) struct Writer {
    socket: UnixStream,
    /// Watched for room only once there was none: each message that the far end takes would wake us otherwise.
    room: Option<AsyncFd<OwnedFd>>,
    flowing: watch::Sender<bool>,
}

impl Socket {
    /// Takes our own end of a pair; it is made non-blocking, which the far end does not share.
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (sender, flowing) = watch::channel(true);
        let readable = crate::ffi::watch(socket.try_clone()?.into(), Interest::READABLE)?;
        Ok(Self {
            reader: Reader { socket: readable, flowing, frames: Frames::new() },
            writer: Writer { socket, room: None, flowing: sender },
        })
    }
}

impl Transport for Socket {
    type ReadHalf = Reader;
    type WriteHalf = Writer;

    fn split(self) -> Split<Reader, Writer> {
        Split::new(self.reader, self.writer)
    }
}

#[async_trait]
impl ReadHalf for Reader {
    async fn recvmsg(&mut self, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        // The writer is gone: what there is may still be read.
        drop(self.flowing.wait_for(|flowing| *flowing).await);
        let (count, descriptors) = loop {
            let mut ready = self.socket.readable().await?;
            if let Ok(received) = ready.try_io(|socket| receive(socket.get_ref(), buffer)) {
                break received?;
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
        loop {
            match send(&self.socket, buffer, descriptors) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait_for_room().await?,
                sent => {
                    self.flowing.send_if_modified(|flowing| !std::mem::replace(flowing, true));
                    return sent;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.socket.shutdown(std::net::Shutdown::Both)
    }

    fn can_pass_unix_fd(&self) -> bool {
        true
    }
}

impl Writer {
    async fn wait_for_room(&mut self) -> io::Result<()> {
        self.flowing.send_if_modified(|flowing| std::mem::replace(flowing, false));
        let room = match &mut self.room {
            Some(room) => room,
            none => none.insert(crate::ffi::watch(self.socket.try_clone()?.into(), Interest::WRITABLE)?),
        };
        let mut ready = tokio::time::timeout(PATIENCE, room.writable())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        // It is looked at by sending; readiness is told again when that fails and room comes later.
        ready.clear_ready();
        Ok(())
    }
}

fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
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
