//! What only OpenSC knows, through a helper process.
//!
//! OpenSC is never loaded into the daemon: it deadlocks for good when a card is pulled at the wrong moment, and it
//! parses what foreign cards say in a million lines of C. One process of `claviger-opensc` serves one connection and
//! one reader; it ends when its connection does, deadlocked or not.
//!
//! | file | noun |
//! | --- | --- |
//! | `protocol` | [`Request`](protocol::Request) and [`Reply`](protocol::Reply), the only definition of both ends |
//! | `remote` | the wire form of the types that the protocol borrows from the rooms around it |
//! | `found` | what a helper says of a card, checked and made [`Contents`](crate::Contents) |
//! | `certificate` | the three fields of a certificate that are looked at |
//! | `frame` | one message: length and body, read and written, wiped |
//! | `helper` | [`Helper`]: the daemon's end of a connection, with a deadline on everything |

mod certificate;
mod found;
pub mod frame;
mod helper;
pub mod protocol;
mod remote;
#[cfg(test)]
mod tests;

pub use helper::Helper;
