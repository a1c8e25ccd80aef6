//! `bluetoothd` on that controller, on a bus of its own; its devices.

use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

use zbus::proxy::CacheProperties;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Proxy, Variant};

use super::air::{Air, Daemon};
use super::controller::Controller;
use crate::accounts::Person;
use crate::bus::Bus;
use crate::in_time;

/// BlueZ, switched on: its daemon, the controller it has, and the bus that it is on. All of it ends with the value.
///
/// A guest has one: a second daemon would take the same controllers.
pub struct BlueZ {
    daemon: Daemon,
    bus: Bus,
    controller: Controller,
    connection: Connection,
}

impl BlueZ {
    /// Plugs in a controller, starts the daemon, and returns when others can find and bond it.
    pub async fn start(air: &Air) -> Self {
        let controller = Controller::plug(air).await;
        let bus = Bus::start();
        let connection = bus.connect(&Person::root()).await;
        let bluez = Self { daemon: daemon(&bus), bus, controller, connection };
        bluez.switch_on().await;
        bluez
    }

    /// Returns the bus: a program under test finds BlueZ there as on the system's, by `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Returns the harness's own connection to the bus.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the controller, for its faults.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns the address under which others see it.
    pub async fn address(&self) -> String {
        self.adapter("org.bluez.Adapter1").await.get_property("Address").await.unwrap()
    }

    /// Switches Bluetooth on or off, as a person does.
    pub async fn power(&self, on: bool) {
        self.adapter("org.bluez.Adapter1").await.set_property("Powered", on).await.unwrap();
    }

    /// Kills the daemon, as a crash would.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Starts the daemon again, and returns when it is as it was at first. Who was registered with it is not any more.
    pub async fn restart(&mut self) {
        self.kill();
        self.daemon = daemon(&self.bus);
        self.switch_on().await;
    }

    /// Returns a device by its address, after a search in the air if BlueZ does not know it yet.
    pub async fn find(&self, address: &str) -> Device {
        let adapter = self.adapter("org.bluez.Adapter1").await;
        let path = format!("{}/dev_{}", adapter.path(), address.replace(':', "_"));
        let device = Device { proxy: self.proxy(&path, "org.bluez.Device1").await };
        if device.is_known().await {
            return device;
        }
        // Without this, most of the time goes into a search for devices of the other kind.
        let classic = HashMap::from([("Transport", Variant::from("bredr"))]);
        adapter.call_method("SetDiscoveryFilter", &classic).await.unwrap();
        adapter.call_method("StartDiscovery", &()).await.unwrap();
        again_until("finding the device", async || {
            device.proxy.get_property::<String>("Address").await.is_ok()
        })
        .await;
        adapter.call_method("StopDiscovery", &()).await.unwrap();
        device
    }

    /// Forgets a device and the bond with it, as a person does who removes it in the settings.
    pub async fn forget(&self, address: &str) {
        let adapter = self.adapter("org.bluez.Adapter1").await;
        let path = format!("{}/dev_{}", adapter.path(), address.replace(':', "_"));
        let path = ObjectPath::try_from(path.as_str()).unwrap();
        in_time("RemoveDevice", adapter.call_method("RemoveDevice", &path)).await.unwrap();
    }

    /// Returns the proxy of an object of BlueZ's, which asks for each property again.
    pub async fn proxy(&self, path: &str, interface: &'static str) -> Proxy<'static> {
        zbus::proxy::Builder::<Proxy<'_>>::new(&self.connection)
            .destination("org.bluez")
            .path(OwnedObjectPath::try_from(path).unwrap())
            .interface(interface)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .unwrap()
    }

    /// Returns the proxy of its adapter.
    pub async fn adapter(&self, interface: &'static str) -> Proxy<'static> {
        self.proxy(&format!("/org/bluez/{}", self.controller.name()), interface).await
    }

    async fn switch_on(&self) {
        let adapter = self.adapter("org.bluez.Adapter1").await;
        // The daemon sends signals for its objects, but none before it has its name.
        for property in ["Powered", "Pairable", "Discoverable"] {
            again_until(property, async || {
                adapter.set_property(property, true).await.is_ok()
                    && adapter.get_property(property).await == Ok(true)
            })
            .await;
        }
    }
}

/// A device that BlueZ knows.
pub struct Device {
    proxy: Proxy<'static>,
}

impl Device {
    /// Bonds with it.
    pub async fn bond(&self) -> zbus::Result<()> {
        self.call("Pair", &()).await
    }

    /// Connects to its service; the stream goes to the [`super::Profile`] that is registered for it.
    pub async fn connect(&self, service: &str) -> zbus::Result<()> {
        self.call("ConnectProfile", &service).await
    }

    /// Cuts the connection from this side.
    pub async fn disconnect(&self) -> zbus::Result<()> {
        self.call("Disconnect", &()).await
    }

    /// Returns a property that is true or false, such as `Connected` or `Bonded`.
    pub async fn is(&self, property: &str) -> bool {
        self.proxy.get_property(property).await.unwrap()
    }

    /// Waits until a property that is true or false has become so.
    pub async fn becomes(&self, property: &str, value: bool) {
        again_until(&format!("{property} to become {value}"), async || self.is(property).await == value)
            .await;
    }

    async fn is_known(&self) -> bool {
        self.proxy.get_property::<String>("Address").await.is_ok()
    }

    /// Returns the name that it has given itself.
    pub async fn name(&self) -> String {
        self.proxy.get_property("Name").await.unwrap()
    }

    async fn call<B: serde::Serialize + zbus::DynamicType + Sync>(
        &self,
        method: &str,
        body: &B,
    ) -> zbus::Result<()> {
        in_time(method, self.proxy.call_method(method, body)).await.map(drop)
    }
}

fn daemon(bus: &Bus) -> Daemon {
    let mut command = Command::new("/usr/libexec/bluetooth/bluetoothd");
    command.args(["--nodetach", "--debug"]).env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
    Daemon::start("bluetoothd", &mut command)
}

/// Asks again and again until it holds, with time between for those who make it hold: a guest has one processor.
async fn again_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let holding = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    in_time(what, holding).await;
}
