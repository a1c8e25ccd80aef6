use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types;
use zeroize::Zeroizing;

use super::{Channel, Hello, Versions, blake2s};
use crate::{Closed, MESSAGE_LIMIT, Psk, PublicKey, Randomness, StaticKey};

/// Which end of a handshake it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Host,
    Phone,
}

/// A Noise handshake under way. Its payloads are empty.
pub(crate) struct Handshake {
    noise: snow::HandshakeState,
    /// The most bytes of a message in the channel that comes of it.
    limit: usize,
}

/// What came of a handshake.
pub(crate) struct Finished {
    pub(crate) channel: Channel,
    /// What both ends saw, in 32 bytes.
    pub(crate) hash: [u8; 32],
    pub(crate) peer: PublicKey,
}

/// What a handshake is made of beside the messages.
pub(crate) struct Ingredients<'a> {
    pub(crate) hello: Hello,
    pub(crate) versions: &'a Versions,
    /// The user, where both know already.
    pub(crate) uid: Option<u32>,
    pub(crate) own: &'a StaticKey,
    /// The other end's key, where it is known.
    pub(crate) peer: Option<PublicKey>,
    /// The secret of a pairing URI.
    pub(crate) secret: Option<&'a Psk>,
}

impl Handshake {
    /// Begins one.
    pub(crate) fn new(
        role: Role,
        ingredients: &Ingredients<'_>,
        randomness: &mut dyn Randomness,
    ) -> Result<Self, Closed> {
        let Ingredients { hello, versions, uid, own, peer, secret } = ingredients;
        let mut seed = Zeroizing::new([0; 32]);
        randomness.fill(&mut *seed).map_err(|_| Closed::NoRandomness)?;
        let protocol = hello.protocol().parse().map_err(|_| Closed::Forged)?;
        let prologue = prologue(*hello, versions, *uid);
        let psk = secret.map(Psk::expand);
        let mut noise = snow::Builder::with_resolver(protocol, Box::new(Resolver { seed }))
            .prologue(&prologue)
            .and_then(|noise| noise.local_private_key(own.expose()))
            .map_err(|_| Closed::Forged)?;
        if let Some(peer) = peer {
            noise = noise.remote_public_key(peer.as_bytes()).map_err(|_| Closed::Forged)?;
        }
        if let Some(psk) = &psk {
            noise = noise.psk(0, psk).map_err(|_| Closed::Forged)?;
        }
        let noise = match role {
            Role::Host => noise.build_initiator(),
            Role::Phone => noise.build_responder(),
        };
        let limit = match hello {
            Hello::Known(_) => MESSAGE_LIMIT,
            // Anybody may be at the other end.
            Hello::Uri(_) | Hello::Numbers(_) => PAIRING_MESSAGE_LIMIT,
        };
        noise.map(|noise| Self { noise, limit }).map_err(|_| Closed::Forged)
    }

    /// Returns the next message.
    pub(crate) fn write(&mut self) -> Result<Vec<u8>, Closed> {
        let mut message = vec![0; MESSAGE_ROOM];
        let length = self.noise.write_message(&[], &mut message).map_err(|_| Closed::Forged)?;
        message.truncate(length);
        Ok(message)
    }

    /// Takes the other end's next message.
    pub(crate) fn read(&mut self, message: &[u8]) -> Result<(), Closed> {
        if message.len() > MESSAGE_ROOM {
            return Err(Closed::Forged);
        }
        match self.noise.read_message(message, &mut [0; MESSAGE_ROOM]) {
            Ok(0) => Ok(()),
            Ok(_) | Err(_) => Err(Closed::Forged),
        }
    }

    /// Returns whether both ends said everything.
    pub(crate) fn is_finished(&self) -> bool {
        self.noise.is_handshake_finished()
    }

    /// Goes over to the channel.
    pub(crate) fn finish(self) -> Result<Finished, Closed> {
        let hash = self.noise.get_handshake_hash().try_into().map_err(|_| Closed::Forged)?;
        let peer = self.noise.get_remote_static().and_then(|key| key.try_into().ok());
        let peer = peer.map(PublicKey::from_bytes).filter(PublicKey::is_sound).ok_or(Closed::WrongKey)?;
        let transport = self.noise.into_transport_mode().map_err(|_| Closed::Forged)?;
        Ok(Finished { channel: Channel::new(transport, self.limit), hash, peer })
    }
}

/// Returns what both ends must agree on without having said it inside the handshake: each field with its length before it.
fn prologue(hello: Hello, versions: &Versions, uid: Option<u32>) -> Vec<u8> {
    let uid = uid.map_or_else(String::new, |uid| uid.to_string());
    let fields = [Versions::text(&versions.host), Versions::text(&versions.phone), hello.to_string(), uid];
    let mut prologue = b"claviger-phone\0".to_vec();
    for field in fields {
        // The longest has 16 numbers of 10 digits.
        prologue.extend(u16::try_from(field.len()).unwrap_or(u16::MAX).to_be_bytes());
        prologue.extend(field.as_bytes());
    }
    prologue
}

impl Psk {
    /// Returns the 32 bytes that Noise wants.
    fn expand(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake2s(&[b"claviger pair psk", self.expose()]))
    }
}

/// snow's own primitives, with an ephemeral key that was drawn before.
struct Resolver {
    seed: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn types::Random>> {
        Some(Box::new(Drawn(Some(self.seed.clone()))))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn types::Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn types::Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn types::Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

/// Random bytes for the one ephemeral key of a handshake. They are given once.
struct Drawn(Option<Zeroizing<[u8; 32]>>);

impl types::Random for Drawn {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        let seed = self.0.take().filter(|seed| seed.len() == bytes.len()).ok_or(snow::Error::Rng)?;
        bytes.copy_from_slice(&*seed);
        Ok(())
    }
}

/// The most bytes of a message in a channel to pair in: two texts that people read, every byte of them escaped, and more than
/// that.
const PAIRING_MESSAGE_LIMIT: usize = 4096;

/// No message of the three patterns is longer than 96 bytes without a payload.
const MESSAGE_ROOM: usize = 96;
