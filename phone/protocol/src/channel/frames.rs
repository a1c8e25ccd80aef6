use zeroize::Zeroizing;

use crate::at::{Argument, Arguments, BadArguments, Writer};
use crate::{Closed, MESSAGE_LIMIT};

/// An open channel: messages to frames and back. Any error is the end of it.
pub(crate) struct Channel {
    noise: snow::TransportState,
    /// The fragments of the message that is coming in.
    fragments: Vec<Zeroizing<Vec<u8>>>,
    length: usize,
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
    pub(super) fn new(noise: snow::TransportState) -> Self {
        Self { noise, fragments: Vec::new(), length: 0 }
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
        self.length += length - 1;
        if self.length > MESSAGE_LIMIT {
            return Err(Closed::TooLong);
        }
        self.fragments.push(plain);
        Ok((!frame.more).then(|| self.join()))
    }

    fn join(&mut self) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(self.length));
        for fragment in self.fragments.drain(..) {
            message.extend_from_slice(&fragment[1..]);
        }
        self.length = 0;
        message
    }
}

/// The most bytes of a message in one frame.
const FRAGMENT_LIMIT: usize = 12_000;

/// The bytes of ChaCha20-Poly1305's tag.
const TAG: usize = 16;
