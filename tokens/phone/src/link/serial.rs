use std::io;
use std::path::{Component, Path};

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, flock, fstat, open as open_file};
use rustix::io::Errno;
use rustix::termios::{ControlModes, OptionalActions, ioctl_tiocexcl, tcgetattr, tcsetattr};

use crate::LinkFault;
use crate::link::Stream;
use crate::link::descriptor::Descriptor;

/// Returns true for a path of something below `/dev`.
pub(crate) fn is_device(path: &str) -> bool {
    let path = Path::new(path);
    let plain = |component: Component<'_>| matches!(component, Component::RootDir | Component::Normal(_));
    path.starts_with("/dev") && path.components().count() > 2 && path.components().all(plain)
}

/// Opens a terminal raw and for this process alone. It waits for no carrier.
///
/// A dozen lines instead of tokio-serial: that brings serialport, which is under the MPL (decision 008).
pub(crate) fn open(path: &Path) -> Result<Stream, LinkFault> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let terminal = open_file(path, flags, Mode::empty()).map_err(fault)?;
    let status = fstat(&terminal).map_err(fault)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
        return Err(LinkFault::Tty(io::ErrorKind::InvalidInput));
    }
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
    tcsetattr(&terminal, OptionalActions::Flush, &settings).map_err(fault)?;
    Descriptor::new(terminal)
        .map(|stream| Box::new(stream) as Stream)
        .map_err(|error| LinkFault::Tty(error.kind()))
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
