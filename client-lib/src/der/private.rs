use std::fmt;

use crypto_bigint::{BoxedUint, NonZero};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::der::asn1::{AnyRef, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, Encode};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{BadKey, Curve, EC, ED25519, RSA};
use crate::Secret;

/// The numbers of a private key, big-endian; zeros may stand before them, or not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PrivateKey<'a> {
    /// On a curve of NIST.
    Ec {
        /// Which one.
        curve: Curve,
        /// The private number.
        number: &'a [u8],
        /// The uncompressed point.
        point: &'a [u8],
    },
    /// RSA of two primes. The exponents modulo p - 1 and q - 1 are computed.
    Rsa {
        /// n
        modulus: &'a [u8],
        /// e
        exponent: &'a [u8],
        /// The private exponent.
        d: &'a [u8],
        /// A prime.
        p: &'a [u8],
        /// The other prime.
        q: &'a [u8],
        /// The inverse of q modulo p.
        iqmp: &'a [u8],
    },
    /// The seed of RFC 8032.
    Ed25519(&'a [u8; 32]),
}

impl fmt::Debug for PrivateKey<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PrivateKey(…)")
    }
}

impl PrivateKey<'_> {
    /// Returns it as PKCS#8 (RFC 5958). Whether the numbers are a key is the daemon's to say.
    ///
    /// # Errors
    /// [`BadKey::TooLarge`] and [`BadKey::Number`].
    pub fn to_pkcs8(self) -> Result<Secret, BadKey> {
        match self {
            Self::Ec { curve, number, point } => {
                // "an octet string of length ceiling (log2(n)/8)": RFC 5915, section 3.
                let number = trimmed(number);
                let zeros = curve.size().checked_sub(number.len()).ok_or(BadKey::Number)?;
                let mut padded = Zeroizing::new(vec![0; curve.size()]);
                padded[zeros..].copy_from_slice(number);
                wrap_ec(curve.oid(), &padded, Some(point))
            }
            Self::Rsa { modulus, exponent, d, p, q, iqmp } => {
                let [d, p, q] = [d, p, q].map(trimmed);
                if [trimmed(modulus), trimmed(exponent), d, p, q, trimmed(iqmp)]
                    .iter()
                    .any(|number| number.len() > RSA_LIMIT)
                {
                    return Err(BadKey::TooLarge);
                }
                let (exponent1, exponent2) = (reduced(d, p)?, reduced(d, q)?);
                let inner = RsaPrivateKeyRef {
                    modulus: integer(modulus)?,
                    public_exponent: integer(exponent)?,
                    private_exponent: integer(d)?,
                    prime1: integer(p)?,
                    prime2: integer(q)?,
                    exponent1: integer(&exponent1)?,
                    exponent2: integer(&exponent2)?,
                    coefficient: integer(iqmp)?,
                    other_prime_infos: None,
                };
                wrap_rsa(&encode(&inner)?)
            }
            Self::Ed25519(seed) => {
                // RFC 8410, section 7: an OCTET STRING inside the OCTET STRING.
                let inner = encode(&OctetStringRef::new(seed).map_err(|_| BadKey::Number)?)?;
                wrap(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &inner)
            }
        }
    }
}

/// Returns the PKCS#8 of an RSAPrivateKey (RFC 8017, A.1.2), whose numbers are not looked at.
///
/// # Errors
/// [`BadKey::NoPkcs1`].
pub fn from_pkcs1(der: &[u8]) -> Result<Secret, BadKey> {
    RsaPrivateKeyRef::from_der(der).map_err(|_| BadKey::NoPkcs1)?;
    wrap_rsa(der)
}

/// Returns the PKCS#8 of an ECPrivateKey (RFC 5915), whose parameters must name a curve, any one.
///
/// # Errors
/// [`BadKey::NoSec1`] and [`BadKey::NoCurve`].
pub fn from_sec1(der: &[u8]) -> Result<Secret, BadKey> {
    let key = sec1::EcPrivateKey::from_der(der).map_err(|_| BadKey::NoSec1)?;
    let curve = key.parameters.and_then(|parameters| parameters.named_curve()).ok_or(BadKey::NoCurve)?;
    wrap_ec(curve, key.private_key, key.public_key)
}

fn wrap_ec(curve: ObjectIdentifier, private_key: &[u8], public_key: Option<&[u8]>) -> Result<Secret, BadKey> {
    // The curve stands outside, in the algorithm, as OpenSSL writes it.
    let inner = encode(&sec1::EcPrivateKey { private_key, parameters: None, public_key })?;
    wrap(AlgorithmIdentifierRef { oid: EC, parameters: Some(AnyRef::from(&curve)) }, &inner)
}

fn wrap_rsa(inner: &[u8]) -> Result<Secret, BadKey> {
    wrap(AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) }, inner)
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, inner: &[u8]) -> Result<Secret, BadKey> {
    let inner = OctetStringRef::new(inner).map_err(|_| BadKey::Number)?;
    encode(&PrivateKeyInfoRef::new(algorithm, inner)).map(Secret::from)
}

fn encode(value: &impl Encode) -> Result<Zeroizing<Vec<u8>>, BadKey> {
    value.to_der().map(Zeroizing::new).map_err(|_| BadKey::Number)
}

fn integer(number: &[u8]) -> Result<UintRef<'_>, BadKey> {
    UintRef::new(number).map_err(|_| BadKey::Number)
}

fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

/// Returns `d` modulo `prime` - 1, big-endian.
fn reduced(d: &[u8], prime: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadKey> {
    let bits = u32::try_from(d.len().max(prime.len()) * 8).map_err(|_| BadKey::TooLarge)?;
    let read = |bytes| BoxedUint::from_be_slice(bytes, bits).map(Zeroizing::new).map_err(|_| BadKey::Number);
    let (d, prime) = (read(d)?, read(prime)?);
    let one = BoxedUint::one_with_precision(prime.bits_precision());
    let modulus = NonZero::new(prime.wrapping_sub(one)).into_option();
    let modulus = Zeroizing::new(modulus.ok_or(BadKey::Number)?);
    let remainder = Zeroizing::new(d.rem(&modulus));
    Ok(Zeroizing::new(remainder.to_be_bytes().into_vec()))
}

/// 16,384 bits.
const RSA_LIMIT: usize = 2048;
