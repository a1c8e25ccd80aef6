use super::{Curve, Malformed, PublicKey, Reader, Writer};

/// How a key signs: the mechanism's name in Claviger, and the name of the signature in ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// For example `ECDSA_SHA256`.
    pub mechanism: &'static str,
    /// For example `ecdsa-sha2-nistp256`.
    pub name: &'static str,
}

impl Scheme {
    /// Returns how that key signs with these flags of a request. RSA with SHA-1 is what no flag means: there is none.
    pub const fn of(key: &PublicKey, flags: u32) -> Option<Self> {
        let (mechanism, name) = match key {
            PublicKey::Ed25519(_) => ("EDDSA", "ssh-ed25519"),
            PublicKey::Ecdsa(Curve::P256, _) => ("ECDSA_SHA256", "ecdsa-sha2-nistp256"),
            PublicKey::Ecdsa(Curve::P384, _) => ("ECDSA_SHA384", "ecdsa-sha2-nistp384"),
            PublicKey::Ecdsa(Curve::P521, _) => ("ECDSA_SHA512", "ecdsa-sha2-nistp521"),
            PublicKey::Rsa { .. } if flags & RSA_SHA2_256 != 0 => ("SHA256_RSA_PKCS", "rsa-sha2-256"),
            PublicKey::Rsa { .. } if flags & RSA_SHA2_512 != 0 => ("SHA512_RSA_PKCS", "rsa-sha2-512"),
            PublicKey::Rsa { .. } => return None,
        };
        Some(Self { mechanism, name })
    }

    /// Returns the schemes that a key may be asked for.
    pub fn all_of(key: &PublicKey) -> impl Iterator<Item = Self> {
        [RSA_SHA2_512, RSA_SHA2_256].into_iter().filter_map(|flag| Self::of(key, flag))
    }

    /// Returns the scheme of a signature that says its name.
    fn named(key: &PublicKey, name: &str) -> Option<Self> {
        Self::all_of(key).find(|scheme| scheme.name == name)
    }
}

/// Writes a signature (ECDSA: r || s) as ssh has it. `None` where it has not the size that the key gives.
pub fn signature_blob(key: &PublicKey, scheme: Scheme, signature: &[u8]) -> Option<Vec<u8>> {
    let inner = match key {
        PublicKey::Ecdsa(curve, _) => {
            let (r, s) = signature.split_at_checked(curve.size())?;
            if s.len() != curve.size() {
                return None;
            }
            Writer::new().number(r).number(s).done()
        }
        PublicKey::Ed25519(_) | PublicKey::Rsa { .. } => signature.to_vec(),
    };
    Some(Writer::new().bytes(scheme.name.as_bytes()).bytes(&inner).done())
}

/// Reads a signature of ssh by that key: its scheme and its bytes, ECDSA as r || s.
pub fn read_signature(key: &PublicKey, blob: &[u8]) -> Result<(Scheme, Vec<u8>), Malformed> {
    let mut reader = Reader::new(blob);
    let scheme = Scheme::named(key, reader.text()?).ok_or(Malformed::Unknown("kind of signature"))?;
    let inner = reader.bytes()?;
    reader.end()?;
    let PublicKey::Ecdsa(curve, _) = key else { return Ok((scheme, inner.to_vec())) };
    let mut reader = Reader::new(inner);
    let (r, s) = (reader.number()?, reader.number()?);
    reader.end()?;
    let mut raw = vec![0; 2 * curve.size()];
    for (half, number) in raw.chunks_mut(curve.size()).zip([r, s]) {
        let zeros = half.len().checked_sub(number.len()).ok_or(Malformed::Number)?;
        half[zeros..].copy_from_slice(number);
    }
    Ok((scheme, raw))
}

const RSA_SHA2_256: u32 = 2;
const RSA_SHA2_512: u32 = 4;

#[cfg(test)]
mod tests {
    use super::{Scheme, read_signature, signature_blob};
    use crate::protocol::{Curve, PublicKey};

    #[test]
    fn a_signature_is_read_as_it_was_written() {
        for curve in Curve::ALL {
            let key = PublicKey::Ecdsa(curve, vec![4; 1 + 2 * curve.size()]);
            let scheme = Scheme::of(&key, 0).expect("a scheme");
            // Numbers with the top bit set, with zeros before them, and zero.
            for first in [0x80, 0x7f, 0x00] {
                let mut raw = vec![0xab; 2 * curve.size()];
                raw[0] = first;
                raw[curve.size()..].fill(if first == 0 { 0 } else { 1 });
                let blob = signature_blob(&key, scheme, &raw).expect("the right size");
                assert_eq!(read_signature(&key, &blob), Ok((scheme, raw)));
            }
            assert_eq!(signature_blob(&key, scheme, &[1; 3]), None);
        }
    }

    /// "If neither of these flags is set … SHA-1": which nobody should sign with any more.
    #[test]
    fn rsa_signs_only_with_sha_2() {
        let key = PublicKey::Rsa { exponent: vec![1, 0, 1], modulus: vec![0xc0; 256] };
        assert_eq!(Scheme::of(&key, 0), None);
        assert_eq!(Scheme::of(&key, 2).map(|scheme| scheme.name), Some("rsa-sha2-256"));
        assert_eq!(Scheme::of(&key, 4).map(|scheme| scheme.mechanism), Some("SHA512_RSA_PKCS"));
    }
}
