use std::fmt;

/// Why logind did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogindError {
    /// There is no such session, or no longer.
    NoSuchSession,
    /// logind or polkit says no.
    Denied(String),
    /// logind is not there now, or did not understand.
    Unreachable(String),
    /// It did not answer in time.
    TimedOut,
}

impl fmt::Display for LogindError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSession => formatter.write_str("cannot find the session: logind has none of that id"),
            Self::Denied(why) => write!(formatter, "cannot ask logind: it refuses ({why})"),
            Self::Unreachable(why) => write!(formatter, "cannot ask logind: {why}"),
            Self::TimedOut => formatter.write_str("cannot ask logind: it does not answer"),
        }
    }
}

impl std::error::Error for LogindError {}

impl From<zbus::Error> for LogindError {
    fn from(error: zbus::Error) -> Self {
        let (name, why) = match &error {
            zbus::Error::MethodError(name, text, _) => {
                (name.as_str().to_owned(), text.clone().unwrap_or_else(|| name.to_string()))
            }
            // A property's errors come as those of the bus itself.
            zbus::Error::FDO(error) => {
                use zbus::DBusError as _;
                (error.name().as_str().to_owned(), error.to_string())
            }
            other => return Self::Unreachable(other.to_string()),
        };
        match name.as_str() {
            "org.freedesktop.login1.NoSuchSession"
            | "org.freedesktop.login1.NoSessionForPID"
            | "org.freedesktop.login1.NoUserForPID"
            | "org.freedesktop.DBus.Error.UnknownObject" => Self::NoSuchSession,
            "org.freedesktop.DBus.Error.AccessDenied"
            | "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired" => Self::Denied(why),
            _ => Self::Unreachable(why),
        }
    }
}
