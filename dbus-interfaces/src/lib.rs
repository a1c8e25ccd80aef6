//! The D-Bus contract of Claviger, for both ends.
//!
//! | file | noun |
//! | --- | --- |
//! | `xml/` | the contract itself: one file per interface, hand-written, with prose |
//! | [`xml`] | those files as text |
//! | [`names`] | bus name, object path, interface names |
//! | [`error`] | [`ErrorName`], [`CallError`] (what the daemon answers), [`Failure`] (what a caller meets) |
//! | [`wire`] | option dictionaries and rows, the same types at both ends |
//! | [`proxy`] | one proxy per interface |
//! | `text` | [`steers`]: which letters of strangers are shown to nobody |
//! | `bus/` | the system bus policy |
//!
//! This room does no I/O of its own. Whoever changes an interface changes its XML first; a test holds the
//! daemon's `Introspect()` against it.

pub mod error;
pub mod names;
pub mod proxy;
mod text;
pub mod wire;
pub mod xml;

pub use error::{CallError, ErrorName, Failure};
pub use serde_bytes::{ByteBuf, Bytes};
pub use text::steers;
