//! Errors: their names on the bus, what the daemon answers, and what a caller meets.

use std::fmt;
use std::str::FromStr;

use zbus::message::{Header, Message};
use zbus::{DBusError, fdo};

/// The name of an error that the daemon answers, sorted by what helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorName {
    // What is named does not exist, or is named badly.
    /// The caller has no such key. A foreign key is the same as none.
    NoSuchKey,
    /// There is no such token.
    NoSuchToken,
    /// There is no such user.
    NoSuchUser,
    /// Several keys match.
    AmbiguousKey,
    /// There is one already.
    AlreadyExists,

    // The account is not ready.
    /// The caller has no account.
    NotRegistered,
    /// The account waits for an administrator or for the consent phrase.
    RegistrationPending,
    /// The pass phrase or recovery code is wrong.
    WrongPassphrase,
    /// The consent phrase is wrong.
    WrongConsentPhrase,
    /// Too many wrong guesses: the text says how many seconds to wait.
    TryLater,
    /// The key is locked; `Account.Unlock` helps.
    Locked,
    /// The caller's graphical session is locked.
    SessionLocked,

    // A person is needed.
    /// The token wants its PIN.
    PinNeeded,
    /// The PIN is wrong.
    BadPin,
    /// The token has blocked its PIN.
    PinLocked,
    /// The token wants to be touched.
    UserPresenceNeeded,
    /// The user said no.
    Declined,
    /// The caller or the user gave up.
    Cancelled,

    // The token is not there, or not well.
    /// The token cannot be reached.
    TokenAbsent,
    /// The token was taken away during the operation.
    TokenRemoved,
    /// This is another token than the one asked for.
    WrongToken,
    /// Another program holds the token.
    DeviceBusy,
    /// The device reports a fault.
    DeviceError,
    /// It took longer than allowed.
    Timeout,

    // The request cannot be.
    /// This key cannot do this mechanism.
    MechanismNotSupported,
    /// The key is not meant for this use.
    UsageNotAllowed,
    /// The key is revoked.
    KeyRevoked,
    /// The data do not fit.
    DataInvalid,
    /// There are too many data.
    DataTooLarge,

    // The service is not well.
    /// The store is damaged.
    StoreCorrupt,
    /// The store has no room, or cannot be written.
    StoreFull,
    /// The bus does not say who the caller is.
    UnknownCaller,
    /// An error of the service itself.
    Internal,

    // Standard names.
    /// The caller may not do that.
    AccessDenied,
    /// It could be allowed after asking, but the message did not allow to ask.
    InteractiveAuthorizationRequired,
    /// A limit per user is reached.
    LimitsExceeded,
    /// An argument or option is unknown or has the wrong type or value.
    InvalidArgs,
    /// This service or token cannot do such a thing at all.
    NotSupported,
}

/// The text names no error of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownErrorName;

impl ErrorName {
    /// Every name.
    pub const ALL: [Self; 38] = [
        Self::NoSuchKey,
        Self::NoSuchToken,
        Self::NoSuchUser,
        Self::AmbiguousKey,
        Self::AlreadyExists,
        Self::NotRegistered,
        Self::RegistrationPending,
        Self::WrongPassphrase,
        Self::WrongConsentPhrase,
        Self::TryLater,
        Self::Locked,
        Self::SessionLocked,
        Self::PinNeeded,
        Self::BadPin,
        Self::PinLocked,
        Self::UserPresenceNeeded,
        Self::Declined,
        Self::Cancelled,
        Self::TokenAbsent,
        Self::TokenRemoved,
        Self::WrongToken,
        Self::DeviceBusy,
        Self::DeviceError,
        Self::Timeout,
        Self::MechanismNotSupported,
        Self::UsageNotAllowed,
        Self::KeyRevoked,
        Self::DataInvalid,
        Self::DataTooLarge,
        Self::StoreCorrupt,
        Self::StoreFull,
        Self::UnknownCaller,
        Self::Internal,
        Self::AccessDenied,
        Self::InteractiveAuthorizationRequired,
        Self::LimitsExceeded,
        Self::InvalidArgs,
        Self::NotSupported,
    ];

    /// Returns the full D-Bus name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchKey => "org.claviger.KeyStore1.Error.NoSuchKey",
            Self::NoSuchToken => "org.claviger.KeyStore1.Error.NoSuchToken",
            Self::NoSuchUser => "org.claviger.KeyStore1.Error.NoSuchUser",
            Self::AmbiguousKey => "org.claviger.KeyStore1.Error.AmbiguousKey",
            Self::AlreadyExists => "org.claviger.KeyStore1.Error.AlreadyExists",
            Self::NotRegistered => "org.claviger.KeyStore1.Error.NotRegistered",
            Self::RegistrationPending => "org.claviger.KeyStore1.Error.RegistrationPending",
            Self::WrongPassphrase => "org.claviger.KeyStore1.Error.WrongPassphrase",
            Self::WrongConsentPhrase => "org.claviger.KeyStore1.Error.WrongConsentPhrase",
            Self::TryLater => "org.claviger.KeyStore1.Error.TryLater",
            Self::Locked => "org.claviger.KeyStore1.Error.Locked",
            Self::SessionLocked => "org.claviger.KeyStore1.Error.SessionLocked",
            Self::PinNeeded => "org.claviger.KeyStore1.Error.PinNeeded",
            Self::BadPin => "org.claviger.KeyStore1.Error.BadPin",
            Self::PinLocked => "org.claviger.KeyStore1.Error.PinLocked",
            Self::UserPresenceNeeded => "org.claviger.KeyStore1.Error.UserPresenceNeeded",
            Self::Declined => "org.claviger.KeyStore1.Error.Declined",
            Self::Cancelled => "org.claviger.KeyStore1.Error.Cancelled",
            Self::TokenAbsent => "org.claviger.KeyStore1.Error.TokenAbsent",
            Self::TokenRemoved => "org.claviger.KeyStore1.Error.TokenRemoved",
            Self::WrongToken => "org.claviger.KeyStore1.Error.WrongToken",
            Self::DeviceBusy => "org.claviger.KeyStore1.Error.DeviceBusy",
            Self::DeviceError => "org.claviger.KeyStore1.Error.DeviceError",
            Self::Timeout => "org.claviger.KeyStore1.Error.Timeout",
            Self::MechanismNotSupported => "org.claviger.KeyStore1.Error.MechanismNotSupported",
            Self::UsageNotAllowed => "org.claviger.KeyStore1.Error.UsageNotAllowed",
            Self::KeyRevoked => "org.claviger.KeyStore1.Error.KeyRevoked",
            Self::DataInvalid => "org.claviger.KeyStore1.Error.DataInvalid",
            Self::DataTooLarge => "org.claviger.KeyStore1.Error.DataTooLarge",
            Self::StoreCorrupt => "org.claviger.KeyStore1.Error.StoreCorrupt",
            Self::StoreFull => "org.claviger.KeyStore1.Error.StoreFull",
            Self::UnknownCaller => "org.claviger.KeyStore1.Error.UnknownCaller",
            Self::Internal => "org.claviger.KeyStore1.Error.Internal",
            Self::AccessDenied => "org.freedesktop.DBus.Error.AccessDenied",
            Self::InteractiveAuthorizationRequired => {
                "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
            }
            Self::LimitsExceeded => "org.freedesktop.DBus.Error.LimitsExceeded",
            Self::InvalidArgs => "org.freedesktop.DBus.Error.InvalidArgs",
            Self::NotSupported => "org.freedesktop.DBus.Error.NotSupported",
        }
    }

    /// Returns the last part of the name, for example `NoSuchKey`.
    pub fn short(self) -> &'static str {
        self.as_str().rsplit('.').next().unwrap_or_default()
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ErrorName {
    type Err = UnknownErrorName;

    fn from_str(name: &str) -> Result<Self, UnknownErrorName> {
        Self::ALL.into_iter().find(|known| known.as_str() == name).ok_or(UnknownErrorName)
    }
}

impl fmt::Display for UnknownErrorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the contract has no such error name")
    }
}

impl std::error::Error for UnknownErrorName {}

/// What the daemon answers instead of a result. Methods of the daemon's interfaces return it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What kind of error.
    pub name: ErrorName,
    /// `cannot <verb> <object>: <cause>`, and what to do next.
    pub text: String,
}

impl CallError {
    /// Makes the error of that name and text.
    pub fn new(name: ErrorName, text: impl Into<String>) -> Self {
        Self { name, text: text.into() }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for CallError {}

impl DBusError for CallError {
    fn create_reply(&self, call: &Header<'_>) -> zbus::Result<Message> {
        Message::error(call, self.name.as_str()).build(&(self.text.as_str(),))
    }

    fn name(&self) -> zbus::names::ErrorName<'_> {
        zbus::names::ErrorName::from_static_str_unchecked(self.name.as_str())
    }

    fn description(&self) -> Option<&str> {
        Some(&self.text)
    }
}

/// Why a call gave no result, as its caller meets it.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The daemon answered with an error of the contract (the bus itself uses the standard names too).
    Refused(CallError),
    /// The call did not reach the daemon, its answer did not come back, or was none of the contract.
    Transport(zbus::Error),
}

impl From<zbus::Error> for Failure {
    fn from(error: zbus::Error) -> Self {
        let answered = match &error {
            zbus::Error::MethodError(name, text, _) => Some((name.as_str(), text.clone())),
            zbus::Error::FDO(error) => standard(error),
            _ => None,
        };
        let Some((name, text)) = answered else { return Self::Transport(error) };
        match name.parse() {
            Ok(name) => Self::Refused(CallError { name, text: text.unwrap_or_default() }),
            Err(UnknownErrorName) => Self::Transport(error),
        }
    }
}

/// Returns name and text of a standard error that came over the bus.
fn standard(error: &fdo::Error) -> Option<(&'static str, Option<String>)> {
    let name = match error {
        fdo::Error::AccessDenied(_) => ErrorName::AccessDenied,
        fdo::Error::InteractiveAuthorizationRequired(_) => ErrorName::InteractiveAuthorizationRequired,
        fdo::Error::LimitsExceeded(_) => ErrorName::LimitsExceeded,
        fdo::Error::InvalidArgs(_) => ErrorName::InvalidArgs,
        fdo::Error::NotSupported(_) => ErrorName::NotSupported,
        _ => return None,
    };
    Some((name.as_str(), error.description().map(String::from)))
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(formatter),
            Self::Transport(error) => write!(formatter, "cannot reach the key store: {error}"),
        }
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Transport(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CallError, ErrorName, Failure, UnknownErrorName};
    use zbus::DBusError;
    use zbus::message::Message;

    #[test]
    fn every_name_is_read_back_and_is_listed_once() {
        for (place, name) in ErrorName::ALL.into_iter().enumerate() {
            assert_eq!(name.as_str().parse(), Ok(name));
            assert_eq!(ErrorName::ALL.iter().position(|other| *other == name), Some(place));
            assert!(zbus::names::ErrorName::try_from(name.as_str()).is_ok(), "{name}");
        }
        assert_eq!("org.claviger.KeyStore1.Error.Mood".parse::<ErrorName>(), Err(UnknownErrorName));
    }

    #[test]
    fn every_error_comes_back_over_the_bus_as_it_was_sent() -> zbus::Result<()> {
        let call = Message::method_call("/", "Sign").destination(":1.2").build(&())?;
        for name in ErrorName::ALL {
            let sent = CallError::new(name, "cannot sign: no reason");
            let received = zbus::Error::from(sent.create_reply(&call.header())?);
            assert!(matches!(Failure::from(received), Failure::Refused(error) if error == sent), "{name}");
        }
        Ok(())
    }

    #[test]
    fn what_the_contract_does_not_know_is_a_transport_error() -> zbus::Result<()> {
        let call = Message::method_call("/", "Sign").destination(":1.2").build(&())?;
        let reply =
            Message::error(&call.header(), "org.freedesktop.DBus.Error.ServiceUnknown").build(&"no")?;
        assert!(matches!(Failure::from(zbus::Error::from(reply)), Failure::Transport(zbus::Error::FDO(_))));
        Ok(())
    }
}
