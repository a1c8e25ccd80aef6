//! `claviger-prompter`: the agent of a person's session. The key store asks it for a PIN, a pass phrase or a yes; it asks the
//! person, through pinentry or on the terminal, and tells them why a session ends.
//!
//! | file | noun |
//! | --- | --- |
//! | [`cli`] | the words (the man page comes from there) |
//! | `run` | from start to end: registered, asked, told |
//! | `asker` | the agent, with a pinentry or a terminal |
//! | [`text`] | what the person reads, from a prompt and an application |
//! | [`clean`](mod@clean) | texts that strangers chose, made fit to be read |
//! | `application` | what a process claims to be |
//! | `pinentry` | one pinentry, from its start to its end |
//! | [`assuan`] | the lines that a pinentry is told in and answers with |
//! | `terminal` | questions on the terminal, with echo off |
//! | `endings` | why a session ends, and telling it |
//! | `problem` | [`Problem`]: why it ended, and the exit code |
//! | `ffi` | what a pinentry needs between fork and exec |

pub mod assuan;
pub mod clean;
pub mod cli;
pub mod text;

mod application;
mod asker;
mod endings;
mod ffi;
mod pinentry;
mod problem;
mod run;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

pub use application::Application;
pub use problem::Problem;

/// Runs the program.
pub fn main() -> ExitCode {
    match run::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("claviger-prompter: {problem}");
            ExitCode::from(problem.exit_code())
        }
    }
}
