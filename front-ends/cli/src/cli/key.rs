use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{AuthoritySource, Certificate, PassphraseSource, Request};
use crate::public::Format;

/// `claviger key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// List your keys.
    List(Filter),
    /// Show one key, or print its public key.
    Show {
        /// The key; the default key for signing unless told.
        #[arg(default_value = "", hide_default_value = true)]
        key: String,
        /// Print the public key and nothing else.
        #[arg(long)]
        public: bool,
        /// How the public key is written.
        #[arg(long, value_enum, default_value_t, requires = "public")]
        format: Format,
        /// Write to this file, not to standard output.
        #[arg(short, long, value_name = "FILE", requires = "public")]
        output: Option<PathBuf>,
    },
    /// Make a key and print its id.
    Generate {
        /// P-256, P-384, P-521, Ed25519, X25519, RSA-2048, RSA-3072, RSA-4096, ML-DSA-44, ML-DSA-65, ML-DSA-87,
        /// ML-KEM-512, ML-KEM-768 or ML-KEM-1024.
        algorithm: String,
        /// What the key is to be like.
        #[command(flatten)]
        new: NewKey,
    },
    /// Take a private key in from a file and print its id. Read are PKCS#8 (plain or encrypted), SEC1, PKCS#1 and
    /// OpenSSH's format, in PEM or DER.
    Import {
        /// The file; - for standard input.
        file: PathBuf,
        /// What the key is to be like.
        #[command(flatten)]
        new: NewKey,
        /// The pass phrase of an encrypted file.
        #[command(flatten)]
        passphrase: PassphraseSource,
    },
    /// Delete a key for good.
    Delete {
        /// The key.
        key: String,
        /// Do not ask first.
        #[arg(short, long)]
        yes: bool,
    },
    /// Make a key the default one.
    Default {
        /// The key; none with --none.
        #[arg(required_unless_present = "none")]
        key: Option<String>,
        /// What for.
        #[arg(long, required = true, value_delimiter = ',', value_parser = PURPOSES)]
        purpose: Vec<String>,
        /// Have no default key for that.
        #[arg(long, conflicts_with = "key")]
        none: bool,
    },
    /// Give a key another label; an empty one takes it away.
    Label {
        /// The key.
        key: String,
        /// The label.
        label: String,
    },
    /// Set whether your agent asks you for a yes when a key is used.
    Confirm {
        /// The key.
        key: String,
        /// Never, once in each session of yours, or at each use.
        #[arg(value_parser = ["never", "session", "always"])]
        when: String,
    },
    /// Ask for a certificate: print a request (PKCS#10), signed with the key, for an authority to answer.
    Request(Request),
    /// Show or export a key's certificate, or give it another one.
    Certificate(Certificate),
    /// Print what the card says of how a key was made: certificates in PEM, the key's attestation first.
    Attest {
        /// The key.
        key: String,
        /// Write to this file, not to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Say where an operation would happen and what it would ask, without doing it.
    Explain {
        /// The key; the default key unless told.
        #[arg(default_value = "", hide_default_value = true)]
        key: String,
        /// The mechanism; the key's usual signature unless told.
        #[arg(short, long, default_value = "", hide_default_value = true)]
        mechanism: String,
    },
}

/// Which keys are listed: those that match everything told.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only keys with exactly this label.
    #[arg(long)]
    pub label: Option<String>,
    /// Only keys of this algorithm.
    #[arg(long)]
    pub algorithm: Option<String>,
    /// Only keys that may be used for this.
    #[arg(long, value_parser = USAGES)]
    pub usage: Option<String>,
    /// Only keys that stand there.
    #[arg(long, value_parser = LOCATIONS)]
    pub location: Option<String>,
    /// Only keys in this state; current and retired ones unless told.
    #[arg(long, value_parser = ["current", "retired", "revoked"])]
    pub state: Option<String>,
}

/// What a new key is to be like.
#[derive(Debug, Args)]
pub struct NewKey {
    /// A name for people.
    #[arg(long)]
    pub label: Option<String>,
    /// Where it is to stand; your location unless told.
    #[arg(long, value_parser = LOCATIONS)]
    pub location: Option<String>,
    /// What it may be used for; all that the algorithm can do unless told.
    #[arg(long, value_delimiter = ',', value_parser = USAGES)]
    pub usage: Option<Vec<String>>,
    /// How it is to stand on a card.
    #[command(flatten)]
    pub site: Site,
}

/// How a new key is to stand on a card.
#[derive(Debug, Args)]
#[command(next_help_heading = "On a card")]
pub struct Site {
    /// The card; your only one that is there unless told.
    #[arg(long)]
    pub token: Option<String>,
    /// The place on it: 9a, 9c, 9d, 9e, 82 to 95 (PIV); sign, decrypt, authenticate (OpenPGP). A free one unless told; a key that
    /// stood there before is lost.
    #[arg(long)]
    pub slot: Option<String>,
    /// When the key wants the PIN; the card's habit unless told.
    #[arg(long, value_parser = ["never", "once", "always"], value_name = "WHEN")]
    pub pin_policy: Option<String>,
    /// When the key wants the card to be touched; the card's habit unless told.
    #[arg(long, value_parser = ["never", "always", "cached"], value_name = "WHEN")]
    pub touch_policy: Option<String>,
    /// What the card's administrator knows.
    #[command(flatten)]
    pub authority: AuthoritySource,
}

pub(super) const LOCATIONS: [&str; 3] = ["local", "card", "phone"];
const USAGES: [&str; 3] = ["sign", "decrypt", "derive"];
const PURPOSES: [&str; 4] = ["sign", "decrypt", "derive", "authenticate"];
