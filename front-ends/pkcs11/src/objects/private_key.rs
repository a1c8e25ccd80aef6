//! Private keys as templates have them, made into PKCS#8 (RFC 5958).

use claviger_client::Secret;
use claviger_token::Algorithm;
use cryptoki_sys as sys;
use zeroize::Zeroizing;

use super::curves::curve;
use crate::key::ec_params;
use crate::rv::{Answer, Rv};
use crate::template::Template;
use crate::tlv;

/// Returns the PKCS#8 of the private key that a template holds.
///
/// # Errors
/// `CKR_TEMPLATE_INCOMPLETE`, `CKR_ATTRIBUTE_VALUE_INVALID`, `CKR_CURVE_NOT_SUPPORTED`, and `CKR_TEMPLATE_INCONSISTENT` for
/// a type of key that no token here has.
pub(crate) fn pkcs8(template: &Template) -> Answer<Secret> {
    let kind = template.number(sys::CKA_KEY_TYPE)?.ok_or(Rv::TEMPLATE_INCOMPLETE)?;
    let (algorithm, key) = match kind {
        sys::CKK_RSA => (sequence(&[RSA, NULL]), rsa(template)?),
        sys::CKK_EC => {
            let curve = curve(kind, template.required(sys::CKA_EC_PARAMS)?)?;
            (sequence(&[EC_PUBLIC_KEY, ec_params(curve).unwrap_or_default()]), ec(template, curve)?)
        }
        sys::CKK_EC_EDWARDS | sys::CKK_EC_MONTGOMERY => {
            let curve = curve(kind, template.required(sys::CKA_EC_PARAMS)?)?;
            let value = template.required(sys::CKA_VALUE)?;
            let value: &[u8; 32] = value.try_into().map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?;
            (sequence(&[ec_params(curve).unwrap_or_default()]), wiped(tlv::wrapped(OCTET_STRING, &[value])))
        }
        _ => return Err(Rv::TEMPLATE_INCONSISTENT),
    };
    let key = wiped(tlv::wrapped(OCTET_STRING, &[&key]));
    Ok(Secret::from(sequence(&[&integer(&[]), &algorithm, &key])))
}

/// Returns the RSAPrivateKey of RFC 8017, A.1.2.
fn rsa(template: &Template) -> Answer<Zeroizing<Vec<u8>>> {
    let parts = [
        sys::CKA_MODULUS,
        sys::CKA_PUBLIC_EXPONENT,
        sys::CKA_PRIVATE_EXPONENT,
        sys::CKA_PRIME_1,
        sys::CKA_PRIME_2,
        sys::CKA_EXPONENT_1,
        sys::CKA_EXPONENT_2,
        sys::CKA_COEFFICIENT,
    ];
    let parts = parts.map(|part| template.required(part).map(integer));
    let mut numbers = vec![integer(&[])];
    for part in parts {
        numbers.push(part?);
    }
    let numbers: Vec<&[u8]> = numbers.iter().map(|number| number.as_slice()).collect();
    Ok(sequence(&numbers))
}

/// Returns the ECPrivateKey of RFC 5915.
fn ec(template: &Template, curve: Algorithm) -> Answer<Zeroizing<Vec<u8>>> {
    let size: usize = match curve {
        Algorithm::P256 => 32,
        Algorithm::P384 => 48,
        _ => 66,
    };
    let value = significant(template.required(sys::CKA_VALUE)?);
    let lead = size.checked_sub(value.len()).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)?;
    // "privateKey is the private key. It is an octet string of length ceiling (log2(n)/8)".
    let value = wiped(tlv::wrapped(OCTET_STRING, &[&vec![0; lead], value]));
    Ok(sequence(&[&integer(&[1]), &value]))
}

/// Returns an INTEGER of a big-endian number.
fn integer(number: &[u8]) -> Zeroizing<Vec<u8>> {
    let number = significant(number);
    let lead: &[u8] = if number.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    wiped(tlv::wrapped(INTEGER, &[lead, number]))
}

fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn sequence(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    wiped(tlv::wrapped(SEQUENCE, parts))
}

fn wiped(bytes: Vec<u8>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(bytes)
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;

/// rsaEncryption and its parameters, id-ecPublicKey.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const NULL: &[u8] = b"\x05\x00";
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
