use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, Signal};
use tokio::signal::unix::{SignalKind, signal};

use crate::agent::{Agent, Settings};
use crate::book::Book;
use crate::cli::Cli;
use crate::daemon::Daemon;
use crate::folders::Folders;
use crate::journal::Journal;
use crate::shell::Shell;
use crate::socket::{self, Own};
use crate::{Problem, server};

/// Does what the words say.
pub(crate) fn run(cli: Cli) -> Result<(), Problem> {
    let shell = Shell::of(cli.sh, cli.csh);
    if cli.kill {
        return kill(shell);
    }
    if cli.inherited {
        return run_in_background(cli);
    }
    if !cli.foreground && !cli.debug {
        return begin_in_background(cli, shell);
    }
    if let Some(listener) = socket::passed()? {
        return serve(cli, listener, "");
    }
    let (listener, own) = Own::listen(cli.address.as_deref())?;
    let served = serve(cli, listener, &shell.begins(own.path(), None));
    drop(own);
    served
}

/// Starts this program once more, which stays when this one ends or becomes the command.
fn begin_in_background(cli: Cli, shell: Shell) -> Result<(), Problem> {
    let Cli { address, lifetime, bus, command, .. } = cli;
    let (listener, own) = Own::listen(address.as_deref())?;
    // It holds no folder that somebody wants to unmount, so that a relative path would lead elsewhere.
    let path = std::path::absolute(own.path()).map_err(|error| Problem::System("find the socket", error))?;
    let mut agent = Command::new(THIS_PROGRAM);
    agent.arg("--inherited").arg("-a").arg(&path).args(["--bus", &bus.to_string()]);
    if let Some(lifetime) = lifetime {
        agent.args(["-t", &lifetime.to_string()]);
    }
    if !command.is_empty() {
        agent.args(["--beside", &std::process::id().to_string()]);
    }
    agent
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/");
    let agent = agent.spawn().map_err(|error| Problem::System("go to the background", error))?;
    own.hand_over();
    if command.is_empty() {
        return print(&shell.begins(&path, Some(agent.id())));
    }
    become_command(&command, &path, agent.id())
}

/// Turns into the command, as ssh-agent does: it has the process id that was started. Returns only where it cannot.
fn become_command(command: &[OsString], socket: &PathBuf, agent: u32) -> Result<(), Problem> {
    let Some((program, words)) = command.split_first() else { return Ok(()) };
    let mut prepared = Command::new(program);
    prepared.args(words).env("SSH_AUTH_SOCK", socket).env("SSH_AGENT_PID", agent.to_string());
    let error = prepared.exec();
    Err(Problem::Command(program.to_string_lossy().into_owned(), error))
}

/// The process that stays.
fn run_in_background(cli: Cli) -> Result<(), Problem> {
    // It leads a session of its own: the terminal's end is not its own.
    rustix::process::setsid().map_err(|error| Problem::System("leave the terminal", error.into()))?;
    let own = cli.address.clone().map(Own::taken_over);
    let listener = socket::inherited()?;
    let served = serve(cli, listener, "");
    drop(own);
    served
}

fn kill(shell: Shell) -> Result<(), Problem> {
    let pid = std::env::var("SSH_AGENT_PID").ok().and_then(|text| text.parse().ok());
    let pid: i32 = pid.filter(|pid| *pid > 1).ok_or(Problem::NoAgent)?;
    let process = Pid::from_raw(pid).ok_or(Problem::NoAgent)?;
    rustix::process::kill_process(process, Signal::TERM)
        .map_err(|error| Problem::System("end the agent", error.into()))?;
    print(&shell.ends(pid))
}

fn print(text: &str) -> Result<(), Problem> {
    let mut output = io::stdout().lock();
    let printed = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    printed.map_err(|error| Problem::System("print", error))
}

/// Serves the socket; `greeting` is printed once it does, and ends well from then on.
fn serve(cli: Cli, listener: UnixListener, greeting: &str) -> Result<(), Problem> {
    harden()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::System("start", error))?;
    runtime.block_on(stay(cli, listener, greeting))
}

/// Keeps secrets out of core dumps, and from debuggers of the same user.
fn harden() -> Result<(), Problem> {
    let hardened = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).and_then(|()| {
        rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
    });
    hardened.map_err(|error| Problem::System("keep secrets out of core dumps", error.into()))
}

/// Serves until a signal comes, or the command ends that it is beside.
async fn stay(cli: Cli, listener: UnixListener, greeting: &str) -> Result<(), Problem> {
    let Cli { debug, lifetime, bus, beside, .. } = cli;
    let journal = Journal { is_detailed: debug };
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME");
    let below_home = |name: &str| home.as_ref().map(|home| home.join(name));
    let config = folder("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
    let state = folder("XDG_STATE_HOME").or_else(|| below_home(".local/state"));
    let file = state.map(|state| state.join("claviger/ssh-agent.json"));
    if file.is_none() {
        journal.say("there is no home: what comes by ssh-add is forgotten when this ends");
    }
    let book = Book::open(file.clone());
    let book = book.map_err(|error| Problem::Book(file.unwrap_or_default(), error))?;
    let folders = Folders::of(home.as_deref(), config.as_deref());
    let agent = Arc::new(Agent::new(Daemon::on(bus), book, Settings { lifetime, folders }, journal));

    let take = |kind| signal(kind).map_err(|error| Problem::System("wait for signals", error));
    let (mut terminate, mut interrupt, mut hangup) =
        (take(SignalKind::terminate())?, take(SignalKind::interrupt())?, take(SignalKind::hangup())?);
    print(greeting)?;
    tokio::select! {
        served = server::serve(listener, agent.clone(), journal) => {
            served.map_err(|error| Problem::System("serve the socket", error))
        }
        () = agent.end_lifetimes() => Ok(()),
        () = end_of(beside) => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

/// Waits for the end of a process; for ever where there is none to wait for.
async fn end_of(process: Option<i32>) {
    let Some(process) = process.and_then(Pid::from_raw) else { return std::future::pending().await };
    // It is this process's parent; where it is not any more it has ended.
    let Ok(watched) = rustix::process::pidfd_open(process, PidfdFlags::empty()) else { return };
    if rustix::process::getppid() != Some(process) {
        return;
    }
    let waiting = tokio::task::spawn_blocking(move || {
        while poll(&mut [PollFd::new(&watched, PollFlags::IN)], None) == Err(rustix::io::Errno::INTR) {}
    });
    drop(waiting.await);
}

/// Whichever file it was started from, and wherever that is now.
const THIS_PROGRAM: &str = "/proc/self/exe";
