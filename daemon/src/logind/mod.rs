//! logind: who is logged in, told as it happens, and what is asked of it.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Logind`]: what is asked of it, each call with a time-out |
//! | `manager` | the few calls of its bus interface |
//! | `properties` | a session's properties, as a [`Session`] |
//! | `error` | [`LogindError`] |
//! | `signals` | what it tells, taken from the bus at once |
//! | `news` | what it told, looked up and passed on in one order |
//! | `inhibitor` | the lock that lets the machine sleep only when secrets are wiped |
//!
//! There is one on the system bus only. Its answers count because the bus lets nobody but root own its name; its signals
//! count where they come from the owner of that name, for anybody may send a signal that looks the same.

mod error;
mod inhibitor;
mod manager;
mod news;
mod properties;
mod signals;

use std::time::Duration;

use claviger_core::{Event, Session, SessionId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use zbus::proxy::CacheProperties;
use zbus::{Connection, OwnedFd, OwnedObjectPath};

pub use error::LogindError;
pub(crate) use inhibitor::Inhibitor;
use manager::ManagerProxy;
use properties::Properties;
use signals::Pending;

/// What is asked of logind.
#[derive(Clone, Debug)]
pub struct Logind {
    connection: Connection,
    manager: ManagerProxy<'static>,
    pending: Pending,
}

impl Logind {
    /// Returns the logind of the bus; nothing is asked yet.
    ///
    /// # Errors
    /// Where the connection is no connection to a bus.
    pub async fn new(connection: &Connection) -> zbus::Result<Self> {
        let manager = ManagerProxy::builder(connection).cache_properties(CacheProperties::No).build().await?;
        Ok(Self { connection: connection.clone(), manager, pending: Pending::default() })
    }

    /// Starts to listen: what logind says comes into `events` and `sleep` from now on, beginning with all its sessions.
    /// Returns when those were told, or when it is clear that logind does not tell them soon.
    ///
    /// # Errors
    /// Where the bus does not take the match rules.
    pub(crate) async fn listen(
        &self,
        events: mpsc::UnboundedSender<Event>,
        sleep: mpsc::UnboundedSender<Sleep>,
    ) -> zbus::Result<()> {
        signals::listen(&self.connection, self.pending.clone(), sleep).await?;
        let (told, listed) = oneshot::channel();
        tokio::spawn(news::tell(self.clone(), events, told));
        // A service without its sessions is better than none.
        drop(timeout(PATIENCE, listed).await);
        Ok(())
    }

    /// Looks a session up, and passes what is found on as news before it returns.
    pub(crate) async fn refresh(&self, id: SessionId) -> Result<Session, LogindError> {
        let (answer, answered) = oneshot::channel();
        self.pending.ask(id, answer);
        answered.await.map_err(|_| LogindError::Unreachable("nobody listens to it".to_owned()))?
    }

    /// Returns the session that a process is in, if it is in one.
    pub async fn session_of_process(&self, pid: u32) -> Result<Option<SessionId>, LogindError> {
        let found = match self.within(self.manager.get_session_by_pid(pid)).await {
            Ok(path) => self.session_at(path).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(session) => Ok(Some(session.id)),
            Err(LogindError::NoSuchSession) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the user in whose slice of the machine a process is, if it is in one: in a session of theirs or under their
    /// service manager. It need not be a process of that user: `su` and `sudo` are the invoker's.
    pub async fn user_of_process(&self, pid: u32) -> Result<Option<u32>, LogindError> {
        match self.within(self.manager.get_user_by_pid(pid)).await {
            // `/org/freedesktop/login1/user/_1000`
            Ok(path) => {
                let uid = path.as_str().rsplit_once("/_").and_then(|(_, uid)| uid.parse().ok());
                uid.map(Some).ok_or_else(|| LogindError::Unreachable(format!("{} is no user", path.as_str())))
            }
            Err(LogindError::NoSuchSession) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Has a session lock its screen. It may not: `LockedHint` says whether it did.
    pub async fn lock(&self, id: &SessionId) -> Result<(), LogindError> {
        self.within(self.manager.lock_session(id.as_str())).await
    }

    /// Ends a session.
    pub async fn terminate(&self, id: &SessionId) -> Result<(), LogindError> {
        self.within(self.manager.terminate_session(id.as_str())).await
    }

    /// Returns a descriptor; for as long as it is open, the machine waits some seconds before it sleeps.
    async fn delay_sleep(&self) -> Result<OwnedFd, LogindError> {
        self.within(self.manager.inhibit("sleep", "claviger", "secrets are wiped first", "delay")).await
    }

    /// Returns true while the machine is on its way to sleep.
    pub(crate) async fn is_going_to_sleep(&self) -> Result<bool, LogindError> {
        self.within(self.manager.preparing_for_sleep()).await
    }

    async fn sessions(&self) -> Result<Vec<Session>, LogindError> {
        let listed = self.within(self.manager.list_sessions()).await?;
        let mut sessions = Vec::with_capacity(listed.len());
        for (_, _, _, _, path) in listed {
            match self.session_at(path).await {
                Ok(session) => sessions.push(session),
                // It ended in between; its end is told as well.
                Err(LogindError::NoSuchSession) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sessions)
    }

    async fn session(&self, id: &SessionId) -> Result<Session, LogindError> {
        let path = self.within(self.manager.get_session(id.as_str())).await?;
        self.session_at(path).await
    }

    async fn session_at(&self, path: OwnedObjectPath) -> Result<Session, LogindError> {
        let all = ("org.freedesktop.login1.Session",);
        let properties = Some("org.freedesktop.DBus.Properties");
        let call = self.connection.call_method(Some(NAME), path, properties, "GetAll", &all);
        let answer = self.within(call).await?;
        let properties: Properties = answer.body().deserialize().map_err(LogindError::from)?;
        Ok(properties.into())
    }

    async fn within<T>(&self, call: impl Future<Output = zbus::Result<T>>) -> Result<T, LogindError> {
        match timeout(PATIENCE, call).await {
            Ok(answer) => answer.map_err(LogindError::from),
            Err(_) => Err(LogindError::TimedOut),
        }
    }
}

/// What logind says of sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// The machine is about to sleep.
    Near,
    /// It is awake again.
    Over,
    /// logind is another: it must be asked.
    Unknown,
}

/// logind's name on the bus.
const NAME: &str = "org.freedesktop.login1";
/// How long logind may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
