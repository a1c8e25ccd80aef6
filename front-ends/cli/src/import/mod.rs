//! Private key files, as people have them, to DER PKCS#8, as the daemon takes it.
//!
//! Read are PKCS#8 (plain and encrypted), SEC1, PKCS#1 and OpenSSH's own format (plain and encrypted), in PEM or
//! DER. What is inside is checked only as far as needed to rewrite it: whether the numbers are a key is the
//! daemon's to say.
//!
//! `ssh-key` is not used for OpenSSH's format: its stable release refuses ECDSA keys whose private number begins
//! with zero bytes (one P-521 key in three, one P-256 key in 256).

mod asn1;
mod openssh;
mod pem;

use std::fmt;

pub(crate) use pem::blocks as pem_blocks;

use claviger_client::Secret;
use claviger_client::der::{self, BadKey};

/// The largest file that is looked at.
pub const FILE_LIMIT: usize = 256 * 1024;

/// A private key file that was understood.
pub enum PrivateKeyFile {
    /// Not encrypted: the key as DER PKCS#8.
    Clear(Secret),
    /// Encrypted under a pass phrase.
    Sealed(Sealed),
}

/// A private key that opens with a pass phrase.
pub enum Sealed {
    /// DER EncryptedPrivateKeyInfo (RFC 5958).
    Pkcs8(Secret),
    /// OpenSSH's own format.
    OpenSsh(openssh::Container),
}

/// Why a file gave no private key.
#[derive(Debug, PartialEq, Eq)]
pub enum ImportError {
    /// It has more than [`FILE_LIMIT`] bytes.
    TooLarge,
    /// Nothing in it looks like a private key.
    NoPrivateKey,
    /// It has a public key or a certificate only.
    PublicOnly,
    /// The pass phrase does not open it.
    WrongPassphrase,
    /// It looks like a private key but is damaged: in what.
    Damaged(&'static str),
    /// It is of a kind that is not taken: which, and what helps.
    NotSupported(String),
}

impl PrivateKeyFile {
    /// Reads a file's contents: PEM with anything around it, or DER.
    pub fn parse(contents: &[u8]) -> Result<Self, ImportError> {
        if contents.len() > FILE_LIMIT {
            return Err(ImportError::TooLarge);
        }
        let mut public_only = false;
        for block in pem::blocks(contents)? {
            match block.label.as_str() {
                "PRIVATE KEY" => return asn1::check_pkcs8(&block.der).map(Self::Clear),
                "ENCRYPTED PRIVATE KEY" => return asn1::check_encrypted(block.der).map(Self::Sealed),
                "RSA PRIVATE KEY" => return Ok(Self::Clear(der::from_pkcs1(&block.der)?)),
                "EC PRIVATE KEY" => return Ok(Self::Clear(der::from_sec1(&block.der)?)),
                "OPENSSH PRIVATE KEY" => return openssh::Container::parse(&block.der)?.open_or_seal(),
                "DSA PRIVATE KEY" => return Err(ImportError::NotSupported("a DSA key".to_owned())),
                "PUBLIC KEY" | "CERTIFICATE" | "RSA PUBLIC KEY" => public_only = true,
                // "EC PARAMETERS" and the like stand before the key.
                _ => {}
            }
        }
        if public_only || is_openssh_public(contents) {
            return Err(ImportError::PublicOnly);
        }
        if contents.starts_with(openssh::MAGIC) {
            return openssh::Container::parse(contents)?.open_or_seal();
        }
        asn1::from_der(contents)
    }
}

impl Sealed {
    /// Opens it: the key as DER PKCS#8.
    pub fn open(&self, passphrase: &Secret) -> Result<Secret, ImportError> {
        match self {
            Self::Pkcs8(der) => asn1::decrypt(der.as_bytes(), passphrase),
            Self::OpenSsh(container) => container.open(passphrase),
        }
    }
}

fn is_openssh_public(contents: &[u8]) -> bool {
    [&b"ssh-"[..], b"ecdsa-sha2-", b"sk-"].iter().any(|begin| contents.starts_with(begin))
}

impl From<BadKey> for ImportError {
    fn from(bad: BadKey) -> Self {
        match bad {
            BadKey::NoPkcs1 => Self::Damaged("its PKCS#1 structure"),
            BadKey::NoSec1 => Self::Damaged("its SEC1 structure"),
            BadKey::NoCurve => Self::NotSupported("a key that names no curve".to_owned()),
            BadKey::TooLarge => Self::NotSupported("an RSA key of more than 16,384 bits".to_owned()),
            BadKey::Number => Self::Damaged("a number in it does not fit"),
        }
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(formatter, "it has more than {FILE_LIMIT} bytes"),
            Self::NoPrivateKey => formatter.write_str("there is no private key in it"),
            Self::PublicOnly => formatter.write_str("there is only a public key in it"),
            Self::WrongPassphrase => formatter.write_str("the pass phrase does not open it"),
            Self::Damaged(what) => write!(formatter, "it is damaged: {what}"),
            Self::NotSupported(what) => write!(formatter, "it is {what}, which is not taken"),
        }
    }
}

impl std::error::Error for ImportError {}

#[cfg(test)]
mod tests;
