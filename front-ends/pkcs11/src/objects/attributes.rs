use claviger_token::{Algorithm, Mechanism};
use cryptoki_sys as sys;
use sha1::{Digest as _, Sha1};

use super::values::{Attribute, bytes, ec_point, empty, flag, key_type, number, parameter_set};
use super::{Held, HeldCertificate, Object, session_object};
use crate::key::{Key, Material, PublicKey};

impl Object {
    /// Returns what the object says when asked for an attribute.
    pub(crate) fn attribute(&self, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
        match self {
            Self::PrivateKey(held) => private_key(held, kind),
            Self::PublicKey(held) => public_key(held, kind),
            Self::Certificate(held) => certificate(held, kind),
            Self::SessionPublicKey(key, template) => session_object::public_key(key, template, kind),
            Self::SecretKey(value, template) => session_object::secret_key(value, template, kind),
        }
    }

    /// Returns the object's class.
    pub(crate) const fn class(&self) -> sys::CK_OBJECT_CLASS {
        match self {
            Self::PrivateKey(_) => sys::CKO_PRIVATE_KEY,
            Self::PublicKey(_) | Self::SessionPublicKey(..) => sys::CKO_PUBLIC_KEY,
            Self::Certificate(_) => sys::CKO_CERTIFICATE,
            Self::SecretKey(..) => sys::CKO_SECRET_KEY,
        }
    }
}

/// The key stands where it stands for good, and cannot be taken out. Whether it ever could be, nobody wrote down.
fn private_key(held: &Held, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    let Held { key, wants_pin, .. } = held;
    let (usage, algorithm) = (key.usage(), key.algorithm());
    match kind {
        sys::CKA_CLASS => number(sys::CKO_PRIVATE_KEY),
        sys::CKA_PRIVATE | sys::CKA_SENSITIVE | sys::CKA_DESTROYABLE => flag(true),
        sys::CKA_SIGN => flag(usage.sign),
        sys::CKA_DECRYPT | sys::CKA_UNWRAP => flag(usage.decrypt),
        sys::CKA_DERIVE => flag(usage.derive && !is_kem(algorithm)),
        sys::CKA_DECAPSULATE => flag(usage.derive && is_kem(algorithm)),
        sys::CKA_SIGN_RECOVER
        | sys::CKA_EXTRACTABLE
        | sys::CKA_ALWAYS_SENSITIVE
        | sys::CKA_NEVER_EXTRACTABLE
        | sys::CKA_WRAP_WITH_TRUSTED => flag(false),
        sys::CKA_ALWAYS_AUTHENTICATE => flag(*wants_pin),
        sys::CKA_VALUE | sys::CKA_SEED if !is_rsa(algorithm) => Attribute::Sensitive,
        sys::CKA_PRIVATE_EXPONENT
        | sys::CKA_PRIME_1
        | sys::CKA_PRIME_2
        | sys::CKA_EXPONENT_1
        | sys::CKA_EXPONENT_2
        | sys::CKA_COEFFICIENT
            if is_rsa(algorithm) =>
        {
            Attribute::Sensitive
        }
        _ => key_attribute(held, kind),
    }
}

fn public_key(held: &Held, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    let algorithm = held.key.algorithm();
    match kind {
        sys::CKA_CLASS => number(sys::CKO_PUBLIC_KEY),
        sys::CKA_PRIVATE | sys::CKA_DESTROYABLE => flag(false),
        sys::CKA_VERIFY_RECOVER | sys::CKA_TRUSTED | sys::CKA_DERIVE => flag(false),
        // What was signed and what others encrypt stay what they were when a key is retired.
        sys::CKA_VERIFY => flag(algorithm.usage().sign),
        sys::CKA_ENCRYPT | sys::CKA_WRAP => flag(algorithm.usage().decrypt),
        sys::CKA_ENCAPSULATE => flag(is_kem(algorithm)),
        sys::CKA_VALUE => raw_value(held.key.public()),
        sys::CKA_MODULUS_BITS => modulus_bits(algorithm),
        _ => key_attribute(held, kind),
    }
}

/// What both halves of a key say.
fn key_attribute(held: &Held, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    let Held { key, certificate, .. } = held;
    match kind {
        sys::CKA_TOKEN | sys::CKA_MODIFIABLE => flag(true),
        sys::CKA_COPYABLE | sys::CKA_LOCAL => flag(false),
        sys::CKA_LABEL => bytes(key.row().label.as_bytes()),
        sys::CKA_ID => Attribute::Value(key.cka_id()),
        sys::CKA_UNIQUE_ID => bytes(key.id().as_bytes()),
        sys::CKA_START_DATE | sys::CKA_END_DATE => empty(),
        sys::CKA_SUBJECT => bytes(certificate.as_ref().map_or(&[], |certificate| &certificate.subject)),
        sys::CKA_KEY_GEN_MECHANISM => number(sys::CK_UNAVAILABLE_INFORMATION),
        sys::CKA_ALLOWED_MECHANISMS => allowed_mechanisms(key),
        _ => material(key.public(), kind),
    }
}

/// What is in a public key itself, and told of the private key too.
pub(super) fn material(key: &PublicKey, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    match (kind, key.material()) {
        (sys::CKA_KEY_TYPE, _) => number(key_type(key.algorithm())),
        (sys::CKA_PUBLIC_KEY_INFO, _) => bytes(key.spki()),
        (sys::CKA_MODULUS, Material::Rsa { modulus, .. }) => bytes(modulus),
        (sys::CKA_PUBLIC_EXPONENT, Material::Rsa { exponent, .. }) => bytes(exponent),
        (sys::CKA_EC_PARAMS, _) => key.ec_params().map_or(Attribute::None, bytes),
        (sys::CKA_EC_POINT, Material::Ec(point)) => ec_point(point),
        (sys::CKA_EC_POINT, Material::Raw(point)) if key.ec_params().is_some() => ec_point(point),
        (sys::CKA_PARAMETER_SET, _) => parameter_set(key.algorithm()).map_or(Attribute::None, number),
        _ => Attribute::None,
    }
}

/// Returns `CKA_VALUE` of a public key: ML-DSA and ML-KEM have one.
pub(super) fn raw_value(key: &PublicKey) -> Attribute {
    match key.material() {
        Material::Raw(value) if key.ec_params().is_none() => bytes(value),
        Material::Raw(_) | Material::Ec(_) | Material::Rsa { .. } => Attribute::None,
    }
}

pub(super) fn modulus_bits(algorithm: Algorithm) -> Attribute {
    algorithm.modulus_size().map_or(Attribute::None, |size| number(8 * size as sys::CK_ULONG))
}

fn allowed_mechanisms(key: &Key) -> Attribute {
    let named = key.row().mechanisms.iter().filter_map(|name| Mechanism::from_name(name));
    let numbers = named.flat_map(|mechanism| (mechanism.number() as sys::CK_MECHANISM_TYPE).to_ne_bytes());
    Attribute::Value(numbers.collect())
}

fn certificate(held: &HeldCertificate, kind: sys::CK_ATTRIBUTE_TYPE) -> Attribute {
    let HeldCertificate { certificate, key, own } = held;
    match kind {
        sys::CKA_CLASS => number(sys::CKO_CERTIFICATE),
        sys::CKA_CERTIFICATE_TYPE => number(sys::CKC_X_509),
        sys::CKA_TOKEN | sys::CKA_DESTROYABLE => flag(true),
        sys::CKA_MODIFIABLE => flag(*own),
        sys::CKA_PRIVATE | sys::CKA_TRUSTED | sys::CKA_COPYABLE => flag(false),
        sys::CKA_LABEL if *own => bytes(key.row().label.as_bytes()),
        sys::CKA_LABEL => Attribute::Value(certificate.common_name().into_bytes()),
        sys::CKA_ID if *own => Attribute::Value(key.cka_id()),
        // No key is there that has this one.
        sys::CKA_ID => bytes(&Sha1::digest(&certificate.public_key)),
        sys::CKA_UNIQUE_ID => Attribute::Value(held.unique_id()),
        sys::CKA_CERTIFICATE_CATEGORY if *own => number(sys::CK_CERTIFICATE_CATEGORY_TOKEN_USER),
        sys::CKA_CERTIFICATE_CATEGORY => number(sys::CK_CERTIFICATE_CATEGORY_AUTHORITY),
        sys::CKA_CHECK_VALUE => bytes(&Sha1::digest(&certificate.value)[..3]),
        sys::CKA_START_DATE => bytes(certificate.dates[0].as_ref().map_or(&[], |date| &date[..])),
        sys::CKA_END_DATE => bytes(certificate.dates[1].as_ref().map_or(&[], |date| &date[..])),
        sys::CKA_PUBLIC_KEY_INFO => bytes(&certificate.public_key),
        sys::CKA_SUBJECT => bytes(&certificate.subject),
        sys::CKA_ISSUER => bytes(&certificate.issuer),
        sys::CKA_SERIAL_NUMBER => bytes(&certificate.serial),
        sys::CKA_VALUE => bytes(&certificate.value),
        sys::CKA_URL | sys::CKA_HASH_OF_SUBJECT_PUBLIC_KEY | sys::CKA_HASH_OF_ISSUER_PUBLIC_KEY => empty(),
        sys::CKA_JAVA_MIDP_SECURITY_DOMAIN => number(sys::CK_SECURITY_DOMAIN_UNSPECIFIED),
        sys::CKA_NAME_HASH_ALGORITHM => number(sys::CKM_SHA_1),
        _ => Attribute::None,
    }
}

impl HeldCertificate {
    /// Returns `CKA_UNIQUE_ID`: a digest of it.
    pub(super) fn unique_id(&self) -> Vec<u8> {
        let digest = Sha1::digest(&self.certificate.value);
        let digits = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        digits.into_bytes()
    }
}

pub(super) const fn is_kem(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::MlKem512 | Algorithm::MlKem768 | Algorithm::MlKem1024)
}

const fn is_rsa(algorithm: Algorithm) -> bool {
    algorithm.modulus_size().is_some()
}
