//! Private keys as DER PKCS#8 (RFC 5958, 5915, 8410, 9881, 9935).

use claviger_token::{Algorithm, Secret, TokenError};
use zeroize::Zeroizing;

use crate::evp::Pkey;
use crate::random::fill;
use crate::spki::{self, element};

/// The most that a private key of an offered algorithm takes: ML-DSA-87 with seed and expanded key, 5 KiB.
const SIZE_LIMIT: usize = 8192;

/// A private key that was checked: what it is, its public half, and the document that is kept.
pub(crate) struct Parsed {
    pub(crate) algorithm: Algorithm,
    pub(crate) spki: Vec<u8>,
    pub(crate) document: Secret,
}

/// Reads a private key that somebody brings, and checks that it is a pair of an offered algorithm.
///
/// The document that is kept is written anew wherever aws-lc can, so that attributes and odd encodings do not
/// get into the store; an ML-DSA key without its seed stays as it came.
pub(crate) fn import(der: &Secret) -> Result<Parsed, TokenError> {
    let key = load(der.expose())?;
    let spki = key.to_spki().map_err(|_| damaged())?;
    let algorithm = spki::announced(&spki)?;
    let document = key.to_pkcs8().unwrap_or_else(|_| der.clone());
    Ok(Parsed { algorithm, spki, document })
}

/// Reads the private key of a sealed record or an import.
pub(crate) fn load(der: &[u8]) -> Result<Pkey, TokenError> {
    if der.len() > SIZE_LIMIT {
        return Err(invalid("the private key is too long"));
    }
    if let Some((parameters, private)) = ml_kem(der) {
        return load_ml_kem(parameters, private);
    }
    Pkey::from_pkcs8(der).map_err(|_| damaged())
}

/// Makes the document of a new key of an algorithm whose private key is nothing but random bytes, or
/// returns `None` where it is not.
pub(crate) fn from_random_seed(algorithm: Algorithm) -> Result<Option<Secret>, TokenError> {
    let Some((prefix, size)) = seed_form(algorithm) else { return Ok(None) };
    let mut document = Zeroizing::new(vec![0; prefix.len() + size]);
    document[..prefix.len()].copy_from_slice(prefix);
    fill(&mut document[prefix.len()..])?;
    Ok(Some(Secret::new(std::mem::take(&mut *document))))
}

/// Returns what stands before the seed in its document, and the seed's size.
const fn seed_form(algorithm: Algorithm) -> Option<(&'static [u8], usize)> {
    Some(match algorithm {
        Algorithm::Ed25519 => (b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20", 32),
        Algorithm::X25519 => (b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20", 32),
        Algorithm::MlDsa44 => {
            (b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x11\x04\x22\x80\x20", 32)
        }
        Algorithm::MlDsa65 => {
            (b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x12\x04\x22\x80\x20", 32)
        }
        Algorithm::MlDsa87 => {
            (b"\x30\x34\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x03\x13\x04\x22\x80\x20", 32)
        }
        Algorithm::MlKem512 => (ML_KEM_512_SEED, 64),
        Algorithm::MlKem768 => (ML_KEM_768_SEED, 64),
        Algorithm::MlKem1024 => (ML_KEM_1024_SEED, 64),
        _ => return None,
    })
}

/// What differs between the three ML-KEM algorithms (FIPS 203, table 2 and 3).
struct MlKem {
    /// aws-lc's number of the algorithm.
    nid: i32,
    /// The document of the seed form, up to the seed.
    seed_prefix: &'static [u8],
    /// Where the public key stands in the expanded private key.
    public: std::ops::Range<usize>,
    /// The size of the expanded private key.
    expanded: usize,
}

/// Returns the parameters and the content of `privateKey`, where the document is an ML-KEM key's.
fn ml_kem(der: &[u8]) -> Option<(MlKem, &[u8])> {
    let (document, []) = element(der, 0x30)? else { return None };
    let after = document.strip_prefix(b"\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04")?;
    let (kind, after) = after.split_first()?;
    let (private, _attributes) = element(after, 0x04)?;
    let parameters = |nid, seed_prefix, k: usize| MlKem {
        nid,
        seed_prefix,
        public: 384 * k..768 * k + 32,
        expanded: 768 * k + 96,
    };
    match kind {
        1 => Some((parameters(aws_lc_sys::NID_MLKEM512, ML_KEM_512_SEED, 2), private)),
        2 => Some((parameters(aws_lc_sys::NID_MLKEM768, ML_KEM_768_SEED, 3), private)),
        3 => Some((parameters(aws_lc_sys::NID_MLKEM1024, ML_KEM_1024_SEED, 4), private)),
        _ => None,
    }
}

/// Reads the three forms of RFC 9935, section 6: seed, expanded, both. aws-lc itself knows no "both", and
/// leaves the public key of the expanded form unset.
fn load_ml_kem(parameters: MlKem, private: &[u8]) -> Result<Pkey, TokenError> {
    if let Some((seed, [])) = element(private, 0x80) {
        return from_seed(&parameters, seed);
    }
    if let Some((expanded, [])) = element(private, 0x04) {
        return from_expanded(&parameters, expanded);
    }
    let (both, []) = element(private, 0x30).ok_or_else(damaged)? else { return Err(damaged()) };
    let (seed, rest) = element(both, 0x04).ok_or_else(damaged)?;
    let (expanded, []) = element(rest, 0x04).ok_or_else(damaged)? else { return Err(damaged()) };
    let key = from_seed(&parameters, seed)?;
    // Two keys in one document: without this check nobody knows which of them is meant.
    match key.raw_private() {
        Ok(made) if made.expose() == expanded => Ok(key),
        _ => Err(invalid("the seed and the expanded key of the ML-KEM key do not belong together")),
    }
}

fn from_seed(parameters: &MlKem, seed: &[u8]) -> Result<Pkey, TokenError> {
    if seed.len() != 64 {
        return Err(damaged());
    }
    let document = Secret::new([parameters.seed_prefix, seed].concat());
    Pkey::from_pkcs8(document.expose()).map_err(|_| damaged())
}

fn from_expanded(parameters: &MlKem, expanded: &[u8]) -> Result<Pkey, TokenError> {
    if expanded.len() != parameters.expanded {
        return Err(damaged());
    }
    Pkey::from_kem_halves(parameters.nid, &expanded[parameters.public.clone()], expanded)
        .map_err(|_| invalid("the ML-KEM key does not fit its own public key"))
}

fn damaged() -> TokenError {
    invalid("the private key is not a sound pair of an offered algorithm, in DER PKCS#8")
}

fn invalid(why: &'static str) -> TokenError {
    TokenError::DataInvalid(why.into())
}

const ML_KEM_512_SEED: &[u8] =
    b"\x30\x54\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x01\x04\x42\x80\x40";
const ML_KEM_768_SEED: &[u8] =
    b"\x30\x54\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x02\x04\x42\x80\x40";
const ML_KEM_1024_SEED: &[u8] =
    b"\x30\x54\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x03\x04\x42\x80\x40";
