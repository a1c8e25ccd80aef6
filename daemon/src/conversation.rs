//! What a person must see and say while something goes on: lines over a socket that the caller gave.
//!
//! `O_NONBLOCK` is never set on a received descriptor: it would change the sender's file too.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use claviger_core::Refusal;
use rustix::net::{RecvFlags, SendFlags, SocketType};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The daemon's end of it.
pub struct Conversation {
    socket: AsyncFd<OwnedFd>,
    heard: Vec<u8>,
}

impl Conversation {
    /// Takes one end of a connected stream socket.
    pub(crate) fn over(descriptor: OwnedFd) -> Result<Self, Refusal> {
        let unfit = || Refusal::InvalidArguments("the conversation is no connected stream socket".into());
        let kind = rustix::net::sockopt::socket_type(&descriptor).map_err(|_| unfit())?;
        rustix::net::getpeername(&descriptor).map_err(|_| unfit())?;
        if kind != SocketType::STREAM {
            return Err(unfit());
        }
        let socket = crate::ffi::watch(descriptor, Interest::READABLE | Interest::WRITABLE);
        Ok(Self { socket: socket.map_err(|_| unfit())?, heard: Vec::new() })
    }

    /// Writes a line. Who does not read is not waited for.
    pub(crate) async fn say(&self, line: &str) -> Result<(), Refusal> {
        let line = zeroize::Zeroizing::new(format!("{line}\n").into_bytes());
        let written = tokio::time::timeout(PATIENCE, self.write(&line)).await;
        written.map_err(|_| Refusal::Timeout)?.map_err(|_| Refusal::Cancelled)
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        while !bytes.is_empty() {
            let mut ready = self.socket.writable().await?;
            match ready.try_io(|socket| Ok(rustix::net::send(socket.get_ref(), bytes, flags)?)) {
                Ok(written) => bytes = &bytes[written?..],
                Err(_would_block) => {}
            }
        }
        Ok(())
    }

    /// Waits for the next line; `None` at the end. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Refusal::InvalidArguments`] where a line is longer than an answer can be.
    pub(crate) async fn line(&mut self) -> Result<Option<String>, Refusal> {
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            if self.heard.len() > LONGEST {
                return Err(Refusal::InvalidArguments("an answer in the conversation is too long".into()));
            }
            let Ok(mut ready) = self.socket.readable().await else { return Ok(None) };
            let mut piece = [0; LONGEST];
            let read = |socket: &AsyncFd<OwnedFd>| {
                let (read, _) = rustix::net::recv(socket.get_ref(), &mut piece, RecvFlags::DONTWAIT)?;
                Ok(read)
            };
            match ready.try_io(read) {
                Ok(Ok(0) | Err(_)) => return Ok(None),
                Ok(Ok(read)) => self.heard.extend_from_slice(&piece[..read]),
                Err(_would_block) => {}
            }
        }
    }
}

/// How long a line may wait until it is taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::Conversation;
    use claviger_core::Refusal;
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    fn pair() -> (UnixStream, Conversation) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        (ours, Conversation::over(OwnedFd::from(theirs)).expect("it is a stream socket"))
    }

    #[tokio::test]
    async fn lines_go_out_and_answers_come_in_however_they_are_cut() {
        let (mut person, mut conversation) = pair();
        conversation.say("code 004711").await.expect("it is read");
        let mut shown = [0; 12];
        person.read_exact(&mut shown).expect("a line");
        assert_eq!(&shown, b"code 004711\n");
        person.write_all(b"ye").expect("it is read");
        // Given up and asked for again: what was heard is not lost.
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, conversation.line()).await.is_err());
        person.write_all(b"s\nno\n").expect("it is read");
        assert_eq!(conversation.line().await, Ok(Some("yes".to_owned())));
        assert_eq!(conversation.line().await, Ok(Some("no".to_owned())));
        drop(person);
        assert_eq!(conversation.line().await, Ok(None));
        assert_eq!(conversation.say("asked").await, Err(Refusal::Cancelled));
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_refused() {
        let (mut person, mut conversation) = pair();
        person.write_all(&[b'x'; 200]).expect("it is read");
        assert!(matches!(conversation.line().await, Err(Refusal::InvalidArguments(_))));
    }

    #[tokio::test]
    async fn what_is_no_connected_stream_is_refused() {
        let file = OwnedFd::from(std::fs::File::open("/dev/null").expect("a file"));
        let (datagram, _other) = UnixDatagram::pair().expect("a pair");
        let unconnected = unconnected_socket();
        for wrong in [file, OwnedFd::from(datagram), unconnected] {
            assert!(matches!(Conversation::over(wrong), Err(Refusal::InvalidArguments(_))));
        }
    }

    fn unconnected_socket() -> OwnedFd {
        use rustix::net::{AddressFamily, SocketType, socket};
        socket(AddressFamily::UNIX, SocketType::STREAM, None).expect("a socket")
    }
}
