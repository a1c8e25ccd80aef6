//! The words: everything that can be written on the command line.

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser};
use claviger_client::Bus;

/// Returns the definition of the command line: the man page is made from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Asks you for PINs, pass phrases and a yes when your keys are used, and tells you why a session ends.
#[derive(Debug, Parser)]
#[command(name = "claviger-prompter", version, after_help = MORE)]
pub struct Cli {
    /// Serve that logind session; otherwise the one it is started in, or else your graphical one.
    #[arg(long, value_name = "ID")]
    pub session: Option<String>,
    /// Ask in the terminal.
    #[arg(long, conflicts_with = "pinentry")]
    pub tty: bool,
    /// The pinentry to ask through; otherwise the one in PATH.
    #[arg(long, value_name = "PATH")]
    pub pinentry: Option<PathBuf>,
    /// The bus: system, session, or a D-Bus address.
    #[arg(long, env = "CLAVIGER_BUS", hide_env_values = true, default_value = "system", value_parser = bus, value_name = "BUS")]
    pub bus: Bus,
}

fn bus(text: &str) -> Result<Bus, claviger_client::InvalidBus> {
    text.parse()
}

const MORE: &str = "\
It runs until it is ended, and comes back to a key store that was restarted. In a graphical session it is the user unit \
claviger-prompter.service. A session has one such program: while one serves it, another is refused.

What a question says about the program that asks is what that program claims to be: any program of yours could say the same.

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage, 5 refused.";

#[cfg(test)]
mod tests {
    use super::{Cli, command};
    use clap::Parser as _;
    use claviger_client::Bus;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("claviger-prompter").chain(words.split_whitespace()))
    }

    #[test]
    fn the_documented_words_are_understood() {
        command().debug_assert();
        let cli =
            parse("--session c2 --pinentry /usr/bin/pinentry-qt --bus unix:path=/run/x").expect("words");
        assert_eq!(cli.session.as_deref(), Some("c2"));
        assert_eq!(cli.pinentry.as_deref(), Some("/usr/bin/pinentry-qt".as_ref()));
        assert_eq!(cli.bus, Bus::Address("unix:path=/run/x".to_owned()));
        assert!(parse("--tty").expect("words").tty);
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for words in ["--tty --pinentry x", "--fly", "now", "--session"] {
            assert_eq!(parse(words).err().map(|error| error.exit_code()), Some(2), "{words}");
        }
    }
}
