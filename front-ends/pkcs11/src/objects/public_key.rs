//! Public keys as templates have them, made into SubjectPublicKeyInfo.

use claviger_token::Algorithm;
use cryptoki_sys as sys;

use super::curves::curve;
use super::generate::by_parameter_set;
use crate::key::{PublicKey, ec_params};
use crate::rv::{Answer, Rv};
use crate::template::Template;
use crate::tlv;

/// Returns the public key that a template holds.
///
/// # Errors
/// `CKR_TEMPLATE_INCOMPLETE`, `CKR_ATTRIBUTE_VALUE_INVALID`, `CKR_CURVE_NOT_SUPPORTED`, and `CKR_TEMPLATE_INCONSISTENT` for
/// a type of key that is none of ours.
pub(crate) fn public_key(template: &Template) -> Answer<PublicKey> {
    let kind = template.number(sys::CKA_KEY_TYPE)?.ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    let (algorithm, bits) = match kind {
        sys::CKK_RSA => {
            let modulus = integer(template.required(sys::CKA_MODULUS)?);
            let exponent = integer(template.required(sys::CKA_PUBLIC_EXPONENT)?);
            (tlv::wrapped(SEQUENCE, &[RSA, NULL]), tlv::wrapped(SEQUENCE, &[&modulus, &exponent]))
        }
        sys::CKK_EC => {
            let curve = curve(kind, template.required(sys::CKA_EC_PARAMS)?)?;
            let name = ec_params(curve).unwrap_or_default();
            (tlv::wrapped(SEQUENCE, &[EC_PUBLIC_KEY, name]), point(template)?.to_vec())
        }
        sys::CKK_EC_EDWARDS | sys::CKK_EC_MONTGOMERY => {
            let curve = curve(kind, template.required(sys::CKA_EC_PARAMS)?)?;
            (tlv::wrapped(SEQUENCE, &[ec_params(curve).unwrap_or_default()]), point(template)?.to_vec())
        }
        sys::CKK_ML_DSA | sys::CKK_ML_KEM => {
            let set = template.number(sys::CKA_PARAMETER_SET)?.ok_or(Rv::TEMPLATE_INCOMPLETE)?;
            let name = lattice_name(by_parameter_set(kind, set)?).ok_or(Rv::TEMPLATE_INCONSISTENT)?;
            let name = tlv::wrapped(OBJECT_IDENTIFIER, &[&NIST_ALGORITHMS, &name]);
            (tlv::wrapped(SEQUENCE, &[&name]), template.required(sys::CKA_VALUE)?.to_vec())
        }
        _ => return Err(Rv::TEMPLATE_INCONSISTENT),
    };
    let bits = tlv::wrapped(BIT_STRING, &[&[0], &bits]);
    PublicKey::parse(&tlv::wrapped(SEQUENCE, &[&algorithm, &bits])).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)
}

/// Returns the point of `CKA_EC_POINT`, in an OCTET STRING or, as some give it, bare.
fn point(template: &Template) -> Answer<&[u8]> {
    let value = template.required(sys::CKA_EC_POINT)?;
    let inside = tlv::element(value).filter(|(_, rest)| rest.is_empty());
    Ok(inside.and_then(|(element, _)| element.content(OCTET_STRING)).unwrap_or(value))
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    let lead: &[u8] = if number.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tlv::wrapped(INTEGER, &[lead, number])
}

/// Returns the last two numbers of an algorithm's name below 2.16.840.1.101.3.4: RFC 9881 and 9935.
const fn lattice_name(algorithm: Algorithm) -> Option<[u8; 2]> {
    match algorithm {
        Algorithm::MlDsa44 => Some([3, 17]),
        Algorithm::MlDsa65 => Some([3, 18]),
        Algorithm::MlDsa87 => Some([3, 19]),
        Algorithm::MlKem512 => Some([4, 1]),
        Algorithm::MlKem768 => Some([4, 2]),
        Algorithm::MlKem1024 => Some([4, 3]),
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

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;

const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const NULL: &[u8] = b"\x05\x00";
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";

/// 2.16.840.1.101.3.4.
const NIST_ALGORITHMS: [u8; 7] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04];
