//! How a host and a phone come to know each other.

mod numbers;
mod offer;
mod steps;
mod uri;

pub use numbers::Code;
pub(crate) use numbers::{Commitment, Nonce};
pub use offer::{Method, NewPairing, Offer, Terms};
pub(crate) use offer::{Proof, key_hash};
pub(crate) use steps::{HostStep, PhoneStep};
pub use uri::{InvalidUri, PairingUri, Psk};
