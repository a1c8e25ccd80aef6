//! The command line of clavigerd.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Parser;

/// The Claviger key store service.
#[derive(Debug, Parser)]
#[command(name = "clavigerd", version, about)]
pub struct Arguments {
    /// The bus to serve on: system, session, or an address.
    #[arg(long, value_name = "system|session|ADDRESS", default_value = "system")]
    pub bus: BusChoice,

    /// The configuration; its drop-ins are the *.toml in the folder of the same name with .d instead of .toml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Where the user info table is kept.
    #[arg(long, value_name = "DIR", env = "STATE_DIRECTORY", default_value = "/var/lib/claviger")]
    pub state_dir: PathBuf,

    /// Where the sockets for phones are: below it as phone/UID.
    #[arg(long, value_name = "DIR", default_value = crate::config::RUNTIME_FOLDER)]
    pub runtime_dir: PathBuf,

    /// Reads the configuration, says whether it is in order, and ends.
    #[arg(long)]
    pub check_config: bool,

    /// Prints the interfaces as introspection XML and ends.
    #[arg(long)]
    pub print_introspection: bool,
}

/// Which bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BusChoice {
    /// The system bus: the place in service.
    System,
    /// The session bus, for trying it out.
    Session,
    /// Any D-Bus address, for trying it out.
    Address(String),
}

impl FromStr for BusChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "system" => Self::System,
            "session" => Self::Session,
            address => Self::Address(address.to_owned()),
        })
    }
}
