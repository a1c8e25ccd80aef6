use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use claviger_token::{Presence, TokenId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::deadline::Deadlines;
use crate::driver::Driver;
use crate::presence::{Change, Observed, Presences, Slot};
use crate::reader::Reader;
use crate::threads::Threads;
use crate::ticket::{Outcome, Ticket, Work};
use crate::{CardError, CardEvent, CardState, CardToken, CardsConfig, Contents, Inside};

/// What is known of readers, cards and tokens: where the watcher, the readers' threads and those who ask meet.
pub(crate) struct Registry {
    pub(crate) config: CardsConfig,
    pub(crate) deadlines: Deadlines,
    state: Mutex<State>,
    threads: Threads,
}

#[derive(Default)]
struct State {
    presences: Presences,
    readers: BTreeMap<String, Arc<Reader>>,
    /// What was read from the card in a reader, or why it was not.
    inside: BTreeMap<String, Result<Vec<Arc<Contents>>, CardError>>,
    /// What stood on each token when it was last seen.
    seen: HashMap<TokenId, Arc<Contents>>,
    tokens: HashMap<TokenId, Arc<CardToken>>,
    /// Tokens whose PIN somebody at a login did not know, since the right one was last shown.
    guessed: BTreeSet<TokenId>,
    subscribers: Vec<UnboundedSender<CardEvent>>,
    stopped: bool,
}

impl Registry {
    pub(crate) fn new(config: CardsConfig) -> Arc<Self> {
        Arc::new(Self {
            config,
            deadlines: Deadlines::default(),
            state: Mutex::default(),
            threads: Threads::default(),
        })
    }

    /// Starts a thread of that name that is waited for when all ends.
    pub(crate) fn spawn(self: &Arc<Self>, name: &str, run: impl FnOnce(&Arc<Self>) + Send + 'static) {
        let registry = Arc::clone(self);
        self.threads.change(1);
        let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
            run(&registry);
            registry.threads.change(-1);
        });
        if let Err(error) = started {
            self.threads.change(-1);
            tracing::error!("cannot start the thread {name}: {error}");
        }
    }

    // What the watcher says.

    /// Takes in what pcscd reports; its report was read at that instant.
    pub(crate) fn observe(self: &Arc<Self>, at: Instant, readers: &[Observed]) {
        let mut state = self.state();
        for observed in readers {
            if let Some(reader) = state.readers.get(&observed.reader) {
                reader.set_count(observed.count);
            }
        }
        let changes = state.presences.observe(at, readers);
        self.apply(&mut state, changes, &Cause { at, reason: CardError::Gone });
        for observed in readers {
            if let Some(reader) = state.readers.get(&observed.reader) {
                reader.set_count(observed.count);
            }
        }
    }

    /// Returns true where the same would take a card away.
    pub(crate) fn would_take_away(&self, readers: &[Observed]) -> bool {
        self.state().presences.would_take_away(readers)
    }

    /// Takes in that pcscd answers again after it hung.
    pub(crate) fn answers_again(&self, at: Instant) {
        self.state().presences.answers_again(at);
    }

    /// Takes in that pcscd is gone.
    pub(crate) fn lose(self: &Arc<Self>) {
        let mut state = self.state();
        let changes = state.presences.lose();
        self.apply(&mut state, changes, &Cause::now(CardError::ServiceGone("pcscd".into())));
    }

    /// Lets the time pass.
    pub(crate) fn tick(self: &Arc<Self>) {
        let mut state = self.state();
        let changes = state.presences.tick(Instant::now());
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    pub(crate) fn next_tick(&self) -> Option<Instant> {
        self.state().presences.next_tick(Instant::now())
    }

    // What the readers' threads say.

    /// Takes in what stands on the card of that stay. Where only part of it could be read, that is `unread`: the tokens
    /// that were there before and may be still.
    pub(crate) fn stands(
        self: &Arc<Self>,
        reader: &str,
        stay: u64,
        (contents, unread): (&[Arc<Contents>], Option<&[TokenId]>),
    ) {
        let tokens: Vec<_> = contents.iter().map(|contents| contents.token()).collect();
        let mut state = self.state();
        let now = Instant::now();
        let changes = match unread {
            None => state.presences.identified(now, reader, stay, Some(&tokens)),
            Some(unread) => state.presences.identified_in_part(now, reader, stay, (&tokens, unread)),
        };
        if changes.is_empty() {
            return; // Of a card that is not there any more.
        }
        state.inside.insert(reader.to_owned(), Ok(contents.to_vec()));
        state.seen.extend(tokens.into_iter().zip(contents.iter().cloned()));
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    /// Takes in that the card of that stay cannot be read.
    pub(crate) fn unreadable(self: &Arc<Self>, reader: &str, stay: u64, error: CardError) {
        let mut state = self.state();
        let changes = state.presences.identified(Instant::now(), reader, stay, None);
        if changes.is_empty() {
            return;
        }
        state.inside.insert(reader.to_owned(), Err(error));
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    /// Takes in that a token has another id from now on, and what stands on it.
    pub(crate) fn rename(self: &Arc<Self>, reader: &str, old: &TokenId, contents: &Arc<Contents>) {
        let mut state = self.state();
        let new = contents.token();
        state.seen.insert(new.clone(), Arc::clone(contents));
        if state.guessed.remove(old) {
            state.guessed.insert(new.clone());
        }
        let changes = state.presences.rename(reader, old, &new);
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    /// Returns the tokens that are in that reader as far as is known.
    pub(crate) fn held(&self, reader: &str) -> Vec<TokenId> {
        self.state().presences.held(reader)
    }

    /// Keeps that a login gave that token a wrong PIN, or that it got the right one since.
    pub(crate) fn set_guessed(&self, token: &TokenId, guessed: bool) {
        let mut state = self.state();
        if guessed {
            state.guessed.insert(token.clone());
        } else {
            state.guessed.remove(token);
        }
    }

    /// Returns true where a login gave that token a wrong PIN, and nobody the right one since.
    pub(crate) fn is_guessed(&self, token: &TokenId) -> bool {
        self.state().guessed.contains(token)
    }

    /// Takes in that the card may be another than that of that stay: its PINs are forgotten, and it is identified
    /// anew. Whether it is away is the watcher's to say.
    pub(crate) fn doubt(self: &Arc<Self>, reader: &str, stay: u64) {
        let mut state = self.state();
        let changes = state.presences.doubt(reader, stay);
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    // What others ask.

    /// Has the reader of that token do something, and waits for it.
    ///
    /// Dropping the future gives it up: what has not begun does not begin, and between two commands to the card it
    /// ends.
    pub(crate) async fn ask(&self, token: &TokenId, work: Work) -> Outcome {
        let (reader, _) = self.locate(token).ok_or(CardError::Gone)?;
        let CardsConfig { wait, deadline, .. } = self.config;
        let (ticket, outcome) = Ticket::new(work, Arc::clone(&reader.activity), wait, deadline);
        self.deadlines.add(Instant::now() + wait, &ticket);
        if let Err(error) = reader.submit(Arc::clone(&ticket)) {
            self.deadlines.remove(&ticket);
            return Err(error);
        }
        drop(ticket);
        outcome.await.unwrap_or(Err(CardError::Gone))
    }

    /// Returns the reader in which the token is, and what stands on it.
    pub(crate) fn locate(&self, token: &TokenId) -> Option<(Arc<Reader>, Arc<Contents>)> {
        let state = self.state();
        let (reader, _) = state.presences.whereabouts(token)?;
        Some((Arc::clone(state.readers.get(reader)?), Arc::clone(state.seen.get(token)?)))
    }

    /// Returns what stood on the token when it was last seen.
    pub(crate) fn last_seen(&self, token: &TokenId) -> Option<Arc<Contents>> {
        self.state().seen.get(token).cloned()
    }

    pub(crate) fn presence(&self, token: &TokenId) -> Presence {
        self.state().presences.presence(Instant::now(), token)
    }

    pub(crate) fn token(self: &Arc<Self>, id: &TokenId) -> Arc<CardToken> {
        let mut state = self.state();
        // From now on it is missed.
        let _counted = state.presences.presence(Instant::now(), id);
        let make = || Arc::new(CardToken::new(id.clone(), Arc::downgrade(self)));
        Arc::clone(state.tokens.entry(id.clone()).or_insert_with(make))
    }

    pub(crate) fn snapshot(&self) -> Vec<CardState> {
        let state = self.state();
        let readers = state.presences.readers();
        let inside = |reader: &str, slot, pending| match (slot, pending, state.inside.get(reader)) {
            (Slot::Empty, ..) => Inside::Empty,
            (Slot::Unclear, ..) => Inside::Unreadable(CardError::Reader(MUTE.into())),
            (Slot::Card, true, _) | (Slot::Card, _, None) => Inside::Reading,
            (Slot::Card, false, Some(Err(error))) => Inside::Unreadable(error.clone()),
            (Slot::Card, false, Some(Ok(contents))) if contents.is_empty() => Inside::Unknown,
            (Slot::Card, false, Some(Ok(contents))) => Inside::Applications(contents.clone()),
        };
        readers
            .map(|(reader, slot, pending)| CardState {
                reader: reader.to_owned(),
                inside: inside(reader, slot, pending),
                pin_pad: state.readers.get(reader).is_some_and(|reader| reader.has_pin_pad()),
            })
            .collect()
    }

    pub(crate) fn subscribe(&self) -> UnboundedReceiver<CardEvent> {
        let (sender, receiver) = unbounded_channel();
        self.state().subscribers.push(sender);
        receiver
    }

    pub(crate) fn sleep(&self) {
        self.state().presences.sleep();
    }

    pub(crate) fn wake(self: &Arc<Self>) {
        let mut state = self.state();
        let changes = state.presences.wake(Instant::now());
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    /// Takes in that these tokens are missed.
    pub(crate) fn expect(self: &Arc<Self>, tokens: &[TokenId]) {
        let mut state = self.state();
        let changes = state.presences.expect(Instant::now(), tokens);
        self.apply(&mut state, changes, &Cause::now(CardError::Gone));
    }

    /// Ends all threads, as far as they can be ended in that time; one that is stuck in libpcsclite ends with it.
    pub(crate) fn stop(self: &Arc<Self>, patience: Duration) {
        {
            let mut state = self.state();
            state.stopped = true;
            let changes = state.presences.lose();
            let reason = CardError::ServiceGone("Claviger's card service".into());
            self.apply(&mut state, changes, &Cause::now(reason));
            state.tokens.clear();
            state.subscribers.clear();
        }
        self.deadlines.stop();
        self.threads.wait(patience);
    }

    /// Carries out what was decided.
    fn apply(self: &Arc<Self>, state: &mut State, changes: Vec<Change>, cause: &Cause) {
        let mut visible = false;
        for change in changes {
            match change {
                Change::Token(token, presence) => state.announce(token, presence, cause.at),
                Change::ReaderCame(name) => self.open(state, &name),
                Change::ReaderGone(name) => {
                    state.inside.remove(&name);
                    if let Some(reader) = state.readers.remove(&name) {
                        reader.close(&cause.reason);
                    }
                }
                Change::Emptied(name) => {
                    if let Some(reader) = state.readers.get(&name) {
                        reader.dismiss(&CardError::Gone);
                    }
                }
                Change::Identify(name, stay) => {
                    state.inside.remove(&name);
                    if let Some(reader) = state.readers.get(&name) {
                        reader.identify(stay);
                    }
                }
                Change::Doubted(token) => state.forget_pin(&token),
                Change::Readers => visible = true,
            }
        }
        if visible {
            state.tell(&CardEvent::Readers);
        }
    }

    fn open(self: &Arc<Self>, state: &mut State, name: &str) {
        if state.stopped {
            return;
        }
        let reader = Arc::new(Reader::new(name));
        state.readers.insert(name.to_owned(), Arc::clone(&reader));
        self.spawn("card-reader", move |registry| Driver::new(Arc::clone(registry), reader).run());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn announce(&mut self, token: TokenId, presence: Presence, at: Instant) {
        tracing::info!("{token} is {presence:?}");
        if presence != Presence::Present {
            self.forget_pin(&token);
        }
        self.tell(&CardEvent::Token { token, presence, at });
    }

    fn forget_pin(&self, token: &TokenId) {
        if let Some(token) = self.tokens.get(token) {
            token.lock();
        }
    }

    fn tell(&mut self, event: &CardEvent) {
        self.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    }
}

/// When it was known that something changed, and what those are told who waited for a card.
struct Cause {
    at: Instant,
    reason: CardError,
}

impl Cause {
    fn now(reason: CardError) -> Self {
        Self { at: Instant::now(), reason }
    }
}

/// A reference to the registry that does not keep it.
pub(crate) type WeakRegistry = Weak<Registry>;

#[cfg(test)]
pub(crate) mod played;

const MUTE: &str = "the card does not answer, or the reader is not well";
