use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, ioctl_tiocnxcl, tcgetattr, tcsetattr};

use super::tap::{Joint, Tap};
use crate::accounts::Person;
use crate::place::give;

/// A serial line: a terminal at each end, and a tap between. Like a real one without a carrier it stays, whoever opens and
/// closes its ends.
pub struct Wire {
    tap: Arc<Tap>,
    computer: PathBuf,
    phone: PathBuf,
    _joint: Joint,
}

impl Wire {
    /// Lays one between the daemon's account and the phone's.
    pub fn between(computer: &Person, phone: &Person) -> Self {
        let tap = Tap::new();
        let (computer_end, computer, keeper) = terminal(computer);
        let (phone_end, phone, phone_keeper) = terminal(phone);
        // The kernel forgets TIOCEXCL when the last one closes a terminal; these are kept open, and nobody may be kept out.
        let joint = Joint::new(&tap, computer_end, phone_end, move || {
            ioctl_tiocnxcl(&keeper).unwrap();
            ioctl_tiocnxcl(&phone_keeper).unwrap();
        });
        Self { tap, computer, phone, _joint: joint }
    }

    /// Returns what it carries.
    pub fn tap(&self) -> &Tap {
        &self.tap
    }

    /// Returns the name that the daemon has for its end.
    pub fn link(&self) -> String {
        format!("serial:{}", self.computer.display())
    }

    /// Returns the terminal at the computer's end.
    pub fn computer(&self) -> &Path {
        &self.computer
    }

    /// Returns the terminal at the phone's end.
    pub fn phone(&self) -> &Path {
        &self.phone
    }
}

/// Makes a terminal of somebody's; returns its other end, its path, and what keeps it open.
pub(super) fn terminal(owner: &Person) -> (OwnedFd, PathBuf, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
    give(&path, owner, 0o600);
    let keeper = open(&path);
    let mut settings = tcgetattr(&keeper).unwrap();
    settings.make_raw();
    tcsetattr(&keeper, OptionalActions::Now, &settings).unwrap();
    (master, path, keeper)
}

fn open(path: &Path) -> File {
    use rustix::fs::{Mode, OFlags};
    // It shall be nobody's controlling terminal.
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).unwrap().into()
}
