use super::{Certificate, Curve, Identity, Malformed, PublicKey, Reader};

/// A private key as `ssh-add` gives it, where it stands in its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKey<'a> {
    /// The public half, or the certificate that came with it.
    pub identity: Identity,
    /// Its blob, as it is named later.
    pub blob: Vec<u8>,
    /// The private half.
    pub numbers: Numbers<'a>,
}

/// The private half of a key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Numbers<'a> {
    /// The seed.
    Ed25519(&'a [u8; 32]),
    /// The private number, without zeros before it.
    Ecdsa(Curve, &'a [u8]),
    /// Without zeros before them.
    Rsa {
        /// The private exponent.
        d: &'a [u8],
        /// The inverse of q modulo p.
        iqmp: &'a [u8],
        /// A prime.
        p: &'a [u8],
        /// The other prime.
        q: &'a [u8],
    },
}

impl std::fmt::Debug for Numbers<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Numbers(…)")
    }
}

impl<'a> PrivateKey<'a> {
    /// Reads one; comment and constraints follow it.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let kind = reader.text()?;
        if Certificate::is_kind(kind) {
            let blob = reader.bytes()?;
            let certificate = Certificate::parse(blob)?;
            let numbers = match &certificate.key {
                PublicKey::Ed25519(public) => read_ed25519(public, reader)?,
                PublicKey::Ecdsa(curve, _) => Numbers::Ecdsa(*curve, reader.number()?),
                PublicKey::Rsa { .. } => Numbers::Rsa {
                    d: reader.number()?,
                    iqmp: reader.number()?,
                    p: reader.number()?,
                    q: reader.number()?,
                },
            };
            let identity = Identity::Certificate(Box::new(certificate));
            return Ok(Self { identity, blob: blob.to_vec(), numbers });
        }
        let (key, numbers) = read_bare(kind, reader)?;
        Ok(Self { blob: key.to_blob(), identity: Identity::Key(key), numbers })
    }
}

fn read_bare<'a>(kind: &str, reader: &mut Reader<'a>) -> Result<(PublicKey, Numbers<'a>), Malformed> {
    // RSA stands the other way round than in the public key: n, e.
    if kind == "ssh-rsa" {
        let (modulus, exponent) = (reader.number()?.to_vec(), reader.number()?.to_vec());
        let key = PublicKey::Rsa { exponent, modulus };
        let (d, iqmp) = (reader.number()?, reader.number()?);
        return Ok((key, Numbers::Rsa { d, iqmp, p: reader.number()?, q: reader.number()? }));
    }
    let key = PublicKey::read(kind, reader)?;
    let numbers = match &key {
        PublicKey::Ed25519(public) => return read_ed25519_half(public, reader).map(|numbers| (key, numbers)),
        PublicKey::Ecdsa(curve, _) => Numbers::Ecdsa(*curve, reader.number()?),
        PublicKey::Rsa { .. } => return Err(Malformed::Inconsistent("kind")),
    };
    Ok((key, numbers))
}

/// Reads the public key again, which stands behind a certificate, and the private half.
fn read_ed25519<'a>(public: &[u8; 32], reader: &mut Reader<'a>) -> Result<Numbers<'a>, Malformed> {
    if reader.bytes()? != public {
        return Err(Malformed::Inconsistent("Ed25519 key"));
    }
    read_ed25519_half(public, reader)
}

/// Reads the seed with the public key behind it.
fn read_ed25519_half<'a>(public: &[u8; 32], reader: &mut Reader<'a>) -> Result<Numbers<'a>, Malformed> {
    let (seed, again) = reader.bytes()?.split_first_chunk().ok_or(Malformed::Short)?;
    if again != public {
        return Err(Malformed::Inconsistent("Ed25519 key"));
    }
    Ok(Numbers::Ed25519(seed))
}
