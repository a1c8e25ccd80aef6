//! The words: everything that can be written on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser};
use claviger_client::{Bus, InvalidBus};

use crate::lifetime;

/// Returns the definition of the command line: the man page is made from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Gives your keys to ssh, git and everything else that asks an ssh-agent, wherever they are: here, on a card, on a phone.
#[derive(Debug, Parser)]
#[command(name = "claviger-ssh-agent", version, after_help = MORE)]
pub struct Cli {
    /// Listen there; otherwise at the socket that systemd passes, or at a place of its own.
    #[arg(short = 'a', value_name = "PATH")]
    pub address: Option<PathBuf>,
    /// Print the lines for a Bourne shell, and go to the background.
    #[arg(short = 's', conflicts_with = "csh")]
    pub sh: bool,
    /// Print the lines for a C shell, and go to the background.
    #[arg(short = 'c')]
    pub csh: bool,
    /// Stay in the foreground.
    #[arg(short = 'D', conflicts_with_all = ["kill", "command"])]
    pub foreground: bool,
    /// Stay in the foreground, and tell on standard error what is asked.
    #[arg(short = 'd', conflicts_with_all = ["kill", "command"])]
    pub debug: bool,
    /// End the agent that SSH_AGENT_PID names.
    #[arg(short = 'k', conflicts_with_all = ["address", "lifetime", "command"])]
    pub kill: bool,
    /// How long keys stay that are added without a lifetime: for example 600, 10m or 1h30m.
    #[arg(short = 't', value_name = "LIFE", value_parser = lifetime::seconds)]
    pub lifetime: Option<u32>,
    /// The bus: system, session, or a D-Bus address.
    #[arg(long, env = "CLAVIGER_BUS", hide_env_values = true, default_value = "system", value_parser = bus, value_name = "BUS")]
    pub bus: Bus,
    /// Run that with the agent beside it, which ends with it.
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub command: Vec<OsString>,
    /// The socket is standard input: of the process that goes to the background.
    #[arg(long, hide = true, requires = "address")]
    pub inherited: bool,
    /// End with that process.
    #[arg(long, hide = true, requires = "inherited", value_name = "PID")]
    pub beside: Option<i32>,
}

fn bus(text: &str) -> Result<Bus, InvalidBus> {
    text.parse()
}

const MORE: &str = "\
As a user unit: systemctl --user enable --now claviger-ssh-agent.socket, and SSH_AUTH_SOCK=$XDG_RUNTIME_DIR/claviger/ssh-agent.sock.

Shown are your keys that can sign and that ssh knows the kind of (Ed25519, ECDSA, RSA); the default key is the first. \
Certificates are found as …-cert.pub in ~/.ssh and in ~/.config/claviger/ssh.

ssh-add puts a key into your local store, where it stays: until its lifetime is over (-t), also across restarts, or until ssh-add -d or -D \
removes it. Of keys that came another way these hide them from this agent only, until it is started again or they are added again. \
Constraints of a key that the store had already, and the hosts of ssh-add -h, hold in this agent; confirmation (-c) holds everywhere. \
ssh-add -x locks this agent only. Cards are not added (ssh-add -s): their keys are here once they are enrolled.

Where the agent is forwarded each use is asked for, and nothing is added, removed or locked from there.

Exit codes: 0 ended by a signal, 1 failed, 2 wrong usage; with COMMAND its own.";

#[cfg(test)]
mod tests {
    use super::{Cli, command};
    use clap::Parser as _;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("claviger-ssh-agent").chain(words.split_whitespace()))
    }

    #[test]
    fn the_words_of_ssh_agent_are_understood() {
        command().debug_assert();
        let cli = parse("-s -a /run/x -t 1h30m").expect("words");
        assert_eq!((cli.sh, cli.lifetime), (true, Some(5400)));
        assert_eq!(cli.address.as_deref(), Some("/run/x".as_ref()));
        let cli = parse("-t 10m ssh -A host").expect("words");
        assert_eq!(cli.command, ["ssh", "-A", "host"]);
        for words in ["-k", "-ks", "-c", "-D", "-d", ""] {
            assert!(parse(words).is_ok(), "{words}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for words in ["-s -c", "-k -a x", "-t soon", "--fly", "-D ssh", "--inherited"] {
            assert_eq!(parse(words).err().map(|error| error.exit_code()), Some(2), "{words}");
        }
    }
}
