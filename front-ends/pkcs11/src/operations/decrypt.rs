use claviger_client::{DecryptOptions, Secret};

use super::cipher::Cipher;
use super::gathered::Gathered;
use super::parameter::Parameter;
use super::{has, refused};
use crate::key::Key;
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// A decryption under way: `C_DecryptInit` and what comes after it. Nothing comes out before its end.
///
/// With `CKM_RSA_PKCS` a wrong padding is no error: the key store answers it with a made up message, the same each time,
/// so a program that tells its peer what went wrong tells nothing of the padding (RFC 8017, 7.2.2, note).
pub(crate) struct Decrypt {
    key: String,
    token: Option<String>,
    cipher: Cipher,
    gathered: Gathered,
}

impl Decrypt {
    /// Begins. Whether the program must log in first is asked before, by the caller.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID`, `CKR_KEY_TYPE_INCONSISTENT`, and `CKR_KEY_FUNCTION_NOT_PERMITTED` where the key is not
    /// for decrypting.
    pub(crate) fn begin(key: &Key, parameter: &Parameter) -> Answer<Self> {
        let cipher = Cipher::of(parameter, key.algorithm())?;
        if !key.usage().decrypt {
            return Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
        }
        if !has(key, cipher.mechanism()) {
            return Err(Rv::MECHANISM_INVALID);
        }
        let gathered = Gathered::new(cipher.modulus);
        Ok(Self { key: key.id().to_owned(), token: key.token(), cipher, gathered })
    }

    /// Returns the most bytes that a plain text can have.
    pub(crate) const fn length(&self) -> usize {
        self.cipher.longest()
    }

    /// Takes the next piece of the ciphertext.
    ///
    /// # Errors
    /// `CKR_ENCRYPTED_DATA_LEN_RANGE` where there are too many bytes now.
    pub(crate) fn update(&mut self, data: &[u8]) -> Answer<()> {
        self.gathered.update(data).map_err(|_| Rv::ENCRYPTED_DATA_LEN_RANGE)
    }

    /// Decrypts the pieces.
    ///
    /// # Errors
    /// `CKR_ENCRYPTED_DATA_LEN_RANGE`, `CKR_ENCRYPTED_DATA_INVALID`, and what the key store refuses with.
    pub(crate) fn finish(self, store: &dyn Store) -> Answer<Secret> {
        let Self { key, token, cipher, gathered } = self;
        decrypt(
            store,
            &key,
            DecryptOptions { token, ..cipher.decrypt_options() },
            (&cipher, &gathered.finish()),
        )
    }

    /// Decrypts a whole ciphertext.
    ///
    /// # Errors
    /// As [`finish`](Self::finish); `CKR_OPERATION_NOT_INITIALIZED` where pieces came already.
    pub(crate) fn once(self, store: &dyn Store, data: &[u8]) -> Answer<Secret> {
        let Self { key, token, cipher, gathered } = self;
        match gathered.check_once(data) {
            Err(Rv::DATA_LEN_RANGE) => Err(Rv::ENCRYPTED_DATA_LEN_RANGE),
            Err(rv) => Err(rv),
            Ok(()) => {
                decrypt(store, &key, DecryptOptions { token, ..cipher.decrypt_options() }, (&cipher, data))
            }
        }
    }
}

fn decrypt(
    store: &dyn Store,
    key: &str,
    options: DecryptOptions,
    (cipher, data): (&Cipher, &[u8]),
) -> Answer<Secret> {
    if data.len() != cipher.modulus {
        return Err(Rv::ENCRYPTED_DATA_LEN_RANGE);
    }
    let plaintext = store.decrypt(key, cipher.mechanism().name(), data, &options);
    plaintext.map_err(|error| refused(error, Rv::ENCRYPTED_DATA_INVALID))
}

#[cfg(test)]
mod tests;
