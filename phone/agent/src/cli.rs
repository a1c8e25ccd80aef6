//! The words: everything that can be written on the command line.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

use crate::link::{Link, Target};
use crate::secret::Source;

/// Returns the definition of the command line: the man page is made from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Keeps keys on this device for paired computers, and asks you before one of them uses a key.
#[derive(Debug, Parser)]
#[command(name = "claviger-phone", version, after_help = MORE, disable_help_subcommand = true)]
pub struct Cli {
    /// The folder of keys, pairings and the audit list [default: $XDG_STATE_HOME/claviger-phone].
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub word: Word,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Word {
    /// Serve paired computers until it is ended.
    Run(Box<Run>),
    /// Let a computer be paired, within two minutes.
    Pair(Pair),
    /// Show the paired computers and the keys.
    List(Show),
    /// End a pairing.
    Forget {
        /// The pairing, as `list` shows it: 32 hexadecimal digits.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Make the keys usable.
    Unlock(PassPhrase),
    /// Make the keys unusable until they are unlocked, and take back what was allowed for a while.
    Lock,
    /// Show what computers asked for, and what came of it.
    Log(Show),
    /// Make the sealed store for the keys.
    Init(PassPhrase),
}

/// How to serve.
#[derive(Debug, Args)]
#[command(after_help = RUN)]
pub struct Run {
    /// Offer the service over Bluetooth (BlueZ).
    #[arg(long)]
    pub rfcomm: bool,
    /// Serve a serial line: a USB gadget's, or any other tty.
    #[arg(long, value_name = "TTY")]
    pub serial: Vec<PathBuf>,
    /// Listen at a unix socket.
    #[arg(long, value_name = "unix:PATH", value_parser = listening)]
    pub listen: Vec<PathBuf>,
    /// Connect to a socket of this device, again and again: unix:PATH, abstract:NAME or tcp:127.0.0.1:PORT.
    #[arg(long, value_name = "SOCKET", value_parser = target)]
    pub connect: Vec<Target>,
    /// How you are asked: notification, terminal, or policy:FILE, where rules answer instead of you.
    #[arg(long, value_name = "WAY", default_value = "notification", value_parser = approval)]
    pub approve: Approval,
    /// Where the keys are: in the sealed store, or on a card in a reader of this device.
    #[arg(long, value_name = "MODULE", default_value = "soft")]
    pub module: ModuleKind,
    /// What computers call this device [default: its host name].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What unlocks the keys at the start.
    #[command(flatten)]
    pub passphrase: PassPhrase,
}

/// How to pair.
#[derive(Debug, Args)]
#[command(after_help = PAIR)]
pub struct Pair {
    /// Compare six digits instead of reading a pairing URI.
    #[arg(long, conflicts_with = "uri_fd")]
    pub numbers: bool,
    /// Read the pairing URI from that descriptor instead of standard input.
    #[arg(long, value_name = "N")]
    pub uri_fd: Option<u32>,
}

/// How to show something.
#[derive(Clone, Copy, Debug, Args)]
pub struct Show {
    /// For scripts: JSON.
    #[arg(long)]
    pub json: bool,
}

/// Where the pass phrase or the PIN comes from.
#[derive(Debug, Args)]
pub struct PassPhrase {
    /// Read the pass phrase (or the card's PIN) from that descriptor.
    #[arg(long, value_name = "N", conflicts_with = "passphrase_file")]
    pub passphrase_fd: Option<u32>,
    /// Read it from that file; `-` is standard input.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// How the person is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// By a notification.
    Notification,
    /// On the terminal.
    Terminal,
    /// Not at all: rules answer.
    Policy(PathBuf),
}

/// Where the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModuleKind {
    /// In the sealed store.
    Soft,
    /// On a card.
    Card,
}

impl Run {
    /// Returns every link.
    pub fn links(&self) -> Vec<Link> {
        let serial = self.serial.iter().cloned().map(Link::Serial);
        let listen = self.listen.iter().cloned().map(Link::Listen);
        let connect = self.connect.iter().cloned().map(Link::Connect);
        self.rfcomm.then_some(Link::Rfcomm).into_iter().chain(serial).chain(listen).chain(connect).collect()
    }
}

impl PassPhrase {
    /// Returns the source that was named, if one was.
    pub(crate) fn source(&self) -> Option<Source> {
        let file = || self.passphrase_file.clone().map(Source::File);
        self.passphrase_fd.map(Source::Descriptor).or_else(file)
    }
}

fn listening(text: &str) -> Result<PathBuf, &'static str> {
    match text.parse() {
        Ok(Target::Unix(path)) => Ok(path),
        _ => Err("write unix:PATH"),
    }
}

fn target(text: &str) -> Result<Target, crate::link::InvalidTarget> {
    text.parse()
}

fn approval(text: &str) -> Result<Approval, &'static str> {
    match (text, text.strip_prefix("policy:")) {
        ("notification", _) => Ok(Approval::Notification),
        ("terminal", _) => Ok(Approval::Terminal),
        (_, Some(file)) if !file.is_empty() => Ok(Approval::Policy(file.into())),
        _ => Err("write notification, terminal or policy:FILE"),
    }
}

const MORE: &str = "\
First make the store (claviger-phone init), then run the agent (claviger-phone run, or the user unit claviger-phone.service), then pair a \
computer: claviger phone pair there, claviger-phone pair here.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 locked or the pass phrase is wrong, 4 the agent does not run, 5 refused.";

const RUN: &str = "\
Every use of a private key is asked about, with what the computer says of it: who it is for, which program, and what for. \"Approve for 10 \
minutes\" holds for one key and one computer, until you lock the keys or end the pairing.

A policy is a TOML file of rules; the first that fits answers, and what none fits is refused:

  [[rule]]
  host = \"laptop\"        # its name or its pairing; each of host, user, application, key, purpose and operation may be left out
  user = \"alice\"
  key = \"signing\"        # its label, or its name in the module
  purpose = \"sign\"       # as the computer says
  operation = \"sign\"     # sign decrypt derive decapsulate generate import delete certify unlock pair
  answer = \"approve\"     # approve, refuse, or ignore: as if nobody looked at the screen

The keys are locked at the start unless the pass phrase is given; they are unlocked by claviger-phone unlock, or when you are asked on the \
terminal.";

const PAIR: &str = "\
The pairing URI is what the computer shows (as a QR code, too). It is a secret: give it on standard input or by a descriptor. Where standard \
input is a terminal you are asked here whether the computer may be paired, otherwise as for everything else.";

#[cfg(test)]
mod tests {
    use super::{Approval, Cli, ModuleKind, Word, command};
    use crate::link::{Link, Target};
    use crate::secret::Source;
    use clap::Parser as _;
    use std::path::Path;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("claviger-phone").chain(words.split_whitespace()))
    }

    #[test]
    fn the_documented_words_are_understood() {
        command().debug_assert();
        let cli = parse(
            "--state-dir /s run --rfcomm --serial /dev/ttyGS0 --listen unix:/run/x --connect abstract:claviger \
             --connect tcp:127.0.0.1:7 --approve policy:/p.toml --module card --name Pinephone --passphrase-fd 3",
        )
        .expect("words");
        assert_eq!(cli.state_dir.as_deref(), Some(Path::new("/s")));
        let Word::Run(run) = cli.word else { panic!("it is to run") };
        assert_eq!(
            run.links(),
            [
                Link::Rfcomm,
                Link::Serial("/dev/ttyGS0".into()),
                Link::Listen("/run/x".into()),
                Link::Connect(Target::Abstract("claviger".to_owned())),
                Link::Connect(Target::Tcp(([127, 0, 0, 1], 7).into())),
            ]
        );
        assert_eq!((run.approve, run.module), (Approval::Policy("/p.toml".into()), ModuleKind::Card));
        assert_eq!(run.passphrase.source(), Some(Source::Descriptor(3)));
        for words in [
            "run",
            "run --approve terminal",
            "pair",
            "pair --uri-fd 3",
            "pair --numbers",
            "list",
            "list --json",
            "forget 00",
            "unlock",
            "unlock --passphrase-file -",
            "lock",
            "log",
            "init --passphrase-fd 0",
            "log --state-dir /s",
        ] {
            assert!(parse(words).is_ok(), "{words}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for words in [
            "run --approve maybe",
            "run --approve policy:",
            "run --listen /run/x",
            "run --listen tcp:127.0.0.1:7",
            "run --connect tcp:192.0.2.1:7",
            "run --module hard",
            "pair --numbers --uri-fd 3",
            "pair claviger-pair:1?id=00",
            "unlock --passphrase-fd 3 --passphrase-file x",
            "forget",
            "fly",
        ] {
            assert_eq!(parse(words).err().map(|error| error.exit_code()), Some(2), "{words}");
        }
    }
}
