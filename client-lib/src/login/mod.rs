//! The key store as a program sees it that logs people in.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Login`]: the four calls, each with its own limit |
//! | `lone` | the runtime: `poll(2)` on the calling thread |
//! | `task` | what runs beside the call |
//! | `wait` | for what somebody waits, and whether it has come |

mod lone;
mod task;
mod wait;

use std::os::fd::AsFd;
use std::time::Duration;

use claviger_dbus::proxy::{AuthenticationProxy, LoginProxy};
use claviger_dbus::wire::{AuthenticateOptions, Means, NoOptions, PrepareOptions};
use zbus::Connection;
use zbus::connection::{AuthMechanism, Builder};
use zbus::proxy::CacheProperties;

use crate::{Bus, Error, Secret, daemon};
use lone::Lone;

/// A connection to the daemon for a program that logs people in, made to live in a stranger's process: `sudo`, `sshd`, a
/// screen locker.
///
/// - It goes to the system bus at its fixed place, [`SYSTEM_BUS`], and to nobody but the user `claviger` there. **No variable of
///   the environment is looked at**: in `su` the environment is the invoker's, and another bus could say "authenticated".
/// - Every call ends within its limit, looking for the daemon and starting it included, whoever hangs.
/// - It starts no thread, touches no signal handler, and has one descriptor, the connection's, which goes with the value.
///   After a `fork`, make another one.
pub struct Login {
    // The order matters little: `drop` below takes the tasks apart first.
    runtime: Lone,
    connection: Connection,
}

/// The daemon, once found and trusted.
struct Face {
    authentication: AuthenticationProxy<'static>,
    login: LoginProxy<'static>,
}

impl Login {
    /// Connects to the bus. The daemon is looked for by each call.
    pub fn connect(limit: Duration) -> Result<Self, Error> {
        Self::connect_to(SYSTEM_BUS, limit)
    }

    fn connect_to(address: &str, limit: Duration) -> Result<Self, Error> {
        let runtime = Lone::new();
        let connecting = Builder::address(address)
            .runtime(runtime.clone())
            .auth_mechanism(AuthMechanism::External)
            .build();
        match runtime.block_on(limit, connecting) {
            Some(Ok(connection)) => Ok(Self { runtime, connection }),
            failed => {
                runtime.stop();
                Err(failed.and_then(Result::err).map_or(Error::Timeout, Error::NoBus))
            }
        }
    }

    /// Tells whether the user can log in with a token now, and what to ask the person for. Nothing is tried.
    pub fn prepare(&self, uid: u32, options: &PrepareOptions, limit: Duration) -> Result<Means, Error> {
        self.call(limit, async |face: Face| Ok(face.authentication.prepare(uid, options).await?))
    }

    /// Checks the secret with the token; returns the id of this authentication, which is good for one session.
    ///
    /// An empty or too short PIN reaches no card; with `pin_pad` the secret must be empty.
    pub fn authenticate(
        &self,
        uid: u32,
        secret: &Secret,
        options: &AuthenticateOptions,
        limit: Duration,
    ) -> Result<String, Error> {
        let secret = secret.to_descriptor()?;
        self.call(limit, async |face: Face| {
            Ok(face.authentication.authenticate(uid, secret.as_fd().into(), options).await?)
        })
    }

    /// Binds a logind session to the token of an authentication, which is used up.
    pub fn open_session(
        &self,
        uid: u32,
        session: &str,
        authentication: &str,
        limit: Duration,
    ) -> Result<(), Error> {
        self.call(limit, async |face: Face| {
            Ok(face.login.open_session(uid, session, authentication, &NoOptions {}).await?)
        })
    }

    /// Forgets what a session is bound to.
    pub fn close_session(&self, session: &str, limit: Duration) -> Result<(), Error> {
        self.call(limit, async |face: Face| Ok(face.login.close_session(session, &NoOptions {}).await?))
    }

    fn call<T>(&self, limit: Duration, call: impl AsyncFnOnce(Face) -> Result<T, Error>) -> Result<T, Error> {
        let called = async { call(self.face().await?).await };
        self.runtime.block_on(limit, called).unwrap_or(Err(Error::Timeout))
    }

    /// Returns the daemon by the unique name of whoever is the user `claviger` now.
    async fn face(&self) -> Result<Face, Error> {
        let Self { connection, .. } = self;
        let daemon = daemon::find(&Bus::System, connection).await?.into_inner();
        let authentication = AuthenticationProxy::builder(connection)
            .destination(daemon.clone())
            .cache_properties(CacheProperties::No)
            .build();
        let login =
            LoginProxy::builder(connection).destination(daemon).cache_properties(CacheProperties::No).build();
        Ok(Face {
            authentication: authentication.await.map_err(Error::Protocol)?,
            login: login.await.map_err(Error::Protocol)?,
        })
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

/// Where the system bus listens, on every system with D-Bus.
pub const SYSTEM_BUS: &str = "unix:path=/run/dbus/system_bus_socket";

#[cfg(test)]
mod tests;
