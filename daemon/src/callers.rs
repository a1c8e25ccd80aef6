//! Step 2, identify: which user a peer is, as the bus vouches for it, and when the peer is gone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use claviger_core::policy::Caller;
use claviger_core::{Refusal, SessionId};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, UniqueName};

use crate::logind::LogindError;
use crate::names::Names;
use crate::operation::{Operation, Operations};
use crate::permits::Permit;

/// One peer: a connection to the bus, or a private channel.
#[derive(Debug)]
pub struct Peer {
    /// What the peer is called: its unique bus name; that of the opener for a channel.
    pub name: OwnedUniqueName,
    /// Cancelled when the peer is gone; everything that runs for it ends then.
    pub gone: CancellationToken,
    /// Tells peers apart: a bus connection and its channels have the same name.
    pub serial: u64,
    caller: OnceCell<Arc<Caller>>,
    session: OnceCell<Option<SessionId>>,
    operations: Option<Operations>,
}

impl Peer {
    fn new(name: OwnedUniqueName) -> Self {
        Self {
            name,
            gone: CancellationToken::new(),
            serial: serial(),
            caller: OnceCell::new(),
            session: OnceCell::new(),
            operations: None,
        }
    }

    /// Returns true once it is known who the peer is.
    pub fn is_identified(&self) -> bool {
        self.caller.initialized()
    }

    /// Returns the peer at the far end of a private channel: its identity is fixed when the channel is made,
    /// and it is gone when its opener is.
    pub fn channel(opener: &Self, caller: Arc<Caller>) -> Self {
        Self {
            name: opener.name.clone(),
            gone: opener.gone.child_token(),
            serial: serial(),
            caller: OnceCell::new_with(Some(caller)),
            session: OnceCell::new_with(opener.session.get().cloned()),
            operations: Some(Operations::default()),
        }
    }

    /// Notes that an operation of the peer's begins.
    pub fn begin_operation(&self) -> Operation<'_> {
        Operation::begin(self.operations.as_ref())
    }

    /// Returns the session that the peer belongs to, if it belongs to one; asked of `ask` once. Nothing is decided by
    /// it that a peer of the same user could not have otherwise.
    pub async fn session(
        &self,
        ask: impl Future<Output = Result<Option<SessionId>, LogindError>>,
    ) -> Option<SessionId> {
        // Where it cannot be told now, it may be the next time.
        self.session.get_or_try_init(|| ask).await.ok().cloned().flatten()
    }

    fn is_in(&self, session: &SessionId) -> bool {
        self.session.get().is_some_and(|own| own.as_ref() == Some(session))
    }
}

fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A caller who has been identified and holds one of their places for requests, for as long as anything of the
/// request runs.
#[derive(Debug)]
pub struct Visit {
    /// Who it is.
    pub caller: Arc<Caller>,
    _permit: Option<Permit>,
}

impl Visit {
    /// Returns the visit of a caller who has taken a place.
    pub const fn new(caller: Arc<Caller>, permit: Permit) -> Self {
        Self { caller, _permit: Some(permit) }
    }

    /// Returns a visit within those that wait for what it does: they hold the places.
    pub const fn within(caller: Arc<Caller>) -> Self {
        Self { caller, _permit: None }
    }
}

/// Everybody on the bus who has called and is still there.
#[derive(Debug, Default)]
pub struct Callers {
    known: Mutex<HashMap<OwnedUniqueName, Arc<Peer>>>,
}

impl Callers {
    /// Returns the peer of that name, entering it if it is new.
    ///
    /// It is entered *before* anybody asks who it is: a peer that vanishes in between is then either reported
    /// as gone, or unknown to the bus when asked.
    pub fn peer(&self, name: &UniqueName<'_>) -> Arc<Peer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peer) = known.get(name.as_str()) {
            return Arc::clone(peer);
        }
        let name = OwnedUniqueName::from(name.to_owned());
        let peer = Arc::new(Peer::new(name.clone()));
        known.insert(name, Arc::clone(&peer));
        peer
    }

    /// Returns who the peer is. The bus is asked once; the answer holds until the name vanishes.
    pub async fn identify(
        &self,
        peer: &Peer,
        bus: &DBusProxy<'_>,
        names: &Names,
    ) -> Result<Arc<Caller>, Refusal> {
        peer.caller
            .get_or_try_init(|| async {
                let name = BusName::from(peer.name.inner().clone());
                let uid = bus.get_connection_unix_user(name).await.map_err(|error| {
                    self.vanished(&peer.name);
                    Refusal::UnknownCaller(format!("the bus does not say ({error})").into())
                })?;
                let user_name = names.user_name(uid).await.map_err(|error| error.of(uid))?;
                Ok(Arc::new(Caller { uid, user_name }))
            })
            .await
            .cloned()
    }

    /// Ends everything that runs for the peers known to be in that session, their channels too.
    pub fn end_session(&self, session: &SessionId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, peer) in known.extract_if(|_, peer| peer.is_in(session)) {
            peer.gone.cancel();
        }
    }

    /// Ends everything that runs for the peer of that name.
    pub fn vanished(&self, name: &UniqueName<'_>) {
        let peer = self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name.as_str());
        if let Some(peer) = peer {
            peer.gone.cancel();
        }
    }
}
