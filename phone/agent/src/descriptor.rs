//! Terminals and serial lines as streams.

mod ffi;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, QueueSelector, Termios};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A descriptor that this process opened for itself, read and written without waiting.
#[derive(Debug)]
pub struct Descriptor(AsyncFd<OwnedFd>);

impl Descriptor {
    /// Opens a terminal as it is.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let descriptor = rustix::fs::open(path, flags, Mode::empty())?;
        ffi::watch(descriptor).map(Self)
    }

    /// Opens a serial line: bytes come and go as they are, and nobody else may open it meanwhile.
    ///
    /// # Errors
    /// Those of the system; it is no terminal, or somebody else has it.
    pub fn open_serial(path: &Path) -> io::Result<Self> {
        let opened = Self::open(path)?;
        let mut settings: Termios = rustix::termios::tcgetattr(&opened)?;
        settings.make_raw();
        rustix::termios::tcsetattr(&opened, OptionalActions::Now, &settings)?;
        rustix::termios::ioctl_tiocexcl(&opened)?;
        // What nobody took belongs to no conversation. What came in stays: a computer that opened its end first has
        // greeted already, and would wait five seconds for the answer. An old greeting costs one try that fails.
        rustix::termios::tcflush(&opened, QueueSelector::OFlush)?;
        Ok(opened)
    }

    /// Reads once, as soon as there is something; 0 at the end.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut guard = self.0.readable().await?;
            if let Ok(read) = guard.try_io(|fd| Ok(rustix::io::read(fd, &mut *buffer)?)) {
                return read;
            }
        }
    }

    /// Writes everything.
    pub(crate) async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut guard = self.0.writable().await?;
            if let Ok(count) = guard.try_io(|fd| Ok(rustix::io::write(fd, bytes)?)) {
                bytes = &bytes[count?..];
            }
        }
        Ok(())
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl AsyncRead for Descriptor {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            let room = buffer.initialize_unfilled();
            if let Ok(read) = guard.try_io(|fd| Ok(rustix::io::read(fd, room)?)) {
                return Poll::Ready(read.map(|count| buffer.advance(count)));
            }
        }
    }
}

impl AsyncWrite for Descriptor {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(context))?;
            if let Ok(written) = guard.try_io(|fd| Ok(rustix::io::write(fd, bytes)?)) {
                return Poll::Ready(written);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
