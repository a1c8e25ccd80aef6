mod ffi;

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::io::{Errno, read, write};
use rustix::net::{Shutdown, shutdown};
use rustix::termios::tcdrain;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::link::serial;

/// A descriptor of a terminal or of a connected socket as a stream. Rust's start has SIGPIPE ignored.
pub(crate) struct Descriptor {
    inner: AsyncFd<Arc<OwnedFd>>,
    /// Ends the stream, where somebody else may want that.
    ended: Option<oneshot::Receiver<()>>,
    /// Somebody else has the socket open as well, so that closing it ends nothing.
    shared: bool,
    /// Behind `inner`: it closes last.
    closing: Option<Closing>,
}

/// Closes a terminal where that may take its time.
struct Closing {
    terminal: Option<Arc<OwnedFd>>,
    runtime: Handle,
    /// Waits until everything written is gone, on a thread of its own.
    draining: Option<JoinHandle<Result<(), Errno>>>,
    /// Everything written is gone.
    drained: bool,
}

impl Descriptor {
    /// Takes over a descriptor that does not block. That is not set here: the file may be shared with whoever gave it.
    pub(crate) fn new(inner: OwnedFd) -> io::Result<Self> {
        use rustix::fs::{OFlags, fcntl_getfl};
        if !fcntl_getfl(&inner)?.contains(OFlags::NONBLOCK) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self { inner: ffi::watch(Arc::new(inner))?, ended: None, shared: false, closing: None })
    }

    /// Takes over a terminal; it is closed on a thread of that runtime's.
    pub(crate) fn of_terminal(inner: OwnedFd, runtime: Handle) -> io::Result<Self> {
        let mut stream = Self::new(inner)?;
        let terminal = Some(Arc::clone(stream.inner.get_ref()));
        stream.closing = Some(Closing { terminal, runtime, draining: None, drained: false });
        Ok(stream)
    }

    /// Takes over a socket that BlueZ made, and keeps open; the stream ends when the other half of `ended` says so or is
    /// dropped, and for the phone when this value is dropped.
    pub(crate) fn of_bluez(inner: OwnedFd, ended: oneshot::Receiver<()>) -> io::Result<Self> {
        let mut stream = Self::new(inner)?;
        (stream.ended, stream.shared) = (Some(ended), true);
        Ok(stream)
    }

    fn is_ended(&mut self, context: &mut Context<'_>) -> bool {
        let ended = self.ended.as_mut();
        ended.is_some_and(|ended| Pin::new(ended).poll(context).is_ready())
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if self.shared {
            // It may have ended already.
            let _ = shutdown(&self.inner, Shutdown::Both);
        }
    }
}

impl Closing {
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Self { terminal: Some(terminal), runtime, draining, drained } = self else {
            return Poll::Ready(());
        };
        if *drained {
            return Poll::Ready(());
        }
        // One that hangs returns when the rest is discarded.
        let waiting = draining.get_or_insert_with(|| {
            let terminal = Arc::clone(terminal);
            runtime.spawn_blocking(move || again(|| tcdrain(&*terminal)))
        });
        let outcome = ready!(Pin::new(waiting).poll(context));
        (*draining, *drained) = (None, matches!(outcome, Ok(Ok(()))));
        Poll::Ready(())
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(terminal) = self.terminal.take() {
            if !self.drained {
                serial::discard(&terminal);
            }
            // At once, so that whoever dials now finds it free; the close itself asks the device.
            serial::release(&terminal);
            drop(self.runtime.spawn_blocking(move || drop(terminal)));
        }
    }
}

impl AsyncRead for Descriptor {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_ended(context) {
            self.ended = None;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        loop {
            let mut ready = ready!(self.inner.poll_read_ready(context))?;
            let outcome = ready
                .try_io(|inner| again(|| read(inner, buffer.initialize_unfilled())).map_err(io::Error::from));
            match outcome {
                Ok(Ok(count)) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }
}

impl AsyncWrite for Descriptor {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(closing) = &mut self.closing {
            (closing.draining, closing.drained) = (None, false);
        }
        loop {
            let mut ready = ready!(self.inner.poll_write_ready(context))?;
            match ready.try_io(|inner| again(|| write(inner, bytes)).map_err(io::Error::from)) {
                Ok(outcome) => return Poll::Ready(outcome),
                Err(_would_block) => {}
            }
        }
    }

    /// Waits until a terminal has sent everything: what is still there is lost when it is closed. A socket sends it behind that.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.closing {
            Some(closing) => closing.poll_drain(context).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}
