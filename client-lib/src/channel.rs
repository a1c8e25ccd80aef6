use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::client::Tell;
use crate::daemon::{self, Face};

/// The private connection to the daemon: opened when first needed, opened anew when it broke, and left alone
/// for a while when the daemon gives none.
pub(crate) struct Channel {
    state: RwLock<State>,
    /// Held while a channel is being opened, so that one is.
    opening: tokio::sync::Mutex<()>,
    tell: Option<Tell>,
}

#[derive(Clone)]
enum State {
    /// None was wanted yet.
    Untried,
    /// It can be used.
    Open(Arc<Face>),
    /// None is to be had; not asked again before that time.
    Resting(Instant),
    /// None is wanted.
    Off,
}

impl Channel {
    pub(crate) fn new(wanted: bool, tell: Option<Tell>) -> Self {
        let state = if wanted { State::Untried } else { State::Off };
        Self { state: RwLock::new(state), opening: tokio::sync::Mutex::new(()), tell }
    }

    /// Returns the channel, opening one through `bus` if need be; `None` where it must be the bus.
    pub(crate) async fn face(&self, bus: &Face, timeout: Duration) -> Option<Arc<Face>> {
        if let Some(answer) = self.known() {
            return answer;
        }
        let _alone = self.opening.lock().await;
        if let Some(answer) = self.known() {
            return answer;
        }
        match open(bus, timeout, self.tell).await {
            Some(face) => {
                let face = Arc::new(face);
                self.set(State::Open(face.clone()));
                Some(face)
            }
            None => {
                self.set(State::Resting(Instant::now() + REST));
                None
            }
        }
    }

    /// Returns the open channel or that there is none; `None` where one is to be opened.
    fn known(&self) -> Option<Option<Arc<Face>>> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(face) if !face.keys.inner().connection().is_closed() => Some(Some(face.clone())),
            State::Resting(until) if Instant::now() < *until => Some(None),
            State::Off => Some(None),
            State::Untried | State::Open(_) | State::Resting(_) => None,
        }
    }

    /// Forgets a channel that broke. Another one, opened meanwhile, stays.
    pub(crate) fn forget(&self, broken: &Arc<Face>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Open(face) if Arc::ptr_eq(face, broken)) {
            *state = State::Untried;
        }
    }

    /// Returns true where a channel is open.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.known(), Some(Some(_)))
    }

    fn set(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Asks for a channel and greets it. Every failure means the same: it must be the bus.
async fn open(bus: &Face, timeout: Duration, tell: Option<Tell>) -> Option<Face> {
    let descriptor = bus.service.open_channel(&claviger_dbus::wire::NoOptions {}).await.ok()?;
    let stream = UnixStream::from(std::os::fd::OwnedFd::from(descriptor));
    if let Some(tell) = tell {
        tell(stream.as_fd());
    }
    let greeting = zbus::connection::Builder::unix_stream(stream).p2p().method_timeout(timeout).build();
    let connection = tokio::time::timeout(GREETING, greeting).await.ok()?.ok()?;
    Face::new(&connection, daemon::well_known().into()).await.ok()
}

/// How long the daemon is not asked again after it gave no channel.
const REST: Duration = Duration::from_secs(30);

/// How long the greeting may take.
const GREETING: Duration = Duration::from_secs(5);
