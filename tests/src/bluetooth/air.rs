//! What all controllers are in: BlueZ's emulator.

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The emulator. Everything that is in it ends with the value.
pub struct Air {
    _emulator: Daemon,
}

impl Air {
    /// Starts it, and returns when controllers can be had.
    pub async fn start() -> Self {
        let emulator = Daemon::start("btvirt", Command::new("btvirt").arg("-s"));
        assert!(crate::until(|| is_socket(Self::entrance())).await, "btvirt listens");
        Self { _emulator: emulator }
    }

    /// Returns the socket behind which every connection is a controller of its own.
    pub fn entrance() -> &'static Path {
        Path::new("/tmp/bt-server-bredrle")
    }
}

/// A program of the guest's that runs on, and writes to a log that a failure shows. It is killed with the value.
pub(super) struct Daemon {
    process: Child,
}

impl Daemon {
    pub(super) fn start(name: &str, command: &mut Command) -> Self {
        let log = File::options().create(true).append(true).open(format!("/out/{name}.log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { process }
    }

    pub(super) fn kill(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_socket(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.file_type().is_socket())
}
