use std::fmt;

use claviger_token::{Algorithm, Errand, Hash, KeyId, Mechanism, Parameters, Secret, Spare};

/// The name of a request on one channel. Each is greater than the one before; the first is random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(u64);

impl Command {
    /// Returns how many bytes of data it carries, and how many random ones it asks for.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Info
            | Self::Find
            | Self::Attributes { .. }
            | Self::Generate { .. }
            | Self::Certificates { .. }
            | Self::Delete { .. }
            | Self::Logout
            | Self::Ping
            | Self::Unpair => 0,
            Self::Import { private_key, .. } => private_key.expose().len(),
            Self::Sign { with, data, .. }
            | Self::Decrypt { with, ciphertext: data, .. }
            | Self::Derive { with, peer: data, .. }
            | Self::Decapsulate { with, ciphertext: data, .. } => with.weight() + data.len(),
            Self::Verify { with, data, signature } => with.weight() + data.len() + signature.len(),
            Self::Encrypt { with, plaintext } => with.weight() + plaintext.expose().len(),
            Self::Random { length } => usize::try_from(*length).unwrap_or(usize::MAX),
            Self::Digest { data, .. } => data.len(),
            Self::Certify { certificates, .. } => certificates.iter().map(Vec::len).sum(),
            Self::Login { secret, .. } => secret.as_ref().map_or(0, |secret| secret.expose().len()),
        }
    }
}

impl Mechanics {
    fn weight(&self) -> usize {
        let Parameters { label, shared_info, context, .. } = &self.parameters;
        [label, shared_info, context].into_iter().flatten().map(Vec::len).sum()
    }
}

impl RequestId {
    /// Returns the id of that number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016X}", self.0)
    }
}

/// A command and the name that its answer will bear.
#[derive(Clone)]
pub struct Request {
    /// The name.
    pub id: RequestId,
    /// What is wanted.
    pub command: Command,
}

/// With which key, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mechanics {
    /// The key, by the phone's reference of it ([`KeyEntry::reference`](crate::KeyEntry::reference)).
    pub key: String,
    /// How.
    pub mechanism: Mechanism,
    /// With what beside the data.
    pub parameters: Parameters,
}

/// What the host says of a key that comes to stand on the phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// The host's stable id of it (`CKA_ID`).
    pub id: KeyId,
    /// Its name for people.
    pub label: String,
}

/// What a host may want of a phone. Each is one function of PKCS#11.
#[derive(Clone)]
pub enum Command {
    /// `CKINFO` (`C_GetTokenInfo`, `C_GetMechanismList`) -> [`Reply::Info`](crate::Reply::Info).
    Info,
    /// `CKFIND` (`C_FindObjects`): all keys there are, the same for every paired host -> `Reply::Keys`.
    Find,
    /// `CKATTR` (`C_GetAttributeValue`) -> `Reply::Key`.
    Attributes {
        /// The key.
        key: String,
    },
    /// `CKGEN` (`C_GenerateKeyPair`) -> `Reply::Key`.
    Generate {
        /// What kind.
        algorithm: Algorithm,
        /// What it is called.
        new: NewKey,
        /// For whom.
        errand: Errand,
    },
    /// `CKIMP` (`C_CreateObject`) -> `Reply::Key`.
    Import {
        /// The private key, DER PKCS#8.
        private_key: Secret,
        /// What it is called.
        new: NewKey,
        /// For whom.
        errand: Errand,
    },
    /// `CKSIGN` (`C_Sign`) -> `Reply::Signature`.
    Sign {
        /// With which key, and how.
        with: Mechanics,
        /// What is signed.
        data: Vec<u8>,
        /// For whom.
        errand: Errand,
    },
    /// `CKVFY` (`C_Verify`), with the public half -> `Reply::Done`, or `CKR_SIGNATURE_INVALID`.
    Verify {
        /// With which key, and how.
        with: Mechanics,
        /// What was signed.
        data: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// `CKENC` (`C_Encrypt`), with the public half -> `Reply::Ciphertext`.
    Encrypt {
        /// With which key, and how.
        with: Mechanics,
        /// What is encrypted.
        plaintext: Secret,
    },
    /// `CKDEC` (`C_Decrypt`) -> `Reply::Plaintext`.
    Decrypt {
        /// With which key, and how.
        with: Mechanics,
        /// What is decrypted.
        ciphertext: Vec<u8>,
        /// For whom.
        errand: Errand,
    },
    /// `CKDER` (`C_DeriveKey`) -> `Reply::SharedSecret`.
    Derive {
        /// With which key, and how.
        with: Mechanics,
        /// The peer's public key, as in [`TokenOp::Derive`](claviger_token::TokenOp::Derive).
        peer: Vec<u8>,
        /// For whom.
        errand: Errand,
    },
    /// `CKDCP` (`C_DecapsulateKey`) -> `Reply::SharedSecret`.
    Decapsulate {
        /// With which key, and how.
        with: Mechanics,
        /// The encapsulated secret.
        ciphertext: Vec<u8>,
        /// For whom.
        errand: Errand,
    },
    /// `CKRND` (`C_GenerateRandom`) -> `Reply::Random`.
    Random {
        /// How many bytes, at most [`DATA_LIMIT`](crate::DATA_LIMIT).
        length: u32,
    },
    /// `CKDIG` (`C_Digest`) -> `Reply::Digest`.
    Digest {
        /// Which digest.
        hash: Hash,
        /// Of what.
        data: Vec<u8>,
    },
    /// `CKCERT?`-like: the certificates that stand beside a key -> `Reply::Certificates`.
    Certificates {
        /// The key.
        key: String,
    },
    /// `CKCERT` with certificates: they stand beside the key from now on; none takes them away -> `Reply::Done`.
    Certify {
        /// The key.
        key: String,
        /// DER, the key's own first.
        certificates: Vec<Vec<u8>>,
        /// For whom.
        errand: Errand,
    },
    /// `CKDEL` (`C_DestroyObject`) -> `Reply::Done`.
    Delete {
        /// The key.
        key: String,
        /// For whom.
        errand: Errand,
    },
    /// `CKLOGIN` (`C_Login`) -> `Reply::Done`.
    Login {
        /// The secret; without one the phone asks its own person.
        secret: Option<Secret>,
        /// The tries that are not spent on it.
        spare: Spare,
        /// For whom.
        errand: Errand,
    },
    /// `CKLOGOUT` (`C_Logout`) -> `Reply::Done`.
    Logout,
    /// `CKPING`: the heartbeat -> `Reply::Done`. The phone's end answers it by itself.
    Ping,
    /// `CKUNPAIR`: the pairing ends on both sides -> `Reply::Done`.
    Unpair,
}
