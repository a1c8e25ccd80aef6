//! PC/SC cards as tokens.
//!
//! | file | noun |
//! | --- | --- |
//! | `contents` | [`Contents`]: what stands on a card, read without a PIN; [`CardKey`], [`Kind`], [`PinRules`] |
//! | `operation` | [`CardOp`] and [`CardOutput`]: what an application on a card is asked for, as data |
//! | `exchange` | [`Exchange`]: one card inside one transaction, APDU by APDU |
//! | `apdu_channel`, `applet` | [`ApduChannel`], [`Applet`]: the same applications where there is no reader |
//! | `piv` | PIV and Yubico's extensions |
//! | `openpgp` | the OpenPGP card |
//! | `apdu`, `tlv`, `status` | commands and answers, BER-TLV, status words |
//! | `chain` | certificates: the fields that are looked at, and which signed which |
//! | `spki` | public keys as cards give them, and as DER |
//! | `peer` | the peer's public key of an agreement, checked |
//! | `private_key` | a private key on its way into a card, taken apart |
//! | `opensc` | [`opensc::Helper`]: what only OpenSC knows, in a process of its own |
//! | `cards` | [`Cards`]: every reader and card of this computer; [`CardsConfig`] |
//! | `token` | [`CardToken`]: one application on one card, as a token; `login`: its proof at a login prompt |
//! | `event` | [`CardEvent`], [`CardState`], [`Inside`]: what is told of readers and cards |
//! | `registry` | what is known: where the watcher, the readers' threads and those who ask meet |
//! | `watcher`, `presence` | what pcscd reports, and what follows from it (pure) |
//! | `reader`, `driver` | the queue of a reader, and what its thread does |
//! | `link`, `connection`, `fault` | the way to the card: context, connection, transaction; PC/SC's errors |
//! | `ticket`, `deadline` | one request on its way, and the clock that answers when nobody else does |
//! | `tries` | [`may_try`]: whether a PIN may be tried where so many tries are left |
//! | `threads` | how many threads run |
//! | `pin_pad` | PINs entered at the reader |
//! | `application` | which code speaks to which application |
//! | `error` | [`CardError`]: why a card did not do it |
//!
//! A request goes `CardToken::perform` (the token) -> the thread of the reader in which the card is -> one PC/SC
//! transaction -> an application (`piv`, `openpgp`) which talks through [`Exchange`], or the OpenSC helper.
//! Applications decide nothing about readers, and readers nothing about applications.

mod apdu;
mod apdu_channel;
mod applet;
mod application;
mod cards;
mod chain;
mod connection;
mod contents;
mod deadline;
mod driver;
mod error;
mod event;
mod exchange;
mod fault;
mod kept_pin;
mod link;
mod openpgp;
pub mod opensc;
mod operation;
#[doc(hidden)]
pub mod parsers;
mod peer;
mod pin_pad;
mod piv;
mod presence;
mod private_key;
mod reader;
mod registry;
#[cfg(test)]
mod replay;
mod spki;
mod status;
mod threads;
mod ticket;
mod tlv;
mod token;
mod tries;
mod watcher;

pub use apdu_channel::ApduChannel;
pub use applet::Applet;
pub use cards::{Cards, CardsConfig};
pub use contents::{CardKey, Contents, Kind, PinRules};
pub use error::CardError;
pub use event::{CardEvent, CardState, Inside};
pub use exchange::{Exchange, PadEntry};
pub use operation::{CardOp, CardOutput, Pin};
pub use token::CardToken;
pub use tries::may_try;
