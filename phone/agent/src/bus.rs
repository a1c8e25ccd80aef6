//! Signals of a D-Bus.

use std::num::NonZero;
use std::pin::Pin;

use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MatchRule, Message, MessageStream};

/// Returns the signals of that interface that come from the owner of that name. Anybody may send one that looks the same
/// straight to this connection: compare [`sender`] with who is known to be it.
pub(crate) async fn signals(
    connection: &Connection,
    name: &'static str,
    interface: &'static str,
    argument: Option<&'static str>,
) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder().msg_type(Type::Signal).sender(name).interface(interface);
    let rule = match argument {
        Some(argument) => rule.arg(0, argument),
        None => rule,
    };
    MessageStream::for_match_rule(rule.build()?, connection, Some(QUEUE)).await
}

/// Waits for the next signal; `None` when the connection is lost.
pub(crate) async fn next(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Stream::poll_next(Pin::new(&mut *stream), context)).await
}

/// Returns who sent it: the bus vouches for that.
pub(crate) fn sender(message: &Message) -> Option<OwnedUniqueName> {
    message.header().sender().map(|sender| OwnedUniqueName::from(sender.to_owned()))
}

const QUEUE: NonZero<usize> = NonZero::new(64).expect("it is not zero");
