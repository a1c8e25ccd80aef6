//! A serial line between the guest's service and a phone: a terminal of the guest's at each end.

use std::fs::{File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::lab::guest::Guest;

/// A line that is there as long as the value.
pub struct SerialLine {
    /// The computer's end: root's and the group `dialout`'s, as real ones are.
    pub computer: String,
    /// The phone's end: its owner's.
    pub phone: String,
    // Where nobody had them open, their other ends would report that the line is gone.
    _open: [File; 2],
}

impl Guest {
    /// Lays a line to a phone of somebody's.
    pub async fn serial_line(&self, owner: &str) -> SerialLine {
        let (computer_end, computer, computer_open) = self.new_terminal();
        let (phone_end, phone, phone_open) = self.new_terminal();
        self.run(&format!("chown root:dialout {computer}; chown {owner}: {phone}")).await.ok();
        for (path, mode) in [(&computer, 0o660), (&phone, 0o600)] {
            std::fs::set_permissions(self.path(path), Permissions::from_mode(mode)).unwrap();
        }
        carry(&computer_end, &phone_end);
        carry(&phone_end, &computer_end);
        SerialLine { computer, phone, _open: [computer_open, phone_open] }
    }

    /// Returns a terminal's other end, its name in the guest, and the terminal, open.
    fn new_terminal(&self) -> (File, String, File) {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = |path: &str| File::from(rustix::fs::open(self.path(path), flags, Mode::empty()).unwrap());
        // The guest's terminals are a file system of its own.
        let end = open("/dev/pts/ptmx");
        unlockpt(&end).unwrap();
        let name = ptsname(&end, Vec::new()).unwrap().into_string().unwrap();
        let terminal = open(&name);
        let mut settings = tcgetattr(&terminal).unwrap();
        settings.make_raw();
        tcsetattr(&terminal, OptionalActions::Now, &settings).unwrap();
        (end, name, terminal)
    }
}

/// Carries what comes out of one end into the other, until the terminal is closed everywhere.
fn carry(from: &File, to: &File) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length) = from.read(&mut bytes) {
            if length == 0 || to.write_all(&bytes[..length]).is_err() {
                return;
            }
        }
    });
}
