use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CodeSource, ConsentSource, NewPassphraseSource, PassphraseSource};

/// `claviger register`
#[derive(Debug, Args)]
pub struct Register {
    /// Algorithms of the keys to make; the service's configuration says which unless told.
    #[arg(long, value_name = "ALGORITHM", value_delimiter = ',', conflicts_with = "no_keys")]
    pub keys: Option<Vec<String>>,
    /// Make no keys yet.
    #[arg(long)]
    pub no_keys: bool,
    /// The pass phrase that will seal the keys.
    #[command(flatten)]
    pub passphrase: PassphraseSource,
}

/// `claviger consent`
#[derive(Debug, Args)]
pub struct Consent {
    /// The consent phrase.
    #[command(flatten)]
    pub phrase: ConsentSource,
}

/// `claviger unlock`
#[derive(Debug, Args)]
pub struct Unlock {
    /// Lock again after so many seconds without use; the service's configuration says how many unless told.
    #[arg(long, value_name = "SECONDS")]
    pub idle: Option<u32>,
    /// The pass phrase.
    #[command(flatten)]
    pub passphrase: PassphraseSource,
}

/// `claviger passphrase`
#[derive(Debug, Args)]
pub struct Passphrase {
    /// The pass phrase until now.
    #[command(flatten)]
    pub old: PassphraseSource,
    /// The pass phrase from now on.
    #[command(flatten)]
    pub new: NewPassphraseSource,
}

/// `claviger recovery`
#[derive(Debug, Args)]
pub struct Recovery {
    /// What is to be done; a code is made unless told.
    #[command(subcommand)]
    pub command: Option<RecoveryCommand>,
}

/// What is done with recovery codes.
#[derive(Debug, Subcommand)]
pub enum RecoveryCommand {
    /// Make a recovery code and print it, this once. A former one ends.
    Make,
    /// Set a new pass phrase with the recovery code.
    Use {
        /// The recovery code.
        #[command(flatten)]
        code: CodeSource,
        /// The pass phrase from now on.
        #[command(flatten)]
        new: NewPassphraseSource,
    },
}

/// `claviger backup`
#[derive(Debug, Args)]
pub struct Backup {
    /// Write to this file, not to standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `claviger restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup; - for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
