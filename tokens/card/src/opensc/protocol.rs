//! What both ends speak: after a [`Request::Hello`] any number of requests, one after the other, each answered by one
//! [`Reply`]. Frames are `frame`'s.

use std::fmt::Write;

use claviger_token::Secret;
use serde::{Deserialize, Serialize};

use super::{found, remote};
use crate::{CardError, CardOp, CardOutput, Pin};

/// The version of the protocol; both ends must have the same one. They are installed together.
pub const VERSION: u16 = 2;

/// Texts inside [`CardError`] that are fixed: they are sent as their place in [`PHRASES`].
pub mod phrase {
    /// What UnblockPin wants.
    pub const PUK: &str = "PUK";
    /// [`CardError::NotSupported`](crate::CardError::NotSupported) for UnblockPin.
    pub const UNBLOCK: &str = "have its PIN unblocked through OpenSC";
    /// The same for ChangePin.
    pub const CHANGE: &str = "have its PIN changed through OpenSC";
    /// The same for Generate.
    pub const GENERATE: &str = "make keys through OpenSC: its maker's own program may";
    /// The same for Import.
    pub const IMPORT: &str = "take keys through OpenSC";
    /// The same for WriteCertificate.
    pub const CERTIFICATE: &str = "take certificates through OpenSC";
    /// The same for Initialize.
    pub const INITIALIZE: &str = "be initialised through OpenSC";
    /// The same for Attest.
    pub const ATTEST: &str = "attest keys through OpenSC";
    /// The same for a pin pad that OpenSC does not see.
    pub const PAD: &str = "have its PIN entered at the reader";
}

/// Every [`phrase`].
pub const PHRASES: [&str; 9] = [
    phrase::PUK,
    phrase::UNBLOCK,
    phrase::CHANGE,
    phrase::GENERATE,
    phrase::IMPORT,
    phrase::CERTIFICATE,
    phrase::INITIALIZE,
    phrase::ATTEST,
    phrase::PAD,
];

/// What the daemon asks of the helper. Each is answered by one [`Reply`].
#[derive(Serialize, Deserialize)]
pub enum Request {
    /// The first one: what is spoken, and the reader that this connection is about. Answered by [`Reply::Ready`].
    Hello {
        /// [`VERSION`].
        version: u16,
        /// The reader's name as PC/SC has it.
        reader: String,
    },
    /// Asks what stands on the card, without a PIN. Answered by [`Reply::Contents`].
    Read,
    /// Asks for an operation. Answered by [`Reply::Output`].
    Perform {
        /// The serial of the card that it is meant for.
        serial: String,
        /// The public key that stands at the place which the operation names, where it names one.
        public_key: Option<Vec<u8>>,
        /// How the PIN comes to the card.
        pin: PinGiven,
        /// What is asked for.
        #[serde(with = "remote::CardOpDef")]
        operation: CardOp,
    },
}

/// [`Pin`], owned.
#[derive(Serialize, Deserialize)]
pub enum PinGiven {
    /// Not at all.
    None,
    /// It is sent along.
    Given(#[serde(with = "remote::secret")] Secret),
    /// At the reader.
    Pad,
}

/// What the helper answers.
#[derive(Serialize, Deserialize)]
pub enum Reply {
    /// The helper speaks this version and serves that reader.
    Ready,
    /// What stands on the card; `None` where OpenSC knows nothing of it.
    Contents(Option<Found>),
    /// What an operation gave.
    Output(#[serde(with = "remote::CardOutputDef")] CardOutput),
    /// It did not do it.
    Refused(#[serde(with = "remote::CardErrorDef")] CardError),
}

/// A card as OpenSC finds it. The daemon believes none of it: `found` checks it and makes
/// [`Contents`](crate::Contents) of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The token's serial.
    pub serial: String,
    /// The token's label.
    pub label: String,
    /// The token's manufacturer.
    pub manufacturer: String,
    /// The fewest characters of a PIN.
    pub shortest_pin: u32,
    /// The most characters of a PIN.
    pub longest_pin: u32,
    /// How many tries are left, where the flags say so.
    pub tries_left: Option<u32>,
    /// `CKM_` numbers of what private keys do here.
    pub mechanisms: Vec<u64>,
    /// Whatever has an id: keys, and certificates of other people's.
    pub keys: Vec<FoundKey>,
}

/// A key as OpenSC finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundKey {
    /// Its CKA_ID.
    pub id: Vec<u8>,
    /// The public half.
    pub public: FoundPublic,
    /// CKA_SIGN, or CKA_VERIFY of the public half where the private one cannot be seen.
    pub sign: bool,
    /// CKA_DECRYPT, or CKA_ENCRYPT.
    pub decrypt: bool,
    /// CKA_DERIVE.
    pub derive: bool,
    /// The private half was seen.
    pub seen: bool,
    /// The private half can be seen without a PIN and says that it wants none.
    pub open: bool,
    /// CKA_ALWAYS_AUTHENTICATE.
    pub always: bool,
    /// Its certificate, DER.
    pub certificate: Option<Vec<u8>>,
}

/// A public key as PKCS#11 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FoundPublic {
    /// There is none but in the certificate.
    None,
    /// CKK_RSA.
    Rsa {
        /// CKA_MODULUS.
        modulus: Vec<u8>,
        /// CKA_PUBLIC_EXPONENT.
        exponent: Vec<u8>,
    },
    /// CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY.
    Curve {
        /// CKA_EC_PARAMS.
        parameters: Vec<u8>,
        /// CKA_EC_POINT.
        point: Vec<u8>,
    },
}

impl From<Pin<'_>> for PinGiven {
    fn from(pin: Pin<'_>) -> Self {
        match pin {
            Pin::None => Self::None,
            Pin::Given(secret) => Self::Given(secret.clone()),
            Pin::Pad => Self::Pad,
        }
    }
}

impl PinGiven {
    /// Returns it as operations take it.
    pub fn pin(&self) -> Pin<'_> {
        match self {
            Self::None => Pin::None,
            Self::Given(secret) => Pin::Given(secret),
            Self::Pad => Pin::Pad,
        }
    }
}

/// Returns the CKA_ID of a reference; `None` where it is none.
pub fn id(reference: &str) -> Option<Vec<u8>> {
    let digits = reference.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 2 * LONGEST_ID {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let id: Vec<u8> = digits.chunks_exact(2).map(byte).collect::<Option<_>>()?;
    (hexadecimal(&id) == reference).then_some(id)
}

/// Returns true where a card of that serial ([`Contents`](crate::Contents)) may be the one whose token says this.
/// Where the token says nothing, only its keys tell.
pub fn has_serial(serial: &str, said: &str) -> bool {
    found::plain_serial(said).is_none_or(|plain| plain == serial)
}

/// Returns true where that is the public key of what was found.
pub fn is_key(key: &FoundKey, public_key: &[u8]) -> bool {
    found::public_key(key).is_some_and(|(_, document)| document == public_key)
}

/// Returns a CKA_ID as references have it.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// OpenSC has ids of up to 255 bytes.
pub(super) const LONGEST_ID: usize = 255;
