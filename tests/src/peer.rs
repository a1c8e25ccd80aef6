//! A connection to the daemon as some user, and calls by the documented contract alone.

use std::collections::HashMap;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use zbus::connection::{Builder, Connection};
use zbus::message::Message;
use zbus::{DynamicType, MessageStream, OwnedVariant, Type, Variant};

use crate::accounts::Person;
use crate::bus::Bus;
use crate::{in_time, next};

/// The daemon's name on the bus.
pub const NAME: &str = "org.claviger.KeyStore1";
/// Its one object.
pub const PATH: &str = "/org/claviger/KeyStore1";

/// The options of a call.
pub type Options = HashMap<&'static str, Variant<'static>>;

/// Attributes that a call returns.
pub type Attributes = HashMap<String, OwnedVariant>;

/// Returns no options.
pub fn none() -> Options {
    Options::new()
}

/// Returns one option.
pub fn option(name: &'static str, value: impl Into<Variant<'static>>) -> Options {
    Options::from([(name, value.into())])
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The last part of the error's name, for example `NoSuchKey`.
    pub name: String,
    /// The error's text.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.text)
    }
}

/// A caller.
#[derive(Clone)]
pub struct Peer {
    connection: Connection,
    /// The user it is.
    pub person: Person,
    /// The name that it writes into every message itself, if any.
    pub claimed_sender: Option<String>,
}

impl Peer {
    /// Connects over the bus.
    pub async fn on(bus: &Bus, person: &Person) -> Self {
        Self { connection: bus.connect(person).await, person: person.clone(), claimed_sender: None }
    }

    /// Connects over the bus that listens there.
    pub async fn at(socket: &Path, person: &Person) -> Self {
        let building = Builder::unix_stream(person.connect(socket)).user_id(person.uid).build();
        let connection = in_time("the bus's greeting", building).await.expect("the bus lets everybody in");
        Self { connection, person: person.clone(), claimed_sender: None }
    }

    /// Opens a private channel and returns it as another caller.
    pub async fn channel(&self) -> Result<Self, Refusal> {
        let descriptor: zbus::OwnedFd = self.call("Service", "OpenChannel", &(none(),)).await?;
        let stream = UnixStream::from(std::os::fd::OwnedFd::from(descriptor));
        let building = Builder::unix_stream(stream).p2p().user_id(self.person.uid).build();
        let connection = in_time("the channel's handshake", building).await.map_err(refusal)?;
        Ok(Self { connection, person: self.person.clone(), claimed_sender: None })
    }

    /// Returns the same connection, which from now on claims to be `sender`.
    pub fn claiming(self, sender: &str) -> Self {
        Self { claimed_sender: Some(sender.to_owned()), ..self }
    }

    /// Returns the unique name that the bus gave.
    pub fn unique_name(&self) -> String {
        self.connection.unique_name().expect("on a bus").to_string()
    }

    /// Returns its connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Calls a method of one of the daemon's interfaces, for example `Keys`, `Sign`.
    pub async fn call<R>(
        &self,
        interface: &str,
        member: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<R, Refusal>
    where
        R: DeserializeOwned + Type,
    {
        let interface = format!("{NAME}.{interface}");
        let reply = match &self.claimed_sender {
            Some(sender) => in_time(member, self.claim(sender, &interface, member, body)).await,
            None => {
                let name = self.connection.is_bus().then_some(NAME);
                let call = self.connection.call_method(name, PATH, Some(interface.as_str()), member, body);
                in_time(member, call).await
            }
        };
        reply.and_then(|reply| reply.body().deserialize()).map_err(refusal)
    }

    /// Sends a message with a sender of the caller's own choice, and waits for the reply.
    async fn claim(
        &self,
        sender: &str,
        interface: &str,
        member: &str,
        body: &(impl Serialize + DynamicType),
    ) -> zbus::Result<Message> {
        let call = Message::method_call(PATH, member).sender(sender).interface(interface).build(body)?;
        let serial = call.primary_header().serial_num();
        let mut messages = MessageStream::from(&self.connection);
        self.connection.send(&call).await?;
        while let Some(message) = next(&mut messages).await {
            let message = message?;
            if message.header().reply_serial() == Some(serial) {
                return match message.message_type() {
                    zbus::message::Type::Error => Err(message.into()),
                    _ => Ok(message),
                };
            }
        }
        Err(zbus::Error::InvalidReply)
    }

    /// Calls a method that answers with bytes.
    pub async fn bytes(
        &self,
        interface: &str,
        member: &str,
        body: &(impl Serialize + DynamicType),
    ) -> Result<Vec<u8>, Refusal> {
        self.call::<ByteBuf>(interface, member, body).await.map(ByteBuf::into_vec)
    }
}

pub(crate) fn refusal(error: zbus::Error) -> Refusal {
    match error {
        zbus::Error::MethodError(name, text, _) => Refusal {
            name: name.rsplit('.').next().unwrap_or_default().to_owned(),
            text: text.unwrap_or_default(),
        },
        zbus::Error::FDO(error) => {
            let name = zbus::DBusError::name(&*error);
            Refusal {
                name: name.rsplit('.').next().unwrap_or_default().to_owned(),
                text: zbus::DBusError::description(&*error).unwrap_or_default().to_owned(),
            }
        }
        other => Refusal { name: "Transport".to_owned(), text: other.to_string() },
    }
}

/// What a test says of a call's result.
pub trait Outcome {
    /// Returns the refusal, which must be the one of that name, for example `NoSuchKey`.
    fn refused(self, name: &str) -> Refusal;
}

impl<T: fmt::Debug> Outcome for Result<T, Refusal> {
    #[track_caller]
    fn refused(self, name: &str) -> Refusal {
        match self {
            Err(refusal) if refusal.name == name => refusal,
            other => panic!("expected {name}, got {other:?}"),
        }
    }
}
