//! The wire form of types from the rooms around. serde's `remote` derive holds each definition here against the real
//! one: a field that is added there and forgotten here does not compile.

use std::borrow::Cow;

use claviger_token::{
    Algorithm, Generated, Hash, Kdf, Mechanism, Parameters, PinPolicy, Secret, Site, Spare, TouchPolicy,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::protocol::PHRASES;
use crate::{CardError, CardOp, CardOutput};

#[derive(Serialize, Deserialize)]
#[serde(remote = "CardOp")]
pub(super) enum CardOpDef {
    Verify {
        #[serde(with = "SpareDef")]
        spare: Spare,
    },
    Sign {
        reference: String,
        #[serde(with = "named")]
        algorithm: Algorithm,
        #[serde(with = "named")]
        mechanism: Mechanism,
        #[serde(with = "ParametersDef")]
        parameters: Parameters,
        data: Vec<u8>,
    },
    Authenticate {
        reference: String,
        #[serde(with = "named")]
        algorithm: Algorithm,
        #[serde(with = "named")]
        mechanism: Mechanism,
        #[serde(with = "ParametersDef")]
        parameters: Parameters,
        data: Vec<u8>,
        #[serde(with = "SpareDef")]
        spare: Spare,
    },
    Decrypt {
        reference: String,
        #[serde(with = "named")]
        algorithm: Algorithm,
        #[serde(with = "named")]
        mechanism: Mechanism,
        #[serde(with = "ParametersDef")]
        parameters: Parameters,
        ciphertext: Vec<u8>,
    },
    Derive {
        reference: String,
        #[serde(with = "named")]
        algorithm: Algorithm,
        peer: Vec<u8>,
    },
    Generate {
        #[serde(with = "named")]
        algorithm: Algorithm,
        #[serde(with = "SiteDef")]
        site: Site,
    },
    Import {
        #[serde(with = "secret")]
        private_key: Secret,
        #[serde(with = "SiteDef")]
        site: Site,
    },
    WriteCertificate {
        reference: String,
        certificate: Vec<u8>,
        #[serde(with = "maybe_secret")]
        authority: Option<Secret>,
    },
    ChangePin {
        #[serde(with = "secret")]
        old: Secret,
        #[serde(with = "secret")]
        new: Secret,
        #[serde(with = "SpareDef")]
        spare: Spare,
    },
    UnblockPin {
        #[serde(with = "secret")]
        puk: Secret,
        #[serde(with = "secret")]
        new: Secret,
    },
    Initialize {
        #[serde(with = "maybe_secret")]
        authority: Option<Secret>,
    },
    Attest {
        reference: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CardOutput")]
pub(super) enum CardOutputDef {
    Signature(Vec<u8>),
    Plaintext(#[serde(with = "secret")] Secret),
    SharedSecret(#[serde(with = "secret")] Secret),
    Attestation(Vec<Vec<u8>>),
    Done,
    /// Never sent. It stands last: the others are sent as their places.
    #[serde(skip)]
    Generated(Generated),
}

/// By another name: serde takes every `&` for something that borrows from the frame.
type Phrase = &'static str;

#[derive(Serialize, Deserialize)]
#[serde(remote = "CardError")]
pub(super) enum CardErrorDef {
    WrongPin { tries_left: Option<u32> },
    PinBlocked,
    PinNeeded,
    LastTry,
    TriesKept { tries_left: u32 },
    SecretUnfit(Cow<'static, str>),
    AuthorityNeeded(#[serde(with = "phrase")] Phrase),
    WrongAuthority(#[serde(with = "phrase")] Phrase),
    NotTouched,
    Declined,
    NoSuchKey,
    MechanismNotSupported(#[serde(with = "named")] Mechanism, #[serde(with = "named")] Algorithm),
    AlgorithmNotSupported(#[serde(with = "named")] Algorithm),
    NotSupported(#[serde(with = "phrase")] Phrase),
    DataInvalid(Cow<'static, str>),
    Gone,
    Wrong(Cow<'static, str>),
    Busy(Cow<'static, str>),
    ServiceGone(Cow<'static, str>),
    Malformed(Cow<'static, str>),
    Status(#[serde(with = "phrase")] Phrase, u16),
    Reader(Cow<'static, str>),
    Timeout,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Parameters")]
struct ParametersDef {
    #[serde(with = "maybe_named")]
    hash: Option<Hash>,
    #[serde(with = "maybe_named")]
    mgf_hash: Option<Hash>,
    salt_length: Option<u32>,
    label: Option<Vec<u8>>,
    #[serde(with = "maybe_named")]
    kdf: Option<Kdf>,
    shared_info: Option<Vec<u8>>,
    length: Option<u32>,
    context: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Spare")]
enum SpareDef {
    Nothing,
    Last,
    Two,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Site")]
struct SiteDef {
    slot: Option<String>,
    #[serde(with = "maybe_secret")]
    authority: Option<Secret>,
    #[serde(with = "maybe_named")]
    pin_policy: Option<PinPolicy>,
    #[serde(with = "maybe_named")]
    touch_policy: Option<TouchPolicy>,
}

/// A secret: its bytes, taken out of the frame's buffer in one piece, for the buffer is wiped.
pub(super) mod secret {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(secret.expose())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        Ok(Secret::new(<&[u8]>::deserialize(deserializer)?.to_vec()))
    }
}

/// A secret that may be left out.
mod maybe_secret {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Wire(#[serde(with = "super::secret")] Secret);

    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.clone().map(Wire).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<Wire>::deserialize(deserializer)?.map(|Wire(secret)| secret))
    }
}

/// One of [`PHRASES`], by its place there: texts that the types have as `&'static str`.
mod phrase {
    use serde::de::Error as _;
    use serde::ser::Error as _;

    use super::*;

    pub(super) fn serialize<S: Serializer>(phrase: &&'static str, serializer: S) -> Result<S::Ok, S::Error> {
        let place = PHRASES.iter().position(|known| known == phrase);
        place.ok_or_else(|| S::Error::custom("no such phrase"))?.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
        let place = usize::deserialize(deserializer)?;
        PHRASES.get(place).copied().ok_or_else(|| D::Error::custom("no such phrase"))
    }
}

/// What is sent by its name.
trait Named: Copy {
    fn name(self) -> &'static str;
    fn find(name: &str) -> Option<Self>;
}

impl Named for Algorithm {
    fn name(self) -> &'static str {
        Self::name(self)
    }
    fn find(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for Mechanism {
    fn name(self) -> &'static str {
        Self::name(self)
    }
    fn find(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for Hash {
    fn name(self) -> &'static str {
        Self::name(self)
    }
    fn find(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for PinPolicy {
    fn name(self) -> &'static str {
        Self::name(self)
    }
    fn find(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for TouchPolicy {
    fn name(self) -> &'static str {
        Self::name(self)
    }
    fn find(name: &str) -> Option<Self> {
        Self::from_name(name)
    }
}

impl Named for Kdf {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Hkdf => "hkdf",
        }
    }
    fn find(name: &str) -> Option<Self> {
        [Self::Null, Self::Hkdf].into_iter().find(|kdf| kdf.name() == name)
    }
}

/// A name, exactly as it is written.
mod named {
    use serde::de::Error as _;

    use super::*;

    pub(super) fn serialize<T: Named, S: Serializer>(it: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(it.name())
    }

    pub(super) fn deserialize<'de, T: Named, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        let found = T::find(name).filter(|it| it.name() == name);
        found.ok_or_else(|| D::Error::custom("there is no such name"))
    }
}

/// One name, so that names can stand in collections.
struct Wire<T>(T);

impl<T: Named> Serialize for Wire<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        named::serialize(&self.0, serializer)
    }
}

impl<'de, T: Named> Deserialize<'de> for Wire<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        named::deserialize(deserializer).map(Self)
    }
}

/// A name that may be left out.
mod maybe_named {
    use super::*;

    pub(super) fn serialize<T: Named, S: Serializer>(
        it: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        it.map(Wire).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
        Ok(Option::<Wire<T>>::deserialize(from)?.map(|Wire(it)| it))
    }
}
