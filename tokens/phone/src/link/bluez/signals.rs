use std::collections::HashMap;
use std::num::NonZero;
use std::pin::Pin;

use zbus::export::futures_core::Stream as _;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant};

use crate::link::bluez::service::BLUEZ;

/// What is told of BlueZ, and by it.
pub(crate) struct Signals {
    owners: MessageStream,
    properties: MessageStream,
    objects: MessageStream,
}

/// One piece of that.
pub(crate) enum Signal {
    /// The bus says who is BlueZ now.
    Owner(Option<OwnedUniqueName>),
    /// Somebody says that an adapter came, went or was switched: only BlueZ is believed.
    Adapters(Option<OwnedUniqueName>),
}

impl Signals {
    /// Begins to listen.
    pub(crate) async fn of(connection: &Connection) -> zbus::Result<Self> {
        let (owners, properties) = (owners(connection).await?, properties(connection).await?);
        Ok(Self { owners, properties, objects: objects(connection).await? })
    }

    /// Returns the next one; `None` where the connection is lost.
    pub(crate) async fn next(&mut self) -> Option<Signal> {
        loop {
            tokio::select! {
                message = next(&mut self.owners) => {
                    if let Ok(message) = message?
                        && let Some(owner) = new_owner(&message)
                    {
                        return Some(Signal::Owner(owner));
                    }
                }
                message = next(&mut self.properties) => {
                    if let Ok(message) = message? {
                        return Some(Signal::Adapters(sender(&message)));
                    }
                }
                message = next(&mut self.objects) => {
                    if let Ok(message) = message?
                        && tells_of_adapters(&message)
                    {
                        return Some(Signal::Adapters(sender(&message)));
                    }
                }
            }
        }
    }
}

/// Returns what the bus tells of who is BlueZ.
async fn owners(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, BLUEZ)
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Returns what is told of the adapters that there are: switched on, switched off.
async fn properties(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BLUEZ)
        .interface("org.freedesktop.DBus.Properties")
        .member("PropertiesChanged")
        .arg(0, "org.bluez.Adapter1")
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Returns what is told of adapters, and of much else, that comes and goes.
async fn objects(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BLUEZ)
        .interface("org.freedesktop.DBus.ObjectManager")
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Returns who is BlueZ now, if it is the bus that says so: anybody may send such a signal to one peer.
fn new_owner(message: &Message) -> Option<Option<OwnedUniqueName>> {
    if message.header().sender().is_none_or(|sender| sender.as_str() != "org.freedesktop.DBus") {
        return None;
    }
    let (_, _, new): (String, String, String) = message.body().deserialize().ok()?;
    Some(new.try_into().ok())
}

/// Returns who says it: the match rule alone does not hold that.
fn sender(message: &Message) -> Option<OwnedUniqueName> {
    message.header().sender().map(|sender| sender.to_owned().into())
}

/// Returns true where an adapter came or went; devices do so with every discovery.
fn tells_of_adapters(message: &Message) -> bool {
    // What it is about is the first argument; adapters are right below BlueZ.
    let body = message.body();
    let added = body.deserialize::<(zbus::ObjectPath<'_>, HashMap<String, Properties>)>();
    let object = match &added {
        Ok((object, _)) => Some(object.as_str().to_owned()),
        Err(_) => {
            let removed = body.deserialize::<(zbus::ObjectPath<'_>, Vec<String>)>();
            removed.ok().map(|(object, _)| object.as_str().to_owned())
        }
    };
    object.is_none_or(|object| object.matches('/').count() <= ADAPTER_DEPTH)
}

async fn next(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

type Properties = HashMap<String, OwnedVariant>;

/// `/org/bluez/hci0`.
const ADAPTER_DEPTH: usize = 3;
/// How many signals may wait.
const QUEUE: NonZero<usize> = NonZero::new(64).expect("it is not zero");
