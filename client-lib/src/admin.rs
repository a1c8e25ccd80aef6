use claviger_dbus::names::SECRET_LIMIT;
use claviger_dbus::wire::{NoOptions, Statistics, UserPage, UserRow};

use crate::client::receive;
use crate::{Client, Error, Secret};

/// What administrators do.
impl Client {
    /// Lists users by uid, a page at a time.
    pub async fn list_users(&self, page: &UserPage) -> Result<Vec<(u32, UserRow)>, Error> {
        self.call(|daemon| async move { daemon.admin.list_users(page).await }).await
    }

    /// Returns one user.
    pub async fn user(&self, uid: u32) -> Result<UserRow, Error> {
        self.call(|daemon| async move { daemon.admin.get_user(uid, &NoOptions {}).await }).await
    }

    /// Makes a row for a user who has none.
    pub async fn enrol_user(&self, uid: u32, location: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.admin.enrol_user(uid, location, &NoOptions {}).await }).await
    }

    /// Sets where a user's new keys are made.
    pub async fn set_location(&self, uid: u32, location: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.admin.set_location(uid, location, &NoOptions {}).await }).await
    }

    /// Consents to an application and returns the consent phrase; there is no other way to see it.
    pub async fn issue_consent(&self, uid: u32) -> Result<Secret, Error> {
        let phrase =
            self.call(|daemon| async move { daemon.admin.issue_consent(uid, &NoOptions {}).await }).await?;
        receive(phrase, SECRET_LIMIT as u64).await.map(Secret::from)
    }

    /// Revokes a user's key; an empty key is all of them, and the account.
    pub async fn revoke_key(&self, uid: u32, key: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.admin.revoke_key(uid, key, &NoOptions {}).await }).await
    }

    /// Removes a user and all that is kept for them.
    pub async fn remove_user(&self, uid: u32) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.admin.remove_user(uid, &NoOptions {}).await }).await
    }

    /// Returns figures of the service.
    pub async fn statistics(&self) -> Result<Statistics, Error> {
        self.call(|daemon| async move { daemon.admin.statistics(&NoOptions {}).await }).await
    }
}
