//! A bus, a daemon of toy strength that asks, and the real prompter.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use claviger_client::{AgentOptions, CallError, ErrorName, Prompt, SessionWhy, names};
use claviger_dbus::Failure;
use claviger_dbus::proxy::AgentProxy;
use claviger_dbus::wire::NoOptions;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::sync::mpsc;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::{Connection, ObjectPath};

use crate::toy::PrivateBus;

/// Where an agent registered, and for which session.
type Registration = (String, String, Option<String>);

struct ToyAgents(mpsc::UnboundedSender<Registration>);

#[zbus::interface(name = "org.claviger.KeyStore1.Agents")]
impl ToyAgents {
    fn register_agent(
        &self,
        agent: ObjectPath<'_>,
        options: AgentOptions,
        #[zbus(header)] header: Header<'_>,
    ) -> Result<(), CallError> {
        if options.session.as_deref() == Some("taken") {
            return Err(CallError::new(
                ErrorName::AlreadyExists,
                "cannot register: the session has an agent",
            ));
        }
        let sender = header.sender().expect("a sender").to_string();
        self.0.send((sender, agent.to_string(), options.session)).expect("somebody looks");
        Ok(())
    }

    fn unregister_agent(&self, agent: ObjectPath<'_>, options: NoOptions) {
        let (NoOptions {}, _) = (options, agent);
    }
}

/// Tells whoever subscribes that a session ends.
struct ToyService;

#[zbus::interface(name = "org.claviger.KeyStore1.Service")]
impl ToyService {
    async fn subscribe(
        &self,
        options: NoOptions,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> Result<(), CallError> {
        let NoOptions {} = options;
        let sender = header.sender().expect("a sender").to_owned();
        let emitter = emitter.set_destination(sender.into());
        let why = SessionWhy {
            action: "lock".to_owned(),
            reason: "removed".to_owned(),
            token: "card:00ff".to_owned(),
            token_name: "work".to_owned(),
            seconds: None,
        };
        Self::session_ending(&emitter, "c2", why).await.expect("a signal");
        Ok(())
    }

    #[zbus(signal)]
    async fn session_ending(emitter: &SignalEmitter<'_>, session: &str, why: SessionWhy) -> zbus::Result<()>;
}

pub(crate) struct Scene {
    pub(crate) bus: PrivateBus,
    pub(crate) folder: tempfile::TempDir,
    daemon: Connection,
    registrations: mpsc::UnboundedReceiver<Registration>,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let bus = PrivateBus::start();
        let (sender, registrations) = mpsc::unbounded_channel();
        let daemon = zbus::connection::Builder::address(bus.address.as_str())
            .serve_at(names::OBJECT_PATH, ToyAgents(sender))
            .serve_at(names::OBJECT_PATH, ToyService)
            .name(names::BUS_NAME)
            .build()
            .await
            .expect("a toy on the bus");
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("asked");
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        Self { bus, folder, daemon, registrations }
    }

    /// Returns the command that starts the prompter, without an environment that could decide anything.
    pub(crate) fn prompter(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_claviger-prompter"));
        self.prepare(&mut command, words);
        command
    }

    /// Gives a command the words of the prompter and a clean environment.
    pub(crate) fn prepare(&self, command: &mut Command, words: &[&str]) {
        command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("LANG", "C.UTF-8");
        command.env("TOY_FOLDER", self.folder.path()).args(words).args(["--bus", &self.bus.address]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    }

    /// Starts the prompter with the toy pinentry that behaves so, and waits until it is registered.
    pub(crate) async fn with_toy(&mut self, behaviour: &str) -> (Running, AgentProxy<'static>) {
        let mut command = self.prompter(&["--pinentry", TOY_PINENTRY]);
        let running = Running::start(command.env("TOY", behaviour));
        let agent = self.agent().await;
        (running, agent)
    }

    /// Waits until an agent is registered, and returns it.
    pub(crate) async fn agent(&mut self) -> AgentProxy<'static> {
        let (sender, path, _) = soon(self.registrations.recv()).await.expect("registered");
        let proxy = AgentProxy::builder(&self.daemon).destination(sender).path(path).build().await;
        proxy.expect("a proxy")
    }

    /// Waits until a toy pinentry would ask a person; returns what tells its end.
    pub(crate) async fn is_asked(&self) -> Process {
        let pipe = self.folder.path().join("asked");
        let number = tokio::task::spawn_blocking(move || std::fs::read_to_string(pipe));
        let number = soon(number).await.expect("a task").expect("a number");
        Process::of(number.trim().parse().expect("a number"))
    }

    /// Returns what the toy pinentry was told.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = std::fs::read_to_string(self.folder.path().join("told")).expect("what it was told");
        told.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The daemon goes, without a word.
    pub(crate) async fn daemon_leaves(self) -> (PrivateBus, tempfile::TempDir) {
        self.daemon.close().await.expect("an end");
        (self.bus, self.folder)
    }
}

/// A program that ends with this value.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("a program"))
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(Pid::from_child(&self.0), signal).expect("a process");
    }

    pub(crate) async fn ends(mut self) -> ExitStatus {
        Process::of(self.0.id()).ends_within(Duration::from_secs(20)).await;
        self.0.wait().expect("its end")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A process, as long as it lives.
pub(crate) struct Process(Option<OwnedFd>);

impl Process {
    pub(crate) fn of(number: u32) -> Self {
        let pid = Pid::from_raw(number.try_into().expect("a number")).expect("a number");
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(process) => Self(Some(process)),
            Err(rustix::io::Errno::SRCH) => Self(None),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn ends_within(self, time: Duration) {
        let Some(process) = self.0 else { return };
        let waiting = tokio::task::spawn_blocking(move || {
            let mut descriptors = [PollFd::new(&process, PollFlags::IN)];
            let limit = Timespec::try_from(time).expect("a time");
            poll(&mut descriptors, Some(&limit)).expect("a wait")
        });
        assert_eq!(soon(waiting).await.expect("a task"), 1, "it does not end within {time:?}");
    }
}

/// Returns the number of processes whose environment has the folder of this scene: every one that the prompter started.
pub(crate) fn left_behind(scene: &Scene, except: u32) -> usize {
    let wanted = format!("TOY_FOLDER={}", scene.folder.path().display()).into_bytes();
    let is_ours = |entry: &PathBuf| {
        let environment = std::fs::read(entry.join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == wanted)
    };
    let processes = std::fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
    let except = PathBuf::from(format!("/proc/{except}"));
    processes.filter(|process| *process != except && is_ours(process)).count()
}

pub(crate) async fn soon<T>(waiting: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("in time")
}

pub(crate) fn pin(id: &str) -> Prompt {
    Prompt {
        prompt: id.to_owned(),
        pid: Some(std::process::id()),
        secret: Some("pin".to_owned()),
        token_kind: Some("card".to_owned()),
        token_name: Some("work\n%0A\u{202e}".to_owned()),
        ..Prompt::default()
    }
}

pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Failure>) -> ErrorName {
    match answer {
        Err(Failure::Refused(error)) => error.name,
        other => panic!("{other:?}"),
    }
}

/// Reads what an agent gave.
pub(crate) fn read(descriptor: zbus::OwnedFd) -> String {
    std::io::read_to_string(std::fs::File::from(OwnedFd::from(descriptor))).expect("text")
}

pub(crate) const TOY_PINENTRY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/asking/toy-pinentry");
