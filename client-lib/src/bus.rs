use std::convert::Infallible;
use std::fmt;
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
}

#[cfg(test)]
mod tests {
    use super::Bus;

    #[test]
    fn the_text_of_the_option_is_read_back() {
        for bus in [Bus::System, Bus::Session, Bus::Address("unix:path=/run/x".to_owned())] {
            assert_eq!(bus.to_string().parse(), Ok(bus));
        }
        assert_eq!("".parse(), Ok(Bus::System), "an empty CLAVIGER_BUS is none");
    }
}
