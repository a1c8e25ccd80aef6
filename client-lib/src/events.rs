use std::future::poll_fn;
use std::pin::Pin;

use claviger_dbus::names::{BUS_NAME, OBJECT_PATH, SERVICE};
use claviger_dbus::wire::{SessionWhy, TokenState};
use zbus::export::futures_core::Stream as _;
use zbus::fdo::DBusProxy;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::{MatchRule, MessageStream};

use crate::{Client, Error, daemon};

/// What happened to the caller's keys, tokens and sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key was made, taken in, deleted, revoked, or has other attributes.
    KeysChanged,
    /// The token of that id came, went, or changed, and is so now. An empty id: readers, or cards that are not
    /// the caller's, came or went.
    TokenChanged(String, TokenState),
    /// The local keys were locked (true) or unlocked.
    LockedChanged(bool),
    /// The logind session of that id is about to end or be locked.
    SessionEnding(String, SessionWhy),
    /// The daemon left the bus. It tells nothing more: subscribe again.
    Gone,
}

/// What happens, as it happens. It has a bus connection of its own, so that whoever does not look holds up
/// nothing else.
pub struct Events {
    stream: MessageStream,
    daemon: OwnedUniqueName,
    /// Kept because the daemon tells for as long as it lives.
    _client: Client,
}

impl Client {
    /// Asks to be told what happens.
    pub async fn subscribe(&self) -> Result<Events, Error> {
        let client = self.sibling().connect().await?;
        let connection = client.connection().clone();
        let stream = MessageStream::from(&connection);
        let dbus = DBusProxy::new(&connection).await.map_err(Error::NoBus)?;
        dbus.add_match_rule(owner_rule().map_err(Error::Protocol)?).await.map_err(bus_error)?;
        client.subscribe_here().await?;
        let daemon = dbus.get_name_owner(daemon::well_known()).await.map_err(bus_error)?;
        Ok(Events { stream, daemon, _client: client })
    }
}

impl Events {
    /// Waits for the next event; `None` once the bus is gone.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            let message = poll_fn(|context| Pin::new(&mut self.stream).poll_next(context)).await;
            let Some(message) = message else { return Ok(None) };
            if let Some(event) = self.read(&message.map_err(Error::Lost)?).map_err(Error::Protocol)? {
                return Ok(Some(event));
            }
        }
    }

    /// Returns what a message tells, if it tells something and comes from who may tell it.
    fn read(&self, message: &zbus::Message) -> zbus::Result<Option<Event>> {
        let header = message.header();
        if message.message_type() != Type::Signal {
            return Ok(None);
        }
        let sender = header.sender().map(|name| name.as_str());
        let member = header.member().map(|name| name.as_str());
        if sender == Some("org.freedesktop.DBus") && member == Some("NameOwnerChanged") {
            let (name, _, new): (String, String, String) = message.body().deserialize()?;
            return Ok((name == BUS_NAME && new != self.daemon.as_str()).then_some(Event::Gone));
        }
        let is_ours = sender == Some(self.daemon.as_str())
            && header.interface().is_some_and(|name| name.as_str() == SERVICE)
            && header.path().is_some_and(|path| path.as_str() == OBJECT_PATH);
        if !is_ours {
            return Ok(None);
        }
        Ok(match member {
            Some("KeysChanged") => Some(Event::KeysChanged),
            Some("TokenChanged") => {
                let (token, state) = message.body().deserialize()?;
                Some(Event::TokenChanged(token, state))
            }
            Some("LockedChanged") => Some(Event::LockedChanged(message.body().deserialize()?)),
            Some("SessionEnding") => {
                let (session, why) = message.body().deserialize()?;
                Some(Event::SessionEnding(session, why))
            }
            // A newer daemon tells more.
            Some(_) | None => None,
        })
    }
}

/// Returns the rule for who owns the daemon's name.
pub(crate) fn owner_rule() -> zbus::Result<MatchRule<'static>> {
    MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, BUS_NAME)
        .build()
}

pub(crate) fn bus_error(error: zbus::fdo::Error) -> Error {
    Error::from(claviger_dbus::Failure::from(zbus::Error::from(error)))
}
