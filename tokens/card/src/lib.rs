//! PC/SC cards as tokens.
//!
//! | file | noun |
//! | --- | --- |
//! | `contents` | [`Contents`]: what stands on a card, read without a PIN; [`CardKey`], [`Kind`], [`PinRules`] |
//! | `operation` | [`CardOp`] and [`CardOutput`]: what an application on a card is asked for, as data |
//! | `exchange` | [`Exchange`]: one card inside one transaction, APDU by APDU |
//! | `spki` | public keys as cards give them, and as DER |
//! | `peer` | the peer's public key of an agreement, checked |
//! | `private_key` | a private key on its way into a card, taken apart |
//! | `error` | [`CardError`]: why a card did not do it |
//!
//! A request goes `CardToken::perform` (the token) -> the thread of the reader in which the card is -> one PC/SC
//! transaction -> an application (`piv`, `openpgp`) which talks through [`Exchange`], or the OpenSC helper.
//! Applications decide nothing about readers, and readers nothing about applications.

mod contents;
mod error;
mod exchange;
mod operation;
mod peer;
mod private_key;
mod spki;

pub use contents::{CardKey, Contents, Kind, PinRules};
pub use error::CardError;
pub use exchange::{Exchange, PadEntry};
pub use operation::{CardOp, CardOutput, Pin};
