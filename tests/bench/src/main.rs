//! Takes speed and memory of Claviger, beside what is physically possible and what peers do, in one run.
//!
//! | file | what |
//! | --- | --- |
//! | `run` | the whole measurement, in its order |
//! | `loads` `crew` | loads and the client processes that make them, interleaved |
//! | `calls` `ping` `ssh_agent` | what a client does, over and over: D-Bus, unix socket, ssh-agent |
//! | `noop` | the daemon's methods with nothing in them |
//! | `floors` `hash` | raw signatures, bare SQLite; SHA-256 of 1 GiB in every way |
//! | `daemon` `owner` `population` | the daemon, an account at it, a million of them |
//! | `cards` `card_peers` | cards, beside their raw commands and beside OpenSC |
//! | `phones` `lines` `echo` | phones, beside the same bytes there and back by the same kind of line |
//! | `front_ends` `modules` | the PKCS#11 module and the ssh-agent, beside those of others |
//! | `signer` | a client process that signs through a PKCS#11 module |
//! | `sessions` | sessions that end with their card, and logins by the PAM module, in a guest |
//! | `fairness` | one uid floods, another works |
//! | `figures` `stats` `report` `table` `machine` `document` | numbers, and how they are shown |
//! | `role` `child` `bus` `error` | processes and errors |
//!
//! A missed target is a figure and no failure: it ends with 0.

mod bus;
mod calls;
mod card_peers;
mod cards;
mod child;
mod crew;
mod daemon;
mod document;
mod echo;
mod error;
mod fairness;
mod figures;
mod floors;
mod front_ends;
mod hash;
mod lines;
mod loads;
mod machine;
mod modules;
mod noop;
mod owner;
mod phones;
mod ping;
mod population;
mod report;
mod role;
mod run;
mod sessions;
mod signer;
mod ssh_agent;
mod stats;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::echo::Sizes;
use crate::error::{Doing, Error};
use crate::role::Role;
use crate::run::Options;

#[derive(Parser)]
#[command(about = "Speed and memory of Claviger, beside its floors and peers")]
struct Arguments {
    /// How often every load is run; figures are medians over the rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long one run of one load is counted, in milliseconds.
    #[arg(long, default_value_t = 250)]
    millis: u64,
    /// The daemon; the one beside this program unless told.
    #[arg(long)]
    daemon: Option<PathBuf>,
    /// Floors and peers alone.
    #[arg(long)]
    no_daemon: bool,
    /// Only these parts, by the beginning of their names, for example `channel-p256,fairness`: for profiling.
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<String>,
    /// Only these numbers of clients: for profiling.
    #[arg(long, value_delimiter = ',', value_name = "COUNT", default_values_t = loads::CLIENTS)]
    clients: Vec<usize>,
    /// Writes docs/figures.md as well.
    #[arg(long)]
    write: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.role {
        Some(role) => play(role),
        None => measure(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("claviger-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<(), Error> {
    let Arguments { rounds, millis, daemon, no_daemon, only, clients, write, role: _ } = arguments;
    let options = Options {
        rounds: *rounds,
        millis: *millis,
        daemon: daemon.clone(),
        no_daemon: *no_daemon,
        only: only.clone(),
        clients: clients.clone(),
    };
    let text = run::run(&options)?;
    println!("{text}");
    if *write {
        run::write(&text, only)?;
    }
    Ok(())
}

fn play(role: &Role) -> Result<(), Error> {
    match role {
        Role::PingServer { socket } => ping::serve(socket),
        Role::NoopServer { bus } => noop::serve(bus),
        Role::PingClient { socket } => ping::work(socket),
        Role::SshClient { socket } => ssh_agent::work(socket),
        Role::Caller { bus, service, channels, nice } => {
            if *nice {
                rustix::process::nice(19).doing("step back")?;
            }
            calls::work(bus, service, *channels)
        }
        Role::Owner { bus } => owner::work(bus),
        Role::RawCard { socket: _, reader } => card_peers::raw(reader),
        Role::OpenScCard { socket: _, reader, login } => card_peers::opensc(reader, *login),
        Role::CardWatcher { bus, socket: _, reader } => card_peers::watch(bus, reader),
        Role::EchoServer { place, question, answer } => {
            echo::serve(place, Sizes { question: *question, answer: *answer })
        }
        Role::EchoClient { place, question, answer } => {
            echo::work(place, Sizes { question: *question, answer: *answer })
        }
        Role::Signer { module, .. } => signer::work(module),
        Role::Weigher { module, .. } => signer::weigh(module),
        Role::Watcher { bus } => owner::watch(bus),
    }
}
