use std::collections::HashMap;
use std::num::NonZero;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use claviger_phone_protocol::SERVICE_UUID;
use tokio::time::{sleep, timeout};
use zbus::connection::Builder;
use zbus::export::futures_core::Stream as _;
use zbus::fdo::{DBusProxy, ManagedObjects};
use zbus::message::Type;
use zbus::names::OwnedUniqueName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, Variant};

use crate::link::Stream;
use crate::link::bluez::Standing;
use crate::link::bluez::objects::Objects;
use crate::link::bluez::profile::Profile;
use crate::link::descriptor::Descriptor;
use crate::{Address, LinkFault};

/// BlueZ with an adapter that is switched on, and our profile registered with it.
pub(crate) struct Service {
    connection: Connection,
    profile: Profile,
}

/// Follows BlueZ, and says how it stands whenever that changes; connects to the bus anew when that is lost.
pub(crate) async fn run(at: Option<String>, say: impl Fn(Standing) + Send + 'static) {
    loop {
        let cause = match follow(at.as_deref(), &say).await {
            Ok(()) => "the connection to the bus is lost".to_owned(),
            Err(error) => error.to_string(),
        };
        say(Standing::Down(LinkFault::NoBluetooth(cause)));
        sleep(BEFORE_CONNECTING_ANEW).await;
    }
}

async fn follow(at: Option<&str>, say: &impl Fn(Standing)) -> zbus::Result<()> {
    let builder = match at {
        Some(address) => Builder::address(address),
        None => Builder::system(),
    };
    let profile = Profile::default();
    let connection = builder.serve_at(PROFILE, profile.clone()).build().await?;
    let bus = DBusProxy::builder(&connection).cache_properties(CacheProperties::No).build().await?;
    let mut owners = owners(&connection).await?;
    let mut properties = properties(&connection).await?;
    let mut objects = objects(&connection).await?;
    let service = Arc::new(Service { connection: connection.clone(), profile });
    // Asked for before anything is called: a call would have the bus start a BlueZ that its administrator stopped.
    let mut owner = bus.get_name_owner(BLUEZ.try_into()?).await.ok();
    service.begin(owner.clone()).await;
    say(service.look(owner.as_ref()).await);
    loop {
        tokio::select! {
            message = next(&mut owners) => match message {
                Some(Ok(message)) => {
                    let Some(new) = new_owner(&message) else { continue };
                    owner = new;
                    service.begin(owner.clone()).await;
                }
                Some(Err(_)) => continue,
                None => return Ok(()),
            },
            message = next(&mut properties) => match message {
                Some(Ok(message)) if is_from(&message, owner.as_ref()) => {}
                Some(_) => continue,
                None => return Ok(()),
            },
            message = next(&mut objects) => match message {
                Some(Ok(message)) if is_from(&message, owner.as_ref()) && tells_of_adapters(&message) => {}
                Some(_) => continue,
                None => return Ok(()),
            },
        }
        say(service.look(owner.as_ref()).await);
    }
}

impl Service {
    /// Registers the profile with whoever is BlueZ now.
    async fn begin(&self, owner: Option<OwnedUniqueName>) {
        let is_there = owner.is_some();
        self.profile.set_owner(owner);
        if !is_there {
            return;
        }
        let options = HashMap::from([
            ("Name", Variant::from("Claviger security manager")),
            ("Role", Variant::from("client")),
            // A bond is required, and trusted for nothing: without it BlueZ would ask people at every connection.
            ("RequireAuthentication", Variant::from(true)),
        ]);
        let Ok(path) = zbus::ObjectPath::try_from(PROFILE) else { return };
        let arguments = (path, SERVICE_UUID, options);
        if let Err(error) = self.call("/org/bluez", "ProfileManager1", "RegisterProfile", &arguments).await {
            tracing::warn!("cannot register the phone profile with BlueZ: {error}");
        }
    }

    /// Returns how BlueZ stands.
    async fn look(self: &Arc<Self>, owner: Option<&OwnedUniqueName>) -> Standing {
        if owner.is_none() {
            return Standing::Down(LinkFault::NoBluetooth("it does not run".into()));
        }
        match self.objects().await {
            Ok(objects) if objects.is_powered() => Standing::Up(Arc::clone(self)),
            Ok(_) => Standing::Down(LinkFault::AdapterOff),
            Err(fault) => Standing::Down(fault),
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
        let dialled = self.call(device.as_str(), "Device1", "ConnectProfile", &SERVICE_UUID);
        match timeout(DIALLING, dialled).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(LinkFault::NotAnswering(text(&error))),
            Err(_) => {
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
        let done = self.call(device.as_str(), "Device1", "DisconnectProfile", &SERVICE_UUID);
        if let Ok(Err(error)) = timeout(HANDING_OVER, done).await {
            tracing::debug!("BlueZ did not hang up: {error}");
        }
    }

    async fn objects(&self) -> Result<Objects, LinkFault> {
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
            Err(_) => return Err(LinkFault::NoBluetooth("it does not answer".into())),
        };
        let body = tree.body();
        let tree: ManagedObjects =
            body.deserialize().map_err(|error| LinkFault::NoBluetooth(error.to_string()))?;
        Ok(Objects::read(&tree, SERVICE_UUID))
    }

    async fn call<B>(&self, path: &str, interface: &str, method: &str, body: &B) -> zbus::Result<Message>
    where
        B: zbus::export::serde::Serialize + zbus::zvariant::DynamicType + Sync,
    {
        let interface = format!("org.bluez.{interface}");
        self.connection.call_method(Some(BLUEZ), path, Some(interface.as_str()), method, body).await
    }
}

async fn owners(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender("org.freedesktop.DBus")
        .interface("org.freedesktop.DBus")
        .member("NameOwnerChanged")
        .arg(0, BLUEZ)
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Returns what is told of the adapters that there are: switched on, switched off.
async fn properties(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BLUEZ)
        .interface("org.freedesktop.DBus.Properties")
        .member("PropertiesChanged")
        .arg(0, "org.bluez.Adapter1")
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Returns what is told of adapters, and of much else, that comes and goes.
async fn objects(connection: &Connection) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(BLUEZ)
        .interface("org.freedesktop.DBus.ObjectManager")
        .build()?;
    MessageStream::for_match_rule(rule, connection, Some(QUEUE)).await
}

/// Returns who is BlueZ now, if it is the bus that says so: anybody may send such a signal to one peer.
fn new_owner(message: &Message) -> Option<Option<OwnedUniqueName>> {
    if message.header().sender().is_none_or(|sender| sender.as_str() != "org.freedesktop.DBus") {
        return None;
    }
    let (_, _, new): (String, String, String) = message.body().deserialize().ok()?;
    Some(new.try_into().ok())
}

/// Returns true where BlueZ itself says it: the match rule alone does not hold that.
fn is_from(message: &Message, owner: Option<&OwnedUniqueName>) -> bool {
    let header = message.header();
    let sender = header.sender().map(|sender| sender.as_str());
    sender.is_some() && sender == owner.map(|owner| owner.as_str())
}

/// Returns true where an adapter came or went; devices do so with every discovery.
fn tells_of_adapters(message: &Message) -> bool {
    // What it is about is the first argument; adapters are right below BlueZ.
    let body = message.body();
    let added = body.deserialize::<(zbus::ObjectPath<'_>, HashMap<String, Properties>)>();
    let object = match &added {
        Ok((object, _)) => Some(object.as_str().to_owned()),
        Err(_) => {
            let removed = body.deserialize::<(zbus::ObjectPath<'_>, Vec<String>)>();
            removed.ok().map(|(object, _)| object.as_str().to_owned())
        }
    };
    object.is_none_or(|object| object.matches('/').count() <= ADAPTER_DEPTH)
}

async fn next(stream: &mut MessageStream) -> Option<zbus::Result<Message>> {
    std::future::poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// Returns what BlueZ says, without D-Bus's trimmings.
fn text(error: &zbus::Error) -> String {
    match error {
        zbus::Error::MethodError(name, Some(detail), _) => format!("{detail} ({name})"),
        other => other.to_string(),
    }
}

type Properties = HashMap<String, OwnedVariant>;

const BLUEZ: &str = "org.bluez";
/// `/org/bluez/hci0`.
const ADAPTER_DEPTH: usize = 3;
/// Where our profile is.
const PROFILE: &str = "/org/claviger/phone";
/// How many signals may wait.
const QUEUE: NonZero<usize> = NonZero::new(64).expect("it is not zero");
const BEFORE_CONNECTING_ANEW: Duration = Duration::from_secs(2);
/// How long BlueZ may take to page a phone, to look its service up and to connect.
const DIALLING: Duration = Duration::from_secs(20);
const HANDING_OVER: Duration = Duration::from_secs(2);
const LOOKING: Duration = Duration::from_secs(5);
