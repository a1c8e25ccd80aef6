use std::convert::Infallible;
use std::fmt;
use std::io;
use std::os::unix::net::UnixStream;
use std::str::FromStr;

use crate::SYSTEM_BUS;

/// Where the daemon is to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Bus {
    /// The system bus at its fixed place: the service. Here the owner of the name must be the system user `claviger`.
    #[default]
    System,
    /// The session bus, for trying it out.
    Session,
    /// Any D-Bus address, for trying it out and for tests.
    Address(String),
}

/// No text is an invalid bus: what is not `system` or `session` is an address, and is judged on connecting.
pub type InvalidBus = Infallible;

impl FromStr for Bus {
    type Err = InvalidBus;

    fn from_str(text: &str) -> Result<Self, InvalidBus> {
        Ok(match text {
            "" | "system" => Self::System,
            "session" => Self::Session,
            address => Self::Address(address.to_owned()),
        })
    }
}

impl fmt::Display for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => formatter.write_str("system"),
            Self::Session => formatter.write_str("session"),
            Self::Address(address) => formatter.write_str(address),
        }
    }
}

impl Bus {
    /// Returns a builder for a connection to this bus.
    pub(crate) fn builder(&self) -> zbus::connection::Builder<'static> {
        use zbus::connection::Builder;
        match self {
            // No variable says where it is: in a program with more rights than its caller the environment is the caller's,
            // and a bus of his would name anybody `claviger`.
            Self::System => Builder::address(SYSTEM_BUS),
            Self::Session => Builder::session(),
            Self::Address(address) => Builder::address(address.clone().as_str()),
        }
    }

    /// Returns a socket that is connected to this bus, where it is one with a path.
    pub(crate) async fn socket(&self) -> Option<io::Result<UnixStream>> {
        let address = match self {
            Self::System => SYSTEM_BUS,
            Self::Session => return None,
            Self::Address(address) => address,
        };
        let stream = tokio::net::UnixStream::connect(path(address)?).await;
        Some(stream.and_then(tokio::net::UnixStream::into_std))
    }
}

/// Returns the path of an address that is one path and nothing that is written otherwise than it is.
fn path(address: &str) -> Option<&str> {
    let path = address.strip_prefix("unix:path=")?.split(',').next()?;
    (!address.contains([';', '%'])).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{Bus, path};

    #[test]
    fn the_text_of_the_option_is_read_back() {
        for bus in [Bus::System, Bus::Session, Bus::Address("unix:path=/run/x".to_owned())] {
            assert_eq!(bus.to_string().parse(), Ok(bus));
        }
        assert_eq!("".parse(), Ok(Bus::System), "an empty CLAVIGER_BUS is none");
    }

    #[test]
    fn a_path_is_read_where_the_address_is_one() {
        assert_eq!(path(crate::SYSTEM_BUS), Some("/run/dbus/system_bus_socket"));
        assert_eq!(path("unix:path=/tmp/bus,guid=00"), Some("/tmp/bus"));
        for other in ["unix:abstract=/tmp/bus", "tcp:host=::1", "unix:path=/a;unix:path=/b", "unix:path=/%20"]
        {
            assert_eq!(path(other), None);
        }
    }
}
