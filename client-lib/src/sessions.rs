use claviger_dbus::wire::{NoOptions, SessionRow};

use crate::{Client, Error};

/// The caller's sessions and what they are bound to: `.Sessions`.
impl Client {
    /// Lists the caller's logind sessions by id; root sees everybody's.
    pub async fn list_sessions(&self) -> Result<Vec<(String, SessionRow)>, Error> {
        self.operate(|daemon| async move { daemon.sessions.list_sessions(&NoOptions {}).await }).await
    }

    /// Binds a session to a token; an empty session or token is the only one that can be meant.
    pub async fn bind_session(&self, session: &str, token: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.sessions.bind_session(session, token, &NoOptions {}).await })
            .await
    }

    /// Forgets a binding that [`bind_session`](Self::bind_session) made.
    pub async fn release_session(&self, session: &str) -> Result<(), Error> {
        self.call(|daemon| async move { daemon.sessions.release_session(session, &NoOptions {}).await }).await
    }
}
