//! Programs that ask the person: what one implements, and how it is served.

mod desk;
mod face;

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use claviger_dbus::names::BUS_NAME;
use claviger_dbus::proxy::AgentsProxy;
use claviger_dbus::wire::{AgentOptions, NoOptions, Prompt};
use zbus::MessageStream;
use zbus::ObjectPath;
use zbus::export::futures_core::Stream as _;
use zbus::fdo::DBusProxy;
use zbus::message::Type;
use zbus::names::{BusName, UniqueName};
use zbus::proxy::CacheProperties;

use crate::events::{bus_error, owner_rule};
use crate::{Bus, Client, Error, Secret, daemon};
use desk::Desk;
use face::Face;

/// Asks the person. A future that is dropped takes its question back: whatever it shows must go with it.
///
/// Questions are put one after the other: `secret` and `confirm` are called when the one before has ended. Codes are shown
/// beside them.
pub trait Agent: Send + Sync + 'static {
    /// Asks for a PIN or a pass phrase.
    fn secret(&self, prompt: Prompt) -> impl Future<Output = Result<Secret, NoAnswer>> + Send;

    /// Asks for a yes: true for yes, false for no.
    fn confirm(&self, prompt: Prompt) -> impl Future<Output = Result<bool, NoAnswer>> + Send;

    /// Shows a code until the future is dropped or the person has closed it.
    fn display(&self, prompt: Prompt) -> impl Future<Output = ()> + Send;
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The person gave up.
    Declined,
    /// The person took too long.
    TimedOut,
    /// The person could not be asked: the whole sentence. It is as if there were no agent.
    Impossible(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declined => formatter.write_str("cannot ask: the person declined"),
            Self::TimedOut => formatter.write_str("cannot ask: nobody answered in time"),
            Self::Impossible(text) => formatter.write_str(text),
        }
    }
}

impl std::error::Error for NoAnswer {}

/// An agent while it is served. It has a bus connection of its own.
pub struct Agency {
    bus: Bus,
    options: AgentOptions,
    desk: Arc<Desk>,
    connection: zbus::Connection,
    dbus: DBusProxy<'static>,
    /// What the bus tells: the owner of the daemon's name, among others.
    stream: MessageStream,
    /// The daemon is started by the bus only the first time: who stopped it later meant it.
    starts: bool,
}

/// What became of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The daemon asks it from now on.
    Registered,
    /// The daemon left the bus; its questions were taken back. It is registered again when the daemon is back.
    Gone,
}

impl Client {
    /// Serves `agent` on a connection of its own; [`Agency::next`] registers it. It answers the daemon only.
    pub async fn serve_agent(&self, agent: impl Agent, options: AgentOptions) -> Result<Agency, Error> {
        let desk = Arc::new(Desk::default());
        let face = Face::new(agent, Arc::clone(&desk));
        let bus = self.bus().clone();
        let builder = bus.builder().serve_at(AGENT_PATH, face).method_timeout(crate::client::TIMEOUT);
        let connection = builder.build().await.map_err(Error::NoBus)?;
        let stream = MessageStream::from(&connection);
        let dbus = DBusProxy::new(&connection).await.map_err(Error::NoBus)?;
        dbus.add_match_rule(owner_rule().map_err(Error::Protocol)?).await.map_err(bus_error)?;
        Ok(Agency { bus, options, desk, connection, dbus, stream, starts: true })
    }
}

impl Agency {
    /// Waits until the agent is registered, or is so no longer; `None` once the bus is gone.
    ///
    /// It must be awaited all the time, or questions outlive the daemon that put them; and to its end, for what was half
    /// done is not taken up again.
    ///
    /// Errors: [`Error::Refused`] (there is an agent already, or no such session), [`Error::Untrusted`], and those of the bus.
    pub async fn next(&mut self) -> Result<Option<Standing>, Error> {
        if self.desk.has_daemon() {
            return self.watch().await;
        }
        let mut starts = std::mem::replace(&mut self.starts, false);
        loop {
            match self.register(starts).await {
                Ok(()) => return Ok(Some(Standing::Registered)),
                // It may have left between two calls.
                Err(Error::NoDaemon(_) | Error::Lost(_)) if !self.connection.is_closed() => {}
                Err(error) => {
                    self.desk.leave();
                    return Err(error);
                }
            }
            self.desk.leave();
            starts = false;
            if !self.daemon_came().await? {
                return Ok(None);
            }
        }
    }

    /// Finds the daemon and registers with it.
    async fn register(&self, starts: bool) -> Result<(), Error> {
        let owner = daemon::find_owner(&self.bus, &self.dbus, starts).await?;
        // Before it knows of the agent: it may ask at once.
        self.desk.serve(owner.as_str());
        let path = ObjectPath::from_static_str_unchecked(AGENT_PATH);
        let registered = self.agents(owner).await?.register_agent(&path, &self.options).await;
        registered.map_err(Error::from)
    }

    async fn agents(&self, owner: UniqueName<'static>) -> Result<AgentsProxy<'static>, Error> {
        let proxy = AgentsProxy::builder(&self.connection)
            .destination(BusName::Unique(owner))
            .cache_properties(CacheProperties::No);
        proxy.build().await.map_err(Error::Protocol)
    }

    /// Waits until the daemon leaves.
    async fn watch(&mut self) -> Result<Option<Standing>, Error> {
        while let Some(owner) = self.next_owner().await? {
            // What was told while it was being registered may be of owners long gone.
            if !self.desk.is_daemon(&owner) && !self.daemon_is_there().await {
                self.desk.leave();
                return Ok(Some(Standing::Gone));
            }
        }
        self.desk.leave();
        Ok(None)
    }

    /// Returns true where the daemon that it serves still owns its name.
    async fn daemon_is_there(&self) -> bool {
        let owner = self.dbus.get_name_owner(daemon::well_known()).await;
        owner.is_ok_and(|owner| self.desk.is_daemon(owner.as_str()))
    }

    /// Waits for a daemon; false once the bus is gone.
    async fn daemon_came(&mut self) -> Result<bool, Error> {
        while let Some(owner) = self.next_owner().await? {
            if !owner.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Waits for the next owner of the daemon's name, "" for none; `None` once the bus is gone.
    async fn next_owner(&mut self) -> Result<Option<String>, Error> {
        loop {
            let message = poll_fn(|context| Pin::new(&mut self.stream).poll_next(context)).await;
            let Some(Ok(message)) = message else { return Ok(None) };
            let header = message.header();
            let is_told = message.message_type() == Type::Signal
                && header.sender().is_some_and(|name| name.as_str() == "org.freedesktop.DBus")
                && header.member().is_some_and(|name| name.as_str() == "NameOwnerChanged");
            if is_told {
                let body = message.body();
                let (name, _, new): (String, String, String) = body.deserialize().map_err(Error::Protocol)?;
                if name == BUS_NAME {
                    return Ok(Some(new));
                }
            }
        }
    }

    /// Ends it: the daemon is told, and every question is taken back.
    pub async fn end(self) -> Result<(), Error> {
        let daemon = self.desk.leave();
        let Some(daemon) = daemon.and_then(|name| UniqueName::try_from(name).ok()) else { return Ok(()) };
        let path = ObjectPath::from_static_str_unchecked(AGENT_PATH);
        let ended = self.agents(daemon).await?.unregister_agent(&path, &NoOptions {}).await;
        ended.map_err(Error::from)
    }
}

/// Where the agent stands on its connection.
const AGENT_PATH: &str = "/org/claviger/Agent";
