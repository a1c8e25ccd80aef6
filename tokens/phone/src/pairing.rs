use claviger_phone_protocol::{Known, PairingId, PublicKey, StaticKey};
use claviger_token::TokenId;

use crate::Link;

/// What this computer keeps of a phone. It holds a private key, and has therefore no `Debug`.
#[derive(Clone)]
pub struct Pairing {
    /// The name of the pairing; the phone has it too.
    pub id: PairingId,
    /// The user whose phone it is.
    pub uid: u32,
    /// What its owner calls it.
    pub name: String,
    /// This computer's key, made for this pairing.
    pub host_key: StaticKey,
    /// The phone's key.
    pub phone_key: PublicKey,
    /// The ways to it, in the order in which they are tried.
    pub links: Vec<Link>,
}

impl Pairing {
    /// Returns the id of the token that the phone of that pairing is: `phone:0123…`.
    pub fn token_of(id: PairingId) -> TokenId {
        TokenId::new(format!("phone:{id}"))
    }

    /// Returns the id of the token that it is.
    pub fn token(&self) -> TokenId {
        Self::token_of(self.id)
    }

    /// Returns what opens a channel.
    pub(crate) fn known(&self) -> Known {
        Known { pairing: self.id, uid: self.uid, own: self.host_key.clone(), peer: self.phone_key }
    }
}
