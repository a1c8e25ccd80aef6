//! A bus with a daemon on it: what most scenarios start from.

use crate::accounts::Person;
use crate::bus::Bus;
use crate::daemon::{Daemon, Start};
use crate::peer::Peer;

/// A bus, a daemon under an account of its own, and whoever connects.
pub struct House {
    /// The daemon. It goes before the bus.
    pub daemon: Daemon,
    /// The bus.
    pub bus: Bus,
}

impl House {
    /// Starts both, with the cheapest key derivation.
    pub async fn open() -> Self {
        Self::with(Start::default()).await
    }

    /// Starts both, with these lines after the usual configuration.
    pub async fn configured(lines: &str) -> Self {
        let usual = Start::default();
        Self::with(Start { config: format!("{}\n{lines}", usual.config), ..usual }).await
    }

    /// Starts both, the daemon in that way.
    pub async fn with(start: Start) -> Self {
        let bus = Bus::start();
        let daemon = Daemon::start(&bus, start).await;
        Self { daemon, bus }
    }

    /// Returns a registered, unlocked alice without keys.
    pub async fn alice(&self) -> Peer {
        Peer::registered(&self.bus, &Person::alice()).await
    }

    /// Returns a registered, unlocked bob without keys.
    pub async fn bob(&self) -> Peer {
        Peer::registered(&self.bus, &Person::bob()).await
    }

    /// Returns somebody who has only connected.
    pub async fn visitor(&self, person: &Person) -> Peer {
        Peer::on(&self.bus, person).await
    }
}
