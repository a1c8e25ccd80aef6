//! The ways to a phone, and how streams come about.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};

mod address;
pub(crate) mod bluez;
mod descriptor;
mod fault;
pub(crate) mod serial;
pub(crate) mod socket;

pub use address::Address;
pub use fault::LinkFault;

/// A way to a phone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    /// Bluetooth RFCOMM: this computer dials the phone's service. `bluetooth:AA:BB:CC:DD:EE:FF`.
    Rfcomm {
        /// The phone's address.
        address: Address,
    },
    /// A terminal device: USB, a serial line. `serial:/dev/ttyACM0`.
    Serial {
        /// Its path.
        path: PathBuf,
    },
    /// The socket of the phone's owner, on which this computer listens. `socket`.
    Socket,
}

/// The text names no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLink;

impl Link {
    /// Returns true where a try costs radio and battery.
    pub(crate) const fn is_radio(&self) -> bool {
        match self {
            Self::Rfcomm { .. } => true,
            Self::Serial { .. } | Self::Socket => false,
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rfcomm { address } => write!(formatter, "bluetooth:{address}"),
            Self::Serial { path } => write!(formatter, "serial:{}", path.display()),
            Self::Socket => formatter.write_str("socket"),
        }
    }
}

impl FromStr for Link {
    type Err = InvalidLink;

    /// A serial link is a terminal below `/dev`, or udev's name for one: the daemon opens it with its own rights.
    fn from_str(text: &str) -> Result<Self, InvalidLink> {
        match text.split_once(':') {
            None if text == "socket" => Ok(Self::Socket),
            Some(("bluetooth", address)) => {
                address.parse().map(|address| Self::Rfcomm { address }).map_err(|_| InvalidLink)
            }
            Some(("serial", path)) if serial::is_device(path) => Ok(Self::Serial { path: path.into() }),
            _ => Err(InvalidLink),
        }
    }
}

impl fmt::Display for InvalidLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "a link is socket, bluetooth:AA:BB:CC:DD:EE:FF, or serial: and the path of a terminal: /dev/ttyACM0, ttyUSB0, ttyS0, \
             ttyGS0, ttyAMA0 or rfcomm0 (any number), /dev/pts/0, /dev/serial/by-id/… or /dev/serial/by-path/…",
        )
    }
}

impl std::error::Error for InvalidLink {}

/// A connected byte stream.
pub(crate) type Stream = Box<dyn Wire>;

/// What a stream can do.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

#[cfg(test)]
mod tests {
    use super::{InvalidLink, Link};

    #[test]
    fn a_link_is_read_back_as_it_was_written() {
        let right = [
            "bluetooth:AA:BB:0C:DD:EE:FF",
            "serial:/dev/ttyACM0",
            "serial:/dev/ttyUSB12",
            "serial:/dev/ttyS0",
            "serial:/dev/ttyGS0",
            "serial:/dev/ttyAMA0",
            "serial:/dev/rfcomm0",
            "serial:/dev/pts/3",
            "serial:/dev/serial/by-id/usb-Phone_1234-if00",
            "serial:/dev/serial/by-path/pci-0000:00:14.0-usb-0:1:1.0",
            "socket",
        ];
        for text in right {
            assert_eq!(text.parse::<Link>().map(|link| link.to_string()).as_deref(), Ok(text));
        }
        assert_eq!("bluetooth:aa:bb:0c:dd:ee:ff".parse::<Link>(), "bluetooth:AA:BB:0C:DD:EE:FF".parse());
    }

    #[test]
    fn what_is_no_link_is_refused() {
        let wrong = [
            "",
            "sockets",
            "socket:",
            "bluetooth:",
            "bluetooth:AA:BB:CC:DD:EE",
            "bluetooth:AA:BB:CC:DD:EE:FF:00",
            "bluetooth:AA:BB:CC:DD:EE:GG",
            "bluetooth:AA:BB:CC:DD:EE:+F",
            "serial:",
            "serial:ttyACM0",
            "serial:/etc/passwd",
            "serial:/dev/../etc/passwd",
            "serial:/dev/",
            "serial:/dev/fd/3",
            "serial:/dev/stdin",
            "serial:/dev/shm/x",
            "serial:/dev/ptmx",
            "serial:/dev/pts/ptmx",
            "serial:/dev/pts/../mem",
            "serial:/dev/tty",
            "serial:/dev/tty1",
            "serial:/dev/ttyACM",
            "serial:/dev/ttyACM0/x",
            "serial:/dev//ttyACM0",
            "serial:/dev/./ttyACM0",
            "serial:/dev/console",
            "serial:/dev/serial/by-id/..",
            "serial:/dev/serial/by-id",
            "serial:/dev/input/event0",
            "serial:/dev/watchdog",
            "tcp:127.0.0.1:1",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Link>(), Err(InvalidLink), "{text}");
        }
    }
}
