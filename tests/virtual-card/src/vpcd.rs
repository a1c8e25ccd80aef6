//! The wire to the virtual reader (vsmartcard's vpcd): a 16-bit big-endian length, then one byte of control or a
//! command; ATR and answers go back the same way.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustix::net::sockopt::set_tcp_quickack;

/// The card's end of the wire.
pub struct Wire(TcpStream);

/// What a reader says.
pub enum Said {
    /// Power was taken, given, or the card was reset: whatever the card knew in its RAM is gone.
    Power(Power),
    /// Asks for the answer to reset. pcscd does so every 400 ms to see whether the card is still there.
    Atr,
    /// A command.
    Command(Vec<u8>),
}

/// How the power changed.
#[derive(Clone, Copy, Debug)]
pub enum Power {
    /// Off.
    Off,
    /// On.
    On,
    /// Off and on.
    Reset,
}

impl Wire {
    /// Puts the card into the reader that listens on this port.
    pub fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Returns a handle by which another thread can cut the wire.
    pub fn cutter(&self) -> io::Result<TcpStream> {
        self.0.try_clone()
    }

    /// Waits for what the reader says next; an error means that the wire is cut.
    pub fn hear(&mut self) -> io::Result<Said> {
        let mut length = [0; 2];
        self.read(&mut length)?;
        let mut message = vec![0; u16::from_be_bytes(length).into()];
        self.read(&mut message)?;
        Ok(match message[..] {
            [0] => Said::Power(Power::Off),
            [1] => Said::Power(Power::On),
            [2] => Said::Power(Power::Reset),
            [4] => Said::Atr,
            _ => Said::Command(message),
        })
    }

    /// Sends an answer.
    pub fn say(&mut self, answer: &[u8]) -> io::Result<()> {
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        let mut message = length.to_be_bytes().to_vec();
        message.extend_from_slice(answer);
        self.0.write_all(&message)
    }

    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            // The reader writes length and message one after the other, so Nagle holds the second back until the
            // first is acknowledged; Linux forgets the wish for quick acknowledgements after each read.
            set_tcp_quickack(&self.0, true)?;
            match self.0.read(buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => buffer = &mut buffer[count..],
            }
        }
        Ok(())
    }
}
