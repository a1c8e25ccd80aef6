//! The service: what all requests share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use claviger_card::Cards;
use claviger_core::policy::{Administration, Caller, Circumstances, administrator, may_authenticate};
use claviger_core::{Key, Refusal, Request, Resource, SessionId};
use claviger_phone_token::Phones;
use claviger_soft::{Cost, HostSecret};
use claviger_token::{Presence, Secret, Token, TokenError, TokenId};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::OwnedUniqueName;

use crate::accounts::{Accounts, Hardware, Holder};
use crate::agents::{Agents, Asking};
use crate::callers::{Callers, Peer, Visit};
use crate::carried::Carried;
use crate::clock::now;
use crate::config::Config;
use crate::logind::{Logind, LogindError};
use crate::names::Names;
use crate::permits::{Permit, Permits};
use crate::sessions::SessionBook;
use crate::signals::Subscribers;
use crate::table::Table;
use crate::workers::Workers;

/// What all requests share.
pub struct Service {
    /// What the administrator configured.
    pub config: Config,
    /// The user info table.
    pub table: Table,
    /// Who has called and is still there.
    pub callers: Callers,
    /// The accounts in use.
    pub accounts: Accounts,
    /// Who asks people, and what they answered.
    pub agents: Agents,
    /// The readers and the cards in them.
    pub cards: Arc<Cards>,
    /// The phones that users have paired.
    pub phones: Arc<Phones>,
    /// How much each user has under way.
    pub permits: Permits,
    /// Where slow computations run.
    pub workers: Arc<Workers>,
    /// Who wants to hear what happens.
    pub subscribers: Subscribers,
    /// When the service started, seconds since 1970.
    pub started: i64,
    /// Requests that were granted and refused.
    pub counts: Counts,
    /// The name service.
    pub names: Names,
    /// Who is logged in, and what those sessions are bound to.
    pub sessions: SessionBook,
    /// logind, on the system bus.
    pub logind: Option<Logind>,
    /// Stands for a private exponent that only the token has, where wrong RSA padding is answered with a
    /// synthetic message; new at each start.
    pub rejection: Secret,
    /// What outlives the request that started it runs here.
    pub runtime: Handle,
    bus: DBusProxy<'static>,
    administration: Administration,
    derivations: Arc<Semaphore>,
    login_derivations: Arc<Semaphore>,
    cost: OnceLock<Cost>,
    checkpoint: Option<Arc<dyn Checkpoint>>,
}

/// How many requests were granted and refused since the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Granted.
    pub granted: AtomicU64,
    /// Refused, failed or given up.
    pub refused: AtomicU64,
}

/// Where a program runs that somebody logs in with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Among the processes of another user than the one who is to be logged in.
    pub foreign: bool,
    /// In a session from another machine.
    pub remote: bool,
}

/// The right to derive a key from a pass phrase, once.
pub struct Derivation {
    service: Arc<Service>,
    _permit: Option<Permit>,
    _turns: Vec<OwnedSemaphorePermit>,
}

impl Derivation {
    /// Runs `work`, with what a new pass phrase costs.
    pub async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(Cost) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (service, runtime) = (Arc::clone(&self.service), self.service.runtime.clone());
        // Not on the workers: two derivations would keep all RSA operations waiting for a quarter second.
        let run = move || {
            let result = work(service.cost());
            drop(self);
            result
        };
        runtime.spawn_blocking(run).await.map_err(|_| Refusal::Cancelled)
    }
}

/// A step on the path of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the steps are those of docs/architecture.md")]
pub enum Step {
    Identify,
    Lookup,
    Authorize,
    Plan,
    Perform,
    Finish,
}

/// Something that every request passes after each step. The service itself has none.
pub trait Checkpoint: Send + Sync {
    /// Lets the request go on when the future ends.
    fn reached(&self, step: Step) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// What a service is made of.
pub struct Parts {
    /// What the administrator configured.
    pub config: Config,
    /// The user info table.
    pub table: Table,
    /// The bus itself, to ask who a peer is.
    pub bus: DBusProxy<'static>,
    /// Who administers.
    pub administration: Administration,
    /// The host secret, where there is one.
    pub host: Option<Arc<HostSecret>>,
    /// logind: there is one on the system bus.
    pub logind: Option<Logind>,
    /// Something that every request passes.
    pub checkpoint: Option<Arc<dyn Checkpoint>>,
}

impl Service {
    /// Returns a service in which nobody has called yet.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub fn new(parts: Parts) -> Result<Self, TokenError> {
        let Parts { config, table, bus, administration, host, logind, checkpoint } = parts;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cards = Cards::start(config.cards.clone());
        let phones = Phones::start(config.phones.clone(), &Handle::current());
        Ok(Self {
            rejection: claviger_soft::random(32)?,
            table,
            callers: Callers::default(),
            accounts: Accounts::new(host, Hardware::new(Arc::clone(&cards), Arc::clone(&phones))),
            agents: Agents::default(),
            cards,
            phones,
            permits: Permits::new(config.caps),
            workers: Workers::new(threads, Handle::current()),
            names: Names::new(Handle::current()),
            sessions: SessionBook::new(&config),
            logind,
            runtime: Handle::current(),
            subscribers: Subscribers::default(),
            started: now(),
            counts: Counts::default(),
            bus,
            administration,
            derivations: Arc::new(Semaphore::new(DERIVATIONS)),
            login_derivations: Arc::new(Semaphore::new(DERIVATIONS - 1)),
            cost: OnceLock::new(),
            checkpoint,
            config,
        })
    }

    /// Returns how things stand around the use of a key of that user.
    pub async fn circumstances<'a>(
        &self,
        asking: Asking<'_>,
        uid: u32,
        (key, request): (&Key, &'a Request),
    ) -> Circumstances<'a> {
        Circumstances {
            frozen: self.sessions.is_frozen(uid),
            confirmed: self.agents.confirmed(self, asking, key).await,
            wanted: request.confirm,
            at: request.at.as_ref(),
        }
    }

    /// Returns how a token stands now. A local store is always there.
    pub fn presence(&self, token: &TokenId) -> Presence {
        match Holder::of(token) {
            Holder::Store => Presence::Present,
            Holder::Card => self.cards.token(token).presence(),
            Holder::Phone => self.phones.token(token).presence(),
        }
    }

    /// Returns the connection to the bus.
    pub fn connection(&self) -> &Connection {
        self.bus.inner().connection()
    }

    /// Returns the process of that name, as the bus says. It is shown to people and decides nothing: a process may
    /// have ended, and its number be another's.
    pub async fn process_of(&self, name: &OwnedUniqueName) -> Option<u32> {
        self.bus.get_connection_unix_process_id(name.inner().clone().into()).await.ok()
    }

    /// Returns true where polkit decides what others may do: on the system bus.
    pub const fn asks_polkit(&self) -> bool {
        matches!(self.administration, Administration::Root)
    }

    /// Returns who a peer is.
    pub async fn identify(&self, peer: &Peer) -> Result<Arc<Caller>, Refusal> {
        self.callers.identify(peer, &self.bus, &self.names).await
    }

    /// Returns the session that a peer belongs to, if it belongs to one and that can be told now. It is found by the
    /// peer's process id: good enough to choose whom to ask and what ends with a session, never for a leave.
    pub async fn session_of(&self, peer: &Peer) -> Option<SessionId> {
        let logind = self.logind.as_ref()?;
        let ask = async {
            let name = peer.name.inner().clone().into();
            let unknown = |error: zbus::fdo::Error| LogindError::Unreachable(error.to_string());
            let pid = self.bus.get_connection_unix_process_id(name).await.map_err(unknown)?;
            logind.session_of_process(pid).await
        };
        peer.session(ask).await
    }

    /// Returns where a program runs that somebody logs in with as `uid`: `su` and `sudo` run among the processes of who
    /// started them, `sshd` and `login` among nobody's. It takes leave away and never gives any; what cannot be told now
    /// takes away what only a known answer allows.
    pub async fn surroundings(&self, peer: &Peer, uid: u32) -> Surroundings {
        let Some(logind) = self.logind.as_ref() else { return Surroundings::default() };
        let Some(pid) = self.process_of(&peer.name).await else {
            return Surroundings { foreign: true, remote: false };
        };
        let (owner, session) = (logind.user_of_process(pid).await, self.session_of(peer).await);
        let entry = session.and_then(|session| self.sessions.find(&session));
        let remote = match (&entry, &owner) {
            (Some(entry), _) => entry.session.remote,
            // Under the owner's service manager, which every session of theirs has a part in.
            (None, Ok(Some(owner))) => {
                let own = self.sessions.list().into_iter().map(|entry| entry.session);
                let mut own =
                    own.filter(|session| session.uid == *owner && session.is_the_users()).peekable();
                own.peek().is_some() && own.all(|session| session.remote)
            }
            (None, Ok(None) | Err(_)) => false,
        };
        let foreign = match owner {
            Ok(owner) => owner.is_some_and(|owner| owner != uid),
            Err(_) => true,
        };
        Surroundings { foreign, remote }
    }

    /// Identifies a peer and takes a place for its request.
    pub async fn visit(&self, peer: &Peer) -> Result<Visit, Refusal> {
        let caller = self.identify(peer).await?;
        let permit = self.permits.take(caller.uid, Resource::Operations)?;
        Ok(Visit::new(caller, permit))
    }

    /// Refuses who is no administrator.
    pub fn administrator(&self, caller: &Caller) -> Result<(), Refusal> {
        administrator(caller.uid, self.administration)
    }

    /// Refuses who may not speak for a user who logs in.
    pub fn may_authenticate(&self, caller: &Caller, uid: u32) -> Result<(), Refusal> {
        may_authenticate(caller.uid, uid, self.administration)
    }

    /// Returns the step that an application takes, as configured.
    pub const fn application(&self) -> claviger_core::Step {
        if self.config.consent { claviger_core::Step::Apply } else { claviger_core::Step::Register }
    }

    /// Passes the checkpoint, if there is one.
    pub async fn reached(&self, step: Step) {
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.reached(step).await;
        }
    }

    /// Returns the right to derive a key from a pass phrase once: at most one at a time per user and two in all
    /// have it, for each takes much memory and time on purpose.
    pub async fn derivation(self: &Arc<Self>, uid: u32) -> Result<Derivation, Refusal> {
        let permit = self.permits.take(uid, Resource::Derivations)?;
        let turn = Arc::clone(&self.derivations).acquire_owned().await.map_err(|_| Refusal::Cancelled)?;
        Ok(Derivation { service: Arc::clone(self), _permit: Some(permit), _turns: vec![turn] })
    }

    /// The same for a login. Logins wait for one another and leave one place to those who unlock what is theirs: a
    /// stranger at a prompt takes nothing of what the user may have.
    pub async fn derivation_for_login(self: &Arc<Self>) -> Result<Derivation, Refusal> {
        let turns = [&self.login_derivations, &self.derivations];
        let mut taken = Vec::with_capacity(turns.len());
        for turn in turns {
            taken.push(Arc::clone(turn).acquire_owned().await.map_err(|_| Refusal::Cancelled)?);
        }
        Ok(Derivation { service: Arc::clone(self), _permit: None, _turns: taken })
    }

    /// Returns what a new pass phrase costs to guess; calibrated once, which takes a moment.
    fn cost(&self) -> Cost {
        *self.cost.get_or_init(|| self.config.cost.unwrap_or_else(|| Cost::calibrate(GUESS)))
    }

    /// Carries a change out to its end, although its caller may vanish meanwhile: what was begun is either
    /// wholly done or not at all, and memory agrees with the table.
    pub async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        Carried::new(work, self.runtime.clone()).await
    }

    /// Counts one request.
    pub fn count(&self, granted: bool) {
        let counter = if granted { &self.counts.granted } else { &self.counts.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long one guess at a pass phrase should take here.
const GUESS: Duration = Duration::from_millis(250);
/// Derivations at a time, of all users together.
const DERIVATIONS: usize = 2;
