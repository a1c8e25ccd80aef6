//! Who takes part in a scenario. They are accounts that every Debian has, so that nothing must be set up; none
//! of them owns anything that a scenario could harm.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::{Gid, Uid};

/// Somebody with a uid of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user's name in `/etc/passwd`.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The user's own group.
    pub gid: u32,
}

impl Person {
    /// The one whose keys they are.
    pub fn alice() -> Self {
        Self::named("games")
    }

    /// Another user of the same machine.
    pub fn bob() -> Self {
        Self::named("news")
    }

    /// The one under whom the daemon runs.
    pub fn service() -> Self {
        Self::named("daemon")
    }

    /// The administrator, and who the tests run as.
    pub fn root() -> Self {
        Self::named("root")
    }

    /// Returns the user of that name.
    pub fn named(name: &str) -> Self {
        let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
        let fields = accounts.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let row = fields.into_iter().find(|fields| fields[0] == name);
        let row = row.unwrap_or_else(|| panic!("this machine has no user {name}"));
        Self { name: name.to_owned(), uid: row[2].parse().unwrap(), gid: row[3].parse().unwrap() }
    }

    /// Connects to the socket at `path` as this user.
    ///
    /// A kernel remembers who connected, so one thread becomes the user for that moment; the others stay.
    pub fn connect(&self, path: &Path) -> UnixStream {
        let (uid, gid, path) = (Uid::from_raw(self.uid), Gid::from_raw(self.gid), path.to_owned());
        let connecting = move || {
            rustix::thread::set_thread_groups(&[gid]).expect("tests run as root");
            rustix::thread::set_thread_res_gid(gid, gid, gid).expect("tests run as root");
            rustix::thread::set_thread_res_uid(uid, uid, uid).expect("tests run as root");
            UnixStream::connect(path)
        };
        std::thread::spawn(connecting).join().unwrap().expect("the bus listens")
    }
}
