use pkcs1::RsaPublicKeyRef;
use pkcs8::der::asn1::{AnyRef, BitStringRef, UintRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use super::{BadKey, Curve, EC, ED25519, RSA};

/// A public key, taken apart. X25519, ML-DSA and ML-KEM are none of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey<'a> {
    /// The curve and the point: from its 04 on where it is not compressed.
    Ec(Curve, &'a [u8]),
    /// Big-endian, without zeros before them.
    Rsa {
        /// n
        modulus: &'a [u8],
        /// e
        exponent: &'a [u8],
    },
    /// RFC 8032.
    Ed25519(&'a [u8; 32]),
}

impl<'a> PublicKey<'a> {
    /// Reads a SubjectPublicKeyInfo; `None` where it is none, or of an algorithm that is not here.
    pub fn read(spki: &'a [u8]) -> Option<Self> {
        let SubjectPublicKeyInfoRef { algorithm, subject_public_key } =
            SubjectPublicKeyInfoRef::from_der(spki).ok()?;
        let bits: &'a [u8] = subject_public_key.as_bytes()?;
        match algorithm.oid {
            EC => {
                let named = algorithm.parameters_oid().ok()?;
                let curve = Curve::ALL.into_iter().find(|curve| curve.oid() == named)?;
                Some(Self::Ec(curve, bits))
            }
            RSA => {
                let RsaPublicKeyRef { modulus, public_exponent } = RsaPublicKeyRef::from_der(bits).ok()?;
                Some(Self::Rsa { modulus: modulus.as_bytes(), exponent: public_exponent.as_bytes() })
            }
            ED25519 => bits.try_into().ok().map(Self::Ed25519),
            _ => None,
        }
    }
}

impl PublicKey<'_> {
    /// Returns it as SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`BadKey::Number`].
    pub fn to_spki(self) -> Result<Vec<u8>, BadKey> {
        match self {
            Self::Ec(curve, point) => {
                let curve = curve.oid();
                info(AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&curve)) }, point)
            }
            Self::Rsa { modulus, exponent } => {
                let integer = |bytes| UintRef::new(bytes).map_err(|_| BadKey::Number);
                let key = RsaPublicKeyRef { modulus: integer(modulus)?, public_exponent: integer(exponent)? };
                let bits = key.to_der().map_err(|_| BadKey::Number)?;
                info(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, &bits)
            }
            Self::Ed25519(key) => info(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, key),
        }
    }
}

fn info(algorithm: AlgorithmIdentifierRef<'_>, bits: &[u8]) -> Result<Vec<u8>, BadKey> {
    let subject_public_key = BitStringRef::from_bytes(bits).map_err(|_| BadKey::Number)?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der().map_err(|_| BadKey::Number)
}
