//! `claviger-opensc` behind its socket, started as systemd does it.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::accounts::Person;
use crate::pcsc::pcscd::Pcscd;
use crate::place::{Place, give};
use crate::programs::Program;

/// The socket, with a new helper for each connection, as a user of their own. All end with the value.
pub struct OpenScSocket {
    process: Child,
    place: Place,
    pcscd: PathBuf,
}

impl OpenScSocket {
    /// Starts to listen.
    pub async fn listen(pcscd: &Pcscd) -> Self {
        let (place, helper) = (Place::new(), person());
        give(&place.folder("run", &helper), &helper, 0o755);
        // systemd-socket-activate closes what it inherits, so that a program in /proc/self/fd is gone.
        fs::copy(Program::OpenSc.path(), place.path().join(HELPER)).unwrap();
        let pcscd = pcscd.socket();
        Self { process: activate(&place, &pcscd).await, place, pcscd }
    }

    /// Ends the socket and all helpers, as `systemctl stop` does.
    pub fn stop(&mut self) {
        self.signal(Signal::KILL);
        // It may be dead already.
        drop(self.process.kill());
        drop(self.process.wait());
        drop(fs::remove_file(self.path()));
    }

    /// Listens again after [`OpenScSocket::stop`].
    pub async fn start_again(&mut self) {
        self.process = activate(&self.place, &self.pcscd).await;
    }

    /// Returns where it listens.
    pub fn path(&self) -> PathBuf {
        self.place.path().join("run").join(SOCKET)
    }

    /// Returns what to write into the daemon's `[cards]`.
    pub fn config(&self) -> String {
        format!("opensc-socket = {:?}\n", self.path())
    }

    /// Returns what it and the helpers have said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join(LOG)).unwrap()
    }

    /// Returns the process ids of the helpers that run now.
    pub fn helpers(&self) -> Vec<i32> {
        let pid = self.process.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let pids = children.split_whitespace().map(|pid| pid.parse().unwrap());
        // One that has ended stays until systemd-socket-activate has looked.
        pids.filter(|pid| state(*pid).is_some_and(|state| state != 'Z')).collect()
    }

    /// Sends every helper a signal.
    pub fn signal(&self, signal: Signal) {
        for pid in self.helpers() {
            // It may have ended meanwhile.
            _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
        }
    }
}

impl Drop for OpenScSocket {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("the log of the OpenSC helpers:\n{}", self.log());
        }
    }
}

async fn activate(place: &Place, pcscd: &Path) -> Child {
    let (path, helper) = (place.path().join("run").join(SOCKET), person());
    let log = File::options().create(true).append(true).open(place.path().join(LOG)).unwrap();
    let mut command = Command::new("systemd-socket-activate");
    command.args(["--accept", "--inetd", "--listen"]).arg(&path);
    command.arg("--setenv").arg(format!("PCSCLITE_CSOCK_NAME={}", pcscd.display()));
    command.arg(place.path().join(HELPER)).uid(helper.uid).gid(helper.gid);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let process = command.spawn().expect("systemd-socket-activate runs");
    assert!(crate::until(|| path.exists()).await, "systemd-socket-activate does not listen");
    // The daemon connects, who is another user.
    give(&path, &helper, 0o666);
    process
}

/// Returns who the helper runs as.
fn person() -> Person {
    Person::named("nobody")
}

/// Returns the state letter of a process; `None` where there is none.
fn state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

const HELPER: &str = "claviger-opensc";
const LOG: &str = "log";
const SOCKET: &str = "opensc.sock";
