//! Where people are: the sessions that requests come from and that agents serve.

use claviger_core::{Refusal, SessionId};

use crate::callers::Peer;
use crate::service::Service;

/// Returns the session that a peer's requests come from; `None` where it is in none.
#[expect(clippy::unused_async, reason = "where there is logind, it is asked")]
pub(super) async fn session_of(service: &Service, peer: &Peer) -> Option<SessionId> {
    let _ = (service, peer);
    None
}

/// Returns true where somebody can answer in that session: its screen is not locked.
pub(super) fn is_open(service: &Service, session: &SessionId) -> bool {
    let _ = (service, session);
    true
}

/// Returns the session that an agent serves: the one it names, else the one it is in.
#[expect(clippy::unused_async, reason = "where there is logind, it is asked")]
pub(crate) async fn served(
    service: &Service,
    peer: &Peer,
    uid: u32,
    named: Option<String>,
) -> Result<Option<SessionId>, Refusal> {
    let _ = (service, peer, uid);
    match named {
        Some(_) => Err(Refusal::InvalidArguments("you have no such session".into())),
        None => Ok(None),
    }
}
