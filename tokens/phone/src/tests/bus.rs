use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd as StdFd;
use std::os::unix::net::UnixStream as StdStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use zbus::connection::Builder;
use zbus::message::Header;
use zbus::{Connection, ObjectPath, OwnedFd, OwnedObjectPath, OwnedVariant, Variant};

use super::TestPhone;

const DEVICE: &str = "/org/bluez/hci0/dev_AA_BB_CC_00_00_01";
const PROFILE: &str = "org.bluez.Profile1";

/// A bus of its own, without any policy.
pub(super) struct Bus {
    pub(super) address: String,
    daemon: Child,
    _folder: TempDir,
}

impl Bus {
    pub(super) fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("bus.conf");
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}/bus</listen><policy context=\"default\">\
             <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>",
            folder.path().display()
        );
        std::fs::write(&config, text).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon starts");
        let mut address = String::new();
        BufReader::new(daemon.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Self { address: address.trim().into(), daemon, _folder: folder }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}

/// A BlueZ of toy strength: one adapter, one device, behind which is the phone.
pub(super) struct ToyBluez {
    connection: Connection,
    shared: Arc<Shared>,
}

struct Shared {
    phone: Arc<TestPhone>,
    bonded: AtomicBool,
    powered: AtomicBool,
    dials: AtomicUsize,
    /// How many signals it sends before it answers a registration.
    noise: AtomicUsize,
    /// What it answers instead of doing something.
    refusal: Mutex<Option<Refused>>,
    /// Who has registered a profile, and where.
    registered: Mutex<Option<(String, OwnedObjectPath)>>,
}

impl ToyBluez {
    pub(super) async fn start(bus: &Bus, phone: &Arc<TestPhone>) -> Self {
        let shared = Arc::new(Shared {
            phone: Arc::clone(phone),
            bonded: AtomicBool::new(true),
            powered: AtomicBool::new(true),
            dials: AtomicUsize::new(0),
            noise: AtomicUsize::new(0),
            refusal: Mutex::new(None),
            registered: Mutex::new(None),
        });
        let connection = Builder::address(bus.address.as_str())
            .serve_at("/", Objects(Arc::clone(&shared)))
            .serve_at("/org/bluez", Manager(Arc::clone(&shared)))
            .serve_at("/org/bluez/hci0", Adapter(Arc::clone(&shared)))
            .serve_at(DEVICE, Device(Arc::clone(&shared)))
            .name("org.bluez")
            .build()
            .await
            .unwrap();
        Self { connection, shared }
    }

    /// Goes without a word; what the kernel holds stays.
    pub(super) async fn kill(self) {
        self.connection.close().await.unwrap();
    }

    pub(super) async fn power(&self, on: bool) {
        self.shared.powered.store(on, Ordering::SeqCst);
        let adapter =
            self.connection.object_server().interface::<_, Adapter>("/org/bluez/hci0").await.unwrap();
        adapter.get().await.powered_changed(adapter.signal_emitter()).await.unwrap();
    }

    pub(super) fn bond(&self, bonded: bool) {
        self.shared.bonded.store(bonded, Ordering::SeqCst);
    }

    /// Sends many signals before it answers a registration: a discovery in a crowd.
    pub(super) fn be_noisy(&self) {
        self.shared.noise.store(500, Ordering::SeqCst);
    }

    /// Answers thus, whatever it is asked to do, until told otherwise.
    pub(super) fn refuse(&self, refusal: Option<Refused>) {
        *self.shared.refusal.lock().unwrap() = refusal;
    }

    pub(super) fn dials(&self) -> usize {
        self.shared.dials.load(Ordering::SeqCst)
    }

    pub(super) async fn request_disconnection(&self) {
        let (client, path) = self.shared.registered.lock().unwrap().clone().unwrap();
        let device = ObjectPath::try_from(DEVICE).unwrap();
        let asked =
            self.connection.call_method(Some(&*client), path, Some(PROFILE), "RequestDisconnection", &device);
        asked.await.unwrap();
    }

    /// Hands a connection over as another program of the bus; returns the name of the error.
    pub(super) async fn hand_over_as_somebody_else(&self, bus: &Bus) -> String {
        let stranger = Builder::address(bus.address.as_str()).build().await.unwrap();
        let (_, there) = StdStream::pair().unwrap();
        match hand_over(&stranger, &self.shared, there).await {
            Err(zbus::Error::MethodError(name, ..)) => name.to_string(),
            other => panic!("it was not refused: {other:?}"),
        }
    }
}

/// How BlueZ refuses.
#[derive(Clone, Debug, zbus::DBusError)]
#[zbus(prefix = "org.bluez.Error")]
pub(super) enum Refused {
    #[zbus(error)]
    ZBus(zbus::Error),
    NotReady(String),
    InProgress(String),
    AlreadyConnected(String),
    NotPermitted(String),
    Failed(String),
}

impl Shared {
    fn check(&self) -> Result<(), Refused> {
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

async fn hand_over(connection: &Connection, shared: &Shared, there: StdStream) -> zbus::Result<()> {
    let (client, path) = shared.registered.lock().unwrap().clone().unwrap();
    let device = ObjectPath::try_from(DEVICE).unwrap();
    let descriptor = OwnedFd::from(StdFd::from(there));
    let options = HashMap::<&str, Variant<'_>>::new();
    let arguments = (device, descriptor, options);
    connection.call_method(Some(&*client), path, Some(PROFILE), "NewConnection", &arguments).await.map(drop)
}

type Properties = HashMap<&'static str, OwnedVariant>;

/// zbus has this only as a feature that nothing else here needs.
struct Objects(Arc<Shared>);

#[zbus::interface(name = "org.freedesktop.DBus.ObjectManager")]
impl Objects {
    fn get_managed_objects(&self) -> HashMap<OwnedObjectPath, HashMap<&'static str, Properties>> {
        let value = |value: Variant<'_>| value.try_into_owned().unwrap();
        let path = |path: &str| OwnedObjectPath::try_from(path).unwrap();
        let flag = |flag: &AtomicBool| value(Variant::from(flag.load(Ordering::SeqCst)));
        let adapter = HashMap::from([("Powered", flag(&self.0.powered))]);
        let device = HashMap::from([
            ("Address", value(Variant::from("AA:BB:CC:00:00:01"))),
            ("Adapter", value(Variant::from(path("/org/bluez/hci0").into_inner()))),
            ("Bonded", flag(&self.0.bonded)),
            ("UUIDs", value(Variant::from(vec![claviger_phone_protocol::SERVICE_UUID]))),
        ]);
        HashMap::from([
            (path("/org/bluez/hci0"), HashMap::from([("org.bluez.Adapter1", adapter)])),
            (path(DEVICE), HashMap::from([("org.bluez.Device1", device)])),
        ])
    }
}

struct Manager(Arc<Shared>);

#[zbus::interface(name = "org.bluez.ProfileManager1")]
impl Manager {
    async fn register_profile(
        &self,
        #[zbus(connection)] connection: &Connection,
        #[zbus(header)] header: Header<'_>,
        profile: OwnedObjectPath,
        uuid: &str,
        options: HashMap<String, OwnedVariant>,
    ) -> Result<(), Refused> {
        self.0.check()?;
        assert_eq!(uuid, claviger_phone_protocol::SERVICE_UUID);
        assert_eq!(<&str>::try_from(&options["Role"]).unwrap(), "client");
        let sender = header.sender().unwrap().to_string();
        for number in 0..self.0.noise.load(Ordering::SeqCst) {
            let device = ObjectPath::try_from(format!("/org/bluez/hci0/dev_{number}")).unwrap();
            let added = (device, HashMap::<&str, HashMap<&str, Variant<'_>>>::new());
            let interface = "org.freedesktop.DBus.ObjectManager";
            connection.emit_signal(None::<&str>, "/", interface, "InterfacesAdded", &added).await?;
        }
        *self.0.registered.lock().unwrap() = Some((sender, profile));
        Ok(())
    }
}

struct Adapter(Arc<Shared>);

#[zbus::interface(name = "org.bluez.Adapter1")]
impl Adapter {
    #[zbus(property)]
    fn powered(&self) -> bool {
        self.0.powered.load(Ordering::SeqCst)
    }
}

struct Device(Arc<Shared>);

#[zbus::interface(name = "org.bluez.Device1")]
impl Device {
    async fn connect_profile(
        &self,
        #[zbus(connection)] connection: &Connection,
        uuid: &str,
    ) -> Result<(), Refused> {
        assert_eq!(uuid, claviger_phone_protocol::SERVICE_UUID);
        self.0.check()?;
        self.0.dials.fetch_add(1, Ordering::SeqCst);
        let (here, there) = StdStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        there.set_nonblocking(true).unwrap();
        let here = tokio::net::UnixStream::from_std(here).unwrap();
        tokio::spawn(Arc::clone(&self.0.phone).serve(here));
        hand_over(connection, &self.0, there).await?;
        Ok(())
    }

    fn disconnect_profile(&self, _uuid: &str) {}
}
