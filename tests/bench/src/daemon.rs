//! The daemon under measurement: started, measured, stopped.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::bus::Bus;
use crate::child::{Partner, end};
use crate::error::{Doing, Error};
use crate::role::Role;

/// Starts daemons on one bus, one after the other.
pub(crate) struct Starter<'a> {
    program: PathBuf,
    bus: &'a Bus,
    folder: &'a Path,
    watcher: Partner,
    pcscd: Option<PathBuf>,
}

/// A running daemon; it ends when this is dropped.
pub(crate) struct Daemon(Child);

/// The memory of a process, in MB (10^6 bytes).
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    /// All that is resident: `VmRSS`.
    pub(crate) resident: f64,
    /// What belongs to it alone, without the pages of its program: `RssAnon`.
    pub(crate) own: f64,
}

impl Memory {
    /// Returns that of a process.
    pub(crate) fn of(pid: u32) -> Result<Self, Error> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).doing(format!("read {path}"))?;
        let kib = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.split_ascii_whitespace().next()?.parse::<f64>().ok()
        };
        match (kib("VmRSS:"), kib("RssAnon:")) {
            (Some(resident), Some(own)) => Ok(Self { resident: resident * 1024e-6, own: own * 1024e-6 }),
            _ => Err(Error::Child { who: path, said: "no VmRSS".to_owned() }),
        }
    }
}

impl<'a> Starter<'a> {
    /// Prepares to start `program`; its configuration and its log stand in `folder`.
    pub(crate) fn new(exe: &Path, program: PathBuf, bus: &'a Bus, folder: &'a Path) -> Result<Self, Error> {
        fs::write(folder.join(CONFIG_NAME), CONFIG).doing("write the daemon's configuration")?;
        let runtime = folder.join(RUNTIME_NAME);
        fs::create_dir(&runtime).doing("make the daemon's runtime folder")?;
        let watcher = Partner::start(exe, &Role::Watcher { bus: bus.address().to_owned() }, None)?;
        Ok(Self { program, bus, folder, watcher, pcscd: None })
    }

    /// The daemons that are started from now on find pcscd there.
    pub(crate) fn with_pcscd(&mut self, socket: PathBuf) {
        self.pcscd = Some(socket);
    }

    /// Returns where daemons have the sockets for phones.
    pub(crate) fn runtime(&self) -> PathBuf {
        self.folder.join(RUNTIME_NAME)
    }

    /// Starts a daemon on a state folder; returns it after its first answer, and how many milliseconds that took.
    pub(crate) fn start(&mut self, state: &str) -> Result<(Daemon, f64), Error> {
        let log = File::options().create(true).append(true).open(self.folder.join("clavigerd.log"));
        let mut command = Command::new(&self.program);
        command.envs(self.pcscd.iter().map(|socket| ("PCSCLITE_CSOCK_NAME", socket)));
        command
            .args(["--bus", self.bus.address(), "--state-dir"])
            .arg(self.folder.join(state))
            .arg("--runtime-dir")
            .arg(self.runtime())
            .arg("--config")
            .arg(self.folder.join(CONFIG_NAME))
            .stdin(Stdio::null())
            .stderr(log.doing("write the daemon's log")?);
        self.watcher.order("wait")?;
        let began = Instant::now();
        let mut daemon = Daemon(command.spawn().doing(format!("start {}", self.program.display()))?);
        let answer = self.watcher.answer()?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        if answer.is_empty() || daemon.0.try_wait().doing("look after the daemon")?.is_some() {
            return Err(Error::Child { who: "clavigerd".to_owned(), said: answer });
        }
        Ok((daemon, took))
    }
}

impl Daemon {
    /// Returns how much memory it has now.
    pub(crate) fn memory(&self) -> Result<Memory, Error> {
        Memory::of(self.0.id())
    }

    /// Stops it as systemd does, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Error> {
        if let Some(pid) = Pid::from_raw(self.0.id().cast_signed()) {
            kill_process(pid, Signal::TERM).doing("stop the daemon")?;
        }
        let status = self.0.wait().doing("wait for the daemon")?;
        if !status.success() {
            return Err(Error::Child { who: "clavigerd".to_owned(), said: status.to_string() });
        }
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

const CONFIG_NAME: &str = "claviger.toml";
const RUNTIME_NAME: &str = "run";

/// What costs time by intent costs little here: it is not what is measured. No radio of this machine is touched.
const CONFIG: &str = "[kdf]\nmemory-kib = 19456\npasses = 2\nlanes = 1\n[phones]\nbluetooth = false\n";
