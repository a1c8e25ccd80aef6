use std::fmt;

use data_encoding::BASE64_NOPAD;
use sha2::{Digest as _, Sha256};

use super::{Certificate, Curve, Malformed, Reader, Writer};

/// A public key as it stands in the wire format (RFC 4253, section 6.6; RFC 5656; RFC 8709), without a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// `ssh-ed25519`.
    Ed25519([u8; 32]),
    /// `ecdsa-sha2-nistp…`: the curve and the uncompressed point.
    Ecdsa(Curve, Vec<u8>),
    /// `ssh-rsa`: exponent and modulus, big-endian, without zeros before them.
    Rsa {
        /// e
        exponent: Vec<u8>,
        /// n
        modulus: Vec<u8>,
    },
}

impl PublicKey {
    /// Reads a key; a certificate is none.
    pub fn parse(blob: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(blob);
        let kind = reader.text()?;
        let key = Self::read(kind, &mut reader)?;
        reader.end()?;
        Ok(key)
    }

    /// Reads what stands behind the name of the kind.
    pub(crate) fn read(kind: &str, reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match kind {
            "ssh-ed25519" => reader
                .bytes()?
                .try_into()
                .map(Self::Ed25519)
                .map_err(|_| Malformed::Inconsistent("Ed25519 key")),
            "ssh-rsa" => {
                let exponent = reader.number()?.to_vec();
                let modulus = reader.number()?.to_vec();
                Ok(Self::Rsa { exponent, modulus })
            }
            kind => {
                let curve = kind.strip_prefix("ecdsa-sha2-").and_then(Curve::of_ssh_name);
                let curve = curve.ok_or(Malformed::Unknown("kind of key"))?;
                if reader.text()? != curve.ssh_name() {
                    return Err(Malformed::Inconsistent("curve"));
                }
                let point = reader.bytes()?;
                if point.len() != 1 + 2 * curve.size() || point[0] != 4 {
                    return Err(Malformed::Inconsistent("point"));
                }
                Ok(Self::Ecdsa(curve, point.to_vec()))
            }
        }
    }

    /// Returns the name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ssh-ed25519",
            Self::Ecdsa(Curve::P256, _) => "ecdsa-sha2-nistp256",
            Self::Ecdsa(Curve::P384, _) => "ecdsa-sha2-nistp384",
            Self::Ecdsa(Curve::P521, _) => "ecdsa-sha2-nistp521",
            Self::Rsa { .. } => "ssh-rsa",
        }
    }

    /// Returns it in the wire format.
    pub fn to_blob(&self) -> Vec<u8> {
        let writer = Writer::new().bytes(self.kind().as_bytes());
        match self {
            Self::Ed25519(key) => writer.bytes(key),
            Self::Ecdsa(curve, point) => writer.bytes(curve.ssh_name().as_bytes()).bytes(point),
            Self::Rsa { exponent, modulus } => writer.number(exponent).number(modulus),
        }
        .done()
    }
}

/// A public key or a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A bare key.
    Key(PublicKey),
    /// A certificate of one.
    Certificate(Box<Certificate>),
}

impl Identity {
    /// Reads either.
    pub fn parse(blob: &[u8]) -> Result<Self, Malformed> {
        let kind = Reader::new(blob).text()?;
        if Certificate::is_kind(kind) {
            return Certificate::parse(blob).map(|certificate| Self::Certificate(Box::new(certificate)));
        }
        PublicKey::parse(blob).map(Self::Key)
    }

    /// Returns the key, or that which the certificate is of.
    pub fn key(&self) -> &PublicKey {
        match self {
            Self::Key(key) => key,
            Self::Certificate(certificate) => &certificate.key,
        }
    }
}

/// The SHA-256 of a key in the wire format, as ssh shows it. Of a certificate it is that of its key, as in ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Returns that of a key.
    pub fn of(key: &PublicKey) -> Self {
        Self(format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(key.to_blob()))))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
