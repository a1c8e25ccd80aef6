use claviger_client::{DecapsulateOptions, Secret};
use claviger_token::{Algorithm, Mechanism};

use super::parameter::Parameter;
use super::{has, refused};
use crate::key::{Key, PublicKey};
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// Returns the size of what `C_EncapsulateKey` gives for such a key (FIPS 203, table 3).
///
/// # Errors
/// `CKR_MECHANISM_INVALID` where the mechanism does not encapsulate, `CKR_KEY_TYPE_INCONSISTENT` where not with such keys.
pub(crate) fn ciphertext_length(algorithm: Algorithm, parameter: &Parameter) -> Answer<usize> {
    if Mechanism::from_number(parameter.mechanism) != Some(Mechanism::MlKem) {
        return Err(Rv::MECHANISM_INVALID);
    }
    match algorithm {
        Algorithm::MlKem512 => Ok(768),
        Algorithm::MlKem768 => Ok(1088),
        Algorithm::MlKem1024 => Ok(1568),
        Algorithm::P256
        | Algorithm::P384
        | Algorithm::P521
        | Algorithm::Ed25519
        | Algorithm::X25519
        | Algorithm::Rsa2048
        | Algorithm::Rsa3072
        | Algorithm::Rsa4096
        | Algorithm::MlDsa44
        | Algorithm::MlDsa65
        | Algorithm::MlDsa87 => Err(Rv::KEY_TYPE_INCONSISTENT),
    }
}

/// Makes a secret of 32 bytes that only the key's holder can open: ciphertext and secret.
///
/// # Errors
/// As [`ciphertext_length`], and what the key store refuses with.
pub(crate) fn encapsulate(
    store: &dyn Store,
    key: &PublicKey,
    parameter: &Parameter,
) -> Answer<(Vec<u8>, Secret)> {
    ciphertext_length(key.algorithm(), parameter)?;
    let both = store.encapsulate(key.spki(), Mechanism::MlKem.name());
    both.map_err(|error| refused(error, Rv::PUBLIC_KEY_INVALID))
}

/// Opens an encapsulated secret. One that was made for another key opens too, to something else.
///
/// # Errors
/// As [`ciphertext_length`]; `CKR_KEY_FUNCTION_NOT_PERMITTED` where the key is not for that, `CKR_WRAPPED_KEY_LEN_RANGE`
/// and `CKR_WRAPPED_KEY_INVALID` where the ciphertext is none, and what the key store refuses with.
pub(crate) fn decapsulate(
    store: &dyn Store,
    key: &Key,
    parameter: &Parameter,
    ciphertext: &[u8],
) -> Answer<Secret> {
    let length = ciphertext_length(key.algorithm(), parameter)?;
    if !key.usage().derive {
        return Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
    }
    if !has(key, Mechanism::MlKem) {
        return Err(Rv::MECHANISM_INVALID);
    }
    if ciphertext.len() != length {
        return Err(Rv::WRAPPED_KEY_LEN_RANGE);
    }
    let options = DecapsulateOptions { token: key.token(), ..DecapsulateOptions::default() };
    let secret = store.decapsulate(key.id(), Mechanism::MlKem.name(), ciphertext, &options);
    secret.map_err(|error| refused(error, Rv::WRAPPED_KEY_INVALID))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use claviger_token::Algorithm;
    use cryptoki_sys as sys;

    use super::{ciphertext_length, decapsulate, encapsulate};
    use crate::key::Key;
    use crate::operations::testing::{Fake, plain, row};
    use crate::rv::Rv;

    const KEMS: [Algorithm; 3] = [Algorithm::MlKem512, Algorithm::MlKem768, Algorithm::MlKem1024];

    #[test]
    fn what_is_encapsulated_is_opened_to_the_same_secret() {
        let (store, keys) = Fake::with(KEMS);
        for key in &keys {
            let parameter = plain(sys::CKM_ML_KEM);
            let (ciphertext, secret) = encapsulate(&store, key.public(), &parameter).unwrap();
            assert_eq!(ciphertext_length(key.algorithm(), &parameter), Ok(ciphertext.len()));
            let opened = decapsulate(&store, key, &parameter, &ciphertext).unwrap();
            assert_eq!((opened.as_bytes(), 32), (secret.as_bytes(), secret.as_bytes().len()));
            for length in [0, ciphertext.len() - 1] {
                let cut = decapsulate(&store, key, &parameter, &ciphertext[..length]).err();
                assert_eq!(cut, Some(Rv::WRAPPED_KEY_LEN_RANGE));
            }
        }
    }

    #[test]
    fn only_keys_for_it_encapsulate_and_only_so() {
        let (store, [kem, ec]) = Fake::with([Algorithm::MlKem512, Algorithm::P256]);
        let parameter = plain(sys::CKM_ML_KEM);
        assert_eq!(encapsulate(&store, ec.public(), &parameter).err(), Some(Rv::KEY_TYPE_INCONSISTENT));
        assert_eq!(decapsulate(&store, &ec, &parameter, &[]).err(), Some(Rv::KEY_TYPE_INCONSISTENT));
        let other = plain(sys::CKM_ECDH1_DERIVE);
        assert_eq!(encapsulate(&store, kem.public(), &other).err(), Some(Rv::MECHANISM_INVALID));
        assert_eq!(decapsulate(&store, &kem, &other, &[1; 768]).err(), Some(Rv::MECHANISM_INVALID));
        let mut unused = row(Algorithm::MlKem512, kem.public().spki());
        unused.usage.clear();
        let unused = Key::of_row(kem.id().to_owned(), unused).unwrap();
        let refused = decapsulate(&store, &unused, &parameter, &[1; 768]).err();
        assert_eq!(refused, Some(Rv::KEY_FUNCTION_NOT_PERMITTED));
        assert!(store.asked().is_empty());
    }
}
