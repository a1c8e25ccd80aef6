//! `claviger-phone`: the phone's end, the security manager. It keeps its person's keys, takes what paired computers ask, asks the
//! person, has the crypto module do it, and notes what came of it.
//!
//! | file | noun |
//! | --- | --- |
//! | [`cli`] | the words (the man page comes from there) |
//! | `run` | the agent, from start to end |
//! | `commands`, `table` | everything else that can be typed |
//! | `secret` | where pass phrases and URIs come from |
//! | [`control`] | what the command line asks of the agent that runs |
//! | [`link`], [`descriptor`] | ways by which computers come: Bluetooth, serial lines, sockets |
//! | [`stream`] | one connected stream, from its first byte to its last |
//! | [`manager`] | [`SecurityManager`](manager::SecurityManager): from a computer's wish to its answer |
//! | [`question`], [`text`] | what the person is asked, and how strangers' texts are made fit to be read |
//! | [`approval`], [`allowances`] | ways to ask, and what was allowed for a while |
//! | [`hosts`], [`invitation`], `pairing` | the paired computers, and how one comes to be |
//! | [`module`] | where the private keys are: sealed in the store, or on a card |
//! | [`store`], [`audit`] | what lies on disk |
//! | `bus` | signals of a D-Bus |
//! | `clock` | the time, sleep included |
//! | `suspend` | telling the computers that this device is about to sleep |
//! | `problem` | [`Problem`]: why the program ended, and the exit code |
//!
//! A command goes `link` -> `stream` (bytes; phone/protocol turns them into requests) -> `manager` (question, leave, operation, line of
//! the audit list) -> `module`, and back. Everything runs on one thread, except what takes long (RSA, ML-DSA, pass phrases).

pub mod allowances;
pub mod approval;
pub mod audit;
pub mod cli;
pub mod control;
pub mod descriptor;
pub mod hosts;
pub mod invitation;
pub mod link;
pub mod manager;
pub mod module;
pub mod question;
pub mod store;
pub mod stream;
pub mod text;

mod bus;
mod clock;
mod commands;
mod pairing;
mod problem;
mod run;
mod secret;
mod suspend;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Word};
pub use problem::Problem;

/// Runs the program.
pub fn main() -> ExitCode {
    // Whatever is made is for this user alone.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match perform(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("claviger-phone: {problem}");
            ExitCode::from(problem.exit_code())
        }
    }
}

fn perform(cli: &Cli) -> Result<(), Problem> {
    let state = match &cli.state_dir {
        Some(folder) => folder.clone(),
        None => usual_state()?,
    };
    let control = control::path(&state, cli.state_dir.is_none());
    match &cli.word {
        Word::Run(words) => run::run(words, &state, &control),
        Word::Pair(words) => commands::pair(words, &control),
        Word::List(show) => commands::list(*show, &state, &control),
        Word::Forget { id } => commands::forget(id, &state, &control),
        Word::Unlock(words) => commands::unlock(words, &control),
        Word::Lock => commands::lock(&control),
        Word::Log(show) => commands::log(*show, &state),
        Word::Init(words) => commands::init(words, &state),
    }
}

/// Returns the usual folder (XDG Base Directory Specification 0.8).
fn usual_state() -> Result<PathBuf, Problem> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || folder("HOME").map(|home| home.join(".local/state"));
    let base = folder("XDG_STATE_HOME").or_else(home).ok_or_else(|| {
        Problem::Usage("cannot tell where the state is: there is no HOME; give --state-dir DIR".to_owned())
    })?;
    Ok(base.join("claviger-phone"))
}
