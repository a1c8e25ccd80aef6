use claviger_client::{
    CertificateOptions, DecapsulateOptions, DecryptOptions, DeriveOptions, EncryptOptions, Error, KeyRow,
    NewKeyOptions, Secret, SignOptions, TokenRow, VerifyOptions,
};

/// What the module asks of the key store. The daemon is one; a test and the fuzzer have others.
///
/// Each method is the method of `claviger_client::Client` that has its name, whose documentation counts. All may be
/// called from several threads at once, and one that waits holds up no other.
pub trait Store: Send + Sync {
    /// Lists the caller's tokens: ids and attributes. No card is asked anything.
    fn list_tokens(&self) -> Result<Vec<(String, TokenRow)>, Error>;

    /// Lists the caller's keys, current and retired: ids and attributes.
    fn list_keys(&self) -> Result<Vec<(String, KeyRow)>, Error>;

    /// Returns a key's certificates, DER, its own first.
    fn certificates(&self, key: &str) -> Result<Vec<Vec<u8>>, Error>;

    /// Opens a token: the local store with its pass phrase, a card with its PIN. `None`: the token asks its person itself.
    /// The last try that a card has is spent with `last_try` only.
    fn unlock(&self, token: &str, secret: Option<&Secret>, last_try: bool) -> Result<(), Error>;

    /// Changes the local store's pass phrase or a card's PIN; with `last_try` as with [`unlock`](Self::unlock).
    fn change_secret(&self, token: &str, old: &Secret, new: &Secret, last_try: bool) -> Result<(), Error>;

    /// Sets a card's PIN with its PUK.
    fn unblock(&self, token: &str, puk: &Secret, new: &Secret) -> Result<(), Error>;

    /// Signs.
    fn sign(&self, key: &str, mechanism: &str, data: &[u8], options: &SignOptions) -> Result<Vec<u8>, Error>;

    /// Decrypts.
    fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: &DecryptOptions,
    ) -> Result<Secret, Error>;

    /// Agrees on a secret.
    fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &[u8],
        options: &DeriveOptions,
    ) -> Result<Secret, Error>;

    /// Opens an encapsulated secret.
    fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &[u8],
        options: &DecapsulateOptions,
    ) -> Result<Secret, Error>;

    /// Makes a key and returns its id.
    fn generate_key(&self, algorithm: &str, options: &NewKeyOptions) -> Result<String, Error>;

    /// Takes a private key in, DER PKCS#8, and returns its id.
    fn import_key(&self, private_key: &Secret, options: &NewKeyOptions) -> Result<String, Error>;

    /// Deletes a key for good.
    fn delete_key(&self, key: &str) -> Result<(), Error>;

    /// Gives a key another label.
    fn set_label(&self, key: &str, label: &str) -> Result<(), Error>;

    /// Gives a key another certificate; an empty one takes it away.
    fn set_certificate(
        &self,
        key: &str,
        certificate: &[u8],
        options: &CertificateOptions,
    ) -> Result<(), Error>;

    /// Checks a signature with a DER SubjectPublicKeyInfo.
    fn verify(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        signature: &[u8],
        options: &VerifyOptions,
    ) -> Result<bool, Error>;

    /// Encrypts to a DER SubjectPublicKeyInfo.
    fn encrypt(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        options: &EncryptOptions,
    ) -> Result<Vec<u8>, Error>;

    /// Encapsulates a secret to a DER SubjectPublicKeyInfo: ciphertext and secret.
    fn encapsulate(&self, public_key: &[u8], mechanism: &str) -> Result<(Vec<u8>, Secret), Error>;

    /// Returns random bytes, of a token's own generator where one is named.
    fn random(&self, length: u32, token: Option<&str>) -> Result<Secret, Error>;

    /// Waits until a token may have come, gone or changed, or keys have, or until [`interrupt`](Self::interrupt). An error:
    /// nobody tells.
    fn wait_for_change(&self) -> Result<(), Error>;

    /// Ends every wait for a change, those under way and those to come.
    fn interrupt(&self);
}
