//! What is said inside the channel, as data.

mod command;
mod reply;

pub use command::{Command, Mechanics, NewKey, Request, RequestId};
pub use reply::{Answer, Change, Info, KeyEntry, Notice, Reply};
