//! What is done with keys: pure state machines over a [`Store`](crate::Store).
//!
//! | file | noun |
//! | --- | --- |
//! | `ffi` | [`read`]: a `CK_MECHANISM`, copied out of the program's memory |
//! | `parameter` | [`Parameter`]: a mechanism that the module knows and what it was given, checked |
//! | `digest` | [`Digest`] |
//! | `sign`, `verify` | [`Sign`], [`Verify`] |
//! | `encrypt`, `decrypt` | [`Encrypt`], [`Decrypt`] |
//! | `wrap` | [`wrap`](wrap()), [`unwrap`]: secret keys, to and with RSA keys |
//! | `derive` | [`derive`](derive()): ECDH, and what is derived from it |
//! | `encapsulate` | [`encapsulate`](encapsulate()), [`decapsulate`]: ML-KEM |
//! | `random` | [`random`](random()), [`seed`] |
//! | `list` | [`mechanisms`]: what a slot offers |
//! | `scheme` | the signature mechanisms: primitive and hash |
//! | `message` | what is signed: gathered, or digested as it comes |
//! | `cipher` | RSA encryption with its padding |
//! | `gathered`, `hasher` | data that come in pieces |
//!
//! An operation is used up by its end, well or not: `finish` and `once` take it by value, and the session drops it at any
//! error of `update`. Whether the program must log in before, the session asks. What comes out may have to wait
//! for a buffer that is long enough: the session keeps it meanwhile, so that nobody is asked twice.

mod cipher;
mod decrypt;
mod derive;
mod digest;
mod encapsulate;
mod encrypt;
mod ffi;
mod gathered;
mod hasher;
mod list;
mod message;
mod parameter;
mod random;
mod scheme;
mod sign;
#[cfg(test)]
mod testing;
mod verify;
mod wrap;

pub(crate) use decrypt::Decrypt;
pub(crate) use derive::derive;
pub(crate) use digest::Digest;
pub(crate) use encapsulate::{ciphertext_length, decapsulate, encapsulate};
pub(crate) use encrypt::Encrypt;
pub(crate) use ffi::read;
pub(crate) use list::{Info, mechanisms};
pub(crate) use parameter::Parameter;
#[cfg(test)]
pub(crate) use parameter::Value;
pub(crate) use random::{random, seed};
pub(crate) use sign::Sign;
pub(crate) use verify::Verify;
pub(crate) use wrap::{unwrap, wrap, wrapped_length};

use claviger_client::{Error, ErrorName};
use claviger_token::Mechanism;

use crate::key::Key;
use crate::rv::Rv;

/// The longest message that the key store takes.
const MESSAGE_LIMIT: usize = 1024 * 1024;

/// Returns true where the key has the mechanism where it stands.
fn has(key: &Key, mechanism: Mechanism) -> bool {
    key.row().mechanisms.iter().any(|name| name == mechanism.name())
}

/// Returns the code for what the key store refuses an operation with: `invalid` for data that do not fit, the
/// parameter's for options that do not.
fn refused(error: Error, invalid: Rv) -> Rv {
    match error.name() {
        Some(ErrorName::DataInvalid) => invalid,
        Some(ErrorName::InvalidArgs | ErrorName::NotSupported) => Rv::MECHANISM_PARAM_INVALID,
        Some(_) | None => error.into(),
    }
}
