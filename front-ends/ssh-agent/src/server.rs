//! Connections: who may have one, how many there are, and what goes over them.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::journal::Journal;
use crate::protocol::{Answer, BadFrame, FRAME_LIMIT, Frames, Request, framed};
use crate::sessions::Sessions;
use crate::store::Store;

/// Serves the socket for ever. Its connections end with the future.
pub async fn serve<S: Store>(
    listener: StdListener,
    agent: Arc<Agent<S>>,
    journal: Journal,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let owner = rustix::process::getuid().as_raw();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if is_of(&stream, owner) => {
                    if connections.len() >= CONNECTIONS {
                        journal.say("cannot take another connection: there are too many");
                        continue;
                    }
                    connections.spawn(converse(stream, agent.clone(), journal));
                }
                Ok(_) => journal.say("cannot take a connection of another user"),
                Err(error) => {
                    journal.say(format_args!("cannot take a connection: {error}"));
                    // There may be no descriptors left: some connection must end first.
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Whatever the socket's mode is, and be it root: these are one user's keys.
fn is_of(stream: &UnixStream, owner: u32) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == owner)
}

/// One connection, from its first message to its end.
async fn converse<S: Store>(stream: UnixStream, agent: Arc<Agent<S>>, journal: Journal) {
    let mut sessions = Sessions::default();
    let mut line = Line { stream, frames: Frames::new(), piece: Zeroizing::new([0; 4096]) };
    let mut idle = pin!(tokio::time::sleep(IDLE_TIME));
    loop {
        let message = match line.message(idle.as_mut()).await {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(error) => {
                journal.say(format_args!("cannot go on with a connection: it sent {error}"));
                return;
            }
        };
        let Some(answer) = line.answered(agent.answer(&mut sessions, &message), &message).await else {
            journal.detail("a client is gone before its answer");
            return;
        };
        let answer = framed(&answer.to_message());
        match tokio::time::timeout(MESSAGE_TIME, line.stream.write_all(&answer)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// What comes over a connection.
struct Line {
    stream: UnixStream,
    frames: Frames,
    /// Where it is read into.
    piece: Zeroizing<[u8; 4096]>,
}

impl Line {
    /// Returns the next message, or `None` at the end.
    async fn message(&mut self, mut idle: Pin<&mut Sleep>) -> Result<Option<Zeroizing<Vec<u8>>>, BadFrame> {
        let Self { stream, frames, piece } = self;
        loop {
            if let Some(message) = frames.pop()? {
                return Ok(Some(message));
            }
            let reading = stream.read(&mut piece[..]);
            let read = if frames.is_partial() {
                tokio::time::timeout(MESSAGE_TIME, reading).await.ok()
            } else {
                // One timer, put off: each new one would cost a system call, and wake this thread up once more.
                idle.as_mut().reset(Instant::now() + IDLE_TIME);
                tokio::select! {
                    biased;
                    read = reading => Some(read),
                    () = idle.as_mut() => None,
                }
            };
            match read {
                Some(Ok(size)) if size > 0 => frames.take(&piece[..size]),
                _ => return Ok(None),
            }
        }
    }

    /// Returns the answer to a message, or `None` where the client goes before: what it asked for is given up then, unless
    /// it is to be done to its end. What it sends meanwhile is kept for later.
    async fn answered(&mut self, answer: impl Future<Output = Answer>, message: &[u8]) -> Option<Answer> {
        let Self { stream, frames, piece } = self;
        let mut answer = pin!(answer);
        let mut gathered = 0;
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return Some(answer),
                read = stream.read(&mut piece[..]), if gathered <= FRAME_LIMIT => match read {
                    Ok(size) if size > 0 => {
                        frames.take(&piece[..size]);
                        gathered += size;
                    }
                    _ => {
                        if is_change(message) {
                            answer.await;
                        }
                        return None;
                    }
                },
            }
        }
    }
}

/// Returns true for what is not left half done: a key that came has what holds for it, one that goes is forgotten too.
fn is_change(message: &[u8]) -> bool {
    matches!(Request::parse(message), Ok(Request::Add { .. } | Request::Remove { .. } | Request::RemoveAll))
}

/// As many connections at once; each ssh has one for a moment.
const CONNECTIONS: usize = 128;
/// A connection that asks nothing for so long ends.
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);
/// How long a message may take on its way.
const MESSAGE_TIME: Duration = Duration::from_secs(30);
const BREATH: Duration = Duration::from_millis(100);
