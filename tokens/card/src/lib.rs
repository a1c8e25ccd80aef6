//! PC/SC cards as tokens.
//!
//! | file | noun |
//! | --- | --- |
//! | `contents` | [`Contents`]: what stands on a card, read without a PIN; [`CardKey`], [`Kind`], [`PinRules`] |
//! | `operation` | [`CardOp`] and [`CardOutput`]: what an application on a card is asked for, as data |
//! | `exchange` | [`Exchange`]: one card inside one transaction, APDU by APDU |
//! | `piv` | PIV and Yubico's extensions |
//! | `apdu`, `tlv`, `status` | commands and answers, BER-TLV, status words |
//! | `spki` | public keys as cards give them, and as DER |
//! | `peer` | the peer's public key of an agreement, checked |
//! | `private_key` | a private key on its way into a card, taken apart |
//! | `opensc` | [`opensc::Helper`]: what only OpenSC knows, in a process of its own |
//! | `error` | [`CardError`]: why a card did not do it |
//!
//! A request goes `CardToken::perform` (the token) -> the thread of the reader in which the card is -> one PC/SC
//! transaction -> an application (`piv`, `openpgp`) which talks through [`Exchange`], or the OpenSC helper.
//! Applications decide nothing about readers, and readers nothing about applications.

mod apdu;
mod contents;
mod error;
mod exchange;
pub mod opensc;
mod operation;
mod peer;
mod piv;
mod private_key;
#[cfg(test)]
mod replay;
mod spki;
mod status;
mod tlv;

pub use contents::{CardKey, Contents, Kind, PinRules};
pub use error::CardError;
pub use exchange::{Exchange, PadEntry};
pub use operation::{CardOp, CardOutput, Pin};
