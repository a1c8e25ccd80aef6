//! What the command line asks of the agent that runs: a unix socket of the same user, a line of JSON each way.
//!
//! | file | noun |
//! | --- | --- |
//! | `mod` | [`Request`], [`Reply`], [`Listing`] |
//! | `server` | the agent's end |
//! | `client` | [`Client`]: the command line's end |

mod client;
mod server;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use client::{Client, ClientError};
pub use server::{bind, serve};

/// What is asked. Where a secret belongs to it, it follows the line, in as many bytes as the line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    /// What there is.
    List,
    /// Forget a computer.
    Forget {
        /// Its pairing.
        id: String,
    },
    /// Lock the keys.
    Lock,
    /// Unlock them; the pass phrase or PIN follows.
    Unlock {
        /// Its length.
        length: usize,
    },
    /// Let the computer of a URI be paired; the URI follows.
    PairByUri {
        /// Its length.
        length: usize,
        /// Whether the person can answer questions here.
        answers: bool,
    },
    /// Let a computer be paired by comparing numbers.
    PairByNumbers {
        /// Whether the person can answer questions here.
        answers: bool,
    },
}

/// What is answered: one line, of a pairing several. `Asked` wants a line `true` or `false` back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Reply {
    /// It is done.
    Done,
    /// It is not.
    Failed {
        /// The exit code that says so.
        code: u8,
        /// Why.
        why: String,
    },
    /// What there is.
    Listing(Listing),
    /// The computer may come.
    Waiting,
    /// These digits are to be compared.
    Code {
        /// Six of them.
        code: String,
    },
    /// A computer came and it did not work out; it may try again.
    Trouble {
        /// Why.
        why: String,
    },
    /// A computer asks to be paired.
    Asked {
        /// What is known of it: name and text.
        lines: Vec<(String, String)>,
    },
    /// It is paired.
    Paired(ListedHost),
}

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The name of this device.
    pub name: String,
    /// The crypto module.
    pub module: String,
    /// Whether the keys can be used.
    pub unlocked: bool,
    /// The paired computers.
    pub hosts: Vec<ListedHost>,
    /// The keys.
    pub keys: Vec<ListedKey>,
}

/// A paired computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedHost {
    /// Its pairing.
    pub id: String,
    /// Its name.
    pub host: String,
    /// The user there.
    pub user: String,
    /// The user's number there.
    pub uid: u32,
    /// When it was paired, seconds since 1970.
    pub paired: i64,
    /// Whether it is connected.
    pub connected: bool,
}

/// A key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedKey {
    /// Its name in the module.
    pub reference: String,
    /// What people call it.
    pub label: String,
    /// What kind it is.
    pub algorithm: String,
    /// When it was made, seconds since 1970, where that is known.
    pub created: Option<i64>,
}

/// Returns where the agent of that state folder listens: in the user's runtime folder where the state folder is the usual one,
/// otherwise beside the state.
pub fn path(state: &Path, is_usual: bool) -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(runtime) if is_usual && !runtime.is_empty() => {
            Path::new(&runtime).join("claviger-phone").join("control")
        }
        _ => state.join("control"),
    }
}

/// The longest line.
const LINE_LIMIT: usize = 1024 * 1024;

/// The longest secret.
const SECRET_LIMIT: usize = 64 * 1024;
