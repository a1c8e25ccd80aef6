//! `claviger`, the command line: a translation of words into calls of `claviger-client`, and nothing else.
//!
//! | file | noun |
//! | --- | --- |
//! | [`cli`] | the words: what can be written on the command line (man pages and completions come from there) |
//! | `commands/` | one file per kind of command |
//! | `secrets` | pass phrases, PINs and codes: from the terminal, a descriptor or a file |
//! | `authority` | what a card's administrator knows: management keys in hexadecimal, Admin PINs |
//! | `files` | what goes in and out |
//! | `certificate` | certificates: read, told in words, written as PEM |
//! | `x509/` | what X.509 and PKCS#10 want written: names, purposes, requests, self-signed certificates, chains |
//! | `public` | public keys: read from files, written as PEM, DER and OpenSSH |
//! | `qr` | QR codes on a terminal |
//! | [`import`] | private key files to PKCS#8 |
//! | `show` | what people see: columns, colours, times |
//! | `problem` | [`Problem`]: what went wrong, what helps, and the exit code |

mod authority;
mod certificate;
pub mod cli;
mod commands;
mod files;
pub mod import;
mod problem;
mod public;
mod qr;
mod secrets;
mod show;
mod x509;

use std::process::ExitCode;

use clap::Parser as _;

pub use problem::{Problem, exit_code};

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            problem.report(json);
            ExitCode::from(problem.exit_code())
        }
    }
}
