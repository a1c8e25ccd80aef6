//! What only OpenSC knows, through a helper process.
//!
//! OpenSC is never loaded into the daemon: it deadlocks for good when a card is pulled at the wrong moment, and it
//! parses what foreign cards say in a million lines of C. One process of `claviger-opensc` serves one connection and
//! one reader; it ends when its connection does, deadlocked or not.
//!
//! Keys are used, not made, so: where OpenSC fails at a new key, that key may stand on the card all the same.
//!
//! | file | noun |
//! | --- | --- |
//! | `protocol` | [`Request`](protocol::Request) and [`Reply`](protocol::Reply), the only definition of both ends |
//! | `remote` | the wire form of the types that the protocol borrows from the rooms around it |
//! | `found` | what a helper says of a card, checked and made [`Contents`](crate::Contents) |
//! | `frame` | one message: length and body, read and written, wiped |
//! | `helper` | [`Helper`]: the daemon's end of a connection, with a deadline on everything |

mod found;
pub mod frame;
mod helper;
pub mod protocol;
mod remote;
#[cfg(test)]
mod tests;

pub use helper::Helper;

/// Reads what both ends say to each other, for those who test with outside bytes: returns true where `bytes` are one
/// request or one reply. What a helper found on a card is made contents of.
pub fn is_message(bytes: &[u8]) -> bool {
    let request = frame::receive::<protocol::Request>(&mut &*bytes).is_ok();
    match frame::receive::<protocol::Reply>(&mut &*bytes) {
        Ok(protocol::Reply::Contents(Some(found))) => found::contents(found).is_ok(),
        Ok(_) => true,
        Err(_) => request,
    }
}
