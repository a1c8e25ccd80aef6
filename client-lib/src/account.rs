use std::os::fd::AsFd;

use claviger_dbus::names::SECRET_LIMIT;
use claviger_dbus::wire::{AccountRow, NoOptions, RegisterOptions, UnlockOptions};

use crate::client::receive;
use crate::{Client, Error, Secret};

/// The caller's own account. All bytes of a secret count: a new line at its end is part of it.
impl Client {
    /// Applies for an account and makes its first keys.
    pub async fn register(&self, passphrase: &Secret, options: &RegisterOptions) -> Result<(), Error> {
        let passphrase = passphrase.to_descriptor()?;
        let passphrase = passphrase.as_fd();
        self.call(|daemon| async move { daemon.account.register(passphrase.into(), options).await }).await
    }

    /// Enters the consent phrase.
    pub async fn consent(&self, phrase: &Secret) -> Result<(), Error> {
        let phrase = phrase.to_descriptor()?;
        let phrase = phrase.as_fd();
        self.call(|daemon| async move { daemon.account.consent(phrase.into(), &NoOptions {}).await }).await
    }

    /// Opens the local keys.
    pub async fn unlock(&self, passphrase: &Secret, options: &UnlockOptions) -> Result<(), Error> {
        let passphrase = passphrase.to_descriptor()?;
        let passphrase = passphrase.as_fd();
        self.call(|daemon| async move { daemon.account.unlock(passphrase.into(), options).await }).await
    }

    /// Wipes the opened keys.
    pub async fn lock(&self) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.account.lock(&NoOptions {}).await }).await
    }

    /// Changes the pass phrase.
    pub async fn change_passphrase(&self, old: &Secret, new: &Secret) -> Result<(), Error> {
        let (old, new) = (old.to_descriptor()?, new.to_descriptor()?);
        let (old, new) = (old.as_fd(), new.as_fd());
        self.call(|daemon| async move {
            daemon.account.change_passphrase(old.into(), new.into(), &NoOptions {}).await
        })
        .await
    }

    /// Makes a recovery code and returns it; there is no other way to see it.
    pub async fn make_recovery_code(&self) -> Result<Secret, Error> {
        let code =
            self.call(|daemon| async move { daemon.account.make_recovery_code(&NoOptions {}).await }).await?;
        receive(code, SECRET_LIMIT as u64).await.map(Secret::from)
    }

    /// Sets a new pass phrase with the recovery code.
    pub async fn recover(&self, code: &Secret, new: &Secret) -> Result<(), Error> {
        let (code, new) = (code.to_descriptor()?, new.to_descriptor()?);
        let (code, new) = (code.as_fd(), new.as_fd());
        self.call(
            |daemon| async move { daemon.account.recover(code.into(), new.into(), &NoOptions {}).await },
        )
        .await
    }

    /// Returns the account's sealed records, still sealed.
    pub async fn backup(&self) -> Result<Vec<u8>, Error> {
        let backup = self.call(|daemon| async move { daemon.account.backup(&NoOptions {}).await }).await?;
        receive(backup, BACKUP_LIMIT).await.map(|bytes| bytes.to_vec())
    }

    /// Takes sealed records back in.
    pub async fn restore(&self, backup: &[u8]) -> Result<(), Error> {
        let backup =
            crate::secret_descriptor(backup).map_err(|error| Error::Local("pass the backup on", error))?;
        let backup = backup.as_fd();
        self.call(|daemon| async move { daemon.account.restore(backup.into(), &NoOptions {}).await }).await
    }

    /// Sets what happens to the user's sessions when their token is removed: `none`, `lock`, `terminate`, or empty for what is configured.
    pub async fn set_removal_action(&self, action: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.account.set_removal_action(action, &NoOptions {}).await })
            .await
    }

    /// Returns the state of the account; without one its state is `none`.
    pub async fn account(&self) -> Result<AccountRow, Error> {
        self.operate(|daemon| async move { daemon.account.get_account(&NoOptions {}).await }).await
    }
}

/// The largest backup that is taken.
const BACKUP_LIMIT: u64 = 64 * 1024 * 1024;
