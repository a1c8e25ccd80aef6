//! `claviger-ssh-agent`: a user's keys for ssh, git and everything else that asks an ssh-agent.
//!
//! | file | noun |
//! | --- | --- |
//! | [`cli`] | the words (the man page comes from there) |
//! | `run` | from start to end: foreground, background, a command beside |
//! | `socket`, `shell`, [`lifetime`] | where clients find it, and how they are told; times |
//! | [`server`] | connections: who may have one, and what goes over them |
//! | [`protocol`] | messages, keys, certificates, constraints, what is signed; no I/O |
//! | [`agent`] | what is asked and what is answered |
//! | [`sessions`] | what a connection is bound to, and what is permitted on it |
//! | `reason` | what the person is told a signature is for |
//! | [`book`] | what came by `ssh-add`, on disk |
//! | [`folders`] | certificates and known hosts |
//! | `lock` | `ssh-add -x` |
//! | [`store`] | what is asked of the key store, and `daemon`, which is it |
//! | [`der`] | keys as the key store has them |
//! | [`clock`] | when a lifetime is over |
//! | `pattern`, `journal`, `problem` | patterns of ssh; what is logged; why it ended |
//! | `ffi` | systemd's socket |

pub mod agent;
pub mod book;
pub mod cli;
pub mod clock;
pub mod der;
pub mod folders;
pub mod journal;
pub mod lifetime;
pub mod protocol;
pub mod server;
pub mod sessions;
pub mod store;

mod daemon;
mod ffi;
mod lock;
mod pattern;
mod problem;
mod reason;
mod run;
mod shell;
mod socket;

use std::process::ExitCode;

use clap::Parser as _;

pub use problem::Problem;

/// Runs the program.
pub fn main() -> ExitCode {
    match run::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("claviger-ssh-agent: {problem}");
            ExitCode::from(problem.exit_code())
        }
    }
}
