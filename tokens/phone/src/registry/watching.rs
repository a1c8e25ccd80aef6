//! Who is there, and the time that passes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_token::TokenId;
use tokio::sync::Notify;

use crate::presence::{Change, Limits, Watch};
use crate::registry::{Registry, State, WeakRegistry};
use crate::{PhoneEvent, Why};

impl Registry {
    pub(crate) fn hear(&self, token: &TokenId, at: Instant) {
        self.update(token, at, |watch| watch.hear(at));
    }

    pub(crate) fn send(&self, token: &TokenId, at: Instant) {
        self.update(token, at, |watch| {
            watch.send(at);
            Vec::new()
        });
    }

    pub(crate) fn pause(&self, token: &TokenId, at: Instant, time: Duration) {
        self.update(token, at, |watch| watch.pause(at, time));
    }

    pub(crate) fn leave(&self, token: &TokenId, at: Instant, why: Why) {
        self.update(token, at, |watch| watch.leave(at, why));
    }

    pub(crate) fn expect(self: &Arc<Self>, tokens: &[TokenId]) {
        let mut state = self.state();
        let now = now();
        for token in tokens {
            self.watch(&mut state, token);
            let changes = state.watches.get(token).map(Watch::expect).unwrap_or_default();
            self.apply(&mut state, token, now, changes);
        }
    }

    pub(crate) fn sleep(&self) {
        let mut state = self.state();
        state.asleep = true;
        self.for_each_watch(&mut state, |watch, _| watch.sleep());
    }

    pub(crate) fn wake(&self) {
        let mut state = self.state();
        state.asleep = false;
        self.for_each_watch(&mut state, |watch, now| {
            watch.wake(now);
            Vec::new()
        });
        self.clock.notify_one();
    }

    /// Lets the time pass; returns until when nothing follows from that, and so when the clock shall look again.
    fn tick(&self, stalled: bool) -> Option<Instant> {
        let mut state = self.state();
        if stalled {
            self.for_each_watch(&mut state, Watch::stall);
        }
        self.for_each_watch(&mut state, Watch::tick);
        let next = state.watches.values().filter_map(Watch::next_tick).min()?;
        // A stall within the grace would not be seen by one long sleep.
        let is_counting = state.watches.values().any(Watch::is_counting);
        Some(if is_counting { next.min(now() + NAP) } else { next })
    }

    fn for_each_watch(&self, state: &mut State, mut take: impl FnMut(&mut Watch, Instant) -> Vec<Change>) {
        let now = now();
        let watches = state.watches.iter_mut();
        let changes: Vec<_> = watches.map(|(token, watch)| (token.clone(), take(watch, now))).collect();
        changes.into_iter().for_each(|(token, changes)| self.apply(state, &token, now, changes));
    }

    /// Begins to watch that phone, if this was not so before.
    pub(super) fn watch(self: &Arc<Self>, state: &mut State, token: &TokenId) {
        if state.watches.contains_key(token) {
            return;
        }
        let limits = Limits { lost: self.config.lost, grace: self.config.grace };
        let mut watch = Watch::new(limits, now());
        if state.asleep {
            // A new one has nothing to withdraw.
            drop(watch.sleep());
        }
        state.watches.insert(token.clone(), watch);
        self.review_side(state, token);
        if !std::mem::replace(&mut state.ticking, true) {
            self.runtime.spawn(clock(Arc::downgrade(self), Arc::clone(&self.clock)));
        }
    }

    fn update(&self, token: &TokenId, at: Instant, take: impl FnOnce(&mut Watch) -> Vec<Change>) {
        let mut state = self.state();
        let changes = state.watches.get_mut(token).map(take).unwrap_or_default();
        self.apply(&mut state, token, at, changes);
    }

    pub(super) fn apply(&self, state: &mut State, token: &TokenId, at: Instant, changes: Vec<Change>) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            let token = token.clone();
            let event = match change {
                Change::Presence(presence, why) => {
                    tracing::debug!("{token}: {}: {why}", presence.name());
                    PhoneEvent::Token { token, presence, at, why }
                }
                Change::Missing(removal_at) => PhoneEvent::Missing { token, removal_at },
                Change::Back => PhoneEvent::Back { token },
            };
            self.tell(state, event);
        }
        self.clock.notify_one();
        self.changed.send_replace(());
    }
}

/// Lets the time pass for every phone, until the registry is gone.
///
/// A clock that wakes late belongs to a process that stood still (stopped, frozen, out of memory, in a machine that was
/// paused), and whatever phones said meanwhile is yet to be read: that time counts against nobody.
async fn clock(registry: WeakRegistry, woken: Arc<Notify>) {
    let mut next: Option<Instant> = None;
    loop {
        let stalled = next.is_some_and(|due| now() > due + LATE);
        next = match registry.upgrade() {
            Some(registry) => registry.tick(stalled),
            None => return,
        };
        match next {
            Some(due) => {
                tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => {}
                    () = woken.notified() => {}
                }
            }
            None => woken.notified().await,
        }
    }
}

/// How late the clock may wake.
const LATE: Duration = Duration::from_secs(1);
/// How long it sleeps at most while the absence of a phone counts.
const NAP: Duration = Duration::from_secs(1);

/// Returns the runtime's time, which tests move.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
