//! What a host and a phone say to each other, and in which order: bytes in, bytes and events out.
//!
//! `docs/phone-protocol.md` specifies every byte. Here stand both ends of it, so that neither can drift from the other:
//!
//! | file | noun |
//! | --- | --- |
//! | `at` | lines, commands and results of ITU-T V.250: split, parsed, printed |
//! | `channel` | the Noise handshakes and the secure channel: frames, fragments |
//! | `key` | [`PairingId`], [`StaticKey`], [`PublicKey`] |
//! | `randomness` | [`Randomness`]: where random bytes come from |
//! | `message` | [`Request`], [`Command`], [`Reply`], [`Answer`], [`Notice`] and their text |
//! | `failure` | [`Failure`]: why the phone did not do it; the one mapping of errors to PKCS#11's numbers |
//! | `pairing` | [`PairingUri`], [`Offer`], numbers to compare |
//! | `host` | [`host::Host`]: the end that commands |
//! | `phone` | [`phone::Phone`]: the end that keeps the keys |
//!
//! This room does no I/O, reads no clock and knows no runtime: whoever drives an end owns the stream and the time.
//!
//! Private keys, pre-shared secrets and everything that was or will be encrypted are wiped when they are no longer
//! needed. What snow keeps inside (the channel's symmetric keys, the ephemeral keys of a handshake, a copy of the static
//! key while one runs) it does not wipe, nor does the arithmetic wipe the stack: that memory lives as long as the channel, and is
//! freed as it is.

#![forbid(unsafe_code)]

mod at;
mod channel;
mod failure;
pub mod host;
mod key;
mod message;
mod pairing;
#[doc(hidden)]
pub mod parsers;
pub mod phone;
mod randomness;
mod stream;

pub use channel::Hello;
pub use failure::{Failure, Rv};
pub use key::{InvalidPairingId, Known, PairingId, PublicKey, StaticKey};
pub use message::{
    Answer, Change, Command, Info, KeyEntry, Mechanics, NewKey, Notice, Reply, Request, RequestId, is_hidden,
};
pub use pairing::{Code, InvalidUri, Method, NewPairing, Offer, PairingUri, Psk, Terms};
pub use randomness::{Randomness, RandomnessFailed, SystemRandomness};
pub use stream::{Closed, NotOpen, Refusal};

pub use claviger_token::Errand;

/// The versions of the protocol that are spoken here, the one liked best first.
pub const VERSIONS: &[u32] = &[1];

/// The service that a phone offers over RFCOMM.
pub const SERVICE_UUID: &str = "6e2f0a10-5e1c-4c5b-9a6b-0d0c5f7c1a01";

/// The most bytes of one line, without what ends it. A longer one closes the stream.
pub const LINE_LIMIT: usize = 16_384;

/// The most bytes of one message, all its fragments together.
pub const MESSAGE_LIMIT: usize = 1_572_864;

/// The most data that one operation takes, in bytes.
pub const DATA_LIMIT: usize = 1_048_576;

/// The most requests that may wait for their answers at a time.
pub const PENDING_LIMIT: usize = 64;

/// The most bytes of what waits for answers at a time: the messages of the requests, and the random bytes that they ask for.
pub const PENDING_BYTES_LIMIT: usize = 4_194_304;
