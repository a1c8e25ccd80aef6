//! Claviger in a guest as `tests/scripts/install.sh` installs it, and the phone's end as `install-phone.sh` does.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};

use crate::place::Place;
use crate::programs;

/// A layer with what is installed. The guests that run at the same time share one.
pub struct Installed(Place);

type Last = Mutex<Weak<Installed>>;

impl Installed {
    /// Returns the layer of the computer's programs that others use, or makes one.
    pub fn shared() -> Arc<Self> {
        static LAST: Last = Last::new(Weak::new());
        Self::share(&LAST, "install.sh")
    }

    /// Returns the layer of the phone's program that others use, or makes one.
    pub fn phones() -> Arc<Self> {
        static LAST: Last = Last::new(Weak::new());
        Self::share(&LAST, "install-phone.sh")
    }

    fn share(last: &Last, script: &str) -> Arc<Self> {
        // Whoever could not install has said so, and the next may try.
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(installed) = last.upgrade() {
            return installed;
        }
        let installed = Arc::new(Self::install(script));
        *last = Arc::downgrade(&installed);
        installed
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    fn install(script: &str) -> Self {
        let place = Place::new();
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(script));
        command.env("PROGRAMS", programs::folder()).env("DESTDIR", place.path()).env("PREFIX", "/usr");
        must_run(command);
        // Programs of debug builds are several times as large as they need be, and guests are in memory.
        let mut command = Command::new("find");
        command.arg(place.path()).args([
            "-type",
            "f",
            "-size",
            "+1M",
            "-exec",
            "strip",
            "--strip-debug",
            "{}",
            "+",
        ]);
        must_run(command);
        Self(place)
    }
}

fn must_run(mut command: Command) {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
}
