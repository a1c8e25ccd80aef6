//! What this program is when it starts itself again: a server to measure against, or a client process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
    /// Signs through a PKCS#11 module.
    #[command(hide = true)]
    Signer {
        /// The module.
        module: PathBuf,
        /// Its surroundings: one variable, as `NAME=VALUE`.
        surroundings: Variable,
    },
    /// Says what a PKCS#11 module adds to the memory of a process.
    #[command(hide = true)]
    Weigher {
        /// The module.
        module: PathBuf,
        /// Its surroundings.
        surroundings: Variable,
    },
    /// Says when the daemon gives its first answer.
    #[command(hide = true)]
    Watcher {
        /// The address of the bus.
        bus: String,
    },
}

impl Role {
    /// Returns the variable that libraries have from the environment alone: for libpcsclite, where pcscd listens.
    pub(crate) fn variable(&self) -> Option<(&str, &Path)> {
        match self {
            Self::RawCard { socket, .. }
            | Self::OpenScCard { socket, .. }
            | Self::CardWatcher { socket, .. } => Some(("PCSCLITE_CSOCK_NAME", socket)),
            Self::Signer { surroundings, .. } | Self::Weigher { surroundings, .. } => {
                Some((&surroundings.name, Path::new(&surroundings.value)))
            }
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
            Self::Signer { module, surroundings } => {
                vec!["signer".into(), module.into(), surroundings.text().into()]
            }
            Self::Weigher { module, surroundings } => {
                vec!["weigher".into(), module.into(), surroundings.text().into()]
            }
            Self::Watcher { bus } => vec!["watcher".into(), bus.into()],
        }
    }
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl Variable {
    /// Returns the text that is read back.
    fn text(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

fn echo(name: &str, place: &Place, Sizes { question, answer }: Sizes) -> Vec<OsString> {
    vec![name.into(), place.text().into(), question.to_string().into(), answer.to_string().into()]
}
