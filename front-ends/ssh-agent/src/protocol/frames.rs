use std::fmt;

use zeroize::Zeroizing;

/// The largest frame: OpenSSH's own limit.
pub const FRAME_LIMIT: usize = 256 * 1024;

/// A stream that comes in pieces, cut into messages. What it holds is wiped: it may be a private key.
#[derive(Default)]
pub struct Frames {
    gathered: Zeroizing<Vec<u8>>,
    /// What stands before is read.
    start: usize,
}

/// A frame that cannot be: nothing that follows it can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFrame {
    /// It says that it has more than [`FRAME_LIMIT`] bytes.
    TooLarge(u32),
    /// It has no message.
    Empty,
}

impl Frames {
    /// Begins with nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the stream.
    pub fn take(&mut self, piece: &[u8]) {
        let left = &self.gathered[self.start..];
        let needed = left.len() + piece.len();
        if self.start > 0 || self.gathered.capacity() < needed {
            // A Vec that grows by itself leaves the old bytes behind.
            let mut fresh = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
            fresh.extend_from_slice(left);
            (self.gathered, self.start) = (fresh, 0);
        }
        self.gathered.extend_from_slice(piece);
    }

    /// Returns the next message that is complete, without its length.
    pub fn pop(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, BadFrame> {
        let left = &self.gathered[self.start..];
        let Some((head, rest)) = left.split_first_chunk::<4>() else { return Ok(None) };
        let said = u32::from_be_bytes(*head);
        let size = usize::try_from(said).unwrap_or(usize::MAX);
        if size > FRAME_LIMIT {
            return Err(BadFrame::TooLarge(said));
        }
        if size == 0 {
            return Err(BadFrame::Empty);
        }
        let Some(message) = rest.get(..size) else { return Ok(None) };
        let message = Zeroizing::new(message.to_vec());
        self.start += head.len() + size;
        Ok(Some(message))
    }

    /// Returns true where a message has begun that is not complete.
    pub fn is_partial(&self) -> bool {
        self.start < self.gathered.len()
    }
}

/// Puts the length before a message.
pub fn framed(message: &[u8]) -> Vec<u8> {
    super::Writer::new().bytes(message).done()
}

impl fmt::Display for BadFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(size) => {
                write!(formatter, "a message of {size} bytes (at most {FRAME_LIMIT} are taken)")
            }
            Self::Empty => formatter.write_str("a message without content"),
        }
    }
}

impl std::error::Error for BadFrame {}

#[cfg(test)]
mod tests {
    use super::{BadFrame, FRAME_LIMIT, Frames, framed};

    #[test]
    fn messages_come_out_however_the_stream_was_cut() {
        let stream = [framed(b"first"), framed(b"second"), vec![0, 0]].concat();
        for size in 1..=stream.len() {
            let mut frames = Frames::new();
            let mut messages = Vec::new();
            for piece in stream.chunks(size) {
                frames.take(piece);
                while let Some(message) = frames.pop().expect("good frames") {
                    messages.push(message.to_vec());
                }
            }
            assert_eq!(messages, [b"first".to_vec(), b"second".to_vec()]);
            assert!(frames.is_partial());
        }
    }

    #[test]
    fn a_length_is_judged_before_anything_is_gathered() {
        let mut frames = Frames::new();
        frames.take(&(FRAME_LIMIT as u32 + 1).to_be_bytes());
        assert_eq!(frames.pop(), Err(BadFrame::TooLarge(FRAME_LIMIT as u32 + 1)));
        let mut frames = Frames::new();
        frames.take(&[0; 4]);
        assert_eq!(frames.pop(), Err(BadFrame::Empty));
    }
}
