use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::{LINE_LIMIT, Reply, Request};

/// A conversation with the agent that runs.
pub struct Client {
    stream: BufReader<UnixStream>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// No agent runs with this state folder.
    NotRunning,
    /// It cannot be talked to.
    System(io::Error),
    /// It ended, or answered something that is no answer.
    Odd(String),
}

impl Client {
    /// Connects to the agent that listens there.
    ///
    /// # Errors
    /// [`ClientError::NotRunning`], [`ClientError::System`].
    pub fn connect(path: &Path) -> Result<Self, ClientError> {
        match UnixStream::connect(path) {
            Ok(stream) => Ok(Self { stream: BufReader::new(stream) }),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning,
                _ => ClientError::System(error),
            }),
        }
    }

    /// Asks; the secret follows where one belongs to it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn ask(&mut self, request: &Request, secret: &[u8]) -> Result<Reply, ClientError> {
        self.write(&serde_json::to_vec(request).map_err(odd)?)?;
        self.stream.get_mut().write_all(secret).map_err(ClientError::System)?;
        self.hear()
    }

    /// Answers a question.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn answer(&mut self, yes: bool) -> Result<(), ClientError> {
        self.write(if yes { b"true" } else { b"false" })
    }

    /// Returns what the agent says next.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn hear(&mut self) -> Result<Reply, ClientError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_LIMIT as u64);
        limited.read_until(b'\n', &mut line).map_err(ClientError::System)?;
        if line.is_empty() {
            return Err(ClientError::Odd("it ended".to_owned()));
        }
        serde_json::from_slice(&line).map_err(odd)
    }

    fn write(&mut self, line: &[u8]) -> Result<(), ClientError> {
        self.stream.get_mut().write_all(&[line, b"\n"].concat()).map_err(ClientError::System)
    }
}

fn odd(error: serde_json::Error) -> ClientError {
    ClientError::Odd(error.to_string())
}

impl fmt::Display for ClientError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => {
                formatter.write_str("cannot reach the agent: it does not run; start it: claviger-phone run")
            }
            Self::System(error) => write!(formatter, "cannot reach the agent: {error}"),
            Self::Odd(why) => write!(formatter, "cannot understand the agent: {why}"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            Self::NotRunning | Self::Odd(_) => None,
        }
    }
}
