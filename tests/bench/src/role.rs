//! What this program is when it starts itself again: a server to measure against, or a client process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::echo::{Place, Sizes};

/// A child process of the bench.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Role {
    /// Answers pings on a unix socket, one thread for each connection.
    #[command(hide = true)]
    PingServer {
        /// Where to listen.
        socket: PathBuf,
    },
    /// Serves the same methods as the daemon, and does nothing in them.
    #[command(hide = true)]
    NoopServer {
        /// The address of the bus.
        bus: String,
    },
    /// Pings a unix socket.
    #[command(hide = true)]
    PingClient {
        /// Where the server listens.
        socket: PathBuf,
    },
    /// Asks an ssh-agent for signatures.
    #[command(hide = true)]
    SshClient {
        /// Where the agent listens.
        socket: PathBuf,
    },
    /// Calls the daemon, or what stands in for it.
    #[command(hide = true)]
    Caller {
        /// The address of the bus.
        bus: String,
        /// The name of the service there.
        service: String,
        /// Over so many channels for the whole process; 0 = over one bus connection for each client.
        #[arg(long, default_value_t = 0)]
        channels: usize,
        /// With the least claim to a processor.
        #[arg(long)]
        nice: bool,
    },
    /// Has an account at the daemon, and does with it what is done once.
    #[command(hide = true)]
    Owner {
        /// The address of the bus.
        bus: String,
    },
    /// Sends a card the commands of one signature, over and over.
    #[command(hide = true)]
    RawCard {
        /// Where pcscd listens.
        socket: PathBuf,
        /// The reader.
        reader: String,
    },
    /// Signs with a card through OpenSC.
    #[command(name = "opensc-card", hide = true)]
    OpenScCard {
        /// Where pcscd listens.
        socket: PathBuf,
        /// The reader.
        reader: String,
        /// Logs in and out for each signature.
        #[arg(long)]
        login: bool,
    },
    /// Says how long after pcscd the daemon tells of a removal.
    #[command(hide = true)]
    CardWatcher {
        /// The address of the bus.
        bus: String,
        /// Where pcscd listens.
        socket: PathBuf,
        /// The reader.
        reader: String,
    },
    /// Gives so many bytes for so many at one end of a line.
    #[command(hide = true)]
    EchoServer {
        /// Where.
        place: Place,
        /// How many bytes come.
        question: usize,
        /// How many bytes go.
        answer: usize,
    },
    /// Asks the other end of that line, over and over.
    #[command(hide = true)]
    EchoClient {
        /// Where.
        place: Place,
        /// How many bytes go.
        question: usize,
        /// How many bytes come.
        answer: usize,
    },
    /// Says when the daemon gives its first answer.
    #[command(hide = true)]
    Watcher {
        /// The address of the bus.
        bus: String,
    },
}

impl Role {
    /// Returns where pcscd listens for this role; libpcsclite has it from the environment alone.
    pub(crate) fn pcscd(&self) -> Option<&Path> {
        match self {
            Self::RawCard { socket, .. }
            | Self::OpenScCard { socket, .. }
            | Self::CardWatcher { socket, .. } => Some(socket),
            _ => None,
        }
    }

    /// Returns the arguments that make this program play the role.
    pub(crate) fn args(&self) -> Vec<OsString> {
        match self {
            Self::PingServer { socket } => vec!["ping-server".into(), socket.into()],
            Self::NoopServer { bus } => vec!["noop-server".into(), bus.into()],
            Self::PingClient { socket } => vec!["ping-client".into(), socket.into()],
            Self::SshClient { socket } => vec!["ssh-client".into(), socket.into()],
            Self::Caller { bus, service, channels, nice } => {
                let channels = format!("--channels={channels}");
                let mut args = vec!["caller".into(), bus.into(), service.into(), channels.into()];
                args.extend(nice.then(|| "--nice".into()));
                args
            }
            Self::Owner { bus } => vec!["owner".into(), bus.into()],
            Self::RawCard { socket, reader } => vec!["raw-card".into(), socket.into(), reader.into()],
            Self::OpenScCard { socket, reader, login } => {
                let mut args = vec!["opensc-card".into(), socket.into(), reader.into()];
                args.extend(login.then(|| "--login".into()));
                args
            }
            Self::CardWatcher { bus, socket, reader } => {
                vec!["card-watcher".into(), bus.into(), socket.into(), reader.into()]
            }
            Self::EchoServer { place, question, answer } => {
                echo("echo-server", place, Sizes { question: *question, answer: *answer })
            }
            Self::EchoClient { place, question, answer } => {
                echo("echo-client", place, Sizes { question: *question, answer: *answer })
            }
            Self::Watcher { bus } => vec!["watcher".into(), bus.into()],
        }
    }
}

fn echo(name: &str, place: &Place, Sizes { question, answer }: Sizes) -> Vec<OsString> {
    vec![name.into(), place.text().into(), question.to_string().into(), answer.to_string().into()]
}
