use claviger_dbus::wire::NoOptions;

use crate::{Client, Error};

impl Client {
    /// Returns the daemon's version.
    pub async fn version(&self) -> Result<String, Error> {
        self.call(|daemon| async move { daemon.service.version().await }).await
    }

    /// Returns what the daemon offers beside what every version has.
    pub async fn features(&self) -> Result<Vec<String>, Error> {
        self.call(|daemon| async move { daemon.service.features().await }).await
    }

    /// Returns the mechanisms that may be asked for.
    pub async fn mechanisms(&self) -> Result<Vec<String>, Error> {
        self.call(|daemon| async move { daemon.service.mechanisms().await }).await
    }

    /// Returns true where the daemon gives a channel; it is then used from now on.
    pub async fn open_channel(&self) -> Result<bool, Error> {
        self.operate(|daemon| async move { daemon.service.version().await }).await?;
        Ok(self.has_channel())
    }

    pub(crate) async fn subscribe_here(&self) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.service.subscribe(&NoOptions {}).await }).await
    }
}
