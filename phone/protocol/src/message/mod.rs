//! What is said inside the channel, as data and as text.

mod answer;
mod clean;
mod command;
mod notice;
mod parameters;
mod reply;
mod request;
mod verb;

#[cfg(test)]
mod tests;

pub(crate) use answer::{FromPhone, failure, failure_text};
pub(crate) use clean::clean;
pub use clean::is_hidden;
pub use command::{Command, Mechanics, NewKey, Request, RequestId};
pub use reply::{Answer, Change, Info, KeyEntry, Notice, Reply};
pub(crate) use request::FromHost;
pub(crate) use verb::Verb;
