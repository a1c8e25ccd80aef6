use claviger_token::{Algorithm, Capabilities, KeyId, Secret, Usage};

use crate::{Failure, RequestId};

/// What came of a request.
pub struct Answer {
    /// Which request.
    pub id: RequestId,
    /// What came of it.
    pub outcome: Result<Reply, Failure>,
}

/// What a phone gives.
#[derive(Clone)]
pub enum Reply {
    /// It is done and there is nothing to give.
    Done,
    /// What the phone is and can.
    Info(Info),
    /// The keys there are.
    Keys(Vec<KeyEntry>),
    /// One key: looked up, made, or taken.
    Key(KeyEntry),
    /// A signature.
    Signature(Vec<u8>),
    /// What was encrypted.
    Ciphertext(Vec<u8>),
    /// What was decrypted.
    Plaintext(Secret),
    /// What was agreed on, or opened.
    SharedSecret(Secret),
    /// Random bytes.
    Random(Secret),
    /// A digest.
    Digest(Vec<u8>),
    /// Certificates, DER, the key's own first.
    Certificates(Vec<Vec<u8>>),
}

/// What a phone's crypto module is and can (`CK_TOKEN_INFO`, the mechanism list).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its name for people.
    pub label: String,
    /// Who made the phone.
    pub manufacturer: String,
    /// Which phone it is.
    pub model: String,
    /// Its serial number; may be empty.
    pub serial: String,
    /// Whether the keys can be used without a further secret (for this channel).
    pub unlocked: bool,
    /// Whether the phone asks its own person to unlock (`CKF_PROTECTED_AUTHENTICATION_PATH`).
    pub asks_itself: bool,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// A key on a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// The phone's name of it, at most 128 bytes of printable ASCII without a quote.
    pub reference: String,
    /// The host's id of it, where a host gave one.
    pub id: Option<KeyId>,
    /// Its name for people.
    pub label: String,
    /// What kind it is.
    pub algorithm: Algorithm,
    /// What it can be used for.
    pub usage: Usage,
    /// The public key, DER SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
}

/// What a phone says unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// `+CKBYE`: it leaves, and why. The stream ends after it.
    Bye(String),
    /// `+CKPAUSE`: it will be silent for so many seconds, at most 120.
    Pause(u32),
    /// `+CKCHG`: something changed.
    Changed(Change),
}

/// What changed on the phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The module can be used now.
    Unlocked,
    /// The module needs its person again.
    Locked,
    /// Keys or certificates came or went.
    Keys,
}
