//! Asking people: for a PIN, a pass phrase, a yes. A program in the person's session does it, the agent.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Agents`]: everything that is asked and was answered |
//! | `asking` | [`Asking`]: who makes a request, and whether it may bring a person in |
//! | `registry` | [`Registry`]: the agents, in the order of their registration |
//! | `place` | where people are |
//! | `question` | one question to one agent, taken back when nobody waits for it |
//! | `key_use` | [`KeyUse`]: what a question is about, as the agent is told |
//! | `flights` | questions that several requests wait for together |
//! | `unlocking` | a locked token is unlocked because an operation needs it |
//! | `confirming` | the owner's yes to the use of a key |
//! | `yeses` | which yes still counts |
//!
//! Whatever is asked runs apart from the requests that wait for it; they only hold a place, and the last one that
//! gives its place up takes the question back.

mod asking;
mod confirming;
mod flights;
mod key_use;
mod place;
mod question;
mod registry;
mod unlocking;
mod yeses;

use std::sync::Arc;

use claviger_core::{Confirm, Key, SessionId};
use claviger_token::KeyId;

pub use asking::Asking;
pub use confirming::confirm;
pub use key_use::KeyUse;
pub(crate) use place::served;
pub use registry::{Registration, Registry};
pub use unlocking::unlock;

use crate::service::Service;
use flights::Flights;
use yeses::Yeses;

/// Everything that is asked and was answered.
#[derive(Debug, Default)]
pub struct Agents {
    /// Who asks.
    pub registry: Registry,
    flights: Arc<Flights>,
    yeses: Yeses,
}

impl Agents {
    /// Returns true where the owner said yes to that key before, and it counts for this request.
    pub async fn confirmed(&self, service: &Service, asking: Asking<'_>, key: &Key) -> bool {
        match key.confirm {
            Confirm::Session => self.yeses.contain(key.id(), &asking.scope(service).await),
            Confirm::Never | Confirm::Always => false,
        }
    }

    /// Forgets every yes that was said in a session, and the agent that served it.
    pub fn session_ended(&self, session: &SessionId) {
        self.yeses.end(session);
        self.registry.end(session);
    }

    /// Forgets every yes to a key, whose owner wants to be asked otherwise from now on.
    pub fn forget_yeses(&self, key: KeyId) {
        self.yeses.forget(key);
    }
}
