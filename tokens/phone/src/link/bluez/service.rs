use std::collections::HashMap;
use std::time::Duration;

use claviger_phone_protocol::SERVICE_UUID;
use tokio::time::timeout;
use zbus::fdo::ManagedObjects;
use zbus::{Connection, Message, OwnedObjectPath, Variant};

use crate::link::Stream;
use crate::link::bluez::not_answering;
use crate::link::bluez::objects::Objects;
use crate::link::bluez::profile::Profile;
use crate::link::descriptor::Descriptor;
use crate::{Address, LinkFault};

/// BlueZ with an adapter that is switched on, and our profile registered with it.
pub(crate) struct Service {
    connection: Connection,
    profile: Profile,
}

impl Service {
    pub(crate) const fn new(connection: Connection, profile: Profile) -> Self {
        Self { connection, profile }
    }

    /// Registers the profile with whoever is BlueZ now.
    pub(crate) async fn register(&self) -> Result<(), LinkFault> {
        let options = HashMap::from([
            ("Name", Variant::from("Claviger security manager")),
            ("Role", Variant::from("client")),
            // A bond is required, and trusted for nothing: without it BlueZ would ask people at every connection.
            ("RequireAuthentication", Variant::from(true)),
        ]);
        let path =
            zbus::ObjectPath::try_from(PROFILE).map_err(|error| LinkFault::NoBluetooth(error.to_string()))?;
        let arguments = (path, SERVICE_UUID, options);
        match self.call("/org/bluez", "ProfileManager1", "RegisterProfile", &arguments, LOOKING).await {
            // An earlier call of this connection's was answered too late.
            Err(Failed::Error(error)) if name(&error) == Some("org.bluez.Error.AlreadyExists") => Ok(()),
            Err(Failed::Error(error)) => Err(LinkFault::NoBluetooth(text(&error))),
            Err(Failed::Late) => Err(not_answering()),
            Ok(_) => Ok(()),
        }
    }

    pub(crate) async fn bonded(&self) -> Result<Vec<Address>, LinkFault> {
        Ok(self.objects().await?.phones())
    }

    /// Connects to the service of the phone of that address.
    pub(crate) async fn dial(&self, address: Address) -> Result<Stream, LinkFault> {
        let objects = self.objects().await?;
        let device = objects.bonded(address).ok_or(LinkFault::NotBonded(address))?;
        let connection = self.profile.await_connection(device);
        match self.call(device.as_str(), "Device1", "ConnectProfile", &SERVICE_UUID, DIALLING).await {
            Ok(_) => {}
            Err(Failed::Error(error)) => {
                if name(&error) == Some("org.bluez.Error.AlreadyConnected") {
                    self.hang_up(device).await;
                }
                return Err(dialling(&error));
            }
            Err(Failed::Late) => {
                self.hang_up(device).await;
                return Err(LinkFault::NotAnswering("no answer in time".into()));
            }
        }
        // It came just before, or BlueZ believes that there is a connection already.
        match timeout(HANDING_OVER, connection).await {
            Ok(Ok(connected)) => match Descriptor::of_bluez(connected.descriptor, connected.ended) {
                Ok(stream) => Ok(Box::new(stream)),
                Err(error) => Err(LinkFault::NotAnswering(error.to_string())),
            },
            Ok(Err(_)) | Err(_) => {
                self.hang_up(device).await;
                Err(LinkFault::NotAnswering("BlueZ handed no connection over".into()))
            }
        }
    }

    async fn hang_up(&self, device: &OwnedObjectPath) {
        let path = device.as_str();
        match self.call(path, "Device1", "DisconnectProfile", &SERVICE_UUID, HANDING_OVER).await {
            Err(Failed::Error(error)) => tracing::debug!("BlueZ did not hang up: {error}"),
            Err(Failed::Late) => tracing::debug!("BlueZ did not hang up in time"),
            Ok(_) => {}
        }
    }

    pub(crate) async fn objects(&self) -> Result<Objects, LinkFault> {
        let asked = self.connection.call_method(
            Some(BLUEZ),
            "/",
            Some("org.freedesktop.DBus.ObjectManager"),
            "GetManagedObjects",
            &(),
        );
        let tree = match timeout(LOOKING, asked).await {
            Ok(Ok(tree)) => tree,
            Ok(Err(error)) => return Err(LinkFault::NoBluetooth(text(&error))),
            Err(_) => return Err(not_answering()),
        };
        let body = tree.body();
        let tree: ManagedObjects =
            body.deserialize().map_err(|error| LinkFault::NoBluetooth(error.to_string()))?;
        Ok(Objects::read(&tree, SERVICE_UUID))
    }

    async fn call<B>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
        limit: Duration,
    ) -> Result<Message, Failed>
    where
        B: zbus::export::serde::Serialize + zbus::zvariant::DynamicType + Sync,
    {
        let interface = format!("org.bluez.{interface}");
        let called = self.connection.call_method(Some(BLUEZ), path, Some(interface.as_str()), method, body);
        timeout(limit, called).await.map_err(|_| Failed::Late)?.map_err(Failed::Error)
    }
}

/// Why a call brought nothing.
enum Failed {
    Error(zbus::Error),
    Late,
}

/// Judges why BlueZ did not connect to a phone: what it does not even try says nothing of the phone.
fn dialling(error: &zbus::Error) -> LinkFault {
    let zbus::Error::MethodError(_, detail, _) = error else {
        return LinkFault::NoBluetooth(text(error));
    };
    match (name(error).unwrap_or_default(), detail.as_deref().unwrap_or_default()) {
        // Its words for EHOSTUNREACH: `btd_error_bredr_conn_from_errno` of BlueZ's error.c.
        ("org.bluez.Error.NotReady", _) | (_, "br-connection-adapter-not-powered") => LinkFault::AdapterOff,
        ("org.bluez.Error.InProgress" | "org.bluez.Error.AlreadyConnected", _)
        | (_, "br-connection-busy" | "br-connection-already-connected") => LinkFault::RadioBusy(text(error)),
        (other, _) if other.starts_with("org.bluez.") => LinkFault::NotAnswering(text(error)),
        // The bus itself: BlueZ has gone, or may not be talked to.
        _ => LinkFault::NoBluetooth(text(error)),
    }
}

fn name(error: &zbus::Error) -> Option<&str> {
    match error {
        zbus::Error::MethodError(name, ..) => Some(name.as_str()),
        _ => None,
    }
}

/// Returns what BlueZ says, without D-Bus's trimmings.
fn text(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, Some(detail), _) => format!("{detail} ({name})"),
        other => other.to_string(),
    }
}

pub(crate) const BLUEZ: &str = "org.bluez";
/// Where our profile is.
pub(crate) const PROFILE: &str = "/org/claviger/phone";
/// How long a call may take that asks no phone for anything.
pub(crate) const LOOKING: Duration = Duration::from_secs(5);
/// How long BlueZ may take to page a phone, to look its service up and to connect.
const DIALLING: Duration = Duration::from_secs(20);
const HANDING_OVER: Duration = Duration::from_secs(2);
