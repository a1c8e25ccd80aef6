//! Signals as they come from the bus.

use std::pin::Pin;

use zbus::export::futures_core::Stream;
use zbus::{Message, MessageStream};

/// Waits for the next signal; `None` when the connection is lost.
pub(crate) async fn next(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Stream::poll_next(Pin::new(&mut *stream), context)).await
}

/// Returns true where the bus itself sent it. A match rule does not say so: anybody may send a signal of any interface
/// to one peer alone, and the bus passes it on without asking for a rule. The sender is what nobody can choose.
pub(crate) fn is_from_the_bus(message: &Message) -> bool {
    message.header().sender().is_some_and(|sender| sender.as_str() == "org.freedesktop.DBus")
}
