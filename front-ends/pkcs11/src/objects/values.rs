//! How attributes are written.

use claviger_token::Algorithm;
use cryptoki_sys as sys;

use crate::tlv;

/// What an object says when asked for an attribute.
pub(crate) enum Attribute {
    /// Its value.
    Value(Vec<u8>),
    /// It has one and does not tell: `CKR_ATTRIBUTE_SENSITIVE`.
    Sensitive,
    /// It has none: `CKR_ATTRIBUTE_TYPE_INVALID`.
    None,
}

pub(super) fn flag(value: bool) -> Attribute {
    Attribute::Value(vec![if value { sys::CK_TRUE } else { sys::CK_FALSE }])
}

pub(super) fn number(value: sys::CK_ULONG) -> Attribute {
    Attribute::Value(value.to_ne_bytes().to_vec())
}

pub(super) fn bytes(value: &[u8]) -> Attribute {
    Attribute::Value(value.to_vec())
}

/// An attribute that such an object has, but empty.
pub(super) const fn empty() -> Attribute {
    Attribute::Value(Vec::new())
}

pub(super) const fn key_type(algorithm: Algorithm) -> sys::CK_KEY_TYPE {
    match algorithm {
        Algorithm::P256 | Algorithm::P384 | Algorithm::P521 => sys::CKK_EC,
        Algorithm::Ed25519 => sys::CKK_EC_EDWARDS,
        Algorithm::X25519 => sys::CKK_EC_MONTGOMERY,
        Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => sys::CKK_RSA,
        Algorithm::MlDsa44 | Algorithm::MlDsa65 | Algorithm::MlDsa87 => sys::CKK_ML_DSA,
        Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024 => sys::CKK_ML_KEM,
    }
}

/// Returns `CKA_PARAMETER_SET` of ML-DSA and ML-KEM.
pub(super) const fn parameter_set(algorithm: Algorithm) -> Option<sys::CK_ULONG> {
    match algorithm {
        Algorithm::MlDsa44 => Some(sys::CKP_ML_DSA_44),
        Algorithm::MlDsa65 => Some(sys::CKP_ML_DSA_65),
        Algorithm::MlDsa87 => Some(sys::CKP_ML_DSA_87),
        Algorithm::MlKem512 => Some(sys::CKP_ML_KEM_512),
        Algorithm::MlKem768 => Some(sys::CKP_ML_KEM_768),
        Algorithm::MlKem1024 => Some(sys::CKP_ML_KEM_1024),
        Algorithm::P256
        | Algorithm::P384
        | Algorithm::P521
        | Algorithm::Ed25519
        | Algorithm::X25519
        | Algorithm::Rsa2048
        | Algorithm::Rsa3072
        | Algorithm::Rsa4096 => None,
    }
}

/// Returns `CKA_EC_POINT`: an OCTET STRING of the point or, as is done by all, of the key of RFC 8032 and 7748.
pub(super) fn ec_point(point: &[u8]) -> Attribute {
    Attribute::Value(tlv::wrapped(OCTET_STRING, &[point]))
}

const OCTET_STRING: u8 = 0x04;
