//! Tries what a service must not do, and says of each whether it could: put in the place of a unit's program, it shows
//! what the unit's sandbox really stops.
//!
//! A line each: what, a colon, and `done` or why not. Only what an ordinary user may do is tried, so that outside of the
//! sandbox everything is done.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::net::{AddressFamily, SocketType, socket};

fn main() {
    tell("exec", execute(Path::new("/usr/bin/true")));
    tell("exec of a file of its own", execute_own());
    tell("AF_INET", open_socket(AddressFamily::INET));
    tell("AF_NETLINK", open_socket(AddressFamily::NETLINK));
    tell("AF_UNIX", open_socket(AddressFamily::UNIX));
    tell("reading a home", fs::read("/home/probe/file").map(drop));
    tell("ptrace", nix::sys::ptrace::traceme().map_err(io::Error::from));
    tell("writing to /etc", fs::write("/etc/probe/file", "written"));
    tell("seeing other processes", fs::read("/proc/1/status").map(drop));
    tell("writing its state", fs::write("/var/lib/claviger/probe", "written"));
}

fn tell(what: &str, outcome: io::Result<()>) {
    match outcome {
        Ok(()) => println!("{what}: done"),
        Err(error) => println!("{what}: {error}"),
    }
}

fn execute(program: &Path) -> io::Result<()> {
    let status = Command::new(program).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// A file that it may write and mark as a program: it is enough that one folder lets it.
fn execute_own() -> io::Result<()> {
    let mut outcome = Err(io::Error::other("it may write nowhere"));
    for folder in ["/var/lib/claviger", "/tmp", "/var/tmp", "/dev/shm"] {
        let program = Path::new(folder).join("probe-program");
        if fs::copy("/usr/bin/true", &program).is_err() {
            continue;
        }
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        outcome = execute(&program);
        fs::remove_file(&program)?;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

fn open_socket(family: AddressFamily) -> io::Result<()> {
    // Of netlink RAW and DGRAM are the same; the others have both DGRAM and STREAM.
    socket(family, SocketType::DGRAM, None).map(drop).map_err(io::Error::from)
}
