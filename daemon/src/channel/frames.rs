//! Where the messages of a D-Bus stream begin and end, so that one that is too long is refused before there is
//! memory for it (zbus itself takes 128 MiB).

use std::fmt;

/// The longest message that a channel takes, in bytes: 1 MiB of data and what goes with them.
pub const FRAME_LIMIT: usize = 2 * 1024 * 1024;
/// The most that may come before the first message.
const HANDSHAKE_LIMIT: usize = 16 * 1024;
/// The longest line of the authentication.
const LINE_LIMIT: usize = 1024;
/// What ends the authentication (D-Bus specification, "Authentication Protocol").
const BEGIN: &[u8] = b"BEGIN\r\n";

/// The stream has a message, or an authentication, that is too long, or no message where one must begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadFrame;

impl fmt::Display for BadFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a message of the channel is too long or none")
    }
}

impl std::error::Error for BadFrame {}

/// A place in the stream of what one peer sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Frames {
    /// Before the first message: bytes seen, and the line that they are in.
    Handshake {
        /// Bytes seen before the last piece.
        seen: usize,
        /// The line so far.
        line: Vec<u8>,
    },
    /// In the 16 bytes that say how long a message is.
    Header {
        /// Those that are there.
        bytes: [u8; 16],
        /// How many that is.
        filled: usize,
    },
    /// In the rest of a message.
    Rest(usize),
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

impl Frames {
    /// Returns the beginning of a stream.
    pub const fn new() -> Self {
        Self::Handshake { seen: 0, line: Vec::new() }
    }

    /// Goes on by what was received.
    pub fn advance(&mut self, mut received: &[u8]) -> Result<(), BadFrame> {
        while !received.is_empty() {
            let taken = match self {
                Self::Handshake { .. } => self.handshake(received)?,
                Self::Header { .. } => self.header(received)?,
                Self::Rest(rest) => {
                    let taken = received.len().min(*rest);
                    *rest -= taken;
                    if *rest == 0 {
                        *self = Self::next();
                    }
                    taken
                }
            };
            received = &received[taken..];
        }
        Ok(())
    }

    const fn next() -> Self {
        Self::Header { bytes: [0; 16], filled: 0 }
    }

    /// Follows the lines of the authentication. zbus reads them after us and trusts them: a line feed without
    /// its carriage return makes it panic, and it takes any line whose first word is BEGIN for the end.
    fn handshake(&mut self, received: &[u8]) -> Result<usize, BadFrame> {
        let Self::Handshake { seen, line } = self else { return Err(BadFrame) };
        for (place, byte) in received.iter().enumerate() {
            line.push(*byte);
            if *seen + place > HANDSHAKE_LIMIT || line.len() > LINE_LIMIT {
                return Err(BadFrame);
            }
            if *byte != b'\n' {
                continue;
            }
            if line == BEGIN {
                *self = Self::next();
                return Ok(place + 1);
            }
            let first = line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty());
            if !line.ends_with(b"\r\n") || first.is_none_or(|word| word.starts_with(b"BEGIN")) {
                return Err(BadFrame);
            }
            line.clear();
        }
        *seen += received.len();
        Ok(received.len())
    }

    fn header(&mut self, received: &[u8]) -> Result<usize, BadFrame> {
        let Self::Header { bytes, filled } = self else { return Err(BadFrame) };
        let taken = received.len().min(bytes.len() - *filled);
        bytes[*filled..*filled + taken].copy_from_slice(&received[..taken]);
        *filled += taken;
        if *filled == bytes.len() {
            *self = match length(bytes)?.checked_sub(bytes.len()) {
                Some(0) => Self::next(),
                Some(rest) => Self::Rest(rest),
                None => return Err(BadFrame),
            };
        }
        Ok(taken)
    }
}

/// Returns the length of the whole message, as its first 16 bytes tell it.
fn length(header: &[u8; 16]) -> Result<usize, BadFrame> {
    let number = |at: usize| {
        let bytes = [header[at], header[at + 1], header[at + 2], header[at + 3]];
        match header[0] {
            b'l' => Ok(u32::from_le_bytes(bytes)),
            b'B' => Ok(u32::from_be_bytes(bytes)),
            _ => Err(BadFrame),
        }
    };
    let (body, fields) = (number(4)? as usize, number(12)? as usize);
    if body > FRAME_LIMIT || fields > FRAME_LIMIT {
        return Err(BadFrame);
    }
    let length = (16 + fields).next_multiple_of(8) + body;
    if length > FRAME_LIMIT { Err(BadFrame) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::{BadFrame, FRAME_LIMIT, Frames};

    fn message(body: u32) -> Vec<u8> {
        let mut bytes = vec![b'l', 1, 0, 1];
        bytes.extend(body.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(5_u32.to_le_bytes());
        bytes.resize(24 + body as usize, 0);
        bytes
    }

    fn stream() -> Vec<u8> {
        let mut bytes = b"\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n".to_vec();
        bytes.extend(message(0));
        bytes.extend(message(100));
        bytes
    }

    #[test]
    fn messages_of_any_cut_are_followed_to_their_ends() {
        let stream = stream();
        for piece in 1..stream.len() {
            let mut frames = Frames::new();
            for bytes in stream.chunks(piece) {
                assert_eq!(frames.advance(bytes), Ok(()));
            }
            assert!(matches!(frames, Frames::Header { filled: 0, .. }), "{piece}: {frames:?}");
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_by_its_header() {
        let mut bytes = stream();
        let mut long = message(0);
        long[4..8].copy_from_slice(&u32::try_from(FRAME_LIMIT).expect("small").to_le_bytes());
        bytes.extend(&long[..16]);
        assert_eq!(Frames::new().advance(&bytes), Err(BadFrame));
        let mut wrong = stream();
        wrong.extend([b'x'; 16]);
        assert_eq!(Frames::new().advance(&wrong), Err(BadFrame));
    }

    #[test]
    fn an_authentication_without_end_is_refused() {
        for piece in [&b"xxxxxxxxxx"[..], b"AUTH EXTERNAL 30\r\n"] {
            let mut frames = Frames::new();
            let outcome = (0..10_000).try_for_each(|_| frames.advance(piece));
            assert_eq!(outcome, Err(BadFrame));
        }
    }

    #[test]
    fn lines_that_zbus_would_stumble_over_or_take_for_begin_are_refused() {
        let lines: [&[u8]; 8] = [
            b"\n",
            b"\0\n",
            b"\0CANCEL\r\n\n",
            b"\0AUTH EXTERNAL\n",
            b"\0AUTH EXTERNAL\r\nBEGIN x\r\n",
            b"\0AUTH EXTERNAL\r\n BEGIN\r\n",
            b"\0AUTH EXTERNAL\r\nBEGIN\n",
            b"\0AUTH EXTERNAL\r\n\r\n",
        ];
        for bytes in lines {
            assert_eq!(Frames::new().advance(bytes), Err(BadFrame), "{bytes:?}");
            let mut frames = Frames::new();
            let outcome = bytes.iter().try_for_each(|byte| frames.advance(&[*byte]));
            assert_eq!(outcome, Err(BadFrame), "{bytes:?} byte by byte");
        }
    }
}
