//! Paired phones as tokens: the computer's end of the phone link.
//!
//! | file | noun |
//! | --- | --- |
//! | `phones` | [`Phones`]: every phone of this computer; [`PhonesConfig`] |
//! | `token` | [`PhoneToken`]: one phone, as a token; `view`: as one that knows for whom it works |
//! | `pairing` | [`Pairing`]: what this computer keeps of a phone |
//! | `event` | [`PhoneEvent`], [`PhoneState`], [`Why`]: what is told of phones |
//! | `info_text` | what a phone can do, as a text to be kept while it is away |
//! | `link` | [`Link`]: a way to a phone; `serial`, `socket`, `bluez`: how streams come about; [`LinkFault`] |
//! | `presence`, `back_off` | whether a phone is there, and when a link is tried again (pure) |
//! | `registry` | what is known: where the lines (`registry/links`), the clock (`registry/watching`) and those who ask meet |
//! | `line` | the task of one phone: dials, keeps the stream that stands, dials again |
//! | `greeter` | who connects to a socket: which phone it is |
//! | `dial` | the links of a phone, tried in order |
//! | `session` | what goes on while a channel is open: requests, heartbeats, deadlines |
//! | `ask` | one request on its way to a line, and its answer back |
//! | `live` | a stream with a channel open on it |
//! | `pair` | a pairing under way; [`Proposal`], [`PairStep`], [`Paired`], [`PairError`] |
//!
//! A request goes `PhoneToken::perform` -> the line of that phone -> the state machine of `phone/protocol` -> the stream.
//! Whether what comes back is true (a signature, a key) is the daemon's to check: it verifies each with the public key that
//! was enrolled, and has a key that it finds prove itself before it is enrolled. One that was made at its wish is believed until
//! its first signature. Nothing here does it a second time.

mod ask;
mod back_off;
mod dial;
mod event;
mod greeter;
pub mod info_text;
mod line;
mod link;
mod live;
mod pair;
mod pairing;
mod phones;
mod presence;
mod registry;
mod session;
#[cfg(test)]
mod tests;
mod token;
mod view;

pub use event::{PhoneEvent, PhoneState, Why};
pub use link::{Address, InvalidLink, Link, LinkFault};
pub use pair::{PairError, PairStep, Paired, Proposal};
pub use pairing::Pairing;
pub use phones::{Bluetooth, Phones, PhonesConfig};
pub use token::PhoneToken;

pub use claviger_phone_protocol::{
    Closed, Code, Info, KeyEntry, Method, PairingId, PublicKey, Refusal, StaticKey,
};
