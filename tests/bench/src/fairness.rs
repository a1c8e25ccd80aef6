//! One user floods, another one works: how much longer do the worker's calls take?
//!
//! Two real uids, each on channels of their own. A flood reaches the worker in two ways. The daemon may let the
//! flood's requests stand before the worker's: that is what the target is about. And the flooder's *process* takes
//! processor time from everybody, the daemon or not; on a real machine systemd gives each user a share of their own
//! against that. So the flooder has the least claim to a processor (nice 19) where the target is measured, and the
//! same claim as everybody in a second scene. The same floods at the no-op server, which has no queue, no limits
//! and nothing to do, tell what the machine's part is.

use std::path::Path;

use claviger_dbus::names;

use crate::bus::Bus;
use crate::child::{Partner, RunAs};
use crate::crew::{CREW, Crew};
use crate::error::Error;
use crate::figures::Figures;
use crate::noop;
use crate::role::Role;

/// Accounts that every Debian has, and that own nothing: `games`, `news` and `man`.
const NICE_FLOODER: RunAs = RunAs(5, 60);
const FLOODER: RunAs = RunAs(9, 9);
const WORKER: RunAs = RunAs(6, 12);

/// Calls under way at once, over the 8 channels that a uid may have: twice what it may have under way.
pub(crate) const FLOOD: usize = 16 * CREW;

/// One worker and one flooder at one service.
pub(crate) struct Fairness {
    name: &'static str,
    flooder: Crew,
    worker: Crew,
    flood: String,
    work: String,
}

impl Fairness {
    /// Sets all scenes: nice and equal flooders, at the no-op server and at the daemon.
    pub(crate) fn all(exe: &Path, bus: &Bus) -> Result<[Self; 4], Error> {
        let key = |person| own_key(exe, bus, person);
        let (mine, nice, equal) = (key(WORKER)?, key(NICE_FLOODER)?, key(FLOODER)?);
        let at = |name, service, flooder, keys| Self::at(exe, bus, (name, service), flooder, keys);
        Ok([
            at("noop-nice-flood", noop::NAME, NICE_FLOODER, ["key", "key"])?,
            at("nice-flood", names::BUS_NAME, NICE_FLOODER, [&nice, &mine])?,
            at("noop-equal-flood", noop::NAME, FLOODER, ["key", "key"])?,
            at("equal-flood", names::BUS_NAME, FLOODER, [&equal, &mine])?,
        ])
    }

    fn at(
        exe: &Path,
        bus: &Bus,
        (name, service): (&'static str, &str),
        flooder: RunAs,
        [flooders_key, workers_key]: [&str; 2],
    ) -> Result<Self, Error> {
        let role = |channels, nice| Role::Caller {
            bus: bus.address().to_owned(),
            service: service.to_owned(),
            channels,
            nice,
        };
        Ok(Self {
            name,
            flooder: Crew::hire(exe, &role(CREW, flooder == NICE_FLOODER), 1, Some(flooder))?,
            worker: Crew::hire(exe, &role(1, false), 1, Some(WORKER))?,
            flood: format!("flood {flooders_key} ECDSA"),
            work: format!("sign {workers_key} ECDSA"),
        })
    }

    /// Takes the worker's figures alone, and during the flood.
    pub(crate) fn run_round(&mut self, figures: &mut Figures) -> Result<(), Error> {
        let Self { name, flooder, worker, flood, work } = self;
        let alone = worker.run(1, MILLIS, work)?;
        figures.note_load(&format!("{name}/alone"), 1, &alone);
        // The flood begins first and ends last.
        flooder.begin(FLOOD, MILLIS + 150, flood)?;
        let flooded = worker.run(1, MILLIS, work)?;
        figures.note_load(&format!("{name}/flooded"), 1, &flooded);
        figures.note_load(&format!("{name}/flood"), FLOOD, &flooder.finish(FLOOD)?);
        Ok(())
    }
}

/// Has somebody registered and unlocked, and returns the id of a key of theirs.
fn own_key(exe: &Path, bus: &Bus, person: RunAs) -> Result<String, Error> {
    let mut owner = Partner::start(exe, &Role::Owner { bus: bus.address().to_owned() }, Some(person))?;
    owner.ask("enrol")?;
    owner.ask("key P-256")
}

const MILLIS: u64 = 500;
