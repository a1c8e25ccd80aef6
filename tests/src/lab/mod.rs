//! Guests: whole machines in containers, with systemd, logind, PAM, polkit, sshd and pcscd as Debian ships them.
//!
//! | file | what |
//! | --- | --- |
//! | [`guest`] | a guest: boots in half a second, runs programs, goes with its value |
//! | [`machine`] | the container itself: its layers, its first process, its end |
//! | [`claviger`] | Claviger in a guest as `tests/scripts/install.sh` installs it |
//! | [`kernel`] | a machine with a kernel of its own, for what a container has not: disks |
//! | [`running`] | a program that runs on, and what it says and hears; also on a terminal |
//! | [`sessions`] | the sessions that logind lists |
//! | [`login`] | somebody who logged in, by one of several doors, and works there |
//! | [`bindings`] | what sessions are bound to, and the PAM module in the stacks |
//! | [`readers`] | card readers of the guest's pcscd, for the cards of [`crate::pcsc`] |
//! | [`phone`] | a phone of somebody's, and its screen |
//! | [`serial`] | serial lines, for phones |
//! | [`sleep`] | suspend and resume |
//!
//! The root of all guests is built once, see `tests/scripts/lab-root.sh`; its users are `alice` (1000) and `bob` (1001)
//! with the passwords `alice-password` and `bob-password`. What a guest changes is in memory and its own.

pub mod bindings;
pub mod claviger;
pub mod guest;
pub mod kernel;
pub mod login;
pub mod machine;
pub mod phone;
pub mod readers;
pub mod running;
pub mod serial;
pub mod sessions;
pub mod sleep;

pub use bindings::Bound;
pub use guest::{Guest, Plan};
pub use kernel::in_machine;
pub use login::{Door, Login};
pub use phone::Phone;
pub use running::Running;
pub use serial::SerialLine;
pub use sessions::Session;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Returns the folder of the guests' root, building it where it is missing.
pub fn root() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("CLAVIGER_LAB_ROOT") {
            return folder.into();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab-root.sh");
        let ran = Command::new(script).stderr(Stdio::inherit()).output().expect("the script can be run");
        assert!(ran.status.success(), "the guest root does not build");
        String::from_utf8(ran.stdout).unwrap().trim_end().into()
    })
}
