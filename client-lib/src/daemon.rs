use claviger_dbus::names::{BUS_NAME, SERVICE_USER};
use claviger_dbus::proxy::{
    AccountProxy, AdminProxy, KeysProxy, PublicProxy, ServiceProxy, SessionsProxy, TokensProxy,
};
use zbus::fdo::{self, DBusProxy};
use zbus::names::{BusName, OwnedBusName, UniqueName, WellKnownName};
use zbus::proxy::CacheProperties;

use crate::{Bus, Error};

/// The daemon as it can be called over one connection.
pub(crate) struct Face {
    pub(crate) service: ServiceProxy<'static>,
    pub(crate) keys: KeysProxy<'static>,
    pub(crate) account: AccountProxy<'static>,
    pub(crate) tokens: TokensProxy<'static>,
    pub(crate) sessions: SessionsProxy<'static>,
    pub(crate) public: PublicProxy<'static>,
    pub(crate) admin: AdminProxy<'static>,
}

macro_rules! proxy {
    ($proxy:ident, $connection:expr, $destination:expr) => {
        $proxy::builder($connection)
            .destination($destination.clone())
            .cache_properties(CacheProperties::No)
            .build()
            .await?
    };
}

impl Face {
    /// Makes the proxies; nothing is sent.
    pub(crate) async fn new(connection: &zbus::Connection, destination: OwnedBusName) -> zbus::Result<Self> {
        let destination = destination.into_inner();
        Ok(Self {
            service: proxy!(ServiceProxy, connection, destination),
            keys: proxy!(KeysProxy, connection, destination),
            account: proxy!(AccountProxy, connection, destination),
            tokens: proxy!(TokensProxy, connection, destination),
            sessions: proxy!(SessionsProxy, connection, destination),
            public: proxy!(PublicProxy, connection, destination),
            admin: proxy!(AdminProxy, connection, destination),
        })
    }
}

/// Returns the well-known name.
pub(crate) fn well_known() -> BusName<'static> {
    BusName::WellKnown(WellKnownName::from_static_str_unchecked(BUS_NAME))
}

/// Returns whom to send calls to.
///
/// On the system bus that is the unique name of an owner that was found to be the user `claviger`: whoever
/// takes the name afterwards gets nothing. Elsewhere it is the well-known name, which is started on demand.
pub(crate) async fn find(bus: &Bus, connection: &zbus::Connection) -> Result<OwnedBusName, Error> {
    match bus {
        Bus::Session | Bus::Address(_) => Ok(well_known().into()),
        Bus::System => {
            let dbus = DBusProxy::new(connection).await.map_err(Error::NoBus)?;
            Ok(BusName::Unique(find_owner(bus, &dbus, true).await?).into())
        }
    }
}

/// Returns the unique name of the daemon, which `starts` lets the bus start. On the system bus the owner must be the
/// user `claviger`.
pub(crate) async fn find_owner(
    bus: &Bus,
    dbus: &DBusProxy<'_>,
    starts: bool,
) -> Result<UniqueName<'static>, Error> {
    let owner = owner(dbus, starts).await?;
    match bus {
        Bus::System => trust(dbus, owner.as_ref()).await?,
        Bus::Session | Bus::Address(_) => {}
    }
    Ok(owner)
}

/// Returns who owns the name, where `starts` says so after starting the service if nobody does.
async fn owner(dbus: &DBusProxy<'_>, starts: bool) -> Result<UniqueName<'static>, Error> {
    let owner = match dbus.get_name_owner(well_known()).await {
        Err(fdo::Error::NameHasNoOwner(_)) if starts => {
            let name = WellKnownName::from_static_str_unchecked(BUS_NAME);
            dbus.start_service_by_name(name, 0).await.map_err(no_daemon)?;
            dbus.get_name_owner(well_known()).await
        }
        other => other,
    };
    Ok(owner.map_err(no_daemon)?.into_inner())
}

/// Refuses an owner that is not the service's own user.
async fn trust(dbus: &DBusProxy<'_>, owner: UniqueName<'_>) -> Result<(), Error> {
    let uid = dbus.get_connection_unix_user(BusName::Unique(owner)).await.map_err(no_daemon)?;
    let user = nix::unistd::User::from_name(SERVICE_USER)
        .map_err(|error| Error::Local("look up the user claviger", error.into()))?;
    match user {
        Some(user) if user.uid.as_raw() == uid => Ok(()),
        Some(user) => Err(Error::Untrusted(format!(
            "{BUS_NAME} on the system bus belongs to uid {uid}, not to the user {SERVICE_USER} (uid {})",
            user.uid
        ))),
        None => Err(Error::Untrusted(format!(
            "{BUS_NAME} on the system bus belongs to uid {uid}, and this system has no user {SERVICE_USER}"
        ))),
    }
}

fn no_daemon(error: fdo::Error) -> Error {
    match Error::from(claviger_dbus::Failure::from(zbus::Error::from(error))) {
        // The bus daemon itself refuses, for example because its policy lacks ours.
        Error::Refused(refusal) => Error::NoDaemon(refusal.text),
        other => other,
    }
}
