use clap::{Args, Subcommand};

use super::{AuthoritySource, NewPinSource, PinSource, PukSource};

/// `claviger token`
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// List what your keys live on: the local store and your cards, also those that are away.
    List,
}

/// `claviger card`
#[derive(Debug, Subcommand)]
pub enum CardCommand {
    /// List every card in the readers: yours, and those that are nobody's yet.
    List,
    /// Show what stands on a card: keys, policies, certificates.
    Show(OneCard),
    /// Make a card yours: its keys become keys of yours. Print their ids.
    Enrol(Enrol),
    /// Take a card out of your account; the card itself stays as it is. Keys that stand nowhere else go with it.
    Forget {
        /// The card, as `claviger token list` shows it.
        token: String,
        /// Do not ask first.
        #[arg(short, long)]
        yes: bool,
    },
    /// Unlock a card: its PIN is checked and kept, and each use presents it.
    Unlock(UnlockCard),
    /// Lock a card: its PIN is wiped from memory.
    Lock(OneCard),
    /// Give a PIV card a fresh identity, and print its new token id. Keys on it stay.
    Init {
        /// The card.
        #[command(flatten)]
        card: OneCard,
        /// Its management key.
        #[command(flatten)]
        authority: AuthoritySource,
        /// Do not ask first.
        #[arg(short, long)]
        yes: bool,
    },
    /// Change a card's PIN, or set a new one with the PUK.
    #[command(subcommand)]
    Pin(PinCommand),
}

/// Which card.
#[derive(Debug, Args)]
pub struct OneCard {
    /// The card, as `claviger card list` shows it; unless told, the only one that can be meant.
    pub token: Option<String>,
}

/// `claviger card enrol`
#[derive(Debug, Args)]
pub struct Enrol {
    /// The card, as `claviger card list` shows it; unless told, the only one in the readers that is nobody's.
    pub token: Option<String>,
    /// Make its keys your default keys.
    #[arg(long)]
    pub default: bool,
    /// Name its key; where there are several, each gets the name of its slot behind that.
    #[arg(long)]
    pub label: Option<String>,
    /// The card's PIN.
    #[command(flatten)]
    pub pin: PinSource,
    /// How the last try is dealt with.
    #[command(flatten)]
    pub last: LastTry,
}

/// `claviger card unlock`
#[derive(Debug, Args)]
pub struct UnlockCard {
    /// The card.
    #[command(flatten)]
    pub card: OneCard,
    /// Lock again after so many seconds without use; the service's configuration says how many unless told.
    #[arg(long, value_name = "SECONDS")]
    pub idle: Option<u32>,
    /// The card's PIN.
    #[command(flatten)]
    pub pin: PinSource,
    /// How the last try is dealt with.
    #[command(flatten)]
    pub last: LastTry,
}

/// How the last try is dealt with.
#[derive(Clone, Copy, Debug, Args)]
pub struct LastTry {
    /// Try the PIN even where it is the last try: a wrong one then blocks the card.
    #[arg(long)]
    pub last_try: bool,
}

/// `claviger card pin`
#[derive(Debug, Subcommand)]
pub enum PinCommand {
    /// Change a card's PIN.
    Change {
        /// The card.
        #[command(flatten)]
        card: OneCard,
        /// The PIN until now.
        #[command(flatten)]
        old: PinSource,
        /// The PIN from now on.
        #[command(flatten)]
        new: NewPinSource,
        /// How the last try is dealt with.
        #[command(flatten)]
        last: LastTry,
    },
    /// Set a new PIN with the PUK (PIV), or with the resetting code or Admin PIN (OpenPGP).
    Unblock {
        /// The card.
        #[command(flatten)]
        card: OneCard,
        /// The PUK, resetting code or Admin PIN.
        #[command(flatten)]
        puk: PukSource,
        /// The PIN from now on.
        #[command(flatten)]
        new: NewPinSource,
    },
}
