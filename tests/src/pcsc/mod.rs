//! Cards and readers: a real pcscd of the test's own, virtual cards in it, and other programs beside.
//!
//! | file | what |
//! | --- | --- |
//! | [`pcscd`] | pcscd with its own socket and readers: start, kill, stop, go on, start again |
//! | [`card`] | a card that can be pulled, garbled and hung at any command |
//! | [`foreign`] | another program at the same reader: holds it, resets it, asks it |
//! | [`issue`] | keys and certificates put on cards by the programs of others |
//! | [`opensc`] | OpenSC's helper behind its socket |
//! | [`pinpad`] | a reader with keys of its own, and somebody who types on them |
//! | [`reader`] | where a card is put: a reader of some pcscd |
//! | [`talk`] | orders and answers, line by line, with a program that is driven so |
//!
//! The programs are built once and shared, see `tests/scripts/virtual-card.sh`.

pub mod card;
pub mod foreign;
pub mod issue;
pub mod opensc;
pub mod pcscd;
pub mod pinpad;
pub mod reader;
pub mod talk;

pub use card::{Card, Kind};
pub use foreign::ForeignUser;
pub use opensc::OpenScSocket;
pub use pcscd::Pcscd;
pub use reader::Reader;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Returns the folder of `virtual-card` and `libvirtual_reader.so`, building them where they are missing.
pub fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("CLAVIGER_VIRTUAL_CARD_DIR") {
            return folder.into();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/virtual-card.sh");
        let ran = Command::new(script).stderr(Stdio::inherit()).output().expect("the script can be run");
        assert!(ran.status.success(), "the virtual card does not build");
        String::from_utf8(ran.stdout).unwrap().trim_end().into()
    })
}
