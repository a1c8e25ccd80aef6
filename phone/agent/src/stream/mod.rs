//! One connected stream, from its first byte to its last.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`serve`]: reads, writes, and tells why it ended |
//! | `conversation` | what happens on it: requests, their answers, silence; `invited`: pairing |
//! | `output` | what is still to be written |

mod conversation;
mod output;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::Closed;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::manager::SecurityManager;
use conversation::Conversation;
use output::Output;

/// Why a stream ended.
#[derive(Debug)]
pub enum Ended {
    /// The protocol says so.
    Closed(Closed),
    /// The other end closed it.
    Gone,
    /// The system reports a fault.
    Fault(io::Error),
    /// Nothing was heard for too long.
    Silent,
    /// The host came by another stream, or is forgotten, or this device leaves.
    Dismissed,
    /// The pairing could not be kept.
    NotKept,
}

/// How long a stream may lie idle before anybody has opened a channel on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Half a minute: whoever connects wants something.
    Short,
    /// For ever: a wire is there whether or not somebody is at its other end.
    Long,
}

/// Serves a stream until it ends.
pub async fn serve<S>(stream: S, manager: &Arc<SecurityManager>, idle: Idle) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut conversation = Conversation::new(Arc::clone(manager), idle);
    let mut buffer = vec![0; READ_SIZE];
    let mut output = Output::default();
    let ended = loop {
        let mut ended = conversation.take_events();
        if ended.is_none() && conversation.do_what_is_quick().await {
            ended = conversation.take_events();
        }
        let said = conversation.output();
        // The answer to its first heartbeat tells a computer that the pairing is for good.
        if !matches!(ended, Some(Ended::NotKept)) {
            output.add(said);
        }
        if let Some(ended) = ended {
            break ended;
        }
        tokio::select! {
            read = reader.read(&mut buffer), if output.has_room() => match read {
                Ok(0) => break Ended::Gone,
                Ok(count) => conversation.receive(&buffer[..count]),
                Err(error) => break Ended::Fault(error),
            },
            written = writer.write(output.rest()), if !output.is_empty() => match written {
                Ok(0) => break Ended::Gone,
                Ok(count) => output.written(count),
                Err(error) => break Ended::Fault(error),
            },
            () = conversation.next() => {}
        }
    };
    // What is still to be said (the last answers, a good-bye) is said, if somebody listens.
    if !output.is_empty() {
        let rest = async { writer.write_all(output.rest()).await.and(writer.flush().await) };
        drop(tokio::time::timeout(FAREWELL, rest).await);
    }
    ended
}

/// How much is read at a time.
const READ_SIZE: usize = 8 * 1024;

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_secs(2);
