use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, flock, fstat, open as open_file};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, ioctl_tiocexcl, ioctl_tiocnxcl, tcflush, tcgetattr,
    tcsetattr,
};
use tokio::runtime::Handle;

use crate::LinkFault;
use crate::link::Stream;
use crate::link::descriptor::Descriptor;

/// Returns true for a path that can be a terminal of a phone's: a USB or serial line, a bound RFCOMM device, a
/// pseudo-terminal, or udev's name for one. The daemon opens it with its own rights, whoever named it.
pub(crate) fn is_device(path: &str) -> bool {
    let path = Path::new(path);
    is_terminal(path) || is_udevs(path)
}

fn is_terminal(path: &Path) -> bool {
    let numbered = |name: &str, kind: &str| {
        let number = name.strip_prefix(kind).unwrap_or_default();
        !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
    };
    match below_dev(path).as_deref() {
        Some([name]) => KINDS.iter().any(|kind| numbered(name, kind)),
        Some(["pts", number]) => numbered(number, ""),
        Some(_) | None => false,
    }
}

/// Returns true for udev's names: they tell one phone from another, whatever else is plugged in.
fn is_udevs(path: &Path) -> bool {
    matches!(below_dev(path).as_deref(), Some(["serial", "by-id" | "by-path", _]))
}

/// Returns the names below `/dev`; `None` where the path is not plainly one there.
fn below_dev(path: &Path) -> Option<Vec<&str>> {
    let names: Vec<_> = path.to_str()?.strip_prefix("/dev/")?.split('/').collect();
    let is_plain = |name: &&str| !matches!(*name, "" | "." | "..");
    names.iter().all(is_plain).then_some(names)
}

/// Opens a terminal raw and for this process alone. It waits for no carrier.
///
/// A few dozen lines instead of tokio-serial: that brings serialport, which is under the MPL (decision 008). Opening asks the
/// device over USB, and setting it may wait for it: that is done on a thread of its own.
pub(crate) async fn open(path: &Path, runtime: &Handle) -> Result<Stream, LinkFault> {
    let path = path.to_owned();
    let opened = runtime.spawn_blocking(move || raw(&path)).await;
    let terminal = opened.map_err(|_| LinkFault::Tty(io::ErrorKind::Other))??;
    Descriptor::of_terminal(terminal, runtime.clone())
        .map(|stream| Box::new(stream) as Stream)
        .map_err(|error| LinkFault::Tty(error.kind()))
}

/// Gives up what was written to a terminal and is not gone: its close would wait for that, for half a minute where nobody reads
/// it (`closing_wait`).
///
/// Of a pseudo-terminal this takes what its other end has not been shown yet, be it everything that was written just now.
pub(crate) fn discard(terminal: &impl AsFd) {
    // Where it was unplugged this does not work, and is not needed.
    let _ = tcflush(terminal, QueueSelector::OFlush);
}

/// Lets go of a terminal, so that it can be opened anew before it is closed.
pub(crate) fn release(terminal: &impl AsFd) {
    // As above.
    let _ = ioctl_tiocnxcl(terminal);
    let _ = flock(terminal, FlockOperation::Unlock);
}

fn raw(path: &Path) -> Result<OwnedFd, LinkFault> {
    let path = resolve(path)?;
    // What it is must be known before it is opened: to open a device may do something already.
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let status = fstat(open_file(&path, look, Mode::empty()).map_err(fault)?).map_err(fault)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
        return Err(LinkFault::Tty(io::ErrorKind::InvalidInput));
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let terminal = open_file(&path, flags, Mode::empty()).map_err(fault)?;
    // The lock keeps out who asks for it (ModemManager and minicom do), TIOCEXCL everybody but root.
    flock(&terminal, FlockOperation::NonBlockingLockExclusive).map_err(fault)?;
    let mut settings = tcgetattr(&terminal).map_err(fault)?;
    ioctl_tiocexcl(&terminal).map_err(fault)?;
    settings.make_raw();
    // What a modem line says of a carrier is of no interest; a break of it must not hang up either.
    settings.control_modes |= ControlModes::CREAD | ControlModes::CLOCAL;
    settings.control_modes &= !ControlModes::CRTSCTS;
    // USB and ptys have no speed.
    settings.set_speed(BAUD_RATE).map_err(fault)?;
    tcflush(&terminal, QueueSelector::IOFlush).map_err(fault)?;
    tcsetattr(&terminal, OptionalActions::Now, &settings).map_err(fault)?;
    Ok(terminal)
}

/// Follows udev's name to the terminal, which must be one that could be named itself.
fn resolve(path: &Path) -> Result<PathBuf, LinkFault> {
    if !is_udevs(path) {
        return Ok(path.to_owned());
    }
    let found = std::fs::canonicalize(path);
    let found = found.map_err(|error| Errno::from_io_error(&error).map_or(LinkFault::TtyAbsent, fault))?;
    if is_terminal(&found) { Ok(found) } else { Err(LinkFault::Tty(io::ErrorKind::InvalidInput)) }
}

fn fault(error: Errno) -> LinkFault {
    match error {
        // ENXIO, ENODEV: a node without a device behind it; EIO: it was unplugged just now.
        Errno::NOENT | Errno::NOTDIR | Errno::NXIO | Errno::NODEV | Errno::IO => LinkFault::TtyAbsent,
        Errno::ACCESS | Errno::PERM => LinkFault::TtyDenied,
        Errno::BUSY | Errno::WOULDBLOCK => LinkFault::TtyBusy,
        other => LinkFault::Tty(other.kind()),
    }
}

/// What a real line is set to, in bits per second.
const BAUD_RATE: u32 = 115_200;
/// The names of terminals, before their number.
const KINDS: [&str; 6] = ["ttyACM", "ttyUSB", "ttyS", "ttyGS", "ttyAMA", "rfcomm"];
