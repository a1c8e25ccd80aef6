//! `claviger-opensc`: OpenSC, for one reader and one connection.
//!
//! The service manager starts it with the connection as standard input (`Accept=yes`, `StandardInput=socket`). It
//! speaks `claviger_card::opensc::protocol`, and ends when the connection does, whatever it is doing. Keys are used,
//! not made.
//!
//! | file | noun |
//! | --- | --- |
//! | `service` | the requests of one connection, one after the other |
//! | `card` | [`Card`](card::Card): OpenSC's module, loaded, and the card in the one reader |
//! | `reading` | what stands on the card, without a PIN |
//! | `visit` | [`Visit`](visit::Visit): a session; login, work, logout |
//! | `performing` | operations |
//! | `mechanisms` | mechanisms with their parameters, as PKCS#11 has them |
//! | `attributes` | an object's attributes |
//! | `refusal` | what PKCS#11 refuses with, as [`CardError`](claviger_card::CardError) |
//! | `fence` | which reader OpenSC sees, and when a card must be reset before others get at it |
//! | `ffi` | the functions of PC/SC that OpenSC gets from here, and what else is unsafe |
//! | `configuration` | OpenSC's configuration |
//! | `watchdog` | the end of the process with the end of its connection |

mod attributes;
mod card;
mod configuration;
mod fence;
#[expect(unsafe_code, reason = "PC/SC is C, and so is the environment")]
mod ffi;
mod mechanisms;
mod performing;
mod reading;
mod refusal;
mod service;
mod visit;
mod watchdog;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use rustix::net::sockopt::socket_type;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::service::Service;

/// OpenSC for Claviger, for one reader and one connection. Started by the service manager with the connection as
/// standard input.
#[derive(Parser)]
#[command(name = "claviger-opensc", version)]
struct Arguments {
    /// OpenSC's PKCS#11 module; looked for where distributions put it.
    #[arg(long)]
    module: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        // Not an orderly end: OpenSC's destructors are not worth waiting for.
        Ok(()) => ffi::end_process(0),
        Err(message) => {
            eprintln!("claviger-opensc: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let connection =
        connection().map_err(|error| format!("cannot use standard input as a connection: {error}"))?;
    keep_secrets_in_memory();
    if !ffi::stands_between() {
        return Err("cannot stand between OpenSC and PC/SC: the program was linked wrongly".to_owned());
    }
    let module = module(arguments)?;
    // Before the first thread: the environment changes.
    configuration::install().map_err(|error| format!("cannot write OpenSC's configuration: {error}"))?;
    let watched = connection.try_clone().map_err(|error| format!("cannot watch the connection: {error}"))?;
    watchdog::start(watched).map_err(|error| format!("cannot watch the connection: {error}"))?;
    Service::new(connection, module).run().map_err(|error| format!("cannot go on: {error}"))
}

/// Returns standard input as what it must be: a stream socket.
fn connection() -> io::Result<UnixStream> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    socket_type(&input)?;
    Ok(UnixStream::from(input))
}

/// No core dumps, no debuggers of the same user.
fn keep_secrets_in_memory() {
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        eprintln!("claviger-opensc: cannot forbid core dumps: {error}");
    }
}

/// Returns where OpenSC's module is.
fn module(arguments: &Arguments) -> Result<PathBuf, String> {
    if let Some(module) = &arguments.module {
        return Ok(module.clone());
    }
    let triplet = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    let folders = [triplet.as_str(), "/usr/lib64", "/usr/lib", "/usr/lib64/pkcs11", "/usr/lib/pkcs11"];
    let mut places = folders.iter().map(|folder| PathBuf::from(folder).join("opensc-pkcs11.so"));
    places.find(|place| place.is_file()).ok_or_else(|| {
        "cannot find opensc-pkcs11.so: install it (Debian: opensc-pkcs11), or name it with --module"
            .to_owned()
    })
}
