use std::sync::Arc;

use crate::{Algorithm, Binding, KeyHandle, Mechanism, Parameters, Secret, Site, Spare, Usage};

/// One operation of a token, as data. Every token takes them through [`Token::perform`](crate::Token::perform)
/// and refuses those that its capabilities do not name.
pub enum TokenOp {
    /// Signs `data`: a message, a digest, what is to be padded (usually a DigestInfo) or a padded block, as the mechanism says.
    Sign {
        /// The key that signs.
        key: KeyHandle,
        /// How.
        mechanism: Mechanism,
        /// With what beside the data.
        parameters: Parameters,
        /// What is signed.
        data: Vec<u8>,
    },
    /// Decrypts `ciphertext`.
    Decrypt {
        /// The key that decrypts.
        key: KeyHandle,
        /// How.
        mechanism: Mechanism,
        /// With what beside the data.
        parameters: Parameters,
        /// Exactly one block of the modulus's size.
        ciphertext: Vec<u8>,
    },
    /// Agrees on a secret; any derivation from it is the host's.
    Derive {
        /// The key that agrees.
        key: KeyHandle,
        /// How.
        mechanism: Mechanism,
        /// The peer's public key: DER SubjectPublicKeyInfo, an uncompressed point (X9.62), or 32 bytes of X25519.
        peer: Vec<u8>,
    },
    /// Opens an encapsulated secret.
    Decapsulate {
        /// The key that opens.
        key: KeyHandle,
        /// How.
        mechanism: Mechanism,
        /// 768, 1088 or 1568 bytes for ML-KEM-512, 768, 1024.
        ciphertext: Vec<u8>,
    },
    /// Makes a new key.
    Generate {
        /// What kind.
        algorithm: Algorithm,
        /// What its record will be bound to.
        binding: Binding,
        /// Where on the token.
        site: Site,
    },
    /// Takes a key that was made elsewhere.
    Import {
        /// The private key, DER PKCS#8 (RFC 5958).
        private_key: Secret,
        /// What its record will be bound to.
        binding: Binding,
        /// Where on the token.
        site: Site,
    },
    /// Erases a key from the token. What the host keeps for it, the host erases.
    Delete {
        /// The key that goes.
        key: KeyHandle,
    },
    /// Makes the token's keys usable.
    Unlock {
        /// The pass phrase or the PIN.
        secret: Secret,
        /// What the host keeps for the token: the key slots of a local store; `None` for hardware.
        slots: Option<Arc<[u8]>>,
        /// The tries that are not spent on it, where the token counts them itself.
        spare: Spare,
    },
    /// Wipes what unlocking left in memory.
    Lock,
}

/// What a token gives back.
pub enum TokenOutput {
    /// A signature: r || s for ECDSA, the modulus's size for RSA, 64 bytes for Ed25519, FIPS 204's for ML-DSA.
    Signature(Vec<u8>),
    /// A decrypted message.
    Plaintext(Secret),
    /// An agreed or opened secret.
    SharedSecret(Secret),
    /// A key came to stand on the token.
    Generated(Generated),
    /// It is done and there is nothing to give.
    Done,
}

/// A key that a token just made or took.
pub struct Generated {
    /// What kind it is.
    pub algorithm: Algorithm,
    /// What it can be used for where it stands: a card's places are each for something.
    pub usage: Usage,
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// Where it stands on the token; empty for a local store.
    pub reference: String,
    /// What the host must keep for the token, if anything: the sealed record of a local key.
    pub record: Option<Vec<u8>>,
    /// What the token says of how the key was made: DER certificates, the key's own first; empty where it
    /// says nothing.
    pub attestation: Vec<Vec<u8>>,
}
