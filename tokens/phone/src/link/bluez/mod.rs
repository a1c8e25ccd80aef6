//! Bluetooth, through BlueZ: its `Profile1` hands over a connected RFCOMM descriptor, so that this process needs no other
//! socket than the bus's.
//!
//! Plain zbus instead of the crate bluer: decision 008 has the figures.

mod follow;
mod objects;
mod profile;
mod service;
mod signals;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::link::Stream;
use crate::registry::WeakRegistry;
use crate::{Address, Bluetooth, LinkFault};

use service::Service;

/// The way to BlueZ. It has no connection and no task until somebody wants one.
pub(crate) struct Bluez {
    at: Bluetooth,
    runtime: Handle,
    registry: WeakRegistry,
    standing: watch::Sender<Standing>,
    task: Mutex<Option<AbortHandle>>,
}

/// How BlueZ stands.
#[derive(Clone)]
pub(crate) enum Standing {
    /// Nobody has looked yet.
    Unknown,
    /// It cannot be used, and why.
    Down(LinkFault),
    /// There is an adapter, and the profile is registered.
    Up(Arc<Service>),
}

impl Standing {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unknown, Self::Unknown) => true,
            (Self::Down(this), Self::Down(other)) => this == other,
            (Self::Up(this), Self::Up(other)) => Arc::ptr_eq(this, other),
            (Self::Unknown | Self::Down(_) | Self::Up(_), _) => false,
        }
    }
}

/// What is woken when BlueZ stands otherwise.
pub(crate) struct Radio(watch::Receiver<Standing>);

impl Radio {
    /// Waits for that.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Bluez {
    pub(crate) fn new(at: Bluetooth, runtime: Handle, registry: WeakRegistry) -> Arc<Self> {
        let standing = watch::Sender::new(Standing::Unknown);
        Arc::new(Self { at, runtime, registry, standing, task: Mutex::default() })
    }

    pub(crate) fn radio(&self) -> Radio {
        Radio(self.standing.subscribe())
    }

    /// Ends what runs.
    pub(crate) fn stop(&self) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.take() {
            task.abort();
        }
        self.standing.send_replace(Standing::Unknown);
    }

    /// Dials the phone of that address.
    pub(crate) async fn dial(&self, address: Address) -> Result<Stream, LinkFault> {
        self.service().await?.dial(address).await
    }

    /// Returns the addresses of all bonded devices that offer the service.
    pub(crate) async fn bonded(&self) -> Result<Vec<Address>, LinkFault> {
        self.service().await?.bonded().await
    }

    /// Begins, where nobody has yet, and waits until something is known.
    async fn service(&self) -> Result<Arc<Service>, LinkFault> {
        let at = match &self.at {
            Bluetooth::Off => return Err(LinkFault::BluetoothNotWanted),
            Bluetooth::System => None,
            Bluetooth::Address(address) => Some(address.clone()),
        };
        self.begin(at);
        let mut standing = self.standing.subscribe();
        let known = standing.wait_for(|standing| !matches!(standing, Standing::Unknown));
        match tokio::time::timeout(FIRST_LOOK, known).await {
            Ok(Ok(standing)) => match &*standing {
                Standing::Up(service) => Ok(Arc::clone(service)),
                Standing::Down(fault) => Err(fault.clone()),
                Standing::Unknown => Err(not_answering()),
            },
            Ok(Err(_)) | Err(_) => Err(not_answering()),
        }
    }

    fn begin(&self, at: Option<String>) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.is_none() {
            let (standing, registry) = (self.standing.clone(), self.registry.clone());
            let say = move |now: Standing| {
                // What an adapter tells of itself is mostly no news.
                if standing.borrow().is(&now) {
                    return;
                }
                if let Some(registry) = registry.upgrade() {
                    match &now {
                        Standing::Down(fault) => registry.radio_changed(Some(fault)),
                        Standing::Up(_) | Standing::Unknown => registry.radio_changed(None),
                    }
                }
                standing.send_replace(now);
            };
            *task = Some(self.runtime.spawn(follow::run(at, say)).abort_handle());
        }
    }
}

fn not_answering() -> LinkFault {
    LinkFault::NoBluetooth("it does not answer".into())
}

/// How long the first look at BlueZ may take.
const FIRST_LOOK: Duration = Duration::from_secs(5);
