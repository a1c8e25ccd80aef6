//! Connections: who may have one, how many there are, and what goes over them.

use std::io;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::agent::Agent;
use crate::journal::Journal;
use crate::protocol::{Answer, FRAME_LIMIT, Frames, Request, framed};
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
async fn converse<S: Store>(mut stream: UnixStream, agent: Arc<Agent<S>>, journal: Journal) {
    let mut sessions = Sessions::default();
    let mut frames = Frames::new();
    let mut piece = Zeroizing::new([0; 4096]);
    loop {
        let message = match frames.pop() {
            Ok(Some(message)) => message,
            Ok(None) => {
                let patience = if frames.is_partial() { MESSAGE_TIME } else { IDLE_TIME };
                match tokio::time::timeout(patience, stream.read(&mut piece[..])).await {
                    Ok(Ok(size)) if size > 0 => frames.take(&piece[..size]),
                    _ => return,
                }
                continue;
            }
            Err(error) => {
                journal.say(format_args!("cannot go on with a connection: it sent {error}"));
                return;
            }
        };
        let Some(answer) =
            answered(&mut stream, &mut frames, agent.answer(&mut sessions, &message), is_change(&message))
                .await
        else {
            journal.detail("a client is gone before its answer");
            return;
        };
        let answer = framed(&answer.to_message());
        match tokio::time::timeout(MESSAGE_TIME, stream.write_all(&answer)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// Returns true for what is not left half done: a key that came has what holds for it, one that goes is forgotten too.
fn is_change(message: &[u8]) -> bool {
    matches!(Request::parse(message), Ok(Request::Add { .. } | Request::Remove { .. } | Request::RemoveAll))
}

/// Returns the answer, or `None` where the client goes before: what it asked for is given up then, unless it is to be
/// done to its end. What it sends meanwhile is kept for later.
async fn answered(
    stream: &mut UnixStream,
    frames: &mut Frames,
    answer: impl Future<Output = Answer>,
    to_its_end: bool,
) -> Option<Answer> {
    let mut answer = std::pin::pin!(answer);
    let mut piece = Zeroizing::new([0; 4096]);
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
                    if to_its_end {
                        answer.await;
                    }
                    return None;
                }
            },
        }
    }
}

/// As many connections at once; each ssh has one for a moment.
const CONNECTIONS: usize = 128;
/// A connection that asks nothing for so long ends.
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);
/// How long a message may take on its way.
const MESSAGE_TIME: Duration = Duration::from_secs(30);
const BREATH: Duration = Duration::from_millis(100);
