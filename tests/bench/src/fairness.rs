//! One user floods, another one works: how much longer do the worker's calls take?
//!
//! Two real uids, each on channels of their own. The same is done to the no-op server, which has no queue and no
//! limits: what it gives is the part of the machine, that no service can mend.

use std::path::Path;

use claviger_dbus::names;

use crate::bus::Bus;
use crate::child::{Partner, RunAs};
use crate::crew::{CREW, Crew};
use crate::error::Error;
use crate::figures::Figures;
use crate::noop;
use crate::role::Role;

/// The accounts are ones that every Debian has, and own nothing: `games` and `man`.
const FLOODER: RunAs = RunAs(5, 60);
const WORKER: RunAs = RunAs(6, 12);

/// Twice what the daemon lets one uid have under way: half of the flood is refused.
const FLOOD: usize = 16 * CREW;

/// A flooder and a worker at one service.
pub(crate) struct Fairness {
    name: String,
    flooder: Crew,
    worker: Crew,
    flood: String,
    work: String,
}

impl Fairness {
    /// Sets the scene at the no-op server.
    pub(crate) fn at_noop(exe: &Path, bus: &Bus) -> Result<Self, Error> {
        Self::at(exe, bus, noop::NAME, ["noop-fairness", "key", "key"])
    }

    /// Sets the scene at the daemon: both have an account and a key.
    pub(crate) fn at_daemon(exe: &Path, bus: &Bus) -> Result<Self, Error> {
        let mut ids = Vec::new();
        for person in [FLOODER, WORKER] {
            let mut owner =
                Partner::start(exe, &Role::Owner { bus: bus.address().to_owned() }, Some(person))?;
            owner.ask("enrol")?;
            ids.push(owner.ask("key P-256")?);
        }
        Self::at(exe, bus, names::BUS_NAME, ["fairness", &ids[0], &ids[1]])
    }

    fn at(
        exe: &Path,
        bus: &Bus,
        service: &str,
        [name, flooders_key, workers_key]: [&str; 3],
    ) -> Result<Self, Error> {
        let role = Role::Caller { bus: bus.address().to_owned(), service: service.to_owned(), channel: true };
        Ok(Self {
            name: name.to_owned(),
            flooder: Crew::hire(exe, &role, CREW, Some(FLOODER))?,
            worker: Crew::hire(exe, &role, 1, Some(WORKER))?,
            flood: format!("flood {flooders_key} ECDSA"),
            work: format!("sign {workers_key} ECDSA"),
        })
    }

    /// Takes the worker's figures alone, and during the flood.
    pub(crate) fn run_round(&mut self, figures: &mut Figures) -> Result<(), Error> {
        let idle = self.worker.run(1, MILLIS, &self.work)?;
        figures.note_load(&format!("{}/idle", self.name), 1, &idle);
        // The flood begins first and ends last.
        self.flooder.begin(FLOOD, MILLIS + 200, &self.flood)?;
        let flooded = self.worker.run(1, MILLIS, &self.work)?;
        figures.note_load(&format!("{}/flooded", self.name), 1, &flooded);
        figures.note_load(&format!("{}/flood", self.name), FLOOD, &self.flooder.finish(FLOOD)?);
        Ok(())
    }
}

const MILLIS: u64 = 800;
