use super::{Malformed, PublicKey, Reader};

/// A certificate of OpenSSH (`PROTOCOL.certkeys`). Any time of validity is understood, "for ever" included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The key that it is of.
    pub key: PublicKey,
    /// For whom it is.
    pub role: Role,
    /// Users or hosts that it is for; all of them where there are none.
    pub principals: Vec<String>,
    /// From when on it counts, seconds since 1970.
    pub after: u64,
    /// Until when, exclusively.
    pub before: u64,
    /// True where it has critical options; a host's may have none.
    pub is_critical: bool,
    /// Who signed it.
    pub authority: PublicKey,
    /// The authority's signature.
    pub signature: Vec<u8>,
    /// What was signed.
    pub signed: Vec<u8>,
}

/// For whom a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A user's.
    User,
    /// A host's.
    Host,
}

impl Certificate {
    /// Returns true where a kind of key is a certificate.
    pub fn is_kind(kind: &str) -> bool {
        kind.ends_with(SUFFIX)
    }

    /// Reads one.
    pub fn parse(blob: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(blob);
        let kind = reader.text()?.strip_suffix(SUFFIX).ok_or(Malformed::Unknown("kind of certificate"))?;
        let _nonce = reader.bytes()?;
        let key = PublicKey::read(kind, &mut reader)?;
        let _serial = reader.u64()?;
        let role = match reader.u32()? {
            1 => Role::User,
            2 => Role::Host,
            _ => return Err(Malformed::Unknown("role of a certificate")),
        };
        let _key_id = reader.bytes()?;
        let principals = texts(reader.bytes()?)?;
        let (after, before) = (reader.u64()?, reader.u64()?);
        let is_critical = !reader.bytes()?.is_empty();
        let _extensions = reader.bytes()?;
        let _reserved = reader.bytes()?;
        let authority = PublicKey::parse(reader.bytes()?)?;
        let signed = blob[..blob.len() - reader.rest().len()].to_vec();
        let signature = reader.bytes()?.to_vec();
        reader.end()?;
        Ok(Self { key, role, principals, after, before, is_critical, authority, signature, signed })
    }
}

fn texts(bytes: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut reader = Reader::new(bytes);
    let mut texts = Vec::new();
    while !reader.is_empty() {
        texts.push(reader.text()?.to_owned());
    }
    Ok(texts)
}

const SUFFIX: &str = "-cert-v01@openssh.com";
