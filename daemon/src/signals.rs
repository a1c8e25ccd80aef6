//! Who wants to hear what happens. Signals go to their receiver alone, never to everybody.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use claviger_core::{Refusal, Resource};
use claviger_dbus::wire::{SessionWhy, TokenState};
use claviger_token::{Presence, TokenId};
use tokio::sync::mpsc;
use zbus::object_server::SignalEmitter;

use crate::bus::ServiceFace;
use crate::callers::Peer;
use crate::permits::{Permit, Permits};

/// What a user is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The user's keys changed.
    KeysChanged,
    /// The user's local store was locked (true) or unlocked.
    LockedChanged(bool),
    /// A token of the user came, went, was locked or unlocked.
    TokenChanged {
        /// Which.
        token: TokenId,
        /// Whether it is there.
        presence: Presence,
        /// Whether it must be unlocked before its keys are used.
        locked: bool,
    },
    /// Readers or cards that are nobody's came or went.
    ReadersChanged,
    /// A session of the user is about to be locked or to end.
    SessionEnding {
        /// Which.
        session: String,
        /// What happens, and why.
        why: SessionWhy,
    },
}

/// The subscriptions.
#[derive(Debug, Default)]
pub struct Subscribers {
    listeners: Mutex<HashMap<u64, Listener>>,
}

#[derive(Debug)]
struct Listener {
    uid: u32,
    events: mpsc::Sender<Event>,
    _permit: Permit,
}

impl Subscribers {
    /// Enters a peer; a second time changes nothing. `emitter` leads to it and nobody else.
    pub fn subscribe(
        &self,
        permits: &Permits,
        uid: u32,
        peer: &Peer,
        emitter: SignalEmitter<'static>,
    ) -> Result<(), Refusal> {
        let mut listeners = self.listeners();
        // Whoever left without a word made room.
        listeners.retain(|_, listener| !listener.events.is_closed());
        if listeners.contains_key(&peer.serial) {
            return Ok(());
        }
        let permit = permits.take(uid, Resource::Subscriptions)?;
        let (events, queue) = mpsc::channel(QUEUE);
        tokio::spawn(tell(queue, emitter, peer.gone.clone()));
        listeners.insert(peer.serial, Listener { uid, events, _permit: permit });
        Ok(())
    }

    /// Forgets a peer.
    pub fn unsubscribe(&self, peer: &Peer) {
        self.listeners().remove(&peer.serial);
    }

    /// Tells everybody of one user. A listener that does not read misses what does not fit its queue.
    pub fn announce(&self, uid: u32, event: &Event) {
        self.listeners().retain(|_, listener| {
            if listener.uid != uid {
                return true;
            }
            !matches!(listener.events.try_send(event.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }

    /// Tells everybody.
    pub fn announce_to_all(&self, event: &Event) {
        self.listeners().retain(|_, listener| {
            !matches!(listener.events.try_send(event.clone()), Err(mpsc::error::TrySendError::Closed(_)))
        });
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn tell(
    mut queue: mpsc::Receiver<Event>,
    emitter: SignalEmitter<'static>,
    gone: tokio_util::sync::CancellationToken,
) {
    loop {
        let event = tokio::select! {
            () = gone.cancelled() => return,
            event = queue.recv() => event,
        };
        let Some(event) = event else { return };
        let sent = match event {
            Event::KeysChanged => ServiceFace::keys_changed(&emitter).await,
            Event::LockedChanged(locked) => ServiceFace::locked_changed(&emitter, locked).await,
            Event::TokenChanged { token, presence, locked } => {
                let presence = Some(presence.name().to_owned());
                let state = TokenState { presence, locked: Some(locked) };
                ServiceFace::token_changed(&emitter, token.as_str(), state).await
            }
            Event::SessionEnding { session, why } => {
                ServiceFace::session_ending(&emitter, &session, why).await
            }
            Event::ReadersChanged => ServiceFace::token_changed(&emitter, "", TokenState::default()).await,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// Signals that wait for a slow listener.
const QUEUE: usize = 16;
