use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use zeroize::Zeroizing;

use crate::{Descriptor, Error, Secret};

/// This program's end of a pairing: what a person must see comes out, what the person says goes in. It blocks, and is
/// for a thread beside the one that waits for [`Client::pair_phone`](crate::Client::pair_phone).
#[derive(Debug)]
pub struct Conversation(BufReader<UnixStream>);

/// What a person must see of a pairing.
#[derive(Clone, PartialEq, Eq)]
pub enum PairingStep {
    /// The phone scans this text as a QR code, or is given it. It is a secret.
    Uri(Secret),
    /// Both sides show this number: [`Conversation::answer`] whether it is the same.
    Code(String),
    /// A way to the phone does not work (yet), and why.
    Trying(String),
    /// The phone asks its person.
    Asked,
    /// The phone is paired and has so many keys, each of which has to prove itself.
    Keys(u32),
}

impl Conversation {
    /// Returns one end, and the other for `conversation` among the options of a pairing.
    pub fn new() -> Result<(Self, Descriptor), Error> {
        let pair = UnixStream::pair();
        let (ours, theirs) = pair.map_err(|error| Error::Local("talk about the pairing", error))?;
        Ok((Self(BufReader::new(ours)), OwnedFd::from(theirs).into()))
    }

    /// Waits for the next step; `None` when there are no more. What this version does not know it passes over.
    pub fn next_step(&mut self) -> io::Result<Option<PairingStep>> {
        loop {
            // One buffer of the whole size: a growing one would leave copies of the secret behind.
            let mut line = Zeroizing::new(Vec::with_capacity(LINE_LIMIT));
            if (&mut self.0).take(LINE_LIMIT as u64).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            let text = line.strip_suffix(b"\n").ok_or(io::ErrorKind::UnexpectedEof)?;
            if let Some(step) = PairingStep::parse(text) {
                return Ok(Some(step));
            }
        }
    }

    /// Says whether the numbers are the same.
    pub fn answer(&mut self, same: bool) -> io::Result<()> {
        self.0.get_mut().write_all(if same { b"yes\n" } else { b"no\n" })
    }
}

impl PairingStep {
    fn parse(line: &[u8]) -> Option<Self> {
        let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(place) => (&line[..place], &line[place + 1..]),
            None => (line, &[][..]),
        };
        let text = || std::str::from_utf8(rest).map(str::to_owned).ok();
        match word {
            b"uri" => Some(Self::Uri(Secret::new(rest.to_vec()))),
            b"code" => text().map(Self::Code),
            b"trying" => text().map(Self::Trying),
            b"asked" => Some(Self::Asked),
            b"keys" => text()?.parse().map(Self::Keys).ok(),
            _ => None,
        }
    }
}

/// The most bytes of a line.
const LINE_LIMIT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::{Conversation, PairingStep};
    use crate::Secret;
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn steps_come_out_answers_go_in_and_what_is_new_is_passed_over() -> Result<(), Box<dyn std::error::Error>>
    {
        let (mut ours, theirs) = Conversation::new()?;
        let mut daemon = UnixStream::from(OwnedFd::from(theirs));
        daemon.write_all(
            b"uri claviger-pair:1?id=0\ncolour red\ncode 004711\ntrying socket: nobody\nasked\nkeys 2\n",
        )?;
        let expected = [
            PairingStep::Uri(Secret::new(b"claviger-pair:1?id=0".to_vec())),
            PairingStep::Code("004711".to_owned()),
            PairingStep::Trying("socket: nobody".to_owned()),
            PairingStep::Asked,
            PairingStep::Keys(2),
        ];
        for step in expected {
            assert!(ours.next_step()? == Some(step));
        }
        ours.answer(true)?;
        ours.answer(false)?;
        let mut answers = [0; 7];
        daemon.read_exact(&mut answers)?;
        assert_eq!(&answers, b"yes\nno\n");
        drop(daemon);
        assert!(ours.next_step()?.is_none());
        Ok(())
    }

    #[test]
    fn a_line_without_an_end_is_an_error_and_not_endless() -> Result<(), Box<dyn std::error::Error>> {
        let (mut ours, theirs) = Conversation::new()?;
        let mut daemon = UnixStream::from(OwnedFd::from(theirs));
        daemon.write_all(&[b'x'; 5000])?;
        assert!(ours.next_step().is_err());
        Ok(())
    }
}
