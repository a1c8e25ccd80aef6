//! Every decision of the Claviger daemon: values in, values out.
//!
//! | file | noun |
//! | --- | --- |
//! | `account` | [`User`], [`Key`], [`Placement`]: the rows of the user info table |
//! | `registration` | [`Registration`]: the life of an account, and which step may follow which |
//! | `selector` | [`Selector`]: how a caller names a key, and which key that is |
//! | `request` | [`Request`]: what a caller wants done with a key |
//! | `policy` | [`policy::authorize`]: who may do what; the only maker of [`policy::Authorized`] |
//! | `plan` | [`plan::plan`]: what the host does before, what the token does, what the host does after |
//! | `placing` | [`choose`]: which of a key's places an operation goes to |
//! | `sessions` | [`Sessions`]: what each session is bound to, and what follows when a token goes |
//! | `removal` | [`RemovalPolicy`]: what happens to a session whose token is gone |
//! | `agents` | [`choose_agent`]: which program asks the person |
//! | `confirm` | [`Confirm`]: whether the use of a key is asked for |
//! | `guesses` | [`Guesses`]: how long a wrong pass phrase makes one wait |
//! | `limits` | [`Limits`]: how much one user may have under way |
//! | `refusal` | [`Refusal`]: why not |
//!
//! No I/O, no clock, no runtime: times come in as arguments.

#![forbid(unsafe_code)]

mod account;
mod agents;
mod confirm;
mod guesses;
mod limits;
mod placing;
pub mod plan;
pub mod policy;
mod refusal;
mod registration;
mod removal;
mod request;
mod selector;
mod sessions;

pub use account::{Defaults, EnrolledToken, Key, KeyState, Placement, PlacementState, User};
pub use agents::{Agent, choose_agent, is_served};
pub use confirm::Confirm;
pub use guesses::Guesses;
pub use limits::{Caps, Limits, Resource};
pub use placing::{Standing, choose, places};
pub use refusal::Refusal;
pub use registration::{Registration, Step, WrongStep};
pub use removal::{Action, Reason, RemovalPolicy};
pub use request::{Format, Input, Request};
pub use selector::{KeyUri, Selector, check_label, purpose_name};
pub use sessions::{Binding, Effect, Event, How, Notice, Place, Session, SessionId, Sessions};
