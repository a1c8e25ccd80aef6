//! The sessions of all users, what each is bound to, and what follows when a token goes. Pure: events in, effects out.
//!
//! A session is bound to one token. While the token is there nothing happens; when it is *removed* the session is
//! locked or ends, as its user and the administrator want it; when it is only *unreachable* a clock may run. What the
//! service itself goes through (a restart, sleep, a bus or a daemon of others that comes back) is no event here: only
//! what was positively seen of a token is.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use claviger_token::{Presence, TokenId};

use crate::removal::{Action, Reason, RemovalPolicy};

/// A logind session's id. Ids come again after a reboot: see [`Binding::names`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

/// A session as logind has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it began, microseconds since 1970: together with the boot it tells this session from others of its id.
    pub started: u64,
    /// Whose it is.
    pub uid: u32,
    /// `user`, `greeter`, `lock-screen`, `manager`, …
    pub class: String,
    /// `tty`, `x11`, `wayland`, …
    pub kind: String,
    /// The seat; empty for none.
    pub seat: String,
    /// The terminal; empty for none.
    pub tty: String,
    /// The person is at another machine.
    pub remote: bool,
    /// Which machine; empty where nobody knows.
    pub remote_host: String,
    /// `LockedHint`: the session says that its screen is locked.
    pub locked: bool,
    /// The person is gone, and only processes are left of it.
    pub closing: bool,
}

/// What binds a session to a token; it is kept in the table, for the service may be started anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which session.
    pub session: SessionId,
    /// When that session began, microseconds since 1970.
    pub started: u64,
    /// The boot it belongs to, as in `/proc/sys/kernel/random/boot_id`.
    pub boot: String,
    /// Whose it is.
    pub uid: u32,
    /// The token.
    pub token: TokenId,
    /// How it came about.
    pub how: How,
    /// The session's seat, terminal and remote host, for people.
    pub place: Place,
    /// When it was bound, seconds since 1970.
    pub bound: i64,
}

/// Where a session is, for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The seat; empty for none.
    pub seat: String,
    /// The terminal; empty for none.
    pub tty: String,
    /// The remote host; empty for none.
    pub remote_host: String,
}

/// How a binding came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The session was opened by a login with the token.
    Login,
    /// The user bound it.
    Manual,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// logind has this session, new or with other properties.
    Session(Session),
    /// logind has it no longer.
    Ended(SessionId),
    /// logind has these and no others.
    Sessions(Vec<Session>),
    /// A session was bound to a token.
    Bound(Binding),
    /// A binding was given up.
    Released(SessionId),
    /// A token is there, or not.
    Token(TokenId, Presence),
    /// A token does not answer, and will count as removed after so long unless it does.
    Missing(TokenId, Duration),
    /// A token that was missing is not missed any more, or nobody can tell.
    Returned(TokenId),
    /// A user wants something else to happen.
    Preference(u32, Option<Action>),
    /// The machine goes to sleep: clocks stop.
    Sleep,
    /// The machine is awake again: clocks begin anew.
    Wake,
    /// Time passed: see [`Sessions::deadline`].
    Clock,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The binding is void or over: it is taken out of the table.
    Forget(SessionId),
    /// Nothing is done to the session, but its user and the journal are told that its token is gone.
    Tell(Notice),
    /// The user is told what will happen to the session, and when, unless its token returns.
    Warn(Notice, Action, Duration),
    /// What the user was warned of does not happen.
    Relieve(Notice),
    /// The session is to lock its screen.
    Lock(Notice),
    /// The session ends.
    Terminate(Notice),
    /// A session did not lock, and the administrator wants no more than to hear of it.
    Unlockable(Notice),
    /// The user has no session any more.
    LastSessionEnded(u32),
}

/// Which session, whose, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The session.
    pub session: SessionId,
    /// Whose.
    pub uid: u32,
    /// The token that is gone.
    pub token: TokenId,
    /// In what way it is gone.
    pub reason: Reason,
}

/// All sessions and bindings.
#[derive(Debug)]
pub struct Sessions {
    policy: RemovalPolicy,
    boot: String,
    sessions: BTreeMap<SessionId, Session>,
    bound: BTreeMap<SessionId, Bound>,
    tokens: HashMap<TokenId, Presence>,
    preferences: HashMap<u32, Action>,
    /// False until logind told its sessions for the first time: until then nothing is void.
    known: bool,
    asleep: bool,
}

#[derive(Debug)]
struct Bound {
    binding: Binding,
    stage: Stage,
    /// The user was warned of what happens unless the token returns.
    warned: bool,
}

impl Bound {
    const fn new(binding: Binding) -> Self {
        Self { binding, stage: Stage::Watching, warned: false }
    }
}

/// How far the end of a session is. Times are since the caller's own beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The token is there, or nothing is known of it.
    Watching,
    /// The token cannot be reached; at that time it counts as removed.
    Unreachable(Duration),
    /// The session was told to lock and has until then to say that it is.
    Locking(Duration, Reason),
    /// All that was to be done was done; a token that comes and goes again begins anew.
    Done,
}

impl Sessions {
    /// Returns no sessions, and the bindings of before a restart of the service, which count once logind told its
    /// sessions. `boot` is this boot.
    pub fn new(policy: RemovalPolicy, boot: String, bindings: Vec<Binding>) -> Self {
        let bound =
            bindings.into_iter().map(|binding| (binding.session.clone(), Bound::new(binding))).collect();
        Self {
            policy,
            boot,
            sessions: BTreeMap::new(),
            bound,
            tokens: HashMap::new(),
            preferences: HashMap::new(),
            known: false,
            asleep: false,
        }
    }

    /// Takes in what happened at `now`, a time since the caller's own beginning.
    pub fn apply(&mut self, now: Duration, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Session(session) => self.enter(session, &mut effects),
            Event::Ended(id) => self.end(&id, &mut effects),
            Event::Sessions(listed) => self.list(listed, &mut effects),
            Event::Bound(binding) => {
                self.bound.insert(binding.session.clone(), Bound::new(binding));
            }
            Event::Released(id) => {
                if self.bound.remove(&id).is_some() {
                    effects.push(Effect::Forget(id));
                }
            }
            Event::Token(token, presence) => {
                self.tokens.insert(token, presence);
            }
            Event::Missing(token, left) => self.warn(&token, left, &mut effects),
            Event::Returned(token) => self.relieve(&token, &mut effects),
            Event::Preference(uid, action) => {
                match action {
                    Some(action) => self.preferences.insert(uid, action),
                    None => self.preferences.remove(&uid),
                };
            }
            Event::Sleep => self.asleep = true,
            Event::Wake => self.wake(),
            Event::Clock => {}
        }
        if self.known && !self.asleep {
            self.settle(now, &mut effects);
        }
        self.forget_tokens();
        effects
    }

    /// Returns when [`Event::Clock`] is wanted next.
    pub fn deadline(&self) -> Option<Duration> {
        if self.asleep {
            return None;
        }
        let until = |bound: &Bound| match bound.stage {
            Stage::Unreachable(until) | Stage::Locking(until, _) => Some(until),
            Stage::Watching | Stage::Done => None,
        };
        self.bound.values().filter_map(until).min()
    }

    /// Returns the session of that id.
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// Returns the sessions, by id.
    pub fn all(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    /// Returns what a session is bound to.
    pub fn binding(&self, id: &SessionId) -> Option<&Binding> {
        self.bound.get(id).map(|bound| &bound.binding)
    }

    /// Returns the tokens that sessions are bound to.
    pub fn tokens(&self) -> Vec<TokenId> {
        let mut tokens: Vec<TokenId> = self.bound.values().map(|bound| bound.binding.token.clone()).collect();
        tokens.sort();
        tokens.dedup();
        tokens
    }

    /// Returns how a token stands that a session is bound to, where that is known.
    pub fn presence(&self, token: &TokenId) -> Option<Presence> {
        self.tokens.get(token).copied()
    }

    /// Returns what would happen to a session if its token were removed now.
    pub fn action(&self, session: &Session) -> Action {
        match self.policy.action(self.preferences.get(&session.uid).copied(), session.remote) {
            Action::Lock if !session.can_lock() => self.policy.escalation,
            action => action,
        }
    }

    /// Returns true where the user's keys are frozen: a screen of theirs is locked, and no session of theirs is open.
    pub fn is_frozen(&self, uid: u32) -> bool {
        let mut own = self.sessions.values().filter(|session| session.uid == uid && session.is_the_users());
        let (mut locked, mut open) = (false, false);
        for session in &mut own {
            locked |= session.is_locked();
            open |= !session.is_locked();
        }
        locked && !open
    }

    /// Returns the users whose keys are frozen.
    pub fn frozen(&self) -> Vec<u32> {
        let locked = self.sessions.values().filter(|session| session.is_locked());
        let mut uids: Vec<u32> = locked.map(|session| session.uid).collect();
        uids.sort_unstable();
        uids.dedup();
        uids.retain(|uid| self.is_frozen(*uid));
        uids
    }

    fn enter(&mut self, session: Session, effects: &mut Vec<Effect>) {
        // An id that came again is another session: what the old one was bound to binds nothing.
        if let Some(earlier) = self.sessions.insert(session.id.clone(), session) {
            self.leave(&earlier, effects);
        }
    }

    /// Tells where that was the last session that the person had.
    fn leave(&self, session: &Session, effects: &mut Vec<Effect>) {
        let any = self.sessions.values().any(|other| other.uid == session.uid && other.is_the_users());
        if session.is_the_users() && !any {
            effects.push(Effect::LastSessionEnded(session.uid));
        }
    }

    fn end(&mut self, id: &SessionId, effects: &mut Vec<Effect>) {
        if self.bound.remove(id).is_some() {
            effects.push(Effect::Forget(id.clone()));
        }
        if let Some(session) = self.sessions.remove(id) {
            self.leave(&session, effects);
        }
    }

    /// logind told all that it has; what is missing ended while nobody looked.
    fn list(&mut self, listed: Vec<Session>, effects: &mut Vec<Effect>) {
        let gone: Vec<SessionId> = self
            .sessions
            .keys()
            .filter(|id| !listed.iter().any(|session| session.id == **id))
            .cloned()
            .collect();
        for id in &gone {
            self.end(id, effects);
        }
        for session in listed {
            self.enter(session, effects);
        }
        self.known = true;
    }

    fn wake(&mut self) {
        self.asleep = false;
        for bound in self.bound.values_mut() {
            // Nobody counts the time asleep: it begins anew. A lock that was asked for is asked for again.
            if matches!(bound.stage, Stage::Unreachable(_) | Stage::Locking(..)) {
                bound.stage = Stage::Watching;
            }
        }
    }

    /// Warns those whose session something would happen to. Where nobody knows yet which sessions there are, or while the
    /// machine sleeps, nobody is told: nothing happens then either.
    fn warn(&mut self, token: &TokenId, left: Duration, effects: &mut Vec<Effect>) {
        if !self.known || self.asleep {
            return;
        }
        let mut warned = Vec::new();
        for bound in self.bound.values().filter(|bound| bound.binding.token == *token && !bound.warned) {
            let Some(session) = self.sessions.get(&bound.binding.session) else { continue };
            let action = self.action(session);
            let idle = action == Action::None || (action == Action::Lock && session.is_locked());
            if matches!(bound.stage, Stage::Watching | Stage::Unreachable(_)) && !idle {
                effects.push(Effect::Warn(notice(bound, session.uid, Reason::Missing), action, left));
                warned.push(bound.binding.session.clone());
            }
        }
        for id in warned {
            if let Some(bound) = self.bound.get_mut(&id) {
                bound.warned = true;
            }
        }
    }

    fn relieve(&mut self, token: &TokenId, effects: &mut Vec<Effect>) {
        for bound in self.bound.values_mut().filter(|bound| bound.binding.token == *token) {
            if std::mem::take(&mut bound.warned) {
                effects.push(Effect::Relieve(notice(bound, bound.binding.uid, Reason::Returned)));
            }
        }
    }

    /// Brings every binding as far as what is known allows.
    fn settle(&mut self, now: Duration, effects: &mut Vec<Effect>) {
        let void = |bound: &Bound| {
            !self
                .sessions
                .get(&bound.binding.session)
                .is_some_and(|session| bound.binding.names(session, &self.boot))
        };
        let voids: Vec<SessionId> = self
            .bound
            .values()
            .filter(|bound| void(bound))
            .map(|bound| bound.binding.session.clone())
            .collect();
        for id in voids {
            self.bound.remove(&id);
            effects.push(Effect::Forget(id));
        }
        let ids: Vec<SessionId> = self.bound.keys().cloned().collect();
        for id in ids {
            self.settle_one(now, &id, effects);
        }
    }

    fn settle_one(&mut self, now: Duration, id: &SessionId, effects: &mut Vec<Effect>) {
        let (Some(bound), Some(session)) = (self.bound.get(id), self.sessions.get(id)) else { return };
        let presence = self.tokens.get(&bound.binding.token).copied();
        let notice = |reason| Notice {
            session: id.clone(),
            uid: session.uid,
            token: bound.binding.token.clone(),
            reason,
        };
        let next = match (bound.stage, presence) {
            // Whatever was begun is carried to its end: a card that is back does not unlock a screen.
            (Stage::Locking(_, _), _) if session.locked => Stage::Done,
            (Stage::Locking(until, reason), _) if now >= until => {
                effects.push(match self.policy.escalation {
                    Action::Terminate => Effect::Terminate(notice(reason)),
                    Action::None | Action::Lock => Effect::Unlockable(notice(reason)),
                });
                Stage::Done
            }
            (stage @ Stage::Locking(..), _) => stage,
            (_, Some(Presence::Present)) => Stage::Watching,
            (Stage::Watching | Stage::Unreachable(_), Some(Presence::Removed)) => {
                self.act(now, session, notice(Reason::Removed), effects)
            }
            (Stage::Watching, Some(Presence::Unreachable)) => match self.policy.unreachable {
                Some(patience) => Stage::Unreachable(now.saturating_add(patience)),
                None => Stage::Watching,
            },
            (Stage::Unreachable(until), Some(Presence::Unreachable)) if now >= until => {
                self.act(now, session, notice(Reason::Unreachable), effects)
            }
            (stage, _) => stage,
        };
        if let Some(bound) = self.bound.get_mut(id) {
            // What was announced happens now: it is taken back no more.
            bound.warned &= matches!(next, Stage::Watching | Stage::Unreachable(_));
            bound.stage = next;
        }
    }

    fn act(&self, now: Duration, session: &Session, notice: Notice, effects: &mut Vec<Effect>) -> Stage {
        let reason = notice.reason;
        match self.policy.action(self.preferences.get(&session.uid).copied(), session.remote) {
            Action::None => effects.push(Effect::Tell(notice)),
            Action::Terminate => effects.push(Effect::Terminate(notice)),
            Action::Lock if session.is_locked() => effects.push(Effect::Tell(notice)),
            Action::Lock if session.can_lock() => {
                effects.push(Effect::Lock(notice));
                return Stage::Locking(now.saturating_add(self.policy.confirmation), reason);
            }
            Action::Lock => effects.push(match self.policy.escalation {
                Action::Terminate => Effect::Terminate(notice),
                Action::None | Action::Lock => Effect::Unlockable(notice),
            }),
        }
        Stage::Done
    }

    /// Only what a session is bound to need be known.
    fn forget_tokens(&mut self) {
        let bound = &self.bound;
        self.tokens.retain(|token, _| bound.values().any(|bound| bound.binding.token == *token));
    }
}

fn notice(bound: &Bound, uid: u32, reason: Reason) -> Notice {
    let Binding { session, token, .. } = &bound.binding;
    Notice { session: session.clone(), uid, token: token.clone(), reason }
}

impl SessionId {
    /// Returns the id of that text.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Session {
    /// Returns true where it is a session that a person has, not a greeter's, a service manager's or what is left of one.
    pub fn is_the_users(&self) -> bool {
        !self.closing && (self.class == "user" || self.class.starts_with("user-"))
    }

    /// Returns true where its screen can be locked: only graphical ones answer, the others never set `LockedHint`.
    pub fn can_lock(&self) -> bool {
        self.is_the_users() && matches!(self.kind.as_str(), "x11" | "wayland" | "mir")
    }

    fn is_locked(&self) -> bool {
        self.locked && self.can_lock()
    }
}

impl Binding {
    /// Returns true where it is about this very session: same boot, same start, same user. Where nobody said which boot it
    /// was, the start alone tells.
    pub fn names(&self, session: &Session, boot: &str) -> bool {
        self.session == session.id
            && self.started == session.started
            && self.uid == session.uid
            && (self.boot == boot || self.boot.is_empty() || boot.is_empty())
    }
}

impl How {
    /// Returns `login` or `manual`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Manual => "manual",
        }
    }

    /// Returns the way of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Login, Self::Manual].into_iter().find(|how| how.name() == name)
    }
}

#[cfg(test)]
mod tests;
