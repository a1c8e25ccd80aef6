//! Attributes of objects that live in a session: what the application said of them, and what they are.

use cryptoki_sys as sys;

use super::attributes::{is_kem, material, modulus_bits, raw_value};
use super::values::{Attribute, bytes, empty, flag, number};
use crate::key::PublicKey;
use crate::template::Template;

pub(super) fn public_key(key: &PublicKey, template: &Template, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    let algorithm = key.algorithm();
    match kind {
        sys::CKA_CLASS => number(sys::CKO_PUBLIC_KEY),
        sys::CKA_PRIVATE => told(template, kind, false),
        sys::CKA_VERIFY_RECOVER | sys::CKA_TRUSTED | sys::CKA_DERIVE => flag(false),
        sys::CKA_VERIFY => told(template, kind, algorithm.usage().sign),
        sys::CKA_ENCRYPT | sys::CKA_WRAP => told(template, kind, algorithm.usage().decrypt),
        sys::CKA_ENCAPSULATE => told(template, kind, is_kem(algorithm)),
        sys::CKA_VALUE => raw_value(key),
        sys::CKA_MODULUS_BITS => modulus_bits(algorithm),
        _ => match material(key, kind) {
            Attribute::None => of_session(template, kind),
            known => known,
        },
    }
}

pub(super) fn secret_key(value: &[u8], template: &Template, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    match kind {
        sys::CKA_CLASS => number(sys::CKO_SECRET_KEY),
        sys::CKA_KEY_TYPE => bytes(template.bytes(kind).unwrap_or(&sys::CKK_GENERIC_SECRET.to_ne_bytes())),
        sys::CKA_VALUE if is_readable(template) => bytes(value),
        sys::CKA_VALUE => Attribute::Sensitive,
        sys::CKA_VALUE_LEN => number(value.len() as sys::CK_ULONG),
        sys::CKA_EXTRACTABLE => told(template, kind, true),
        sys::CKA_PRIVATE
        | sys::CKA_SENSITIVE
        | sys::CKA_ENCRYPT
        | sys::CKA_DECRYPT
        | sys::CKA_SIGN
        | sys::CKA_VERIFY
        | sys::CKA_WRAP
        | sys::CKA_UNWRAP
        | sys::CKA_DERIVE => told(template, kind, false),
        sys::CKA_ALWAYS_SENSITIVE
        | sys::CKA_NEVER_EXTRACTABLE
        | sys::CKA_WRAP_WITH_TRUSTED
        | sys::CKA_TRUSTED => flag(false),
        _ => of_session(template, kind),
    }
}

/// Returns true where a secret key may be read: it was not said to be sensitive, nor that it must not come out.
fn is_readable(template: &Template) -> bool {
    let is = |kind| matches!(template.flag(kind), Ok(Some(true)));
    let is_not = |kind| matches!(template.flag(kind), Ok(Some(false)));
    !is(sys::CKA_SENSITIVE) && !is_not(sys::CKA_EXTRACTABLE)
}

/// What both say.
fn of_session(template: &Template, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    match kind {
        sys::CKA_TOKEN | sys::CKA_COPYABLE | sys::CKA_LOCAL | sys::CKA_MODIFIABLE => flag(false),
        sys::CKA_DESTROYABLE => flag(true),
        sys::CKA_LABEL | sys::CKA_ID | sys::CKA_SUBJECT | sys::CKA_START_DATE | sys::CKA_END_DATE => {
            template.bytes(kind).map_or(empty(), bytes)
        }
        sys::CKA_UNIQUE_ID => empty(),
        sys::CKA_KEY_GEN_MECHANISM => number(sys::CK_UNAVAILABLE_INFORMATION),
        _ => Attribute::None,
    }
}

fn told(template: &Template, kind: sys::CK_ATTRIBUTE_TYPE, usual: bool) -> Attribute {
    flag(template.flag(kind).ok().flatten().unwrap_or(usual))
}
