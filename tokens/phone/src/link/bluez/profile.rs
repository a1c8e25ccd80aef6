use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use zbus::message::Header;
use zbus::names::OwnedUniqueName;
use zbus::{ObjectPath, OwnedFd, OwnedObjectPath, OwnedVariant};

/// What BlueZ calls when a connection is made or wanted no more (`org.bluez.Profile1`).
#[derive(Clone, Default)]
pub(crate) struct Profile {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Who BlueZ is. Whoever else calls is a liar.
    owner: Option<OwnedUniqueName>,
    /// The bus has said so unasked.
    told: bool,
    /// Who waits for a connection, by device.
    dials: HashMap<OwnedObjectPath, oneshot::Sender<Connected>>,
    /// What ends the streams that were handed out.
    streams: HashMap<OwnedObjectPath, oneshot::Sender<()>>,
}

/// A connection that BlueZ made.
pub(crate) struct Connected {
    pub(crate) descriptor: std::os::fd::OwnedFd,
    /// Ends it.
    pub(crate) ended: oneshot::Receiver<()>,
}

impl Profile {
    /// Takes in who BlueZ is now. Streams stay: the kernel holds them, not BlueZ.
    pub(crate) fn set_owner(&self, owner: Option<OwnedUniqueName>) {
        let mut state = self.state();
        state.owner = owner;
        state.told = true;
        state.dials.clear();
    }

    /// Takes in who BlueZ was when that was asked for: whatever was told since is newer.
    pub(crate) fn begin_with(&self, owner: Option<OwnedUniqueName>) {
        let mut state = self.state();
        if !state.told {
            state.owner = owner;
        }
    }

    pub(crate) fn owner(&self) -> Option<OwnedUniqueName> {
        self.state().owner.clone()
    }

    /// Waits for a connection with that device.
    pub(crate) fn await_connection(&self, device: &OwnedObjectPath) -> oneshot::Receiver<Connected> {
        let (connected, connection) = oneshot::channel();
        self.state().dials.insert(device.clone(), connected);
        connection
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, header: &Header<'_>) -> Result<(), Rejected> {
        let state = self.state();
        let owner = state.owner.as_ref().map(|owner| owner.as_str());
        match header.sender().map(|sender| sender.as_str()) == owner && owner.is_some() {
            true => Ok(()),
            false => Err(Rejected::Rejected("only BlueZ may call this".into())),
        }
    }
}

/// How a call of BlueZ's is refused.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.bluez.Error")]
pub(crate) enum Rejected {
    /// Anything that the bus itself says.
    #[zbus(error)]
    ZBus(zbus::Error),
    /// The one refusal that BlueZ knows here.
    Rejected(String),
}

#[zbus::interface(name = "org.bluez.Profile1")]
impl Profile {
    /// BlueZ gives the profile up.
    fn release(&self) {}

    /// A connection was made.
    fn new_connection(
        &self,
        #[zbus(header)] header: Header<'_>,
        device: ObjectPath<'_>,
        descriptor: OwnedFd,
        _properties: HashMap<String, OwnedVariant>,
    ) -> Result<(), Rejected> {
        self.check(&header)?;
        let device = OwnedObjectPath::from(device.into_owned());
        let mut state = self.state();
        let Some(dial) = state.dials.remove(&device) else {
            return Err(Rejected::Rejected("nobody has dialled".into()));
        };
        let (end, ended) = oneshot::channel();
        let connected = Connected { descriptor: descriptor.into(), ended };
        if dial.send(connected).is_err() {
            return Err(Rejected::Rejected("nobody waits any more".into()));
        }
        // An earlier stream of the same device ends by this.
        state.streams.insert(device, end);
        Ok(())
    }

    /// The connection with that device is wanted no more: BlueZ does not close our descriptor.
    fn request_disconnection(
        &self,
        #[zbus(header)] header: Header<'_>,
        device: ObjectPath<'_>,
    ) -> Result<(), Rejected> {
        self.check(&header)?;
        self.state().streams.remove(&OwnedObjectPath::from(device.into_owned()));
        Ok(())
    }
}
