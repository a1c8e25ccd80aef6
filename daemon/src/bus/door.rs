use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use claviger_core::Refusal;
use claviger_dbus::CallError;
use tokio::time::Instant;
use zbus::message::Header;

use super::error::answer;
use crate::callers::Peer;
use crate::service::Service;

/// How every call comes in: from the bus, or over one private channel.
#[derive(Clone)]
pub struct Door {
    pub(super) service: Arc<Service>,
    channel: Option<Arc<Peer>>,
}

impl Door {
    /// Returns the door for calls from the bus.
    pub const fn bus(service: Arc<Service>) -> Self {
        Self { service, channel: None }
    }

    /// Returns the door at the daemon's end of a channel: whatever sender a message names, the caller is
    /// `peer`.
    pub const fn channel(service: Arc<Service>, peer: Arc<Peer>) -> Self {
        Self { service, channel: Some(peer) }
    }

    pub(super) const fn is_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// Returns when a call that begins now ends at the latest.
    pub(super) fn ends(timeout_ms: Option<u32>) -> Instant {
        Instant::now() + time(timeout_ms)
    }

    /// Lets one call through: ends it when its peer is gone or its time is over, counts it, and turns a
    /// refusal into the caller's error.
    pub(super) async fn call<T>(
        &self,
        header: &Header<'_>,
        doing: impl Display,
        timeout_ms: Option<u32>,
        work: impl AsyncFnOnce(&Peer) -> Result<T, Refusal>,
    ) -> Result<T, CallError> {
        let outcome = match self.peer(header) {
            Ok(peer) => {
                let _leaving = Leaving { service: &self.service, peer: &peer };
                tokio::select! {
                    // The work first: what is done at once registers no timer.
                    biased;
                    outcome = work(&peer) => outcome,
                    () = peer.gone.cancelled() => Err(Refusal::Cancelled),
                    () = tokio::time::sleep(time(timeout_ms)) => Err(Refusal::Timeout),
                }
            }
            Err(refusal) => Err(refusal),
        };
        self.service.count(outcome.is_ok());
        outcome.map_err(|refusal| {
            tracing::debug!(%doing, "refused: {refusal}");
            answer(&doing, &refusal)
        })
    }

    fn peer(&self, header: &Header<'_>) -> Result<Arc<Peer>, Refusal> {
        if let Some(peer) = &self.channel {
            return Ok(Arc::clone(peer));
        }
        let sender = header.sender().ok_or_else(|| Refusal::UnknownCaller("no sender".into()))?;
        Ok(self.service.callers.peer(sender))
    }
}

/// Forgets a peer of whom it was never known who it is: it may have vanished before it was entered, and then
/// nobody will tell.
struct Leaving<'a> {
    service: &'a Service,
    peer: &'a Peer,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !self.peer.is_identified() {
            self.service.callers.vanished(&self.peer.name);
        }
    }
}

fn time(timeout_ms: Option<u32>) -> Duration {
    timeout_ms.map_or(LONGEST, |time| Duration::from_millis(time.into()).min(LONGEST))
}

/// No call takes longer, whatever it asks for.
const LONGEST: Duration = Duration::from_secs(120);
