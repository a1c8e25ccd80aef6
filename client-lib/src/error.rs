use std::fmt;
use std::io;

use claviger_dbus::{CallError, ErrorName, Failure};
use zbus::fdo;

/// Why there is no result, sorted by what helps.
#[derive(Debug)]
pub enum Error {
    /// The daemon answered with an error; its text says what to do next.
    Refused(CallError),
    /// The bus cannot be reached.
    NoBus(zbus::Error),
    /// Nobody owns the daemon's name on the bus, and nothing could be started. The call was not carried out.
    NoDaemon(String),
    /// The owner of the name on the system bus is not the user `claviger`: nothing was sent.
    Untrusted(String),
    /// No answer came in time. The call may have been carried out.
    Timeout,
    /// The connection ended before the answer. The call may have been carried out.
    Lost(zbus::Error),
    /// The answer is none of the contract: the daemon is of another version.
    Protocol(zbus::Error),
    /// Something on this side failed: what, and why.
    Local(&'static str, io::Error),
}

impl Error {
    /// Returns the name of the daemon's answer, if it was one.
    pub const fn name(&self) -> Option<ErrorName> {
        match self {
            Self::Refused(error) => Some(error.name),
            _ => None,
        }
    }

    /// Returns true where nobody is there who could answer: no bus, nobody on it, or somebody else. A bus that is there and
    /// cannot be reached is another matter.
    pub fn is_nobody(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, NotFound};
        match self {
            Self::NoDaemon(_) | Self::Untrusted(_) => true,
            Self::NoBus(zbus::Error::InputOutput(cause)) => {
                matches!(cause.kind(), NotFound | ConnectionRefused)
            }
            Self::NoBus(_)
            | Self::Refused(_)
            | Self::Timeout
            | Self::Lost(_)
            | Self::Protocol(_)
            | Self::Local(..) => false,
        }
    }

    /// Returns true where the call cannot have reached the daemon: there was none, or the connection was gone before.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::NoBus(_) | Self::NoDaemon(_) | Self::Untrusted(_) => true,
            // Only a socket that is written to says so, and what did not go out whole is not read as a call. The end of
            // one that is read from is told otherwise.
            Self::Lost(zbus::Error::InputOutput(cause)) => {
                cause.raw_os_error() == Some(rustix::io::Errno::PIPE.raw_os_error())
            }
            Self::Refused(_) | Self::Timeout | Self::Lost(_) | Self::Protocol(_) | Self::Local(..) => false,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => Self::Refused(error),
            Failure::Transport(error) => from_transport(error),
        }
    }
}

/// Returns what a transport error means for the caller.
fn from_transport(error: zbus::Error) -> Error {
    match &error {
        zbus::Error::InputOutput(cause) if cause.kind() == io::ErrorKind::TimedOut => Error::Timeout,
        zbus::Error::InputOutput(_) => Error::Lost(error),
        zbus::Error::FDO(answer) => match answer.as_ref() {
            // The daemon went away while it had the call, or its answer took longer than the bus waits.
            fdo::Error::NoReply(_) | fdo::Error::Disconnected(_) => Error::Lost(error),
            fdo::Error::Timeout(_) | fdo::Error::TimedOut(_) => Error::Timeout,
            answer if reached_nobody(answer) => Error::NoDaemon(description(answer)),
            _ => Error::Protocol(error),
        },
        _ => Error::Protocol(error),
    }
}

/// Returns true where the bus says that the call was delivered to nobody.
fn reached_nobody(error: &fdo::Error) -> bool {
    use fdo::Error as E;
    matches!(
        error,
        E::ServiceUnknown(_)
            | E::NameHasNoOwner(_)
            | E::SpawnExecFailed(_)
            | E::SpawnForkFailed(_)
            | E::SpawnChildExited(_)
            | E::SpawnChildSignaled(_)
            | E::SpawnFailed(_)
            | E::SpawnFailedToSetup(_)
            | E::SpawnConfigInvalid(_)
            | E::SpawnServiceNotValid(_)
            | E::SpawnServiceNotFound(_)
            | E::SpawnPermissionsInvalid(_)
            | E::SpawnFileInvalid(_)
            | E::SpawnNoMemory(_)
    )
}

fn description(error: &fdo::Error) -> String {
    zbus::DBusError::description(error).unwrap_or("no reason was given").to_owned()
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(formatter),
            Self::NoBus(error) => write!(formatter, "cannot reach the bus: {error}"),
            Self::NoDaemon(why) => write!(formatter, "cannot reach the key store: {why}"),
            Self::Untrusted(why) => write!(formatter, "cannot trust the key store: {why}"),
            Self::Timeout => formatter.write_str("the key store did not answer in time"),
            Self::Lost(error) => write!(formatter, "the connection to the key store ended: {error}"),
            Self::Protocol(error) => write!(formatter, "cannot understand the key store: {error}"),
            Self::Local(what, error) => write!(formatter, "cannot {what}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::NoBus(error) | Self::Lost(error) | Self::Protocol(error) => Some(error),
            Self::Local(_, error) => Some(error),
            Self::NoDaemon(_) | Self::Untrusted(_) | Self::Timeout => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Error;
    use claviger_dbus::Failure;
    use std::io;
    use zbus::fdo;

    fn seen(error: impl Into<zbus::Error>) -> Error {
        Error::from(Failure::from(error.into()))
    }

    #[test]
    fn a_daemon_that_is_not_there_is_told_from_one_that_went_away() {
        assert!(
            matches!(seen(fdo::Error::ServiceUnknown("none".to_owned())), Error::NoDaemon(why) if why == "none")
        );
        assert!(matches!(seen(fdo::Error::NoReply("gone".to_owned())), Error::Lost(_)));
        assert!(matches!(seen(io::Error::from(io::ErrorKind::BrokenPipe)), Error::Lost(_)));
        assert!(matches!(seen(io::Error::from(io::ErrorKind::TimedOut)), Error::Timeout));
        assert!(matches!(seen(fdo::Error::UnknownMethod("Sign".to_owned())), Error::Protocol(_)));
    }

    #[test]
    fn no_bus_is_told_from_one_that_cannot_be_reached_now() {
        let no_bus = |kind| Error::NoBus(io::Error::from(kind).into());
        assert!(
            no_bus(io::ErrorKind::NotFound).is_nobody()
                && no_bus(io::ErrorKind::ConnectionRefused).is_nobody()
        );
        // "Too many open files", which is Uncategorized.
        assert!(!Error::NoBus(io::Error::from_raw_os_error(24).into()).is_nobody());
    }

    #[test]
    fn only_what_could_not_be_written_is_unsent() {
        assert!(seen(io::Error::from_raw_os_error(32)).is_unsent(), "EPIPE");
        assert!(!seen(io::Error::from(io::ErrorKind::BrokenPipe)).is_unsent(), "the end of what is read");
        assert!(!seen(io::Error::from_raw_os_error(104)).is_unsent(), "ECONNRESET");
    }

    #[test]
    fn standard_errors_of_the_daemon_are_refusals() {
        assert!(matches!(seen(fdo::Error::AccessDenied("root only".to_owned())), Error::Refused(_)));
    }
}
