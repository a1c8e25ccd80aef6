//! The words: everything that can be written on the command line.

mod account;
mod admin;
mod card;
mod certificate;
mod key;
mod operation;
mod phone;
mod secret;
mod session;

use clap::{Args, CommandFactory, Parser, Subcommand};
use claviger_client::Bus;

pub use account::{Backup, Consent, Passphrase, Recovery, RecoveryCommand, Register, Restore, Unlock};
pub use admin::{AdminCommand, UserCommand};
pub use card::{CardCommand, Enrol, LastTry, OneCard, PinCommand, TokenCommand, UnlockCard};
pub use certificate::{Certificate, CertificateFormat, Request, SelfSigned, Wanted};
pub use key::{Filter, KeyCommand, NewKey, Site};
pub use operation::{
    Data, Decrypt, Derive, Digest, Encrypt, Oaep, Parameters, Peer, Random, Say, Sign, Verify,
};
pub use phone::{EnrolPhone, OnePhone, Pair, PhoneCommand};
pub use secret::{
    AuthoritySource, CodeSource, ConsentSource, NewPassphraseSource, NewPinSource, PassphraseSource,
    PinSource, PukSource,
};
pub use session::{Bind, Removal, SessionCommand};

/// Returns the definition of the command line: man pages and completions are made from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Keeps your private keys and uses them for you: on your phone, on a card, or in a local encrypted store.
#[derive(Debug, Parser)]
#[command(name = "claviger", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// The bus: system, session, or a D-Bus address.
    #[arg(long, global = true, env = "CLAVIGER_BUS", hide_env_values = true, default_value = "system", value_parser = bus, value_name = "BUS")]
    pub bus: Bus,
    /// Results and errors as JSON, for scripts.
    #[arg(long, global = true)]
    pub json: bool,
}

fn bus(text: &str) -> Result<Bus, claviger_client::InvalidBus> {
    text.parse()
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show who you are here, where your keys live, and what is unlocked.
    Status,
    /// Apply for an account and make its first keys.
    Register(Register),
    /// Enter the consent phrase that an administrator gave you.
    Consent(Consent),
    /// Unlock your local keys.
    Unlock(Unlock),
    /// Lock your local keys: they are wiped from memory.
    Lock,
    /// Change your pass phrase.
    Passphrase(Passphrase),
    /// Make a recovery code, or set a new pass phrase with one.
    Recovery(Recovery),
    /// Write your keys, still sealed, to a file.
    Backup(Backup),
    /// Take sealed keys back in from a file.
    Restore(Restore),
    /// Look at, make, take in, delete and name keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// List what your keys live on.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Enrol, unlock and look after smart cards.
    #[command(subcommand)]
    Card(CardCommand),
    /// Pair phones and look after them.
    #[command(subcommand)]
    Phone(PhoneCommand),
    /// Look at your sessions, and bind them to tokens.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Show or set what happens to your sessions when their token is removed.
    Removal(Removal),
    /// Sign a file.
    Sign(Sign),
    /// Verify a file's signature: exit code 0 where it is right, 1 where it is wrong.
    Verify(Verify),
    /// Encrypt a file to a key.
    Encrypt(Encrypt),
    /// Decrypt a file.
    Decrypt(Decrypt),
    /// Agree on a secret with a peer's public key.
    Derive(Derive),
    /// Print a file's digest.
    Digest(Digest),
    /// Write random bytes.
    Random(Random),
    /// Administer accounts.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Show what happens, as it happens.
    Monitor,
    /// Check the whole path to the key store and say what to mend.
    Doctor,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 locked or a PIN is needed, 4 the token is absent, 5 refused.

A KEY is an id, a label, a pkcs11: URI, or left out for the default key. A TOKEN is an id as `claviger card list` shows it, or left out \
where only one can be meant.

Secrets are asked for on the terminal, or read with --passphrase-fd, --passphrase-file, --pin-fd and the like; they are never arguments \
or environment variables. NO_COLOR switches colours off.";

#[cfg(test)]
mod tests {
    use super::{Cli, Command, KeyCommand, command};
    use clap::Parser as _;
    use claviger_client::Bus;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("claviger").chain(words.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn the_documented_commands_are_understood() {
        for words in [
            "status",
            "register --keys P-256,RSA-2048 --passphrase-fd 3",
            "consent --consent-file -",
            "unlock --idle 600 --passphrase-file secret",
            "lock",
            "passphrase --passphrase-fd 3 --new-passphrase-fd 4",
            "recovery",
            "recovery use --code-fd 3 --new-passphrase-file new",
            "backup -o keys.backup",
            "restore keys.backup",
            "key list --state retired",
            "key show mail --public --format ssh",
            "key generate P-256 --label mail --location local --usage sign,derive",
            "key import key.pem --label old --passphrase-fd 3",
            "key delete mail --yes",
            "key default mail --purpose sign,authenticate",
            "key label mail post",
            "key explain mail --mechanism ECDSA_SHA256",
            "key generate P-256 --location card --token card:piv:00ff --slot 9a --pin-policy once --touch-policy cached",
            "key generate P-256 --location card --management-key-file -",
            "key generate Ed25519 --location card --slot sign --admin-pin-fd 3",
            "key import key.pem --location card --default-management-key --passphrase-fd 3",
            "key certificate",
            "key certificate mail --chain --format pem -o chain.pem",
            "key certificate mail --set cert.pem --chain-file chain.pem --management-key-fd 3",
            "key certificate mail --remove",
            "key certificate mail --import chain.pem",
            "key certificate mail --self-signed",
            "key certificate mail --self-signed --days 30 --subject CN=me --dns a.org --usage server --ca",
            "key request --subject CN=alice,O=Example",
            "key request mail --subject CN=alice --dns a.org --dns b.org --email a@b.org --ip ::1 --uri urn:x --usage client,server,email,codesigning --format der -o request.der",
            "key attest mail -o attestation.pem",
            "token list --json",
            "card list",
            "card show",
            "card show card:piv:00ff",
            "card enrol --default --label work --pin-fd 3 --last-try",
            "card enrol card:piv:00ff --pin-file -",
            "card forget card:piv:00ff --yes",
            "card unlock card:piv:00ff --idle 60 --pin-file pin",
            "card unlock --last-try",
            "card lock",
            "card init --default-management-key --yes",
            "card init card:piv:00ff --management-key-fd 3",
            "card pin change --pin-fd 3 --new-pin-fd 4 --last-try",
            "card pin unblock card:piv:00ff --puk-file puk --new-pin-file pin",
            "key confirm mail session",
            "key generate P-256 --location phone --label mail",
            "phone list",
            "phone pair",
            "phone pair --link bluetooth:AA:BB:CC:DD:EE:FF --numbers --name work --default",
            "phone enrol --label work --default",
            "phone unpair phone:00ff --yes",
            "phone unlock",
            "phone lock work",
            "random 32 --token phone:00ff",
            "session list",
            "session bind",
            "session bind c2 --token card:piv:00ff",
            "session release c2",
            "removal",
            "removal lock",
            "removal default",
            "sign --key mail --mechanism ECDSA_SHA256 --raw -o out.sig file",
            "sign -",
            "verify --key mail --signature out.sig file",
            "verify --public mail.pem --signature out.sig file",
            "encrypt --public peer.pem --oaep-label x -o out file",
            "decrypt --key mail --hash SHA384 file",
            "derive --key mail --kdf hkdf --length 32 --info x peer.pem",
            "digest --hash SHA3-256 file",
            "random 32 --hex",
            "admin user list",
            "admin user show alice",
            "admin user enrol alice --location card",
            "admin user remove alice --yes",
            "admin consent alice",
            "admin revoke alice 00ff",
            "monitor",
            "doctor",
            "--json --bus session status",
        ] {
            assert!(parse(words).is_ok(), "{words}: {:?}", parse(words).err());
        }
    }

    #[test]
    fn what_makes_no_sense_is_a_usage_error() {
        for words in [
            "",
            "fly",
            "verify file",
            "verify --key a --public b --signature c file",
            "encrypt file",
            "random",
            "random many",
            "random 1048577",
            "unlock --passphrase-fd 3 --passphrase-file x",
            "unlock --passphrase secret",
            "key default mail",
            "key generate P-256 --usage fly",
            "admin revoke alice",
            "derive --kdf magic peer.pem",
            "card",
            "card forget",
            "card enrol --pin 123456",
            "card unlock --pin-fd 3 --pin-file pin",
            "card init --management-key 010203",
            "card init --default-management-key --management-key-fd 3",
            "key generate P-256 --pin-policy sometimes",
            "key certificate mail --set a.pem --remove",
            "key certificate mail --set a.pem --format der",
            "key certificate --remove --chain-file b.pem",
            "key certificate --remove",
            "key certificate --self-signed",
            "key certificate mail --self-signed --set a.pem",
            "key certificate mail --self-signed --days 0",
            "key request mail --subject alice",
            "key request mail --subject CN=a --usage fly",
            "key request mail --subject CN=a --ip 1.2.3",
            "key attest",
            "key confirm mail",
            "phone",
            "phone unpair",
            "phone pair claviger-pair:1?id=0",
            "key confirm mail sometimes",
            "removal explode",
            "session",
        ] {
            assert_eq!(parse(words).err().map(|error| error.exit_code()), Some(2), "{words}");
        }
    }

    #[test]
    fn options_of_all_commands_may_stand_after_them() {
        let cli = parse("key list --json --bus unix:path=/run/x").expect("a command line");
        assert!(cli.global.json);
        assert_eq!(cli.global.bus, Bus::Address("unix:path=/run/x".to_owned()));
        assert!(matches!(cli.command, Command::Key(KeyCommand::List(_))));
    }
}
