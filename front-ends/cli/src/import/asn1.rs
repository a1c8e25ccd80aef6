//! PKCS#8 (RFC 5958), plain and encrypted; SEC1 (RFC 5915) and PKCS#1 (RFC 8017) are [`der`]'s.

use claviger_client::Secret;
use claviger_client::der::{self, BadKey};
use pkcs8::der::Decode as _;
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{ImportError, PrivateKeyFile, Sealed};

/// Reads DER whose kind nothing tells: the structures cannot be taken for one another.
pub(super) fn from_der(contents: &[u8]) -> Result<PrivateKeyFile, ImportError> {
    if PrivateKeyInfoRef::try_from(contents).is_ok() {
        return check_pkcs8(contents).map(PrivateKeyFile::Clear);
    }
    if EncryptedPrivateKeyInfoRef::try_from(contents).is_ok() {
        return check_encrypted(Zeroizing::new(contents.to_vec())).map(PrivateKeyFile::Sealed);
    }
    for wrap in [der::from_sec1, der::from_pkcs1] {
        match wrap(contents) {
            Err(BadKey::NoSec1 | BadKey::NoPkcs1) => {}
            wrapped => return Ok(PrivateKeyFile::Clear(wrapped?)),
        }
    }
    if pkcs8::spki::SubjectPublicKeyInfoRef::from_der(contents).is_ok() {
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
