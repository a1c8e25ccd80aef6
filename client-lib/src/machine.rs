//! What the service rests on, as the machine's own services tell: systemd, polkit, logind. For `claviger doctor`.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use claviger_dbus::names::{BUS_NAME, SERVICE_USER};
use tokio::runtime::Runtime;
use zbus::export::serde::de::DeserializeOwned;
use zbus::export::serde::ser::Serialize;
use zbus::zvariant::{DynamicType, Type};
use zbus::{OwnedObjectPath, OwnedVariant, Variant};

use crate::Bus;

/// A connection to the bus of a machine's services, or of a user's.
pub struct Machine {
    // The order matters: the connection goes before the runtime that it lives in.
    connection: zbus::Connection,
    runtime: Runtime,
}

/// A unit, as its systemd describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// `loaded`, `not-found`, `masked`, `error`, …
    pub load: String,
    /// `active`, `inactive`, `failed`, `activating`, …
    pub active: String,
    /// `enabled`, `disabled`, `static`, …; empty where systemd does not say.
    pub enabled: String,
}

/// Why the machine did not tell.
#[derive(Debug)]
pub enum MachineError {
    /// The bus cannot be reached.
    NoBus(zbus::Error),
    /// A service did not answer in time.
    Silent(&'static str),
    /// A service answered with an error, or is not there.
    Refused(&'static str, zbus::Error),
    /// Something on this side failed.
    Local(std::io::Error),
}

impl fmt::Display for MachineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBus(error) => write!(formatter, "cannot reach the bus: {error}"),
            Self::Silent(service) => write!(formatter, "cannot ask {service}: it does not answer"),
            Self::Refused(service, error) => write!(formatter, "cannot ask {service}: {error}"),
            Self::Local(error) => write!(formatter, "cannot start the runtime: {error}"),
        }
    }
}

impl std::error::Error for MachineError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoBus(error) | Self::Refused(_, error) => Some(error),
            Self::Local(error) => Some(error),
            Self::Silent(_) => None,
        }
    }
}

impl Machine {
    /// Connects to a bus. Nothing happens between calls, and no thread is started.
    pub fn connect(bus: &Bus) -> Result<Self, MachineError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(MachineError::Local)?;
        let connection = runtime.block_on(async {
            match tokio::time::timeout(PATIENCE, bus.builder().build()).await {
                Ok(connection) => connection.map_err(MachineError::NoBus),
                Err(_) => Err(MachineError::Silent("the bus")),
            }
        })?;
        Ok(Self { connection, runtime })
    }

    /// Returns what systemd says of a unit, also of one that there is not.
    pub fn unit(&self, name: &str) -> Result<Unit, MachineError> {
        let path: OwnedObjectPath = self.call(&SYSTEMD, "LoadUnit", &(name,))?;
        let unit = Peer { path: path.as_str(), interface: "org.freedesktop.DBus.Properties", ..SYSTEMD };
        let property = |property: &str| -> Result<String, MachineError> {
            let value: OwnedVariant =
                self.call(&unit, "Get", &("org.freedesktop.systemd1.Unit", property))?;
            String::try_from(value).map_err(|error| MachineError::Refused(unit.called, error))
        };
        Ok(Unit {
            load: property("LoadState")?,
            active: property("ActiveState")?,
            enabled: property("UnitFileState")?,
        })
    }

    /// Returns the ids of the actions that polkit knows below a prefix.
    pub fn polkit_actions(&self, prefix: &str) -> Result<Vec<String>, MachineError> {
        let actions: Vec<Action> = self.call(&POLKIT, "EnumerateActions", &("",))?;
        Ok(actions.into_iter().map(|action| action.0).filter(|id| id.starts_with(prefix)).collect())
    }

    /// Returns whether polkit lets the key store do this. Only root may ask about somebody else.
    pub fn service_may(&self, action: &str) -> Result<bool, MachineError> {
        // polkit takes unique names alone.
        let owner: String = self.call(&BUS, "GetNameOwner", &(BUS_NAME,))?;
        let subject = ("system-bus-name", HashMap::from([("name", Variant::from(owner))]));
        let details = HashMap::<&str, &str>::new();
        let (allowed, _challenge, _details): (bool, bool, HashMap<String, String>) =
            self.call(&POLKIT, "CheckAuthorization", &(subject, action, details, 0_u32, ""))?;
        Ok(allowed)
    }

    /// Returns whether the key store has asked logind to be told before the machine sleeps.
    pub fn service_hears_of_sleep(&self) -> Result<bool, MachineError> {
        let inhibitors: Vec<Inhibitor> = self.call(&LOGIND, "ListInhibitors", &())?;
        let ours = nix::unistd::User::from_name(SERVICE_USER).ok().flatten();
        Ok(ours.is_some_and(|ours| {
            let is_ours = |inhibitor: &Inhibitor| inhibitor.4 == ours.uid.as_raw();
            inhibitors.iter().any(|inhibitor| is_ours(inhibitor) && inhibitor.0.contains("sleep"))
        }))
    }

    fn call<B, R>(&self, peer: &Peer<'_>, method: &str, body: &B) -> Result<R, MachineError>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let call =
            self.connection.call_method(Some(peer.name), peer.path, Some(peer.interface), method, body);
        let answer = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, call).await });
        let answer = answer.map_err(|_| MachineError::Silent(peer.called))?;
        answer
            .and_then(|answer| answer.body().deserialize())
            .map_err(|error| MachineError::Refused(peer.called, error))
    }
}

/// Action id, description, message, vendor, its home page, icon, what is implied for any, inactive and active
/// sessions, annotations.
type Action = (String, String, String, String, String, String, u32, u32, u32, HashMap<String, String>);

/// What, who, why, mode, uid, pid.
type Inhibitor = (String, String, String, String, u32, u32);

/// Whom to ask.
struct Peer<'a> {
    called: &'static str,
    name: &'static str,
    path: &'a str,
    interface: &'static str,
}

const BUS: Peer<'static> = Peer {
    called: "the bus",
    name: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
};
const SYSTEMD: Peer<'static> = Peer {
    called: "systemd",
    name: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};
const POLKIT: Peer<'static> = Peer {
    called: "polkit",
    name: "org.freedesktop.PolicyKit1",
    path: "/org/freedesktop/PolicyKit1/Authority",
    interface: "org.freedesktop.PolicyKit1.Authority",
};
const LOGIND: Peer<'static> = Peer {
    called: "logind",
    name: "org.freedesktop.login1",
    path: "/org/freedesktop/login1",
    interface: "org.freedesktop.login1.Manager",
};

/// How long a service may take: polkit may have to be started.
const PATIENCE: Duration = Duration::from_secs(10);
