//! Asking the person.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Approver`], [`Verdict`], [`Unlocking`] |
//! | `notification` | [`Notification`]: asks by a notification of the desktop |
//! | `terminal` | [`Terminal`]: asks on the terminal |
//! | `policy` | [`Policy`]: answers by rules from a file, for machines without people |

mod notification;
mod policy;
mod terminal;

use std::pin::Pin;
use std::time::Duration;

use claviger_token::Secret;

use crate::question::Question;

pub use notification::Notification;
pub use policy::{Policy, PolicyError};
pub use terminal::Terminal;

/// The person's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, this once.
    Approved,
    /// Yes, and to the same host and key for so long.
    ApprovedFor(Duration),
    /// No.
    Refused,
    /// Nobody could be asked: why.
    Impossible(String),
}

/// What comes of a question that wants the keys unlocked.
pub enum Unlocking {
    /// The pass phrase or PIN that the person entered.
    Secret(Secret),
    /// The person does not want to.
    Refused,
    /// Nobody could be asked: why.
    Impossible(String),
}

/// A question under way. Dropping it takes the question off the screen.
pub type Asking<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One way to ask the person. It is asked one question at a time, and left alone by whoever does not wait any longer.
pub trait Approver: Send + Sync {
    /// Returns true where a person looks at one question at a time.
    fn has_screen(&self) -> bool;

    /// Asks for a yes.
    fn approve<'a>(&'a self, question: &'a Question) -> Asking<'a, Verdict>;

    /// Asks for what unlocks the module, `wanted` by its name: "pass phrase", "PIN". Where secrets cannot be entered it tells
    /// the person what to do and waits until it is dropped. `hint` says why it is asked again.
    fn unlock<'a>(
        &'a self,
        question: &'a Question,
        wanted: &'a str,
        hint: Option<&'a str>,
    ) -> Asking<'a, Unlocking>;
}

/// How long "for a while" is.
pub const A_WHILE: Duration = Duration::from_secs(600);
