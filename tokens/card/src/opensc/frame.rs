//! Frames: four bytes of length, big-endian, and a `postcard` body. Everything that holds a body is wiped, for it may
//! hold a PIN or what a key decrypted.

use std::fmt;
use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

/// The longest body.
pub const LONGEST: usize = 1 << 20;

/// Why a message did not come or go.
#[derive(Debug)]
pub enum FrameError {
    /// The connection failed, or its time passed.
    Io(io::Error),
    /// The other end closed between two messages.
    Closed,
    /// The body is longer than [`LONGEST`].
    TooLong,
    /// The body is no such message.
    Malformed,
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(formatter, "{error}"),
            Self::Closed => formatter.write_str("the connection was closed"),
            Self::TooLong => write!(formatter, "a message has more than {LONGEST} bytes"),
            Self::Malformed => formatter.write_str("a message is malformed"),
        }
    }
}

impl std::error::Error for FrameError {}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns the frame of a message.
///
/// # Errors
/// [`FrameError::TooLong`]; [`FrameError::Malformed`] for what has no wire form.
pub fn encode<T: Serialize>(message: &T) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    // Measured first: a buffer that grows would leave copies of secrets behind.
    let size = postcard::experimental::serialized_size(message).map_err(|_| FrameError::Malformed)?;
    if size > LONGEST {
        return Err(FrameError::TooLong);
    }
    let mut frame = Zeroizing::new(vec![0; HEAD + size]);
    let length = u32::try_from(size).map_err(|_| FrameError::TooLong)?;
    frame[..HEAD].copy_from_slice(&length.to_be_bytes());
    postcard::to_slice(message, &mut frame[HEAD..]).map_err(|_| FrameError::Malformed)?;
    Ok(frame)
}

/// Returns the message of a body; every byte of the body belongs to it.
///
/// # Errors
/// [`FrameError::Malformed`].
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) | Err(_) => Err(FrameError::Malformed),
    }
}

/// Sends a message.
///
/// # Errors
/// As [`encode`], and what the connection says.
pub fn send<T: Serialize>(connection: &mut impl Write, message: &T) -> Result<(), FrameError> {
    connection.write_all(&encode(message)?)?;
    Ok(connection.flush()?)
}

/// Receives a message.
///
/// # Errors
/// Every [`FrameError`].
pub fn receive<T: DeserializeOwned>(connection: &mut impl Read) -> Result<T, FrameError> {
    let mut head = [0; HEAD];
    if fill(connection, &mut head)? == 0 {
        return Err(FrameError::Closed);
    }
    let size = u32::from_be_bytes(head) as usize;
    if size > LONGEST {
        return Err(FrameError::TooLong);
    }
    let mut body = Zeroizing::new(vec![0; size]);
    if fill(connection, &mut body)? < size {
        return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    decode(&body)
}

/// Reads until `buffer` is full or the stream ends before its first byte; an end within is an error.
fn fill(connection: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match connection.read(&mut buffer[done..]) {
            Ok(0) if done == 0 => return Ok(0),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

const HEAD: usize = 4;
