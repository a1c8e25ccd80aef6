use super::cipher::Cipher;
use super::gathered::Gathered;
use super::parameter::Parameter;
use super::refused;
use crate::key::PublicKey;
use crate::rv::{Answer, Rv};
use crate::store::Store;

/// An encryption under way: `C_EncryptInit` and what comes after it. Nothing comes out before its end.
pub(crate) struct Encrypt {
    spki: Vec<u8>,
    cipher: Cipher,
    gathered: Gathered,
}

impl Encrypt {
    /// Begins.
    ///
    /// # Errors
    /// `CKR_MECHANISM_INVALID`, `CKR_KEY_TYPE_INCONSISTENT`.
    pub(crate) fn begin(key: &PublicKey, parameter: &Parameter) -> Answer<Self> {
        let cipher = Cipher::of(parameter, key.algorithm())?;
        let gathered = Gathered::new(cipher.longest());
        Ok(Self { spki: key.spki().to_vec(), cipher, gathered })
    }

    /// Returns the ciphertext's size in bytes.
    pub(crate) const fn length(&self) -> usize {
        self.cipher.modulus
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE` where there are too many bytes now.
    pub(crate) fn update(&mut self, data: &[u8]) -> Answer<()> {
        self.gathered.update(data)
    }

    /// Encrypts the pieces.
    ///
    /// # Errors
    /// What the key store refuses with.
    pub(crate) fn finish(self, store: &dyn Store) -> Answer<Vec<u8>> {
        encrypt(store, &self.spki, &self.cipher, &self.gathered.finish())
    }

    /// Encrypts all that there is.
    ///
    /// # Errors
    /// `CKR_DATA_LEN_RANGE`, `CKR_OPERATION_NOT_INITIALIZED` where pieces came already, and what the key store refuses with.
    pub(crate) fn once(self, store: &dyn Store, data: &[u8]) -> Answer<Vec<u8>> {
        self.gathered.check_once(data)?;
        encrypt(store, &self.spki, &self.cipher, data)
    }
}

fn encrypt(store: &dyn Store, spki: &[u8], cipher: &Cipher, data: &[u8]) -> Answer<Vec<u8>> {
    let ciphertext = store.encrypt(spki, cipher.mechanism().name(), data, &cipher.encrypt_options());
    ciphertext.map_err(|error| refused(error, Rv::DATA_INVALID))
}
