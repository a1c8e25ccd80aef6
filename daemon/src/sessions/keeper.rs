use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use claviger_card::CardEvent;
use claviger_core::{Action, Binding, Effect, Event, How, Refusal, SessionId};
use claviger_phone_token::PhoneEvent;
use claviger_token::{Presence, TokenId};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant as Clock, sleep_until};

use super::records::{self, Record};
use super::{Answer, Release, effects};
use crate::accounts::Holder;
use crate::service::Service;

/// What others ask of the book.
pub(super) enum Input {
    /// A session is bound.
    Bind(Binding, Answer),
    /// A binding is given up.
    Release(SessionId, Release, Answer),
    /// Bindings of that kind are void.
    Unbind(Box<dyn Fn(&Binding) -> bool + Send>, Answer),
    /// A binding could not be written down.
    Undo(Binding),
    /// A token has another id.
    Renamed(TokenId, TokenId),
    /// A user wants something else to happen.
    Preference(u32, Option<Action>),
    /// The machine is about to sleep.
    Sleep,
    /// It is awake.
    Wake,
}

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bind(..) => "Bind",
            Self::Release(..) => "Release",
            Self::Unbind(..) => "Unbind",
            Self::Undo(_) => "Undo",
            Self::Renamed(..) => "Renamed",
            Self::Preference(..) => "Preference",
            Self::Sleep => "Sleep",
            Self::Wake => "Wake",
        })
    }
}

/// Keeps the book.
struct Keeper {
    service: Arc<Service>,
    records: UnboundedSender<Record>,
    began: Clock,
}

/// Takes in what is bound since before this start, and begins to keep the book.
pub(super) async fn start(
    service: &Arc<Service>,
    bindings: Vec<Binding>,
    events: UnboundedReceiver<Event>,
    queue: UnboundedReceiver<Input>,
) {
    // Its own subscription: nothing that others do with a card's event comes between its removal and the session's end.
    let (cards, phones) = (service.cards.subscribe(), service.phones.subscribe());
    let (records, jobs) = mpsc::unbounded_channel();
    tokio::spawn(records::keep(Arc::clone(service), jobs));
    let keeper = Keeper { service: Arc::clone(service), records, began: Clock::now() };
    for binding in bindings {
        let (token, uid) = (binding.token.clone(), binding.uid);
        match service.accounts.seat(uid).account(&service.table).await {
            Ok(account) => {
                let removal = account.as_ref().and_then(|account| account.user.removal);
                let name = account.map(|account| crate::accounts::token_name(&account, &token));
                service.sessions.names().insert(token.clone(), name.unwrap_or_else(|| token.to_string()));
                keeper.apply(Event::Preference(uid, removal), Instant::now());
            }
            Err(refusal) => tracing::error!(uid, "cannot tell what the user wants of a removal: {refusal}"),
        }
        keeper.apply(Event::Bound(binding), Instant::now());
        keeper.look_at(token, Instant::now());
    }
    tokio::spawn(keep(keeper, (cards, phones), events, queue));
}

/// Keeps the book for as long as the service runs.
async fn keep(
    keeper: Keeper,
    (mut cards, mut phones): (UnboundedReceiver<CardEvent>, UnboundedReceiver<PhoneEvent>),
    mut events: UnboundedReceiver<Event>,
    mut queue: UnboundedReceiver<Input>,
) {
    loop {
        let deadline = keeper.service.sessions.sessions().deadline();
        tokio::select! {
            // Cards first: their time counts. Then phones, then logind: whoever binds a session has just asked for it.
            biased;
            Some(event) = cards.recv() => match event {
                CardEvent::Token { token, presence, at } => keeper.apply(Event::Token(token, presence), at),
                CardEvent::Readers => {}
            },
            Some(event) = phones.recv() => match event {
                PhoneEvent::Token { token, presence, at, why: _ } => keeper.apply(Event::Token(token, presence), at),
                PhoneEvent::Missing { token, removal_at } => {
                    let now = Instant::now();
                    keeper.apply(Event::Missing(token, removal_at.saturating_duration_since(now)), now);
                }
                PhoneEvent::Back { token } => keeper.apply(Event::Returned(token), Instant::now()),
                PhoneEvent::Changed { .. } => {}
            },
            Some(event) = events.recv() => keeper.apply(event, Instant::now()),
            Some(input) = queue.recv() => keeper.take(input),
            () = until(deadline.map(|deadline| keeper.began + deadline)) => keeper.apply(Event::Clock, Instant::now()),
        }
    }
}

impl Keeper {
    fn take(&self, input: Input) {
        let now = Instant::now();
        match input {
            Input::Bind(binding, answer) => self.bind(binding, answer),
            Input::Release(session, whose, answer) => self.release(session, whose, answer),
            Input::Unbind(which, answer) => {
                for binding in self.bound(which) {
                    self.apply(Event::Released(binding.session), now);
                }
                reply(answer, Ok(()));
            }
            Input::Undo(binding) => {
                if self.service.sessions.sessions().binding(&binding.session) == Some(&binding) {
                    self.apply(Event::Released(binding.session), now);
                }
            }
            Input::Renamed(old, new) => {
                let name = self.service.sessions.token_name(&old);
                self.service.sessions.names().insert(new.clone(), name);
                for binding in self.bound(|binding| binding.token == old) {
                    self.apply(Event::Bound(Binding { token: new.clone(), ..binding }), now);
                }
                self.look_at(new, now);
            }
            Input::Preference(uid, action) => self.apply(Event::Preference(uid, action), now),
            Input::Sleep => self.apply(Event::Sleep, now),
            Input::Wake => self.apply(Event::Wake, now),
        }
    }

    fn bind(&self, binding: Binding, answer: Answer) {
        let earlier = self.service.sessions.find(&binding.session).and_then(|entry| entry.binding);
        if binding.how == How::Manual && earlier.is_some_and(|earlier| earlier.how == How::Login) {
            let text = "a binding of that session, by its login".into();
            return reply(answer, Err(Refusal::AlreadyExists(text)));
        }
        let (id, token) = (binding.session.clone(), binding.token.clone());
        let effects = self.note(Event::Bound(binding.clone()));
        if self.service.sessions.sessions().binding(&id).is_none() {
            self.follow(effects, Instant::now());
            return reply(answer, Err(Refusal::InvalidArguments(format!("session {id} is over").into())));
        }
        self.record(Record::Put(binding, answer));
        self.follow(effects, Instant::now());
        self.look_at(token, Instant::now());
    }

    fn release(&self, session: SessionId, whose: Release, answer: Answer) {
        let binding = self.service.sessions.sessions().binding(&session).cloned();
        match (binding.map(|binding| binding.how), whose) {
            (None, _) => reply(answer, Ok(())),
            (Some(How::Login), Release::Manual) => {
                let text = "the session is bound by its login, and ends with that";
                reply(answer, Err(Refusal::AccessDenied(text.into())));
            }
            (Some(How::Login), Release::Any) | (Some(How::Manual), _) => {
                let mut effects = self.note(Event::Released(session.clone()));
                effects.retain(|effect| *effect != Effect::Forget(session.clone()));
                self.record(Record::Forget(session, Some(answer)));
                self.follow(effects, Instant::now());
            }
        }
    }

    /// Takes in how a token stands now; what was told of it before its session was bound is forgotten.
    fn look_at(&self, token: TokenId, cause: Instant) {
        match Holder::of(&token) {
            Holder::Card => self.service.cards.expect(std::slice::from_ref(&token)),
            Holder::Phone => self.service.phones.expect(std::slice::from_ref(&token)),
            Holder::Store => {}
        }
        let presence: Presence = self.service.presence(&token);
        self.apply(Event::Token(token, presence), cause);
    }

    fn apply(&self, event: Event, cause: Instant) {
        let ended = self.ended(&event);
        let effects = self.note(event);
        for id in ended {
            self.service.callers.end_session(&id);
            self.service.agents.session_ended(&id);
        }
        self.follow(effects, cause);
    }

    /// Returns the sessions that this is the end of.
    fn ended(&self, event: &Event) -> Vec<SessionId> {
        match event {
            Event::Ended(id) => vec![id.clone()],
            Event::Sessions(listed) => {
                let sessions = self.service.sessions.sessions();
                let is_listed = |id: &SessionId| listed.iter().any(|session| session.id == *id);
                sessions.all().map(|session| session.id.clone()).filter(|id| !is_listed(id)).collect()
            }
            Event::Session(_)
            | Event::Bound(_)
            | Event::Released(_)
            | Event::Token(..)
            | Event::Missing(..)
            | Event::Returned(_)
            | Event::Preference(..)
            | Event::Sleep
            | Event::Wake
            | Event::Clock => Vec::new(),
        }
    }

    fn note(&self, event: Event) -> Vec<Effect> {
        let book = &self.service.sessions;
        let mut sessions = book.sessions();
        let effects = sessions.apply(self.began.elapsed(), event);
        if book.freezes {
            let frozen = sessions.frozen().into_iter().collect();
            drop(sessions);
            *book.frozen.write().unwrap_or_else(PoisonError::into_inner) = frozen;
        }
        effects
    }

    fn follow(&self, effects: Vec<Effect>, cause: Instant) {
        for effect in effects {
            match effect {
                Effect::Forget(session) => self.record(Record::Forget(session, None)),
                Effect::Tell(notice) => effects::tell(&self.service, &notice),
                Effect::Warn(notice, action, left) => effects::warn(&self.service, &notice, action, left),
                Effect::Relieve(notice) => effects::relieve(&self.service, &notice),
                Effect::Unlockable(notice) => effects::unlockable(&self.service, &notice),
                Effect::Lock(notice) => drop(tokio::spawn(effects::lock(Arc::clone(&self.service), notice))),
                Effect::Terminate(notice) => {
                    drop(tokio::spawn(effects::terminate(Arc::clone(&self.service), notice, cause)));
                }
                Effect::LastSessionEnded(uid) => effects::last_session_ended(&self.service, uid),
            }
        }
    }

    fn bound(&self, which: impl Fn(&Binding) -> bool) -> Vec<Binding> {
        let entries = self.service.sessions.list().into_iter();
        entries.filter_map(|entry| entry.binding).filter(|binding| which(binding)).collect()
    }

    fn record(&self, record: Record) {
        // It ends with the service only.
        drop(self.records.send(record));
    }
}

fn reply(answer: Answer, outcome: Result<(), Refusal>) {
    // Whoever asked may have gone.
    drop(answer.send(outcome));
}

async fn until(instant: Option<Clock>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
