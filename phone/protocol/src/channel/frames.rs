use zeroize::Zeroizing;

use crate::Closed;
use crate::at::{Argument, Arguments, BadArguments, Writer};

/// An open channel: messages to frames and back. Any error is the end of it.
pub(crate) struct Channel {
    noise: snow::TransportState,
    /// What is there of the message that is coming in.
    message: Zeroizing<Vec<u8>>,
    /// The most bytes of a message that may come in.
    limit: usize,
}

/// What travels as one line.
pub(crate) struct Frame {
    /// Whether more of the same message follows.
    pub(crate) more: bool,
    pub(crate) sealed: Vec<u8>,
}

impl Frame {
    /// Takes `<more>,"<base64>"`, and nothing behind it.
    pub(crate) fn take(arguments: &mut Arguments<'_>) -> Result<Self, BadArguments> {
        let more = match arguments.number()? {
            0 => false,
            1 => true,
            _ => return Err(BadArguments("the flag of a frame is neither 0 nor 1")),
        };
        let sealed = arguments.data()?;
        arguments.end()?;
        Ok(Self { more, sealed })
    }

    /// Returns the line.
    pub(crate) fn to_line(&self, head: &str) -> Zeroizing<String> {
        Writer::one(head, &[Argument::Number(self.more.into()), Argument::Data(&self.sealed)])
    }
}

impl Channel {
    pub(super) fn new(noise: snow::TransportState, limit: usize) -> Self {
        Self { noise, message: Zeroizing::default(), limit }
    }

    /// Returns the frames of a message.
    pub(crate) fn seal(&mut self, message: &str) -> Result<Vec<Frame>, Closed> {
        let fragments = message.as_bytes().chunks(FRAGMENT_LIMIT);
        let last = fragments.len().saturating_sub(1);
        let mut plain = Zeroizing::new(Vec::with_capacity(1 + FRAGMENT_LIMIT));
        let mut frames = Vec::with_capacity(fragments.len());
        for (place, fragment) in fragments.enumerate() {
            let more = place < last;
            plain.clear();
            plain.push(more.into());
            plain.extend_from_slice(fragment);
            let mut sealed = vec![0; plain.len() + TAG];
            self.noise.write_message(&plain, &mut sealed).map_err(|_| Closed::Forged)?;
            frames.push(Frame { more, sealed });
        }
        Ok(frames)
    }

    /// Takes a frame, and returns the message that it completes.
    pub(crate) fn open(&mut self, frame: &Frame) -> Result<Option<Zeroizing<Vec<u8>>>, Closed> {
        // Not one byte of a message is in a frame without: such could come for ever.
        if frame.sealed.len() < 2 + TAG {
            return Err(Closed::Forged);
        }
        let mut plain = Zeroizing::new(vec![0; frame.sealed.len() - TAG]);
        let length = self.noise.read_message(&frame.sealed, &mut plain).map_err(|_| Closed::Forged)?;
        if length != plain.len() || plain[0] != u8::from(frame.more) {
            return Err(Closed::Forged);
        }
        self.add(&plain[1..])?;
        Ok((!frame.more).then(|| std::mem::take(&mut self.message)))
    }

    /// Adds a fragment. The buffer is moved by hand, because one that grows leaves a copy behind, and all fragments are in
    /// one, because each may have as little as a byte.
    fn add(&mut self, fragment: &[u8]) -> Result<(), Closed> {
        let length = self.message.len() + fragment.len();
        if length > self.limit {
            return Err(Closed::TooLong);
        }
        if length > self.message.capacity() {
            let room = (2 * self.message.len()).clamp(length, self.limit);
            let mut wider = Zeroizing::new(Vec::with_capacity(room));
            wider.extend_from_slice(&self.message);
            self.message = wider;
        }
        self.message.extend_from_slice(fragment);
        Ok(())
    }
}

/// The most bytes of a message in one frame.
const FRAGMENT_LIMIT: usize = 12_000;

/// The bytes of ChaCha20-Poly1305's tag.
const TAG: usize = 16;
