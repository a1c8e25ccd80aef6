use clap::Subcommand;

use super::key::LOCATIONS;

/// `claviger admin`
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// List, show, enrol and remove users.
    #[command(subcommand)]
    User(UserCommand),
    /// Consent to a user's application and print the consent phrase, this once.
    Consent {
        /// A user name or a uid.
        user: String,
    },
    /// Revoke a user's key: its private half is erased here.
    Revoke {
        /// A user name or a uid.
        user: String,
        /// The key: an id or a label.
        #[arg(required_unless_present = "all")]
        key: Option<String>,
        /// All keys, and the account with them.
        #[arg(long, conflicts_with = "key")]
        all: bool,
    },
    /// Show figures of the service.
    Statistics,
}

/// `claviger admin user`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// List all users.
    List,
    /// Show one user.
    Show {
        /// A user name or a uid.
        user: String,
    },
    /// Make a row for a user who has none; the user registers afterwards.
    Enrol {
        /// A user name or a uid.
        user: String,
        /// Where the user's keys will be made.
        #[arg(long, value_parser = LOCATIONS, default_value = "local")]
        location: String,
    },
    /// Set where a user's new keys are made.
    Location {
        /// A user name or a uid.
        user: String,
        /// Where.
        #[arg(value_parser = LOCATIONS)]
        location: String,
    },
    /// Remove a user and erase their private keys.
    Remove {
        /// A user name or a uid.
        user: String,
        /// Do not ask first.
        #[arg(short, long)]
        yes: bool,
    },
}
