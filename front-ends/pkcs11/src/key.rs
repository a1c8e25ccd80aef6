use std::sync::Arc;

use claviger_client::KeyRow;
use claviger_token::{Algorithm, KeyId, Usage};
use x509_cert::der::asn1::{AnyRef, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// One of the user's keys, as the key store tells it.
#[derive(Clone)]
pub(crate) struct Key {
    id: String,
    row: Arc<KeyRow>,
    public: Arc<PublicKey>,
    usage: Usage,
    /// The token that it is used at; any that it stands on unless told.
    token: Option<String>,
}

/// A public key, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
    material: Material,
}

/// What a public key is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// P-256, P-384, P-521: the uncompressed point, from its 04 on.
    Ec(Vec<u8>),
    /// RSA: big-endian, without leading zeros.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// Ed25519, X25519, ML-DSA, ML-KEM: the bytes of the key.
    Raw(Vec<u8>),
}

impl Key {
    /// Reads a row of the key store; `None` where it is of an algorithm that this module is too old for.
    pub(crate) fn of_row(id: String, row: KeyRow) -> Option<Self> {
        let public = Arc::new(PublicKey::parse(&row.public_key)?);
        let names = row.usage.iter().map(String::as_str);
        let mut usage = Usage::from_names(names).unwrap_or_default();
        // What is retired opens old mail, but signs no more.
        usage.sign &= row.state == "current";
        Some(Self { id, row: Arc::new(row), public, usage, token: None })
    }

    /// Returns the key as it stands on a token: it is used there and nowhere else.
    pub(crate) fn at(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Returns the token that it is used at, as the key store takes it.
    pub(crate) fn token(&self) -> Option<String> {
        self.token.clone()
    }

    /// Returns the id by which the key store knows it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns what the key store tells of it.
    pub(crate) fn row(&self) -> &KeyRow {
        &self.row
    }

    /// Returns its public half.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Returns its algorithm.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.public.algorithm
    }

    /// Returns what it may be used for.
    pub(crate) const fn usage(&self) -> Usage {
        self.usage
    }

    /// Returns `CKA_ID`: the 16 bytes of its id.
    pub(crate) fn cka_id(&self) -> Vec<u8> {
        self.id.parse().map(|id: KeyId| id.as_bytes().to_vec()).unwrap_or_default()
    }
}

impl PublicKey {
    /// Reads a DER SubjectPublicKeyInfo of an algorithm that is known here.
    pub(crate) fn parse(spki: &[u8]) -> Option<Self> {
        let read = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
        let bits = read.subject_public_key.as_bytes()?;
        let (algorithm, material) = match read.algorithm.oid.to_string().as_str() {
            EC_PUBLIC_KEY => {
                let curve = read.algorithm.parameters_oid().ok()?.to_string();
                let (algorithm, ..) = *CURVES.iter().find(|(_, oid, _)| *oid == curve)?;
                (algorithm, Material::Ec(bits.to_vec()))
            }
            RSA_ENCRYPTION => rsa(bits)?,
            oid => {
                let (algorithm, ..) = *RAW.iter().find(|(_, known)| *known == oid)?;
                (algorithm, Material::Raw(bits.to_vec()))
            }
        };
        Some(Self { algorithm, spki: spki.to_vec(), material })
    }

    /// Returns its algorithm.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the DER SubjectPublicKeyInfo.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns what it is made of.
    pub(crate) const fn material(&self) -> &Material {
        &self.material
    }

    /// Returns the DER of `CKA_EC_PARAMS`: the curve's name; `None` for keys on no curve.
    pub(crate) fn ec_params(&self) -> Option<&'static [u8]> {
        ec_params(self.algorithm)
    }
}

/// Returns the DER of the name of a curve.
pub(crate) fn ec_params(algorithm: Algorithm) -> Option<&'static [u8]> {
    match algorithm {
        Algorithm::Ed25519 => Some(b"\x06\x03\x2b\x65\x70"),
        Algorithm::X25519 => Some(b"\x06\x03\x2b\x65\x6e"),
        other => CURVES.iter().find(|(known, ..)| *known == other).map(|(_, _, der)| *der),
    }
}

/// Reads a PKCS#1 RSAPublicKey.
fn rsa(der: &[u8]) -> Option<(Algorithm, Material)> {
    let mut reader = SliceReader::new(AnyRef::from_der(der).ok()?.value()).ok()?;
    let modulus: UintRef<'_> = reader.decode().ok()?;
    let exponent: UintRef<'_> = reader.decode().ok()?;
    let (modulus, exponent) = (modulus.as_bytes().to_vec(), exponent.as_bytes().to_vec());
    let size = Some(modulus.len());
    let algorithm = Algorithm::ALL.into_iter().find(|known| known.modulus_size() == size)?;
    reader.is_finished().then_some((algorithm, Material::Rsa { modulus, exponent }))
}

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";

/// The curves: RFC 5480, section 2.1.1.1; the name, and its DER.
const CURVES: [(Algorithm, &str, &[u8]); 3] = [
    (Algorithm::P256, "1.2.840.10045.3.1.7", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
    (Algorithm::P384, "1.3.132.0.34", b"\x06\x05\x2b\x81\x04\x00\x22"),
    (Algorithm::P521, "1.3.132.0.35", b"\x06\x05\x2b\x81\x04\x00\x23"),
];

/// The algorithms whose name says it all: RFC 8410, 9881, 9935.
const RAW: [(Algorithm, &str); 8] = [
    (Algorithm::Ed25519, "1.3.101.112"),
    (Algorithm::X25519, "1.3.101.110"),
    (Algorithm::MlDsa44, "2.16.840.1.101.3.4.3.17"),
    (Algorithm::MlDsa65, "2.16.840.1.101.3.4.3.18"),
    (Algorithm::MlDsa87, "2.16.840.1.101.3.4.3.19"),
    (Algorithm::MlKem512, "2.16.840.1.101.3.4.4.1"),
    (Algorithm::MlKem768, "2.16.840.1.101.3.4.4.2"),
    (Algorithm::MlKem1024, "2.16.840.1.101.3.4.4.3"),
];
