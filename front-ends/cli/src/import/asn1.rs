//! PKCS#8 (RFC 5958), SEC1 (RFC 5915) and PKCS#1 (RFC 8017), to PKCS#8.

use claviger_client::Secret;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::der::{Decode, Encode};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{ImportError, PrivateKeyFile, Sealed};

/// Reads DER whose kind nothing tells: the structures cannot be taken for one another.
pub(super) fn from_der(der: &[u8]) -> Result<PrivateKeyFile, ImportError> {
    if PrivateKeyInfoRef::try_from(der).is_ok() {
        return check_pkcs8(der).map(PrivateKeyFile::Clear);
    }
    if EncryptedPrivateKeyInfoRef::try_from(der).is_ok() {
        return check_encrypted(Zeroizing::new(der.to_vec())).map(PrivateKeyFile::Sealed);
    }
    if sec1::EcPrivateKey::from_der(der).is_ok() {
        return from_sec1(der).map(PrivateKeyFile::Clear);
    }
    if pkcs1::RsaPrivateKeyRef::from_der(der).is_ok() {
        return from_pkcs1(der).map(PrivateKeyFile::Clear);
    }
    if pkcs8::spki::SubjectPublicKeyInfoRef::from_der(der).is_ok() {
        return Err(ImportError::PublicOnly);
    }
    Err(ImportError::NoPrivateKey)
}

/// Checks that it is a PrivateKeyInfo, and returns it as it is.
pub(super) fn check_pkcs8(der: &[u8]) -> Result<Secret, ImportError> {
    PrivateKeyInfoRef::try_from(der).map_err(|_| ImportError::Damaged("its PKCS#8 structure"))?;
    Ok(Secret::new(der.to_vec()))
}

/// Checks that it is an EncryptedPrivateKeyInfo.
pub(super) fn check_encrypted(der: Zeroizing<Vec<u8>>) -> Result<Sealed, ImportError> {
    EncryptedPrivateKeyInfoRef::try_from(der.as_slice())
        .map_err(|_| ImportError::NotSupported("encrypted with an unknown scheme (not PBES2)".to_owned()))?;
    Ok(Sealed::Pkcs8(Secret::from(der)))
}

/// Opens an EncryptedPrivateKeyInfo.
pub(super) fn decrypt(der: &[u8], passphrase: &Secret) -> Result<Secret, ImportError> {
    let sealed = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| ImportError::Damaged("its PKCS#8 structure"))?;
    bound_work(&sealed)?;
    let opened = sealed.decrypt(passphrase.as_bytes()).map_err(|error| match error {
        pkcs8::Error::EncryptedPrivateKey(cause) if is_unsupported(&cause) => {
            ImportError::NotSupported(format!("encrypted in a way that is not known here ({cause})"))
        }
        // The padding or the structure under it does not fit: that is how a wrong key shows.
        _ => ImportError::WrongPassphrase,
    })?;
    check_pkcs8(opened.as_bytes()).map_err(|_| ImportError::WrongPassphrase)
}

fn is_unsupported(error: &pkcs8::pkcs5::Error) -> bool {
    use pkcs8::pkcs5::Error as E;
    matches!(
        error,
        E::AlgorithmParametersInvalid { .. } | E::UnsupportedAlgorithm { .. } | E::NoPbes1CryptSupport
    )
}

/// Refuses key derivations that would take minutes or gigabytes: a file may come from anywhere.
fn bound_work(sealed: &EncryptedPrivateKeyInfoRef<'_>) -> Result<(), ImportError> {
    use pkcs8::pkcs5::{EncryptionScheme, pbes2::Kdf};
    let EncryptionScheme::Pbes2(parameters) = &sealed.encryption_algorithm else { return Ok(()) };
    let is_bearable = match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= 100_000_000,
        Kdf::Scrypt(scrypt) => {
            let memory = scrypt
                .cost_parameter
                .checked_mul(u64::from(scrypt.block_size))
                .and_then(|blocks| blocks.checked_mul(128));
            memory.is_some_and(|memory| memory <= 1 << 30) && scrypt.parallelization <= 64
        }
        _ => true,
    };
    if is_bearable {
        Ok(())
    } else {
        Err(ImportError::NotSupported("encrypted with more work than is reasonable".to_owned()))
    }
}

/// Wraps an ECPrivateKey, whose parameters must name a curve.
pub(super) fn from_sec1(der: &[u8]) -> Result<Secret, ImportError> {
    let key = sec1::EcPrivateKey::from_der(der).map_err(|_| ImportError::Damaged("its SEC1 structure"))?;
    let curve = key.parameters.and_then(|parameters| parameters.named_curve());
    let curve = curve.ok_or_else(|| ImportError::NotSupported("a key that names no curve".to_owned()))?;
    wrap_ec(curve, key.private_key, key.public_key)
}

/// Makes PKCS#8 of an elliptic curve's private number, padded to the size of the field, and its point.
pub(super) fn wrap_ec(
    curve: ObjectIdentifier,
    private_key: &[u8],
    public_key: Option<&[u8]>,
) -> Result<Secret, ImportError> {
    // The curve stands outside, in the algorithm, as OpenSSL writes it.
    let inner = encode(&sec1::EcPrivateKey { private_key, parameters: None, public_key })?;
    let algorithm = AlgorithmIdentifierRef { oid: EC_PUBLIC_KEY, parameters: Some(AnyRef::from(&curve)) };
    wrap(algorithm, &inner)
}

/// Wraps an RSAPrivateKey.
pub(super) fn from_pkcs1(der: &[u8]) -> Result<Secret, ImportError> {
    pkcs1::RsaPrivateKeyRef::from_der(der).map_err(|_| ImportError::Damaged("its PKCS#1 structure"))?;
    let algorithm = AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters: Some(AnyRef::NULL) };
    wrap(algorithm, der)
}

/// Makes PKCS#8 of an Ed25519 seed.
pub(super) fn wrap_ed25519(seed: &[u8]) -> Result<Secret, ImportError> {
    let inner = encode(&OctetStringRef::new(seed).map_err(|_| UNENCODABLE)?)?;
    wrap(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &inner)
}

fn wrap(algorithm: AlgorithmIdentifierRef<'_>, inner: &[u8]) -> Result<Secret, ImportError> {
    let inner = OctetStringRef::new(inner).map_err(|_| UNENCODABLE)?;
    encode(&PrivateKeyInfoRef::new(algorithm, inner)).map(Secret::from)
}

pub(super) fn encode(value: &impl Encode) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    value.to_der().map(Zeroizing::new).map_err(|_| UNENCODABLE)
}

const UNENCODABLE: ImportError = ImportError::Damaged("a number in it does not fit");

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(super) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
