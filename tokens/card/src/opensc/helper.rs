use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use claviger_token::{Algorithm, Mechanism};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tracing::debug;

use super::found;
use super::frame::{FrameError, receive, send};
use super::protocol::{Reply, Request, VERSION, phrase};
use crate::{CardError, CardOp, CardOutput, Contents, Pin, peer, spki};

/// The daemon's end of a connection to one helper process, which serves one reader.
///
/// Dropping it ends the process, whatever that does. After [`CardError::Timeout`] and [`CardError::ServiceGone`]
/// the connection is of no more use and the process is gone; other errors leave it usable.
pub struct Helper {
    connection: UnixStream,
}

impl Helper {
    /// Connects to the helper's socket and names the reader. Nothing is loaded and no card is touched yet.
    ///
    /// # Errors
    /// [`CardError::ServiceGone`] where nobody listens or the helper is another version, [`CardError::Busy`] where
    /// too many connections wait, [`CardError::Timeout`].
    pub fn connect(socket: &Path, reader: &str, deadline: Instant) -> Result<Self, CardError> {
        let mut helper = Self::over(open(socket)?);
        let hello = Request::Hello { version: VERSION, reader: reader.to_owned() };
        match helper.ask(&hello, deadline)? {
            Reply::Ready => Ok(helper),
            reply => Err(helper.unexpected(reply)),
        }
    }

    /// Takes a connection that exists; the greeting is the caller's.
    pub(super) fn over(connection: UnixStream) -> Self {
        Self { connection }
    }

    /// Returns what stands on the card in the reader, `None` where OpenSC knows nothing of it.
    ///
    /// # Errors
    /// [`CardError::Gone`] where no card is there, and every other.
    pub fn read(&mut self, deadline: Instant) -> Result<Option<Contents>, CardError> {
        match self.ask(&Request::Read, deadline)? {
            Reply::Contents(found) => found.map(found::contents).transpose(),
            reply => Err(self.unexpected(reply)),
        }
    }

    /// Has the card do something. It does it only if it still is the card of these contents, with the same key at the
    /// place that the operation names. Keys are neither made nor taken in: the helper is not even asked.
    ///
    /// # Errors
    /// Every [`CardError`].
    pub fn perform(
        &mut self,
        contents: &Contents,
        pin: Pin<'_>,
        mut operation: CardOp,
        deadline: Instant,
    ) -> Result<CardOutput, CardError> {
        match &mut operation {
            CardOp::Generate { .. } => return Err(CardError::NotSupported(phrase::GENERATE)),
            CardOp::Import { .. } => return Err(CardError::NotSupported(phrase::IMPORT)),
            CardOp::Derive { algorithm, peer, .. } => *peer = peer::parse(*algorithm, peer)?.to_vec(),
            _ => {}
        }
        let key = match reference(&operation) {
            Some(reference) => Some(contents.key(reference).ok_or(CardError::NoSuchKey)?),
            None => None,
        };
        check_data(&operation)?;
        let public_key = key.map(|key| key.public_key.to_vec());
        let serial = contents.serial.clone();
        let request = Request::Perform { serial, public_key, pin: pin.into(), operation };
        match self.ask(&request, deadline)? {
            Reply::Output(output) if key.is_none_or(|key| fits(&output, key.algorithm)) => Ok(output),
            Reply::Output(_) => Err(CardError::Malformed("an output of another size".into())),
            reply => Err(self.unexpected(reply)),
        }
    }

    /// Returns a second hold on the connection: shutting it down ends it while another thread waits for an answer.
    ///
    /// # Errors
    /// [`CardError::Reader`] where the system has no descriptor left.
    pub(crate) fn line(&self) -> Result<UnixStream, CardError> {
        self.connection.try_clone().map_err(|error| CardError::Reader(error.to_string().into()))
    }

    /// Sends a request and waits for its answer. Whatever fails here leaves the stream in the middle of something, so
    /// the connection ends, and the process with it.
    fn ask(&mut self, request: &Request, deadline: Instant) -> Result<Reply, CardError> {
        let mut timed = Timed { connection: &mut self.connection, deadline };
        let answer = send(&mut timed, request).and_then(|()| receive(&mut timed));
        answer.map_err(|error| {
            self.end();
            match error {
                FrameError::Io(error) if is_timeout(&error) => CardError::Timeout,
                FrameError::Io(_) | FrameError::Closed => CardError::ServiceGone(HELPER.into()),
                FrameError::TooLong => {
                    CardError::Reader("the data are too long for the OpenSC helper".into())
                }
                FrameError::Malformed => {
                    CardError::Reader("the OpenSC helper speaks another language".into())
                }
            }
        })
    }

    /// Returns the error of a reply that is not the answer.
    fn unexpected(&self, reply: Reply) -> CardError {
        if let Reply::Refused(error) = reply {
            return error;
        }
        self.end();
        CardError::Reader("the OpenSC helper answers another question".into())
    }

    /// Ends the connection; the helper's watchdog sees that at once.
    fn end(&self) {
        if let Err(error) = self.connection.shutdown(Shutdown::Both) {
            debug!("cannot shut the OpenSC helper's connection down: {error}");
        }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns the place that an operation names.
fn reference(operation: &CardOp) -> Option<&str> {
    match operation {
        CardOp::Sign { reference, .. }
        | CardOp::Authenticate { reference, .. }
        | CardOp::Decrypt { reference, .. }
        | CardOp::Derive { reference, .. }
        | CardOp::WriteCertificate { reference, .. }
        | CardOp::Attest { reference } => Some(reference),
        CardOp::Verify { .. }
        | CardOp::Generate { .. }
        | CardOp::Import { .. }
        | CardOp::ChangePin { .. }
        | CardOp::UnblockPin { .. }
        | CardOp::Initialize { .. } => None,
    }
}

/// Refuses data that do not fit: OpenSC pads and cuts as it likes, and signs whatever it gets.
fn check_data(operation: &CardOp) -> Result<(), CardError> {
    let (algorithm, mechanism, data, signs) = match operation {
        CardOp::Sign { algorithm, mechanism, data, .. }
        | CardOp::Authenticate { algorithm, mechanism, data, .. } => (algorithm, mechanism, data, true),
        CardOp::Decrypt { algorithm, mechanism, ciphertext, .. } => (algorithm, mechanism, ciphertext, false),
        _ => return Ok(()),
    };
    let Some(modulus) = algorithm.modulus_size() else { return Ok(()) };
    match (mechanism, signs) {
        (Mechanism::RsaX509, _) | (_, false) if data.len() != modulus => {
            Err(CardError::DataInvalid("they are not one block".into()))
        }
        (Mechanism::RsaPkcs, true) if !algorithm.pads(data.len()) => {
            Err(CardError::DataInvalid("they leave no room for the padding".into()))
        }
        _ => Ok(()),
    }
}

/// Returns true where an output has the size that every output of such a key has.
fn fits(output: &CardOutput, algorithm: Algorithm) -> bool {
    let field = spki::field_size(algorithm);
    match output {
        CardOutput::Signature(signature) => {
            let raw = field.map_or(64, |field| 2 * field);
            signature.len() == algorithm.modulus_size().unwrap_or(raw)
        }
        CardOutput::Plaintext(plaintext) => {
            algorithm.modulus_size().is_some_and(|size| plaintext.expose().len() <= size)
        }
        CardOutput::SharedSecret(secret) => secret.expose().len() == field.unwrap_or(32),
        CardOutput::Generated(_) => false,
        CardOutput::Attestation(_) | CardOutput::Done => true,
    }
}

/// Connects without waiting: a full queue of connections is an error at once, not a wait without end.
fn open(path: &Path) -> Result<UnixStream, CardError> {
    let gone = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock => CardError::Busy("other connections to the OpenSC helper".into()),
        _ => {
            debug!("cannot connect to {}: {error}", path.display());
            CardError::ServiceGone(HELPER.into())
        }
    };
    let address = SocketAddrUnix::new(path).map_err(|error| gone(error.into()))?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .map_err(|error| gone(error.into()))?;
    connect(&socket, &address).map_err(|error| gone(error.into()))?;
    let connection = UnixStream::from(socket);
    connection.set_nonblocking(false).map_err(gone)?;
    Ok(connection)
}

/// A connection every read and write of which ends at the deadline.
struct Timed<'a> {
    connection: &'a mut UnixStream,
    deadline: Instant,
}

impl Timed<'_> {
    /// Returns how long there is.
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // A time-out of nothing would mean none at all.
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.connection.set_read_timeout(Some(self.left()?))?;
        self.connection.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.connection.set_write_timeout(Some(self.left()?))?;
        self.connection.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// What cannot be reached when it cannot be.
const HELPER: &str = "the OpenSC helper (claviger-opensc.socket)";
