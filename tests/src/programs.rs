//! Where the programs under test are, runnable by anyone.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use rustix::io::{FdFlags, fcntl_setfd};

/// A program under test.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// `clavigerd`.
    Daemon,
    /// `claviger`.
    CommandLine,
    /// `panicking`: the daemon's own hook, and a handler that panics.
    Panicking,
    /// `foreign-card-user`: uses smart cards as it likes.
    ForeignCardUser,
    /// `claviger-opensc`.
    OpenSc,
    /// `claviger-prompter`.
    Prompter,
    /// `claviger-phone`.
    Phone,
    /// `claviger-ssh-agent`.
    SshAgent,
}

impl Program {
    /// Returns a path by which every user can run the program, also where the working copy stands in a folder
    /// that only root may enter: it is a descriptor that children inherit.
    pub fn path(self) -> PathBuf {
        static OPENED: [OnceLock<File>; 8] = [const { OnceLock::new() }; 8];
        let name = match self {
            Self::Daemon => "clavigerd",
            Self::CommandLine => "claviger",
            Self::Panicking => "panicking",
            Self::ForeignCardUser => "foreign-card-user",
            Self::OpenSc => "claviger-opensc",
            Self::Prompter => "claviger-prompter",
            Self::Phone => "claviger-phone",
            Self::SshAgent => "claviger-ssh-agent",
        };
        let file = OPENED[self as usize].get_or_init(|| open_for_children(name));
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}

fn open_for_children(name: &str) -> File {
    let path = folder().join(name);
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fcntl_setfd(&file, FdFlags::empty()).unwrap();
    file
}

/// Returns the folder of the programs: the one that `make check` built and named, or else that of the working
/// copy, brought up to date.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = std::env::var_os("CLAVIGER_BIN_DIR") {
            return folder.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
        let packages = [
            "clavigerd",
            "claviger",
            "claviger-opensc",
            "claviger-prompter",
            "claviger-phone",
            "claviger-pam",
            "claviger-pkcs11",
            "claviger-ssh-agent",
            "claviger-tests",
        ];
        let built = Command::new(cargo)
            .args(["build", "-q", "--bins", "--lib", "--manifest-path", manifest])
            .args(packages.iter().flat_map(|package| ["-p", package]))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the programs under test do not build");
        // This is target/debug/deps/scenarios-…
        std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
    })
}
