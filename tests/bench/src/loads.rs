//! Which loads are run, and how: interleaved, so that whatever disturbs a round disturbs a figure and its floor alike.

use std::fs;
use std::path::Path;

use claviger_dbus::names;

use crate::bus::Bus;
use crate::child::Partner;
use crate::crew::{CREW, Crew};
use crate::error::{Doing, Error};
use crate::figures::Figures;
use crate::noop;
use crate::role::Role;
use crate::ssh_agent::SshAgent;

/// How many clients a load is run with.
pub(crate) const CLIENTS: [usize; 4] = [1, 2, 8, 64];

/// One load: a crew's job, with some numbers of clients.
struct Load {
    name: &'static str,
    crew: usize,
    job: String,
    clients: Vec<usize>,
}

/// Every load, and the processes that it needs.
#[derive(Default)]
pub(crate) struct Loads {
    servers: Vec<Partner>,
    crews: Vec<Crew>,
    loads: Vec<Load>,
}

impl Loads {
    /// Adds the floors: a ping over a unix socket; the no-op service, on the bus and on channels.
    pub(crate) fn add_floors(&mut self, exe: &Path, bus: &Bus, folder: &Path) -> Result<(), Error> {
        let socket = folder.join("ping.socket");
        let bus = bus.address().to_owned();
        self.servers.push(Partner::start(exe, &Role::PingServer { socket: socket.clone() }, None)?);
        self.servers.push(Partner::start(exe, &Role::NoopServer { bus: bus.clone() }, None)?);
        let ping = self.hire(exe, &Role::PingClient { socket })?;
        self.add("ping", ping, "ping", &CLIENTS);
        for (name, channels) in [("noop-bus", 0), ("noop-channel", 1)] {
            let role =
                Role::Caller { bus: bus.clone(), service: noop::NAME.to_owned(), channels, nice: false };
            let crew = self.hire(exe, &role)?;
            self.add(name, crew, "sign key ECDSA", &CLIENTS);
        }
        Ok(())
    }

    /// Adds the peer: OpenSSH's agent.
    pub(crate) fn add_ssh_agent(&mut self, exe: &Path, agent: &SshAgent) -> Result<(), Error> {
        let crew = self.hire(exe, &Role::SshClient { socket: agent.socket().to_owned() })?;
        self.add("ssh-agent-p256", crew, "ecdsa-sha2-nistp256", &[1, 8]);
        self.add("ssh-agent-ed25519", crew, "ssh-ed25519", &[1, 8]);
        self.add("ssh-agent-rsa", crew, "ssh-rsa", &[1, 8]);
        Ok(())
    }

    /// Adds the daemon, with an owner who is unlocked: on the bus and on channels.
    pub(crate) fn add_daemon(&mut self, exe: &Path, bus: &Bus, owner: &mut Partner) -> Result<(), Error> {
        let [p256, ed25519, rsa] =
            [owner.ask("key P-256")?, owner.ask("key Ed25519")?, owner.ask("key RSA-2048")?];
        let role = |channels| Role::Caller {
            bus: bus.address().to_owned(),
            service: names::BUS_NAME.to_owned(),
            channels,
            nice: false,
        };
        let crew = self.hire(exe, &role(0))?;
        self.add("bus-p256", crew, &format!("sign {p256} ECDSA"), &CLIENTS);
        let crew = self.hire(exe, &role(1))?;
        self.add("channel-p256", crew, &format!("sign {p256} ECDSA"), &CLIENTS);
        self.add("channel-ed25519", crew, &format!("sign {ed25519} EDDSA"), &[1, 8]);
        self.add("channel-rsa", crew, &format!("sign {rsa} SHA256_RSA_PKCS"), &[1, 8]);
        self.add("label", crew, &format!("label {p256}"), &[1]);
        Ok(())
    }

    /// Lets the daemon's write-ahead log grow to its full size: while it grows, an update costs the file system more.
    pub(crate) fn fill_log(&mut self, state: &Path) -> Result<(), Error> {
        let Some(label) = self.loads.iter().find(|load| load.name == "label") else { return Ok(()) };
        for _ in 0..LONGEST_FILL {
            let log = fs::metadata(state.join("table.db-wal")).doing("look at the daemon's log")?;
            if log.len() > FULL_LOG {
                break;
            }
            self.crews[label.crew].run(1, 250, &label.job)?;
        }
        Ok(())
    }

    /// Forgets the loads that are not wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&str, usize) -> bool) {
        for load in &mut self.loads {
            load.clients.retain(|&clients| wanted(load.name, clients));
        }
        self.loads.retain(|load| !load.clients.is_empty());
    }

    /// Runs every load once.
    pub(crate) fn run_round(&mut self, millis: u64, figures: &mut Figures) -> Result<(), Error> {
        for clients in CLIENTS {
            for load in self.loads.iter().filter(|load| load.clients.contains(&clients)) {
                let counted = self.crews[load.crew].run(clients, millis, &load.job)?;
                figures.note_load(load.name, clients, &counted);
            }
        }
        Ok(())
    }

    fn hire(&mut self, exe: &Path, role: &Role) -> Result<usize, Error> {
        self.crews.push(Crew::hire(exe, role, CREW, None)?);
        Ok(self.crews.len() - 1)
    }

    fn add(&mut self, name: &'static str, crew: usize, job: &str, clients: &[usize]) {
        self.loads.push(Load { name, crew, job: job.to_owned(), clients: clients.to_vec() });
    }
}

/// A thousand pages: then SQLite writes them back and begins the log anew.
const FULL_LOG: u64 = 1000 * 4096;
/// In quarter seconds; a slow disk is measured as it is.
const LONGEST_FILL: usize = 40;
