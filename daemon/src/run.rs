//! Start and stop.

use std::fmt;
use std::num::NonZero;
use std::sync::Arc;

use claviger_core::policy::Administration;
use claviger_dbus::names::{BUS_NAME, OBJECT_PATH};
use claviger_soft::HostSecret;
use claviger_token::{Secret, TokenError};
use tokio::signal::unix::{SignalKind, signal};
use zbus::connection::Builder;
use zbus::fdo::{DBusProxy, RequestNameFlags};
use zbus::message::Type;
use zbus::{Connection, MatchRule, MessageStream};

use crate::accounts::{passphrase, phones};
use crate::arguments::{Arguments, BusChoice};
use crate::bus::{
    AccountFace, AdminFace, AgentsFace, AuthenticationFace, Door, KeysFace, LoginFace, PublicFace,
    ServiceFace, SessionsFace, TokensFace,
};
use crate::config::Config;
use crate::logind::Logind;
use crate::service::{Checkpoint, Parts, Service};
use crate::stream::{is_from_the_bus, next};
use crate::table::{Table, TableError};
use crate::{presence, sessions, watchdog};

/// Why the service ended, other than by being asked to.
#[derive(Debug)]
pub enum RunError {
    /// The user info table cannot be used.
    Table(TableError),
    /// The host secret cannot be read.
    HostSecret(std::io::Error),
    /// The bus cannot be reached, or does not do what it must.
    Bus(zbus::Error),
    /// Another service has the name on the bus.
    NameTaken,
    /// The connection to the bus is lost.
    BusLost,
    /// The system gives no random bytes.
    Random(TokenError),
    /// The system does not tell of signals.
    Signals(std::io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(error) => error.fmt(formatter),
            Self::HostSecret(error) => write!(formatter, "cannot read credential {HOST_CREDENTIAL}: {error}"),
            Self::Bus(error) => write!(formatter, "cannot serve on the bus: {error}"),
            Self::NameTaken => {
                write!(formatter, "cannot serve on the bus: another program owns the name {BUS_NAME}")
            }
            Self::BusLost => formatter.write_str("the connection to the bus is lost"),
            Self::Random(error) => write!(formatter, "cannot take random bytes: {error}"),
            Self::Signals(error) => write!(formatter, "cannot wait for signals: {error}"),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Table(error) => Some(error),
            Self::HostSecret(error) | Self::Signals(error) => Some(error),
            Self::Bus(error) => Some(error),
            Self::Random(error) => Some(error),
            Self::NameTaken | Self::BusLost => None,
        }
    }
}

impl From<zbus::Error> for RunError {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::NameTaken => Self::NameTaken,
            other => Self::Bus(other),
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(arguments: Arguments, mut config: Config) -> Result<(), RunError> {
    config.phones.runtime.clone_from(&arguments.runtime_dir);
    let table = Table::open(&arguments.state_dir).map_err(RunError::Table)?;
    let host = host_secret().map_err(RunError::HostSecret)?;
    let connection = connect(&arguments.bus).await?;
    let administration = match arguments.bus {
        BusChoice::System => Administration::Root,
        BusChoice::Session | BusChoice::Address(_) => {
            Administration::Uid(rustix::process::geteuid().as_raw())
        }
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let service = serve(&connection, table, config, administration, host, None).await?;
    drop(sd_notify::notify(&[sd_notify::NotifyState::Ready]));
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "ready");
    tokio::spawn(watchdog::tell(Arc::clone(&service)));
    let outcome = tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = connection.closed() => Err(RunError::BusLost),
    };
    drop(sd_notify::notify(&[sd_notify::NotifyState::Stopping]));
    stop(&service, &connection).await;
    outcome
}

/// Puts the service on a bus: first everything that answers, last the name that makes it findable.
pub async fn serve(
    connection: &Connection,
    table: Table,
    config: Config,
    administration: Administration,
    host: Option<Arc<HostSecret>>,
    checkpoint: Option<Arc<dyn Checkpoint>>,
) -> Result<Arc<Service>, RunError> {
    let bus =
        DBusProxy::builder(connection).cache_properties(zbus::proxy::CacheProperties::No).build().await?;
    let logind = match administration {
        Administration::Root => Some(Logind::new(connection).await?),
        Administration::Uid(_) => None,
    };
    let parts = Parts { config, table, bus, administration, host, logind, checkpoint };
    let service = Arc::new(Service::new(parts).map_err(RunError::Random)?);
    watch_for_vanished_names(connection, Arc::clone(&service)).await?;
    tokio::spawn(presence::tell(Arc::clone(&service)));
    tokio::spawn(presence::tell_of_phones(Arc::clone(&service)));
    phones::keep_all(&service).await.map_err(RunError::Table)?;
    sessions::start(&service).await?;
    let door = Door::bus(Arc::clone(&service));
    let objects = connection.object_server();
    objects.at(OBJECT_PATH, ServiceFace(door.clone())).await?;
    objects.at(OBJECT_PATH, KeysFace(door.clone())).await?;
    objects.at(OBJECT_PATH, AccountFace(door.clone())).await?;
    objects.at(OBJECT_PATH, TokensFace(door.clone())).await?;
    objects.at(OBJECT_PATH, PublicFace(door.clone())).await?;
    objects.at(OBJECT_PATH, AgentsFace(door.clone())).await?;
    objects.at(OBJECT_PATH, SessionsFace(door.clone())).await?;
    objects.at(OBJECT_PATH, AuthenticationFace(door.clone())).await?;
    objects.at(OBJECT_PATH, LoginFace(door.clone())).await?;
    objects.at(OBJECT_PATH, AdminFace(door)).await?;
    connection.request_name_with_flags(BUS_NAME, RequestNameFlags::DO_NOT_QUEUE).await?;
    Ok(service)
}

async fn connect(bus: &BusChoice) -> Result<Connection, RunError> {
    let builder = match bus {
        BusChoice::System => Builder::system(),
        BusChoice::Session => Builder::session(),
        BusChoice::Address(address) => Builder::address(address.as_str()),
    };
    Ok(builder.build().await?)
}

/// The bus tells of every name that loses its owner; whatever ran for a caller of that name ends.
async fn watch_for_vanished_names(connection: &Connection, service: Arc<Service>) -> zbus::Result<()> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(2, "")
        .build()?;
    let mut vanished = MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await?;
    tokio::spawn(async move {
        while let Some(message) = next(&mut vanished).await {
            // Whoever else says so wants somebody's requests to end.
            let Some(message) = message.ok().filter(is_from_the_bus) else { continue };
            if let Ok((name, _, _)) = message.body().deserialize::<(String, String, String)>()
                && let Ok(name) = zbus::names::UniqueName::try_from(name.as_str())
            {
                service.callers.vanished(&name);
            }
        }
    });
    Ok(())
}

/// Wipes what is open and writes what was noted. What is under way is answered with an error by the bus.
async fn stop(service: &Arc<Service>, connection: &Connection) {
    drop(connection.release_name(BUS_NAME).await);
    for seat in service.accounts.all() {
        passphrase::lock(service, &seat).await;
    }
    service.cards.stop();
    service.phones.stop();
    service.table.clone().close().await;
    tracing::info!("stopped");
}

fn host_secret() -> std::io::Result<Option<Arc<HostSecret>>> {
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else { return Ok(None) };
    match std::fs::read(std::path::Path::new(&folder).join(HOST_CREDENTIAL)) {
        Ok(bytes) => Ok(Some(Arc::new(HostSecret::from_bytes(Secret::new(bytes))))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The systemd credential that binds pass phrases to this host.
const HOST_CREDENTIAL: &str = "claviger.host";
/// Vanished names that may wait to be looked at.
const QUEUE: NonZero<usize> = NonZero::new(1024).expect("it is not zero");
