//! Step 2, identify: which user a peer is, as the bus vouches for it, and when the peer is gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use claviger_core::Refusal;
use claviger_core::policy::Caller;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use zbus::fdo::DBusProxy;
use zbus::names::{BusName, OwnedUniqueName, UniqueName};

use crate::names;

/// One peer: a connection to the bus, or a private channel.
#[derive(Debug)]
pub struct Peer {
    /// What the peer is called: its unique bus name; that of the opener for a channel.
    pub name: OwnedUniqueName,
    /// Cancelled when the peer is gone; everything that runs for it ends then.
    pub gone: CancellationToken,
    caller: OnceCell<Arc<Caller>>,
}

impl Peer {
    fn new(name: OwnedUniqueName) -> Self {
        Self { name, gone: CancellationToken::new(), caller: OnceCell::new() }
    }

    /// Returns the peer at the far end of a private channel: its identity is fixed when the channel is made,
    /// and it is gone when its opener is.
    pub fn channel(opener: &Self, caller: Arc<Caller>) -> Self {
        Self {
            name: opener.name.clone(),
            gone: opener.gone.child_token(),
            caller: OnceCell::new_with(Some(caller)),
        }
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
    pub async fn identify(&self, peer: &Peer, bus: &DBusProxy<'_>) -> Result<Arc<Caller>, Refusal> {
        peer.caller
            .get_or_try_init(|| async {
                let name = BusName::from(peer.name.inner().clone());
                let uid = bus.get_connection_unix_user(name).await.map_err(|error| {
                    self.vanished(&peer.name);
                    Refusal::UnknownCaller(format!("the bus does not say ({error})").into())
                })?;
                let user_name = names::user_name(uid).await?;
                Ok(Arc::new(Caller { uid, user_name }))
            })
            .await
            .cloned()
    }

    /// Ends everything that runs for the peer of that name.
    pub fn vanished(&self, name: &UniqueName<'_>) {
        let peer = self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name.as_str());
        if let Some(peer) = peer {
            peer.gone.cancel();
        }
    }
}
