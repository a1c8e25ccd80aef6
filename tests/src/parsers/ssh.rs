//! What comes over the ssh-agent's socket.

use claviger_ssh_agent::der;
use claviger_ssh_agent::protocol::constraint::{read_destinations, write_destinations};
use claviger_ssh_agent::protocol::{FRAME_LIMIT, Frames, Identity, Purpose, Request, read_signature};

/// A stream is cut alike however it comes, and each message is read; what can be written again is the same.
pub(super) fn frames(bytes: &[u8]) -> bool {
    let (messages, is_good) = cut(bytes, bytes.len().max(1));
    assert_eq!(cut(bytes, 7), (messages.clone(), is_good), "it was cut otherwise");
    let mut taken = false;
    for message in &messages {
        assert!(!message.is_empty() && message.len() <= FRAME_LIMIT);
        let Ok(request) = Request::parse(message) else { continue };
        taken |= !matches!(request, Request::Unknown(_) | Request::Extension(_));
        read(request);
    }
    // What is kept on disk, and what is signed, come in other ways too.
    if let Ok(destinations) = read_destinations(bytes) {
        assert_eq!(read_destinations(&write_destinations(&destinations)), Ok(destinations));
    }
    drop(Purpose::of(b"key", bytes));
    taken && is_good
}

/// Returns the messages of a stream that comes in pieces of that size, and whether it goes on.
fn cut(bytes: &[u8], size: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut frames, mut messages) = (Frames::new(), Vec::new());
    for piece in bytes.chunks(size) {
        frames.take(piece);
        loop {
            match frames.pop() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(_) => return (messages, false),
            }
        }
    }
    (messages, true)
}

/// Does with a request what the agent does before it asks the store.
fn read(request: Request<'_>) {
    match request {
        Request::Sign { blob, identity, data, flags: _ } => {
            is_written_again(blob, &identity);
            drop(Purpose::of(blob, data));
        }
        Request::Remove { blob, identity } => is_written_again(blob, &identity),
        Request::Add { key, comment: _, constraints } => {
            assert_eq!(Identity::parse(&key.blob).as_ref(), Ok(&key.identity));
            drop(der::to_pkcs8(&key));
            if !constraints.destinations.is_empty() {
                let written = write_destinations(&constraints.destinations);
                assert_eq!(read_destinations(&written), Ok(constraints.destinations));
            }
        }
        Request::Bind(bind) => {
            drop(read_signature(bind.host.key(), bind.signature));
            if let Identity::Certificate(certificate) = &bind.host {
                drop(read_signature(&certificate.authority, &certificate.signature));
            }
        }
        Request::List
        | Request::RemoveAll
        | Request::RemoveAllOfVersion1
        | Request::Smartcard
        | Request::Lock(_)
        | Request::Unlock(_)
        | Request::Query
        | Request::Extension(_)
        | Request::Unknown(_) => {}
    }
}

/// A key is the same after it was written, in both forms.
fn is_written_again(blob: &[u8], identity: &Identity) {
    let key = identity.key();
    let again = Identity::parse(&key.to_blob());
    assert_eq!(again.as_ref(), Ok(&Identity::Key(key.clone())), "{blob:02x?}");
    if let Ok(spki) = der::to_spki(key) {
        assert_eq!(der::from_spki(&spki).as_ref(), Some(key));
    }
}
