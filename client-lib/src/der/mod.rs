//! Keys as the daemon takes and gives them, taken apart and put together: DER SubjectPublicKeyInfo and PKCS#8.
//!
//! Only with the feature `der`: who asks for signatures needs none of it.

mod private;
mod public;

use std::fmt;

use pkcs8::ObjectIdentifier;

pub use private::{PrivateKey, from_pkcs1, from_sec1};
pub use public::PublicKey;

/// A curve of NIST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
}

impl Curve {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    /// Returns its name in ssh: RFC 5656, section 10.1.
    pub const fn ssh_name(self) -> &'static str {
        match self {
            Self::P256 => "nistp256",
            Self::P384 => "nistp384",
            Self::P521 => "nistp521",
        }
    }

    /// Returns the curve of that name.
    pub fn of_ssh_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.ssh_name() == name)
    }

    /// Returns the bytes of a number of its field.
    pub const fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
            Self::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
            Self::P521 => ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        }
    }
}

/// Why no DER comes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadKey {
    /// It is no RSAPrivateKey of PKCS#1.
    NoPkcs1,
    /// It is no ECPrivateKey of SEC1.
    NoSec1,
    /// It names no curve.
    NoCurve,
    /// An RSA key of more than 16,384 bits.
    TooLarge,
    /// A number in it does not fit.
    Number,
}

impl fmt::Display for BadKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPkcs1 => formatter.write_str("cannot read the key: it is no RSAPrivateKey of PKCS#1"),
            Self::NoSec1 => formatter.write_str("cannot read the key: it is no ECPrivateKey of SEC1"),
            Self::NoCurve => formatter.write_str("cannot read the key: it names no curve"),
            Self::TooLarge => {
                formatter.write_str("cannot write the key: it is an RSA key of more than 16,384 bits")
            }
            Self::Number => formatter.write_str("cannot write the key: a number in it does not fit"),
        }
    }
}

impl std::error::Error for BadKey {}

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

#[cfg(test)]
mod tests;
