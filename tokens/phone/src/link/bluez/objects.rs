use std::collections::HashMap;

use zbus::fdo::ManagedObjects;
use zbus::{OwnedObjectPath, OwnedVariant};

use crate::Address;

/// What BlueZ has: its object tree, as far as it is of interest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Objects {
    /// The adapters that are switched on.
    powered: Vec<OwnedObjectPath>,
    devices: Vec<Device>,
}

/// A device that BlueZ knows.
#[derive(Debug, PartialEq, Eq)]
struct Device {
    path: OwnedObjectPath,
    adapter: OwnedObjectPath,
    address: Address,
    bonded: bool,
    offers: bool,
}

type Properties = HashMap<String, OwnedVariant>;

impl Objects {
    /// Reads the tree; what is not as it should be is left out. `service` is the UUID that phones offer.
    pub(crate) fn read(tree: &ManagedObjects, service: &str) -> Self {
        let mut objects = Self { powered: Vec::new(), devices: Vec::new() };
        for (path, interfaces) in tree {
            let interface = |name: &str| {
                interfaces.iter().find(|(interface, _)| interface.as_str() == name).map(|(_, found)| found)
            };
            if interface("org.bluez.Adapter1").is_some_and(|adapter| flag(adapter, "Powered")) {
                objects.powered.push(path.clone());
            }
            let device =
                interface("org.bluez.Device1").and_then(|device| Device::read(path, device, service));
            objects.devices.extend(device);
        }
        objects.devices.sort_by_key(|device| device.address);
        objects
    }

    /// Returns true where an adapter is switched on.
    pub(crate) fn is_powered(&self) -> bool {
        !self.powered.is_empty()
    }

    /// Returns the bonded device of that address, as an adapter that is switched on knows it.
    pub(crate) fn bonded(&self, address: Address) -> Option<&OwnedObjectPath> {
        self.usable().find(|device| device.address == address).map(|device| &device.path)
    }

    /// Returns the addresses of the bonded devices that offer the service.
    pub(crate) fn phones(&self) -> Vec<Address> {
        self.usable().filter(|device| device.offers).map(|device| device.address).collect()
    }

    fn usable(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter().filter(|device| device.bonded && self.powered.contains(&device.adapter))
    }
}

impl Device {
    fn read(path: &OwnedObjectPath, device: &Properties, service: &str) -> Option<Self> {
        let text = |name: &str| device.get(name).and_then(|value| <&str>::try_from(value).ok());
        let adapter = device.get("Adapter")?.try_clone().ok()?;
        let uuids: Vec<String> = match device.get("UUIDs") {
            Some(uuids) => uuids.try_clone().ok()?.try_into().ok()?,
            None => Vec::new(),
        };
        Some(Self {
            path: path.clone(),
            adapter: adapter.try_into().ok()?,
            address: text("Address")?.parse().ok()?,
            // BlueZ before 5.65 has only the one word.
            bonded: match device.contains_key("Bonded") {
                true => flag(device, "Bonded"),
                false => flag(device, "Paired"),
            },
            offers: uuids.iter().any(|uuid| uuid.eq_ignore_ascii_case(service)),
        })
    }
}

fn flag(properties: &Properties, name: &str) -> bool {
    properties.get(name).and_then(|value| bool::try_from(value).ok()).unwrap_or_default()
}
