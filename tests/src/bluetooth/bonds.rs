//! Who says yes or no when BlueZ bonds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use zbus::{ObjectPath, OwnedObjectPath, fdo};

use super::bluez::BlueZ;

/// The person in front of BlueZ, who compares numbers.
#[derive(Clone)]
pub struct Bonds {
    accepts: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

impl Bonds {
    /// Sits down in front of BlueZ, as one who says yes.
    pub async fn agree(bluez: &BlueZ) -> Self {
        let bonds = Self { accepts: Arc::new(AtomicBool::new(true)), asked: Arc::default() };
        let connection = bluez.connection();
        connection.object_server().at(PATH, bonds.clone()).await.unwrap();
        let agents = bluez.proxy("/org/bluez", "org.bluez.AgentManager1").await;
        let path = ObjectPath::try_from(PATH).unwrap();
        agents.call_method("RegisterAgent", &(&path, "DisplayYesNo")).await.unwrap();
        agents.call_method("RequestDefaultAgent", &path).await.unwrap();
        bonds
    }

    /// Says no from now on.
    pub fn refuse(&self) {
        self.accepts.store(false, Ordering::Relaxed);
    }

    /// Returns how often there was a number to compare.
    pub fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }

    fn answer(&self) -> Result<(), Answer> {
        match self.accepts.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(Answer::Rejected("the person said no".to_owned())),
        }
    }
}

#[zbus::interface(name = "org.bluez.Agent1")]
impl Bonds {
    fn request_confirmation(&self, _device: OwnedObjectPath, _number: u32) -> Result<(), Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.answer()
    }

    fn request_authorization(&self, _device: OwnedObjectPath) -> Result<(), Answer> {
        self.answer()
    }

    fn authorize_service(&self, _device: OwnedObjectPath, _uuid: String) -> Result<(), Answer> {
        self.answer()
    }

    fn cancel(&self) -> fdo::Result<()> {
        Ok(())
    }

    fn release(&self) -> fdo::Result<()> {
        Ok(())
    }
}

#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.bluez.Error")]
enum Answer {
    Rejected(String),
}

const PATH: &str = "/org/claviger/tests/bonds";
