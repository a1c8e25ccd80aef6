use std::os::fd::AsFd;

use claviger_dbus::names::DATA_LIMIT;
use claviger_dbus::wire::{EncryptOptions, NoOptions, PublicKeyRow, RandomOptions, VerifyOptions};
use claviger_dbus::{ByteBuf, Bytes};

use crate::{Client, Error, Secret};

/// What needs no private key. `public_key` is DER SubjectPublicKeyInfo.
impl Client {
    /// Returns a digest of `data`, of any size: above 1 MiB they go by descriptor.
    pub async fn digest(&self, hash: &str, data: &[u8]) -> Result<Vec<u8>, Error> {
        if data.len() > DATA_LIMIT {
            let file =
                crate::secret_descriptor(data).map_err(|error| Error::Local("pass the data on", error))?;
            return self.digest_file(hash, &file).await;
        }
        let data = Bytes::new(data);
        self.operate(|daemon| async move { daemon.public.digest(hash, data, &NoOptions {}).await })
            .await
            .map(ByteBuf::into_vec)
    }

    /// Returns a digest of a file's contents, from its beginning.
    pub async fn digest_file(&self, hash: &str, file: &impl AsFd) -> Result<Vec<u8>, Error> {
        let file = file.as_fd();
        self.operate_on(file, |daemon| async move {
            daemon.public.digest_file(hash, file.into(), &NoOptions {}).await
        })
        .await
        .map(ByteBuf::into_vec)
    }

    /// Returns true where the signature is right. `data` may have 1 MiB; see also [`Client::verify_file`].
    pub async fn verify(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        signature: &[u8],
        options: &VerifyOptions,
    ) -> Result<bool, Error> {
        let (public_key, data) = (Bytes::new(public_key), Bytes::new(data));
        let signature = Bytes::new(signature);
        self.operate(|daemon| async move {
            daemon.public.verify(public_key, mechanism, data, signature, options).await
        })
        .await
    }

    /// Returns the cipher text.
    pub async fn encrypt(
        &self,
        public_key: &[u8],
        mechanism: &str,
        data: &[u8],
        options: &EncryptOptions,
    ) -> Result<Vec<u8>, Error> {
        let (public_key, data) = (Bytes::new(public_key), Bytes::new(data));
        self.operate(
            |daemon| async move { daemon.public.encrypt(public_key, mechanism, data, options).await },
        )
        .await
        .map(ByteBuf::into_vec)
    }

    /// Makes a secret; returns it encapsulated and plain.
    pub async fn encapsulate(&self, public_key: &[u8], mechanism: &str) -> Result<(Vec<u8>, Secret), Error> {
        let public_key = Bytes::new(public_key);
        self.operate(
            |daemon| async move { daemon.public.encapsulate(public_key, mechanism, &NoOptions {}).await },
        )
        .await
        .map(|(ciphertext, secret)| (ciphertext.into_vec(), Secret::new(secret.into_vec())))
    }

    /// Returns random bytes, at most 1 MiB.
    pub async fn random(&self, length: u32) -> Result<Secret, Error> {
        self.operate(|daemon| async move { daemon.public.random(length, &RandomOptions::default()).await })
            .await
            .map(|bytes| Secret::new(bytes.into_vec()))
    }

    /// Returns random bytes of a phone of the caller's, at most 4,096.
    pub async fn random_of(&self, length: u32, token: &str) -> Result<Secret, Error> {
        let options = &RandomOptions { token: Some(token.to_owned()) };
        self.operate(|daemon| async move { daemon.public.random(length, options).await })
            .await
            .map(|bytes| Secret::new(bytes.into_vec()))
    }

    /// Lists another user's public keys; `user` is a name or a uid, empty for the caller.
    pub async fn public_keys(&self, user: &str) -> Result<Vec<(String, PublicKeyRow)>, Error> {
        self.operate(|daemon| async move { daemon.public.get_public_keys(user, &NoOptions {}).await }).await
    }
}
