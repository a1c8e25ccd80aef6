//! Sessions and what they are bound to: the book that one task keeps, and what follows when a token goes. The decisions
//! are `claviger_core::Sessions`.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`SessionBook`]: the book as everybody else sees it |
//! | `keeper` | the task that keeps it: cards, logind, callers and the clock come in, in one order |
//! | `bindings` | binding a session to a token, and giving that up |
//! | `records` | bindings on the disk, in the order of the book |
//! | `effects` | what follows: sessions lock or end, and whoever is concerned hears of it |
//! | `journal` | the entries of the journal, with their message ids |
//! | `sleep` | suspend: secrets are wiped before, cards are identified anew after |
//! | `boot` | which boot this is |
//!
//! There is a book on the system bus only; elsewhere there is no logind, and nobody has a session.

pub mod bindings;
mod boot;
mod effects;
mod journal;
mod keeper;
mod records;
mod sleep;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use claviger_core::{Action, Binding, How, Refusal, Session, SessionId, Sessions};
use claviger_token::{Presence, TokenId};
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::run::RunError;
use crate::service::Service;
use keeper::Input;

/// The sessions of all users, and what they are bound to.
#[derive(Debug)]
pub struct SessionBook {
    inputs: mpsc::UnboundedSender<Input>,
    queue: Mutex<Option<mpsc::UnboundedReceiver<Input>>>,
    sessions: Mutex<Sessions>,
    /// The users whose keys are frozen; looked at by every operation.
    frozen: RwLock<BTreeSet<u32>>,
    /// What people call the tokens that sessions are bound to: nobody looks that up when one goes.
    names: Mutex<BTreeMap<TokenId, String>>,
    freezes: bool,
}

/// A session, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As logind has it.
    pub session: Session,
    /// What it is bound to.
    pub binding: Option<Binding>,
    /// What happens to it if its token is removed.
    pub action: Action,
}

impl SessionBook {
    /// Returns an empty book.
    pub fn new(config: &Config) -> Self {
        let (inputs, queue) = mpsc::unbounded_channel();
        Self {
            inputs,
            queue: Mutex::new(Some(queue)),
            sessions: Mutex::new(Sessions::new(config.removal, boot::boot_id(), Vec::new())),
            frozen: RwLock::default(),
            names: Mutex::default(),
            freezes: config.sessions.freeze,
        }
    }

    /// Returns true while the user's keys are frozen: their screen is locked, and no session of theirs is open.
    pub fn is_frozen(&self, uid: u32) -> bool {
        self.frozen.read().unwrap_or_else(PoisonError::into_inner).contains(&uid)
    }

    /// Returns every session, by id.
    pub fn list(&self) -> Vec<Entry> {
        let sessions = self.sessions();
        sessions.all().map(|session| entry(&sessions, session)).collect()
    }

    /// Returns the session of that id.
    pub fn find(&self, id: &SessionId) -> Option<Entry> {
        let sessions = self.sessions();
        sessions.session(id).map(|session| entry(&sessions, session))
    }

    /// Takes in what a user wants to happen when a token is removed; `None` for what the administrator configured.
    pub fn prefer(&self, uid: u32, action: Option<Action>) {
        self.put(Input::Preference(uid, action));
    }

    /// A token is nobody's any more, or no longer its user's: what the user bound to it is bound to nothing. What a login
    /// bound stays: taking the token out of the account must not be a way round the administrator's floor. It is done when
    /// this returns: a phone that is unpaired is gone a moment later.
    pub async fn forget_token(&self, token: TokenId) {
        self.unbind(move |binding| binding.token == token && binding.how == How::Manual).await;
    }

    async fn unbind(&self, which: impl Fn(&Binding) -> bool + Send + 'static) {
        // Where nobody keeps the book nothing is bound, and nobody answers.
        drop(self.ask(|answer| Input::Unbind(Box::new(which), answer)).await);
    }

    /// A user has no account any more: their sessions are bound to nothing. It is done when this returns.
    pub async fn forget_user(&self, uid: u32) {
        self.unbind(move |binding| binding.uid == uid).await;
    }

    /// A token has another id from now on.
    pub fn rename_token(&self, old: TokenId, new: TokenId) {
        self.put(Input::Renamed(old, new));
    }

    /// Returns true where a token that a session is bound to is there.
    pub fn is_present(&self, token: &TokenId) -> bool {
        self.sessions().presence(token) == Some(Presence::Present)
    }

    /// Returns what people call a token that a session is bound to.
    pub fn token_name(&self, token: &TokenId) -> String {
        self.names().get(token).cloned().unwrap_or_else(|| token.to_string())
    }

    /// Binds a session; it is on the disk when this returns.
    async fn bind(&self, binding: Binding, name: String) -> Result<(), Refusal> {
        self.names().insert(binding.token.clone(), name);
        self.ask(|answer| Input::Bind(binding, answer)).await
    }

    /// Gives a binding up; that is on the disk when this returns.
    async fn release(&self, session: SessionId, whose: Release) -> Result<(), Refusal> {
        self.ask(|answer| Input::Release(session, whose, answer)).await
    }

    async fn ask(&self, input: impl FnOnce(Answer) -> Input) -> Result<(), Refusal> {
        let (answer, answered) = oneshot::channel();
        self.put(input(answer));
        answered.await.unwrap_or(Err(Refusal::Cancelled))
    }

    fn put(&self, input: Input) {
        // Where nobody keeps the book there are no sessions, and at the end of the service nothing follows any more.
        drop(self.inputs.send(input));
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<TokenId, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_queue(&self) -> Option<mpsc::UnboundedReceiver<Input>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Who gives a binding up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    /// The program that opened the session: whatever bound it.
    Any,
    /// Its user: only what the user bound.
    Manual,
}

/// Where it is told how it went.
type Answer = oneshot::Sender<Result<(), Refusal>>;

/// Begins to keep the book, with what is bound since before; returns when logind has told its sessions.
pub(crate) async fn start(service: &Arc<Service>) -> Result<(), RunError> {
    let queue = service.sessions.take_queue();
    let (Some(logind), Some(queue)) = (service.logind.clone(), queue) else { return Ok(()) };
    let bindings = service.table.bindings().await.map_err(RunError::Table)?;
    let (told, events) = mpsc::unbounded_channel();
    let (near, sleep) = mpsc::unbounded_channel();
    keeper::start(service, bindings, events, queue).await;
    tokio::spawn(sleep::watch(Arc::clone(service), logind.clone(), sleep));
    logind.listen(told, near).await?;
    Ok(())
}

fn entry(sessions: &Sessions, session: &Session) -> Entry {
    Entry {
        session: session.clone(),
        binding: sessions.binding(&session.id).cloned(),
        action: sessions.action(session),
    }
}
