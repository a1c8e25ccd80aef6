//! A guest: boots in half a second, runs programs, goes with its value.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::command::{Ran, run};
use crate::lab::claviger::Installed;
use crate::lab::machine::Machine;
use crate::lab::running::Running;

/// A machine of the test's own. Everything in it ends with the value.
///
/// Only a few run at a time, so a test that wants more than one at once could wait for itself.
pub struct Guest {
    pub(super) machine: Machine,
    // In this order: the machine stands on what is installed.
    _installed: Vec<Arc<Installed>>,
    _room: SemaphorePermit<'static>,
}

/// What a guest is to have.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Plan {
    readers: u16,
    claviger: bool,
    phones: bool,
    sleepy: bool,
}

impl Plan {
    /// With so many readers, and pcscd running; they come in pairs.
    pub fn readers(self, readers: u16) -> Self {
        Self { readers, ..self }
    }

    /// With Claviger installed and its service running.
    pub fn claviger(self) -> Self {
        Self { claviger: true, ..self }
    }

    /// With [`Guest::phone`]. Everybody may pair one, as if they had said who they are.
    pub fn phones(self) -> Self {
        Self { phones: true, ..self }
    }

    /// With [`Guest::fall_asleep`].
    pub fn sleepy(self) -> Self {
        Self { sleepy: true, ..self }
    }

    /// Boots it.
    pub async fn boot(self) -> Guest {
        static ROOM: Semaphore = Semaphore::const_new(AT_A_TIME);
        // It is never closed. No deadline: others may be long about it.
        let room = ROOM.acquire().await.unwrap();
        let claviger = self.claviger.then(Installed::shared);
        let installed: Vec<_> = claviger.into_iter().chain(self.phones.then(Installed::phones)).collect();
        let layers = installed.iter().map(|it| it.path()).chain([super::root()]).collect::<Vec<_>>();
        let machine = Machine::boot(&layers).await;
        let guest = Guest { machine, _installed: installed, _room: room };
        if self.sleepy {
            guest.make_sleepy().await;
        }
        if self.phones {
            guest.let_everybody_pair().await;
        }
        if self.readers > 0 {
            guest.start_pcscd(self.readers).await;
        }
        if self.claviger {
            guest.run("systemctl start claviger-opensc.socket clavigerd.service").await.ok();
        }
        guest
    }
}

impl Guest {
    /// A guest with more than Debian's own: `Guest::plan().readers(2).claviger().boot().await`.
    pub fn plan() -> Plan {
        Plan::default()
    }

    /// Boots one with Debian's own alone.
    pub async fn boot() -> Self {
        Self::plan().boot().await
    }

    /// Boots one with Claviger installed and its service running.
    pub async fn with_claviger() -> Self {
        Self::plan().claviger().boot().await
    }

    /// Makes a command that runs in the guest as root, outside of all units and sessions. Its environment is the
    /// guest's; what the caller adds to it goes there too.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        self.machine.entrance().command(program)
    }

    /// Makes a command that runs a line of shell.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.command("/bin/sh");
        command.args(["-c", line]);
        command
    }

    /// Makes a command that runs a line of shell as a user, outside of all sessions.
    pub fn shell_as(&self, user: &str, line: &str) -> Command {
        let mut command = self.command("/usr/bin/setpriv");
        command.args([
            "--reuid",
            user,
            "--regid",
            user,
            "--init-groups",
            "--reset-env",
            "/bin/sh",
            "-c",
            line,
        ]);
        command
    }

    /// Runs a line of shell as root, to its end.
    pub async fn run(&self, line: &str) -> Ran {
        run(self.shell(line), b"").await
    }

    /// Runs a line of shell as root with this standard input.
    pub async fn run_with(&self, line: &str, input: &[u8]) -> Ran {
        run(self.shell(line), input).await
    }

    /// Runs a line of shell as a user who is in no session.
    pub async fn run_as(&self, user: &str, line: &str) -> Ran {
        run(self.shell_as(user, line), b"").await
    }

    /// Runs a line of shell as a user who is in no session, with this standard input.
    pub async fn run_as_with(&self, user: &str, line: &str, input: &[u8]) -> Ran {
        run(self.shell_as(user, line), input).await
    }

    /// Starts a program that runs on, for example `guest.spawn(guest.shell("cat"))`.
    pub fn spawn(&self, command: Command) -> Running {
        Running::start(command)
    }

    /// Starts a line of shell as root on a terminal of its own.
    pub fn terminal(&self, line: &str) -> Running {
        let mut command = self.command("/usr/bin/script");
        command.args(["--quiet", "--return", "--flush", "--command", line, "/dev/null"]);
        self.spawn(command)
    }

    /// Runs `systemctl` with these words.
    pub async fn systemctl(&self, words: &str) -> Ran {
        self.run(&format!("systemctl {words}")).await
    }

    /// Asks again and again until the line of shell succeeds. For what sends no event that one could wait for.
    pub async fn until(&self, line: &str) {
        let holds = async { while self.run(line).await.code != Some(0) {} };
        crate::in_time(line, holds).await;
    }

    /// Returns where the host sees a path of the guest's. No part of it may be a symbolic link with an absolute
    /// target.
    pub fn path(&self, path: &str) -> PathBuf {
        self.machine.path(path)
    }

    /// Returns the process id, on the host, of the guest's first process.
    pub fn leader(&self) -> u32 {
        self.machine.leader()
    }

    /// Writes a file of root's into the guest, with its folders.
    pub fn write(&self, path: &str, mode: u32, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Copies a file of the host's into the guest.
    pub fn copy_in(&self, source: &Path, path: &str, mode: u32) {
        self.write(
            path,
            mode,
            fs::read(source).unwrap_or_else(|error| panic!("{}: {error}", source.display())),
        );
    }

    /// Returns the guest's journal so far, or that of one unit: `guest.journal("--unit clavigerd")`.
    pub async fn journal(&self, words: &str) -> String {
        self.run(&format!("journalctl --no-pager --output short-precise {words}"))
            .await
            .ok()
            .text()
            .to_owned()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let journal = self.shell("journalctl --no-pager --output short-precise --lines 200").output();
            let journal = journal.map(|ran| String::from_utf8_lossy(&ran.stdout).into_owned());
            eprintln!("the guest's journal:\n{}", journal.unwrap_or_default());
        }
    }
}

/// How many guests run at a time: each has a dozen of processes.
const AT_A_TIME: usize = 3;
