use zbus::{DeserializeDict, SerializeDict, Type};

/// Options of `Authentication.Prepare`: what the login is.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct PrepareOptions {
    /// Only with this kind of token: `local`, `card` or `phone`.
    pub location: Option<String>,
    /// The PAM service.
    pub service: Option<String>,
    /// The terminal.
    pub tty: Option<String>,
    /// The person is at another machine.
    pub remote_host: Option<String>,
    /// Who asks to become the user.
    pub requesting_user: Option<String>,
}

/// Options of `Authentication.Authenticate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct AuthenticateOptions {
    /// The token that `Prepare` told; the one that it would tell unless told.
    pub token: Option<String>,
    /// The PIN is entered at the reader, or the yes is given on the phone.
    pub pin_pad: Option<bool>,
    /// Only with this kind of token: `local`, `card` or `phone`.
    pub location: Option<String>,
    /// The PAM service.
    pub service: Option<String>,
    /// The terminal.
    pub tty: Option<String>,
    /// The person is at another machine.
    pub remote_host: Option<String>,
    /// Who asks to become the user.
    pub requesting_user: Option<String>,
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
}

/// With what a user can log in now: `Authentication.Prepare`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct Means {
    /// The token that will be asked.
    pub token: String,
    /// `local`, `card` or `phone`.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// True where the reader asks for the PIN itself, or the phone its person for a yes.
    pub pin_pad: bool,
    /// Tries left at the PIN; `None` where nobody knows.
    pub tries_left: Option<u32>,
}

/// A logind session of the caller: `Sessions.ListSessions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct SessionRow {
    /// Whose it is.
    pub uid: u32,
    /// The name that the system gives for the uid.
    pub user_name: String,
    /// `user`, `greeter`, `lock-screen`, … as logind has it.
    pub class: String,
    /// `tty`, `x11`, `wayland`, … as logind has it.
    pub r#type: String,
    /// The seat; empty for none.
    pub seat: String,
    /// The terminal; empty for none.
    pub tty: String,
    /// True where the person is at another machine.
    pub remote: bool,
    /// Which machine; empty where nobody knows.
    pub remote_host: String,
    /// True while its screen is locked.
    pub locked: bool,
    /// True where it can be locked.
    pub can_lock: bool,
    /// The token it is bound to; `None` where it is bound to none.
    pub token: Option<String>,
    /// What people call that token.
    pub token_name: Option<String>,
    /// `present`, `removed` or `unreachable`.
    pub presence: Option<String>,
    /// `login` or `manual`.
    pub how: Option<String>,
    /// When it was bound, seconds since 1970.
    pub bound_at: Option<i64>,
    /// What happens to it when the token is removed: `none`, `lock` or `terminate`.
    pub action: Option<String>,
}

/// Why a session is about to be locked or to end: `Service.SessionEnding`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct SessionWhy {
    /// `none`, `lock` or `terminate`.
    pub action: String,
    /// `removed`, `unreachable`, `missing` or `returned`.
    pub reason: String,
    /// The token it was bound to.
    pub token: String,
    /// What people call that token.
    pub token_name: String,
    /// In how many seconds; `None` for at once.
    pub seconds: Option<u32>,
}
