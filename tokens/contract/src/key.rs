use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::Algorithm;

/// The stable name of a key: 128 random bits, written as 32 hexadecimal digits. It never changes, wherever
/// the key moves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; 16]);

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKeyId;

impl KeyId {
    /// Makes an id of 128 random bits.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 128 bits.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(InvalidKeyId),
        };
        let text = text.as_bytes();
        if text.len() != 32 {
            return Err(InvalidKeyId);
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for InvalidKeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key id has 32 hexadecimal digits")
    }
}

impl std::error::Error for InvalidKeyId {}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// It may sign.
    pub sign: bool,
    /// It may decrypt.
    pub decrypt: bool,
    /// It may agree on secrets (ECDH) and open encapsulated ones (ML-KEM).
    pub derive: bool,
}

impl Usage {
    /// Returns true where nothing is allowed.
    pub const fn is_empty(self) -> bool {
        !self.sign && !self.decrypt && !self.derive
    }

    /// Returns true where everything allowed here is allowed in `other` too.
    pub const fn is_within(self, other: Self) -> bool {
        (!self.sign || other.sign) && (!self.decrypt || other.decrypt) && (!self.derive || other.derive)
    }

    /// Returns what is allowed both here and there.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self {
            sign: self.sign && other.sign,
            decrypt: self.decrypt && other.decrypt,
            derive: self.derive && other.derive,
        }
    }

    /// Returns the names of what is allowed: `sign`, `decrypt`, `derive`, in that order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.sign, "sign"), (self.decrypt, "decrypt"), (self.derive, "derive")]
            .into_iter()
            .filter_map(|(allowed, name)| allowed.then_some(name))
    }

    /// Returns the usage of those names, or the name that is none.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut usage = Self::default();
        for name in names {
            match name {
                "sign" => usage.sign = true,
                "decrypt" => usage.decrypt = true,
                "derive" => usage.derive = true,
                other => return Err(other),
            }
        }
        Ok(usage)
    }
}

/// What everybody may know of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its stable id.
    pub id: KeyId,
    /// What kind of key it is.
    pub algorithm: Algorithm,
    /// What it may be used for.
    pub usage: Usage,
    /// The public key as DER SubjectPublicKeyInfo (RFC 5280).
    pub public_key: Arc<[u8]>,
}

/// A key as a token finds it.
#[derive(Clone, Debug)]
pub struct KeyHandle {
    /// What is publicly known of it.
    pub info: Arc<KeyInfo>,
    /// Where it stands on the token: a card's slot, a phone's key name; empty for a local store.
    pub reference: Arc<str>,
    /// What the host keeps for the token: the sealed record of a local key; `None` for hardware.
    pub record: Option<Arc<[u8]>>,
    /// What the record is bound to.
    pub binding: Arc<Binding>,
}

/// The registration data that a sealed record is bound to: a record that was moved to another user, another
/// key or another time does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The user's number.
    pub uid: u32,
    /// The user's name at registration.
    pub user_name: String,
    /// The key's id.
    pub key: KeyId,
    /// When the key was made, seconds since 1970.
    pub created: i64,
}

#[cfg(test)]
mod tests {
    use super::{InvalidKeyId, KeyId, Usage};

    #[test]
    fn an_id_is_read_back_as_it_was_written() {
        let id = KeyId::from_bytes([0xa5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "a5", "A5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", "zza5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"] {
            assert_eq!(text.parse::<KeyId>(), Err(InvalidKeyId), "{text}");
        }
    }

    #[test]
    fn usage_is_read_back_from_its_names() {
        let usage = Usage { sign: true, decrypt: false, derive: true };
        assert_eq!(Usage::from_names(usage.names()), Ok(usage));
        assert_eq!(Usage::from_names(["sign", "fly"]), Err("fly"));
        assert!(usage.is_within(Usage { sign: true, decrypt: true, derive: true }));
        assert!(!usage.is_within(Usage { sign: true, ..Usage::default() }));
    }
}
