//! `clavigerd` under a uid of its own: start, stop, kill, log.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};
use zbus::fdo::{DBusProxy, NameOwnerChangedStream};

use crate::accounts::Person;
use crate::bus::Bus;
use crate::memory;
use crate::peer::NAME;
use crate::place::{Place, give};
use crate::programs::Program;
use crate::{in_time, next};

/// How a daemon is started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The user it runs as.
    pub person: Person,
    /// Its configuration, TOML.
    pub config: String,
    /// Its state folder; one of the daemon's own unless told.
    pub state: Option<PathBuf>,
    /// Words before the command, for example strace's.
    pub under: Vec<String>,
    /// The program.
    pub program: Program,
    /// Its environment, which is empty but for this.
    pub environment: Vec<(String, OsString)>,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            person: Person::service(),
            config: CHEAP.to_owned(),
            state: None,
            under: Vec::new(),
            program: Program::Daemon,
            environment: Vec::new(),
        }
    }
}

/// The least costly key derivation that the daemon takes.
pub const CHEAP: &str = "[kdf]\nmemory-kib = 19456\npasses = 2\nlanes = 1\n";

/// The most costly key derivation that the daemon takes: long enough to be met at it, and so much memory
/// ([`derives`]) that it is seen.
pub const COSTLY: &str = "[kdf]\nmemory-kib = 131072\npasses = 8\nlanes = 1\n";

/// Returns true while a daemon of [`COSTLY`] derives a key.
pub fn derives(pid: u32) -> bool {
    memory::resident(pid) > 96 << 20
}

/// A running daemon. It is killed with the value.
pub struct Daemon {
    process: Child,
    start: Start,
    place: Place,
    config: PathBuf,
    state: PathBuf,
    runtime: PathBuf,
}

impl Daemon {
    /// Starts one and waits until it has its name on the bus.
    pub async fn start(bus: &Bus, start: Start) -> Self {
        Self::try_start(bus, start).await.unwrap_or_else(|ended| panic!("{ended:?}"))
    }

    /// Starts one and waits until it has its name on the bus, or has ended without getting so far.
    pub async fn try_start(bus: &Bus, start: Start) -> Result<Self, Ended> {
        let mut names = watch_name(bus).await;
        let mut daemon = Self::start_without_name(bus, start);
        daemon.wait_for_name(&mut names).await?;
        Ok(daemon)
    }

    /// Starts one and waits for nothing.
    pub fn start_without_name(bus: &Bus, start: Start) -> Self {
        let place = Place::new();
        let state = start.state.clone().unwrap_or_else(|| place.folder("state", &start.person));
        let config = place.file("claviger.toml", &start.config);
        let runtime = place.folder("run", &start.person);
        // Everybody may pass, as in /run/claviger.
        give(&runtime, &start.person, 0o755);
        let process = spawn(&start, &bus.address(), &config, &state, &place);
        Self { process, start, place, config, state, runtime }
    }

    /// Starts it again on the same state, after it has ended.
    pub async fn restart(&mut self, bus: &Bus) -> Result<(), Ended> {
        let mut names = watch_name(bus).await;
        self.process = spawn(&self.start, &bus.address(), &self.config, &self.state, &self.place);
        self.wait_for_name(&mut names).await
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process.id().expect("it runs")
    }

    /// Returns its state folder.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Returns where it listens for phones of that user.
    pub fn phone_socket(&self, person: &Person) -> PathBuf {
        self.runtime.join("phone").join(person.uid.to_string())
    }

    /// Returns everything that it has written to its standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.place.path().join(LOG)).unwrap()).into_owned()
    }

    /// Kills it without any warning.
    pub async fn kill(&mut self) {
        self.process.start_kill().unwrap();
        self.ended().await;
    }

    /// Asks it to stop, as systemd does, and returns how it ended.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.ended().await
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until it ends.
    pub async fn ended(&mut self) -> ExitStatus {
        in_time("the end of the daemon", self.process.wait()).await.unwrap()
    }

    async fn wait_for_name(&mut self, names: &mut NameOwnerChangedStream) -> Result<(), Ended> {
        let got = tokio::select! {
            got = in_time("the daemon's start", name_taken(names)) => got,
            status = self.process.wait() => return Err(Ended { status: status.unwrap(), log: self.log() }),
        };
        assert!(got, "the bus ended");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// How a daemon ended that did not get so far as to have its name.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// What it said.
    pub log: String,
}

impl Ended {
    /// Returns true where it ended by itself, with a failure that it reports: no signal, no panic.
    pub fn is_orderly_refusal(&self) -> bool {
        self.status.code().is_some_and(|code| code != 0) && self.status.signal().is_none()
    }
}

fn spawn(start: &Start, address: &str, config: &Path, state: &Path, place: &Place) -> Child {
    let log = File::options().create(true).append(true).open(place.path().join(LOG)).unwrap();
    let program = start.program.path();
    let mut words = start.under.iter().map(AsRef::as_ref).chain([program.as_os_str()]);
    let mut command = Command::new(words.next().expect("there is always the program"));
    command
        .args(words)
        .args(["--bus", address, "--state-dir"])
        .arg(state)
        .arg("--config")
        .arg(config)
        .arg("--runtime-dir")
        .arg(place.path().join("run"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .current_dir("/")
        .env_clear()
        .envs(start.environment.iter().map(|(name, value)| (name, value)))
        .uid(start.person.uid)
        .gid(start.person.gid)
        .kill_on_drop(true)
        .spawn()
        .expect("the daemon can be run")
}

async fn watch_name(bus: &Bus) -> NameOwnerChangedStream {
    let connection = bus.connect(&Person::root()).await;
    let names = DBusProxy::new(&connection).await.unwrap();
    names.receive_name_owner_changed_with_args(&[(0, NAME)]).await.unwrap()
}

/// Returns true once somebody has the daemon's name; false where the bus ended.
async fn name_taken(names: &mut NameOwnerChangedStream) -> bool {
    while let Some(change) = next(names).await {
        if change.args().unwrap().new_owner().is_some() {
            return true;
        }
    }
    false
}

const LOG: &str = "log";
