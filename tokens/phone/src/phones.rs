use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::Info;
use claviger_token::{Presence, TokenId};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;

use crate::line::Order;
use crate::pair;
use crate::registry::Registry;
use crate::{PairError, PairStep, Paired, Pairing, PhoneEvent, PhoneState, PhoneToken, Proposal};

/// How phones are dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhonesConfig {
    /// The folder in which the sockets of users are: below it as `phone/UID`.
    pub runtime: PathBuf,
    /// Where BlueZ is.
    pub bluetooth: Bluetooth,
    /// Whether terminals are opened.
    pub serial: bool,
    /// How long a phone may be silent before it is asked whether it is there.
    pub heartbeat: Duration,
    /// How long silence lasts until the phone is unreachable.
    pub lost: Duration,
    /// How long it lasts on top until the phone counts as removed.
    pub grace: Duration,
    /// How long the phone, and its person, may take for a request.
    pub request: Duration,
}

/// Where BlueZ is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bluetooth {
    /// It is not used.
    Off,
    /// On the system bus.
    System,
    /// On the bus of that address.
    Address(String),
}

impl PhonesConfig {
    /// Returns the usual times, and every kind of link.
    pub fn new(runtime: impl Into<PathBuf>) -> Self {
        Self {
            runtime: runtime.into(),
            bluetooth: Bluetooth::System,
            serial: true,
            heartbeat: Duration::from_secs(2),
            lost: Duration::from_secs(6),
            grace: Duration::from_secs(15),
            request: Duration::from_secs(60),
        }
    }
}

/// Every phone of this computer.
///
/// Nothing runs, and nothing is connected or listened to, until a phone is kept or paired; what it is for then begins. All
/// tasks run on the runtime that it was given, and its futures can be awaited on any.
pub struct Phones {
    pub(crate) registry: Arc<Registry>,
}

impl Phones {
    /// Returns one that knows no phone.
    pub fn start(config: PhonesConfig, runtime: &Handle) -> Arc<Self> {
        Arc::new(Self { registry: Registry::new(config, runtime.clone()) })
    }

    /// Ends it: every phone is told, every request answered. Nothing works afterwards.
    pub fn stop(&self) {
        self.registry.stop();
    }

    /// Connects to that phone, again and again, until it is forgotten; one that is kept already stays as it is. `info` is what
    /// it said when it was last there.
    pub fn keep(&self, pairing: Pairing, info: Option<Info>) {
        self.registry.keep(pairing, info, None);
    }

    /// Says that every phone that is paired is kept by now, but for these, whose records cannot be read. Until this was said
    /// nothing is known of who is not kept: see [`expect`](Self::expect).
    pub fn kept_all_but(&self, unreadable: &[TokenId]) {
        self.registry.kept_all_but(unreadable);
    }

    /// Keeps a phone that was just paired, on the stream on which it was.
    pub fn adopt(&self, paired: Paired) {
        let Paired { pairing, stream, .. } = paired;
        self.registry.keep(pairing, None, stream.keep());
    }

    /// Forgets a phone, at once; where it is there it is told that the pairing ends, for two seconds at most.
    pub async fn forget(&self, token: &TokenId) {
        if let Some(orders) = self.registry.forget(token) {
            let (done, over) = oneshot::channel();
            if orders.send(Order::Forget(done)).is_ok() {
                // Dropped unanswered where the line has ended by itself.
                drop(over.await);
            }
        }
    }

    /// Returns the token of that id, whether or not such a phone is kept.
    pub fn token(&self, id: &TokenId) -> Arc<PhoneToken> {
        self.registry.token(id)
    }

    /// Returns every phone that is kept.
    pub fn snapshot(&self) -> Vec<PhoneState> {
        self.registry.snapshot()
    }

    /// Returns what happens from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<PhoneEvent> {
        self.registry.subscribe()
    }

    /// Says that these tokens are missed, whether or not such phones are kept: sessions hang on them, for example from before
    /// this process. One that is known to be removed is told to be so at once, once for each call. Subscribe before.
    ///
    /// One that is not kept counts as missed where it is known to be not paired, after [`kept_all_but`](Self::kept_all_but);
    /// else it is unreachable.
    pub fn expect(&self, tokens: &[TokenId]) {
        self.registry.expect(tokens);
    }

    /// Says that the computer is about to sleep: silence proves nothing now.
    pub fn sleep(&self) {
        self.registry.sleep();
    }

    /// Says that the computer woke: each phone has its full time to be heard again.
    pub fn wake(&self) {
        self.registry.wake();
        self.registry.nudge_all();
    }

    /// Dials that phone now.
    pub fn nudge(&self, token: &TokenId) {
        self.registry.order(token, Order::Nudge);
    }

    /// Dials that phone now, and waits until it is there or the time is over.
    pub async fn reach(&self, token: &TokenId, patience: Duration) -> Presence {
        let (registry, token) = (Arc::clone(&self.registry), token.clone());
        let reached = self.registry.runtime.spawn(async move {
            let until = tokio::time::Instant::now() + patience;
            let mut changes = registry.changes();
            registry.order(&token, Order::Nudge);
            while registry.presence(&token) != Presence::Present {
                if tokio::time::timeout_at(until, changes.changed()).await.is_err() {
                    break;
                }
            }
            registry.presence(&token)
        });
        reached.await.unwrap_or(Presence::Unreachable)
    }

    /// Pairs with a phone. `steps` is told what people must see and do; when its other end is dropped, or this future is,
    /// the pairing is given up, and the phone told so. What comes of it is kept by nobody here yet: see
    /// [`adopt`](Self::adopt).
    ///
    /// # Errors
    /// See [`PairError`].
    pub async fn pair(
        &self,
        proposal: Proposal,
        steps: UnboundedSender<PairStep>,
    ) -> Result<Paired, PairError> {
        pair::pair(&self.registry, proposal, steps).await
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        self.stop();
    }
}
