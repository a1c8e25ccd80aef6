use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use claviger_token::{TokenError, TokenId};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::registry::Registry;
use crate::ticket::Work;
use crate::watcher::Watcher;
use crate::{CardEvent, CardState, CardToken, Contents, Kind};

/// How cards are dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardsConfig {
    /// The applications that a card is asked for, in this order. OpenSC is asked only where no other was found on
    /// the card, wherever it stands in the list.
    pub applications: Vec<Kind>,
    /// Where the OpenSC helper listens; `None` where there is none.
    pub opensc_socket: Option<PathBuf>,
    /// How long another program that holds a card is waited for.
    pub wait: Duration,
    /// How long one operation may take once it has begun.
    pub deadline: Duration,
    /// How long making an RSA key may take.
    pub generation: Duration,
    /// How long the connection to a card is kept after the last operation. While it is, no other program gets the
    /// card for itself alone; without it, the card is identified anew before it is used.
    pub linger: Duration,
}

impl Default for CardsConfig {
    fn default() -> Self {
        Self {
            applications: Kind::ALL.to_vec(),
            opensc_socket: None,
            wait: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
            generation: Duration::from_secs(120),
            linger: Duration::from_secs(1),
        }
    }
}

/// Every reader and card of this computer.
///
/// It has threads of its own and needs no runtime; its futures can be awaited on any. pcscd need not be there: as
/// soon as it is, so are its cards.
pub struct Cards {
    registry: Arc<Registry>,
    watcher: Mutex<Option<Watcher>>,
}

impl Cards {
    /// Starts to watch.
    pub fn start(config: CardsConfig) -> Arc<Self> {
        let registry = Registry::new(config);
        registry.spawn("card-deadlines", |registry| registry.deadlines.run());
        let watcher = Watcher::start(&registry);
        Arc::new(Self { registry, watcher: Mutex::new(Some(watcher)) })
    }

    /// Ends it: every token is unreachable, every request answered. Waits no longer than a second for threads that
    /// pcscd keeps; those end when it answers.
    pub fn stop(&self) {
        let watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(watcher) = watcher {
            watcher.stop();
            self.registry.stop(Duration::from_secs(1));
        }
    }

    /// Returns every reader and what is in it.
    pub fn snapshot(&self) -> Vec<CardState> {
        self.registry.snapshot()
    }

    /// Returns the token of that id, whether or not such a card was ever seen.
    pub fn token(&self, id: &TokenId) -> Arc<CardToken> {
        self.registry.token(id)
    }

    /// Returns what stands on a card that is present.
    pub fn contents(&self, id: &TokenId) -> Option<Arc<Contents>> {
        self.registry.locate(id).map(|(_, contents)| contents)
    }

    /// Reads a card anew and returns what stands on it.
    ///
    /// # Errors
    /// [`TokenError::Absent`], [`TokenError::Busy`], and whatever a card may answer.
    pub async fn reread(&self, id: &TokenId) -> Result<Arc<Contents>, TokenError> {
        if self.registry.locate(id).is_none() {
            return Err(TokenError::Absent);
        }
        let done = self.registry.ask(id, Work::Read { token: id.clone() }).await?;
        Ok(done.contents)
    }

    /// Returns what happens from now on.
    pub fn subscribe(&self) -> UnboundedReceiver<CardEvent> {
        self.registry.subscribe()
    }

    /// Says that these tokens are missed, whether or not such cards were ever seen: sessions hang on them, for example from
    /// before this process. One that pcscd knows nothing of is unreachable until pcscd has answered for ten seconds and is
    /// removed then; one that is known to be removed is told to be so at once, once for each call. Subscribe before.
    pub fn expect(&self, tokens: &[TokenId]) {
        self.registry.expect(tokens);
    }

    /// Says that the computer is about to sleep: readers that vanish now prove nothing. Forgetting the PINs is the
    /// caller's, before that.
    pub fn sleep(&self) {
        self.registry.sleep();
    }

    /// Says that the computer woke. Every card is identified anew before it is used, and its PIN is forgotten; one that is
    /// not back after ten seconds of pcscd answering was taken away; one that is still there stays present.
    pub fn wake(&self) {
        self.registry.wake();
        if let Some(watcher) = &*self.watcher.lock().unwrap_or_else(PoisonError::into_inner) {
            watcher.nudge();
        }
    }
}

impl Drop for Cards {
    fn drop(&mut self) {
        self.stop();
    }
}
