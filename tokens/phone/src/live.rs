use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use claviger_phone_protocol::host::{Event, Host};
use claviger_phone_protocol::{Closed, Command, PairingId, Refusal};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;

use crate::LinkFault;
use crate::link::{Link, Stream};

/// One stream and the state machine that speaks on it.
pub(crate) struct Live {
    pub(crate) host: Host,
    pub(crate) link: Link,
    stream: Stream,
    /// What is on its way out, and how much of it is gone.
    out: Vec<u8>,
    gone: usize,
    /// How many bytes went out in all.
    written: u64,
    /// How many frames of the phone's came, and when the last did.
    frames: u64,
    heard: Instant,
    input: Box<[u8; INPUT]>,
}

/// Why a stream brings nothing more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It ended, or broke.
    Ended,
    /// What was said on it ended it.
    Closed(Closed),
}

impl Live {
    pub(crate) fn new(host: Host, stream: Stream, link: Link) -> Self {
        let frames = host.frames();
        Self {
            host,
            link,
            stream,
            out: Vec::new(),
            gone: 0,
            written: 0,
            frames,
            heard: Instant::now(),
            input: Box::new([0; INPUT]),
        }
    }

    /// Begins to speak anew on the same stream, after a refusal.
    pub(crate) fn restart(self, host: Host) -> Self {
        Self::new(host, self.stream, self.link)
    }

    /// Returns what happens next. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Event, Cut> {
        loop {
            let event = self.host.event();
            if self.host.frames() != self.frames {
                self.frames = self.host.frames();
                self.heard = Instant::now();
            }
            if let Some(event) = event {
                return match event {
                    Event::Closed(closed) => {
                        self.flush().await;
                        Err(Cut::Closed(closed))
                    }
                    event => Ok(event),
                };
            }
            poll_fn(|context| self.poll(context)).await.map_err(|_| Cut::Ended)?;
        }
    }

    /// Says good-bye, where somebody can hear it; the stream is to be dropped then.
    pub(crate) async fn bye(&mut self, reason: &str) {
        self.host.bye(reason);
        self.flush().await;
    }

    /// Tells the phone that the pairing ends, and waits for its answer, for a while; returns whether it came.
    pub(crate) async fn unpair(&mut self) -> bool {
        let Ok(unpair) = self.host.request(Command::Unpair) else { return false };
        let answered = async {
            loop {
                match self.next().await {
                    Ok(Event::Answered(answer)) if answer.id == unpair => return true,
                    Ok(_) => {}
                    Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(UNPAIRING, answered).await.unwrap_or(false)
    }

    /// Writes out what there is, as far as that goes quickly, to the last byte: what is not gone when the stream is dropped
    /// may be lost.
    pub(crate) async fn flush(&mut self) {
        let write = poll_fn(|context| {
            ready!(self.poll_out(context))?;
            Pin::new(&mut self.stream).poll_flush(context)
        });
        // What does not go out now would not be read either.
        drop(tokio::time::timeout(LAST_WORDS, write).await);
    }

    /// Waits until the stream ends; what comes meanwhile is thrown away.
    pub(crate) async fn end(&mut self) {
        while poll_fn(|context| self.poll_in(context)).await.is_ok() {}
    }

    /// Returns how many bytes went out so far, and whether there are more that wait.
    pub(crate) fn progress(&self) -> (u64, bool) {
        (self.written, self.gone < self.out.len())
    }

    /// Returns when the last frame came that only the phone can have sent, be it a fragment of a long message.
    pub(crate) fn heard(&self) -> Instant {
        self.heard
    }

    /// Moves bytes both ways; ready when some came in.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_out(context) {
            return Poll::Ready(Err(error));
        }
        match self.poll_in(context) {
            Poll::Ready(Ok(count)) => {
                self.host.receive(&self.input[..count]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_in(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.input[..]);
        match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Writes; ready when nothing is left. Nothing is flushed: a terminal would wait there until its line is empty.
    fn poll_out(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.gone == self.out.len() {
                self.gone = 0;
                self.out = self.host.output();
                if self.out.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            match Pin::new(&mut self.stream).poll_write(context, &self.out[self.gone..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    self.gone += count;
                    self.written += count as u64;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Why no channel was opened.
pub(crate) enum Unopened {
    /// Another try on the same stream may go better.
    Refused(Refusal, Box<Live>),
    /// The stream is of no use.
    Useless(LinkFault),
}

/// Waits until the channel is open.
pub(crate) async fn open(mut live: Live) -> Result<(PairingId, Live), Unopened> {
    let opening = async {
        match live.next().await? {
            Event::Opened(pairing) => Ok(pairing),
            // Before that there is nothing to answer, to notice or to compare.
            Event::Answered(_)
            | Event::Noticed(_)
            | Event::Compare(_)
            | Event::PersonAsked
            | Event::Paired(_)
            | Event::Closed(_) => Err(Cut::Closed(Closed::OutOfOrder)),
        }
    };
    match tokio::time::timeout(OPENING, opening).await {
        Ok(Ok(pairing)) => Ok((pairing, live)),
        Ok(Err(Cut::Closed(Closed::Refused(refusal)))) => Err(Unopened::Refused(refusal, Box::new(live))),
        Ok(Err(Cut::Closed(closed))) => Err(Unopened::Useless(closed.into())),
        Ok(Err(Cut::Ended)) => Err(Unopened::Useless(LinkFault::Ended)),
        Err(_) => Err(Unopened::Useless(LinkFault::Silent)),
    }
}

impl Unopened {
    /// Returns what is said of the link.
    pub(crate) fn fault(self) -> LinkFault {
        match self {
            Self::Refused(refusal, _) => LinkFault::Refused(refusal),
            Self::Useless(fault) => fault,
        }
    }
}

/// How much is read at a time.
const INPUT: usize = 4096;
/// How long opening a channel may take.
const OPENING: std::time::Duration = std::time::Duration::from_secs(5);
/// How long the answer to the end of a pairing is waited for.
const UNPAIRING: std::time::Duration = std::time::Duration::from_secs(2);
/// How long the last words may take to go out.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(200);
