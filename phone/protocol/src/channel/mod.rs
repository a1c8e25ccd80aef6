//! The secure channel: how it is opened, and what travels in it.

mod frames;
mod handshake;
mod hello;
mod versions;

use blake2::{Blake2s256, Digest};

pub(crate) use frames::{Channel, Frame};
pub(crate) use handshake::{Finished, Handshake, Ingredients, Role};
pub use hello::Hello;
pub(crate) use versions::Versions;

/// Returns BLAKE2s (RFC 7693, 32 bytes, no key) of the parts, one behind the other.
pub(crate) fn blake2s(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Blake2s256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}
