//! What a token is.
//!
//! A token is one concrete thing that holds private keys: a paired phone, a card, the local store of a user.
//! The daemon knows tokens only by what stands here:
//!
//! | file | noun |
//! | --- | --- |
//! | `algorithm` | [`Algorithm`]: what kind of key it is |
//! | `hash` | [`Hash`](enum@Hash): the digests and their sizes |
//! | `mechanism` | [`Mechanism`]: what is done with a key; the one table of names and PKCS#11 numbers |
//! | `parameters` | [`Parameters`]: what a mechanism needs beside data |
//! | `key` | [`KeyId`], [`KeyHandle`], [`KeyInfo`], [`Binding`] |
//! | `operation` | [`TokenOp`] and [`TokenOutput`]: operations as data |
//! | `token` | [`Token`], [`Capabilities`], [`Presence`] |
//! | `site` | [`Site`]: where on a token a new key comes to stand, [`PinPolicy`], [`TouchPolicy`] |
//! | `spare` | [`Spare`]: the tries at a PIN that are not this caller's to spend |
//! | `secret` | [`Secret`]: bytes that are wiped and never printed |
//! | `errand` | [`Errand`]: for whom an operation is done |
//! | `error` | [`TokenError`] |
//!
//! This room does no I/O and depends on no token.

mod algorithm;
mod errand;
mod error;
mod hash;
mod key;
mod mechanism;
mod operation;
mod parameters;
mod secret;
mod site;
mod spare;
mod token;

pub use algorithm::Algorithm;
pub use errand::Errand;
pub use error::TokenError;
pub use hash::Hash;
pub use key::{Binding, InvalidKeyId, KeyHandle, KeyId, KeyInfo, Usage};
pub use mechanism::{Mechanism, Purpose};
pub use operation::{Generated, TokenOp, TokenOutput};
pub use parameters::{Kdf, Parameters};
pub use secret::Secret;
pub use site::{PinPolicy, Site, TouchPolicy};
pub use spare::Spare;
pub use token::{Capabilities, Pace, Performing, Presence, Token, TokenId, TokenKind};
