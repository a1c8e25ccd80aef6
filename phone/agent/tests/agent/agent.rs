//! The agent as a process.

use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::OpenptFlags;
use tempfile::TempDir;

/// How long anything is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An agent with a folder of its own. It ends when this is dropped.
pub(crate) struct Agent {
    folder: TempDir,
    child: Option<Child>,
    system_bus: String,
}

impl Agent {
    /// Makes a store and starts an agent that answers by these rules.
    pub(crate) fn start(rules: &str) -> Self {
        let mut agent = Self::prepare(rules);
        agent.init();
        agent.child = Some(agent.spawn(&[]));
        agent.ready()
    }

    /// The same, with that system bus.
    pub(crate) fn start_with_bus(rules: &str, address: &str) -> Self {
        let mut agent = Self::prepare(rules);
        agent.system_bus = address.to_owned();
        agent.init();
        agent.child = Some(agent.spawn(&["--rfcomm"]));
        agent.ready()
    }

    /// Returns one that does not run yet.
    pub(crate) fn prepare(rules: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("policy.toml"), rules).expect("room");
        fs::write(folder.path().join("passphrase"), "correct horse\n").expect("room");
        Self { folder, child: None, system_bus: NOWHERE.to_owned() }
    }

    /// Makes the store.
    pub(crate) fn init(&self) {
        let passphrase = self.path("passphrase");
        let made = self.run(&["init", "--passphrase-file", passphrase.to_str().expect("text")], b"");
        assert!(made.status.success(), "{made:?}");
    }

    /// Starts the process, with these words more.
    pub(crate) fn spawn(&self, more: &[&str]) -> Child {
        let mut command = self.command();
        command
            .args(["run", "--name", "test phone", "--listen"])
            .arg(format!("unix:{}", self.path("socket").display()));
        command.arg("--approve").arg(format!("policy:{}", self.path("policy.toml").display()));
        command.arg("--passphrase-file").arg(self.path("passphrase"));
        command.args(more).stdin(Stdio::null()).spawn().expect("the agent")
    }

    /// Waits until it can be connected to.
    pub(crate) fn ready(self) -> Self {
        let is_there = |name| UnixStream::connect(self.path(name)).is_ok();
        wait("the agent's sockets", || (is_there("socket") && is_there("state/control")).then_some(()));
        self
    }

    /// Kills it and starts it anew.
    pub(crate) fn kill_and_restart(self) -> Self {
        self.restart_with(&[])
    }

    /// Kills it and starts it anew, with these words more.
    pub(crate) fn restart_with(mut self, more: &[&str]) -> Self {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("gone");
        self.child = Some(self.spawn(more));
        self.ready()
    }

    /// The same, with files that cannot grow beyond that: a write fails as on a full disk.
    pub(crate) fn kill_and_restart_with_files_of_at_most(mut self, bytes: u64) -> Self {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("gone");
        let limit = rustix::process::Rlimit { current: Some(bytes), maximum: None };
        let child = self.spawn(&[]);
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, limit).expect("limited");
        self.child = Some(child);
        self.ready()
    }

    /// Ends it as systemd does.
    pub(crate) fn terminate(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("told");
        wait("the agent's end", || child.try_wait().expect("its status"));
    }

    /// Runs another command of the program.
    pub(crate) fn run(&self, words: &[&str], input: &[u8]) -> Output {
        let mut child = self.begin(words);
        // One that refuses at once does not read it.
        drop(child.stdin.take().expect("piped").write_all(input));
        child.wait_with_output().expect("its end")
    }

    /// Starts another command of the program.
    pub(crate) fn begin(&self, words: &[&str]) -> Child {
        let mut command = self.command();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program")
    }

    /// The same, with that as its standard input.
    pub(crate) fn begin_at(&self, words: &[&str], input: File) -> Child {
        let mut command = self.command();
        command.args(words).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program")
    }

    /// Returns what the audit list says came of each request, oldest first.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let entries = claviger_phone::audit::Audit::read(&self.path("state")).expect("a list");
        entries.into_iter().map(|entry| format!("{}: {}", entry.operation, entry.outcome)).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn socket(&self) -> UnixStream {
        let stream = UnixStream::connect(self.path("socket")).expect("the agent listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket");
        stream
    }

    fn command(&self) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_claviger-phone")));
        // No bus of the machine that the tests run on, and no folder of its user.
        command
            .env("DBUS_SYSTEM_BUS_ADDRESS", &self.system_bus)
            .env("DBUS_SESSION_BUS_ADDRESS", NOWHERE)
            .env_remove("XDG_RUNTIME_DIR")
            .arg("--state-dir")
            .arg(self.path("state"));
        command
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Waits until there is something.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < DEADLINE, "waited too long for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Makes a terminal: the person's end, and the program's.
pub(crate) fn terminal() -> (File, File) {
    let screen = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
    rustix::pty::grantpt(&screen).expect("a pty");
    rustix::pty::unlockpt(&screen).expect("a pty");
    let path = rustix::pty::ptsname(&screen, Vec::new()).expect("a name");
    let terminal = File::options().read(true).write(true).open(path.to_str().expect("text"));
    (screen.into(), terminal.expect("a terminal"))
}

/// Reads until that was written.
pub(crate) fn see(output: &mut impl Read, text: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut byte = [0];
        assert_eq!(output.read(&mut byte).expect("it is open"), 1, "{}", String::from_utf8_lossy(&seen));
        seen.extend(byte);
    }
}

const NOWHERE: &str = "unix:path=/nonexistent/bus";

/// Every question is answered with yes.
pub(crate) const YES: &str = "[[rule]]\nanswer = 'approve'\n";
