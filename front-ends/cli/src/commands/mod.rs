//! What the commands do, one file per kind.

mod account;
mod admin;
mod cards;
mod certificates;
mod doctor;
mod encryption;
mod keys;
mod monitor;
mod patience;
mod phones;
mod pins;
mod requests;
mod sessions;
mod signature;
mod status;
mod tokens;
mod tools;

use std::io::{BufRead, IsTerminal, Write};

use claviger_client::blocking::Client;
use claviger_client::{CallError, Error, KeyRow};

use crate::Problem;
use crate::cli::{AdminCommand, Cli, Command, Global};
use crate::show::plain;

/// Carries out what was written on the command line.
pub(crate) fn run(cli: Cli) -> Result<(), Problem> {
    let Cli { global, command } = cli;
    match command {
        Command::Status => status::status(&global),
        Command::Register(options) => account::register(&global, &options),
        Command::Consent(options) => account::consent(&global, &options),
        Command::Unlock(options) => account::unlock(&global, &options),
        Command::Lock => account::lock(&global),
        Command::Passphrase(options) => account::passphrase(&global, &options),
        Command::Recovery(options) => account::recovery(&global, &options),
        Command::Backup(options) => account::backup(&global, options),
        Command::Restore(options) => account::restore(&global, &options),
        Command::Key(command) => keys::run(&global, command),
        Command::Token(command) => tokens::run(&global, &command),
        Command::Card(command) => cards::run(&global, &command),
        Command::Phone(command) => phones::run(&global, &command),
        Command::Session(command) => sessions::run(&global, &command),
        Command::Removal(options) => sessions::removal(&global, &options),
        Command::Sign(options) => signature::sign(&global, options),
        Command::Verify(options) => signature::verify(&global, &options),
        Command::Encrypt(options) => encryption::encrypt(&global, options),
        Command::Decrypt(options) => encryption::decrypt(&global, options),
        Command::Derive(options) => encryption::derive(&global, options),
        Command::Digest(options) => tools::digest(&global, options),
        Command::Random(options) => tools::random(&global, options),
        Command::Admin(AdminCommand::User(command)) => admin::user(&global, command),
        Command::Admin(AdminCommand::Consent { user }) => admin::consent(&global, &user),
        Command::Admin(AdminCommand::Revoke { user, key, all: _ }) => {
            admin::revoke(&global, &user, key.as_deref().unwrap_or_default())
        }
        Command::Admin(AdminCommand::Statistics) => admin::statistics(&global),
        Command::Monitor => monitor::monitor(&global),
        Command::Doctor => doctor::doctor(&global),
    }
}

fn connect(global: &Global) -> Result<Client, Problem> {
    Client::connect(&global.bus).map_err(Problem::from)
}

/// Returns true where there is somebody to ask. Without a terminal the command line itself is the answer.
fn has_asker() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks before something that cannot be undone.
fn confirm(question: &str) -> Result<(), Problem> {
    eprint!("{} [y/N] ", plain(question));
    let mut answer = String::new();
    std::io::stderr()
        .flush()
        .and_then(|()| std::io::stdin().lock().read_line(&mut answer))
        .map_err(|error| Problem::file("read", "the answer", error))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Problem::Failed("nothing was changed".to_owned())),
    }
}

/// Looks at a key in order to do something else with it, and says so where that fails.
fn look_at(client: &Client, key: &str, doing: &str) -> Result<(String, KeyRow), Problem> {
    client.key(key).map_err(|error| match error {
        Error::Refused(refusal) => {
            let text = refusal.text.replacen("cannot show", &format!("cannot {doing}"), 1);
            Problem::Store(Error::Refused(CallError::new(refusal.name, text)))
        }
        other => Problem::Store(other),
    })
}

/// Says to a person that it is done; scripts look at the exit code.
fn say(global: &Global, text: &str) -> Result<(), Problem> {
    if global.json { Ok(()) } else { crate::files::line(text) }
}
