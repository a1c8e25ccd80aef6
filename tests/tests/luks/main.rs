//! Encrypted volumes that a key of Claviger's opens, with systemd's and cryptsetup's own programs.
//!
//! | file | what |
//! | --- | --- |
//! | `guide` | `docs/guides/luks.md`, as it stands there |
//! | `boot` | what it says is done, on a machine with disks: by hand, at boot, after restarts, without the phone |
//! | `places` | keys in the local store, on a card, on a phone; what is away, wrong or refused |
//! | `terminal` | somebody at a terminal, who answers what is asked |

// Where the scene cannot be set, the test has failed.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod boot;
mod guide;
mod places;
mod terminal;

/// The pass phrase of root's local store.
const STORE: &str = "correct horse";
/// The pass phrase that a volume was made with.
const DISK: &str = "battery staple";
