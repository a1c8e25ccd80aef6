//! How a host and a phone come to know each other.

mod offer;
mod uri;

pub use offer::{Code, Method, NewPairing, Offer, Terms};
pub use uri::{InvalidUri, PairingUri, Psk};
