use std::os::fd::AsFd;

use claviger_dbus::names::DATA_LIMIT;
use claviger_dbus::wire::{
    CertificateOptions, DecapsulateOptions, DecryptOptions, DeriveOptions, ExplainOptions, Explanation,
    KeyFilter, KeyRow, NewKeyOptions, NoOptions, SignOptions,
};
use claviger_dbus::{ByteBuf, Bytes};

use crate::{Client, Error, Secret};

/// The caller's own keys. `key` is an id, a label, a `pkcs11:` URI, or empty for the default key.
impl Client {
    /// Lists the caller's keys: id and attributes.
    pub async fn list_keys(&self, filter: &KeyFilter) -> Result<Vec<(String, KeyRow)>, Error> {
        self.operate(|daemon| async move { daemon.keys.list_keys(filter).await }).await
    }

    /// Returns id and attributes of one key.
    pub async fn key(&self, key: &str) -> Result<(String, KeyRow), Error> {
        self.operate(|daemon| async move { daemon.keys.get_key(key, &NoOptions {}).await }).await
    }

    /// Returns a signature of `data`, of any size: above 1 MiB they go by descriptor.
    pub async fn sign(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: &SignOptions,
    ) -> Result<Vec<u8>, Error> {
        if data.len() > DATA_LIMIT {
            let file =
                crate::secret_descriptor(data).map_err(|error| Error::Local("pass the data on", error))?;
            return self.sign_file(key, mechanism, &file, options).await;
        }
        let data = Bytes::new(data);
        self.perform(|daemon| async move { daemon.keys.sign(key, mechanism, data, options).await })
            .await
            .map(ByteBuf::into_vec)
    }

    /// Returns a signature of a file's contents, from its beginning.
    pub async fn sign_file(
        &self,
        key: &str,
        mechanism: &str,
        file: &impl AsFd,
        options: &SignOptions,
    ) -> Result<Vec<u8>, Error> {
        let file = file.as_fd();
        self.perform_on(file, |daemon| async move {
            daemon.keys.sign_file(key, mechanism, file.into(), options).await
        })
        .await
        .map(ByteBuf::into_vec)
    }

    /// Returns the plain text.
    pub async fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &[u8],
        options: &DecryptOptions,
    ) -> Result<Secret, Error> {
        let data = Bytes::new(data);
        self.perform(|daemon| async move { daemon.keys.decrypt(key, mechanism, data, options).await })
            .await
            .map(|plaintext| Secret::new(plaintext.into_vec()))
    }

    /// Returns the secret agreed with `peer`: DER SubjectPublicKeyInfo, or the bare point.
    pub async fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &[u8],
        options: &DeriveOptions,
    ) -> Result<Secret, Error> {
        let peer = Bytes::new(peer);
        self.perform(|daemon| async move { daemon.keys.derive(key, mechanism, peer, options).await })
            .await
            .map(|secret| Secret::new(secret.into_vec()))
    }

    /// Returns the secret that was encapsulated.
    pub async fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &[u8],
        options: &DecapsulateOptions,
    ) -> Result<Secret, Error> {
        let ciphertext = Bytes::new(ciphertext);
        self.perform(
            |daemon| async move { daemon.keys.decapsulate(key, mechanism, ciphertext, options).await },
        )
        .await
        .map(|secret| Secret::new(secret.into_vec()))
    }

    /// Makes a key and returns its id.
    pub async fn generate_key(&self, algorithm: &str, options: &NewKeyOptions) -> Result<String, Error> {
        self.call(|daemon| async move { daemon.keys.generate_key(algorithm, options).await }).await
    }

    /// Takes a private key in, DER PKCS#8, and returns its id.
    pub async fn import_key(&self, private_key: &Secret, options: &NewKeyOptions) -> Result<String, Error> {
        let private_key = private_key.to_descriptor()?;
        let private_key = private_key.as_fd();
        self.call(|daemon| async move { daemon.keys.import_key(private_key.into(), options).await }).await
    }

    /// Deletes a key for good.
    pub async fn delete_key(&self, key: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.keys.delete_key(key, &NoOptions {}).await }).await
    }

    /// Makes a key the default one for `sign`, `decrypt`, `derive` or `authenticate`; an empty key is none.
    pub async fn set_default_key(&self, purpose: &str, key: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.keys.set_default_key(purpose, key, &NoOptions {}).await })
            .await
    }

    /// Gives a key another label; an empty one takes it away.
    pub async fn set_label(&self, key: &str, label: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.keys.set_label(key, label, &NoOptions {}).await }).await
    }

    /// Sets whether the owner's agent asks for a yes when the key is used: `never`, `session` or `always`.
    pub async fn set_confirm(&self, key: &str, policy: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.keys.set_confirm(key, policy, &NoOptions {}).await }).await
    }

    /// Returns a key's certificates, DER, its own first; none where it has none.
    pub async fn certificates(&self, key: &str) -> Result<Vec<Vec<u8>>, Error> {
        let certificates = self
            .operate(|daemon| async move { daemon.keys.get_certificates(key, &NoOptions {}).await })
            .await?;
        Ok(certificates.into_iter().map(ByteBuf::into_vec).collect())
    }

    /// Gives a key another certificate, DER; an empty one takes it away.
    pub async fn set_certificate(
        &self,
        key: &str,
        certificate: &[u8],
        options: &CertificateOptions,
    ) -> Result<(), Error> {
        let certificate = Bytes::new(certificate);
        self.call(|daemon| async move { daemon.keys.set_certificate(key, certificate, options).await }).await
    }

    /// Returns what the card says of how a key was made: DER certificates, the key's attestation first.
    pub async fn attest(&self, key: &str) -> Result<Vec<Vec<u8>>, Error> {
        let certificates =
            self.operate(|daemon| async move { daemon.keys.attest(key, &NoOptions {}).await }).await?;
        Ok(certificates.into_iter().map(ByteBuf::into_vec).collect())
    }

    /// Says what an operation would do and ask, without doing it.
    pub async fn explain(
        &self,
        key: &str,
        mechanism: &str,
        options: &ExplainOptions,
    ) -> Result<Explanation, Error> {
        self.operate(|daemon| async move { daemon.keys.explain(key, mechanism, options).await }).await
    }
}
