//! Bus name, object path and interface names.

/// The well-known name of the daemon on the bus.
pub const BUS_NAME: &str = "org.claviger.KeyStore1";

/// The one object that the daemon has, on the bus and on a channel.
pub const OBJECT_PATH: &str = "/org/claviger/KeyStore1";

/// What begins the name of every error of Claviger's own.
pub const ERROR_PREFIX: &str = "org.claviger.KeyStore1.Error.";

/// The service itself: version, channel, subscriptions.
pub const SERVICE: &str = "org.claviger.KeyStore1.Service";

/// The caller's own keys.
pub const KEYS: &str = "org.claviger.KeyStore1.Keys";

/// The caller's own account.
pub const ACCOUNT: &str = "org.claviger.KeyStore1.Account";

/// What the caller's keys live on.
pub const TOKENS: &str = "org.claviger.KeyStore1.Tokens";

/// Login by challenge and response.
pub const AUTHENTICATION: &str = "org.claviger.KeyStore1.Authentication";

/// Binds sessions to the tokens that opened them.
pub const LOGIN: &str = "org.claviger.KeyStore1.Login";

/// The caller's sessions and what they are bound to.
pub const SESSIONS: &str = "org.claviger.KeyStore1.Sessions";

/// Where programs that ask people register.
pub const AGENTS: &str = "org.claviger.KeyStore1.Agents";

/// What a program that asks people implements.
pub const AGENT: &str = "org.claviger.KeyStore1.Agent";

/// The polkit action of everything in [`ADMIN`].
pub const ADMINISTER_ACTION: &str = "org.claviger.keystore1.administer";

/// The polkit action of `Account.SetRemovalAction`.
pub const REMOVAL_ACTION: &str = "org.claviger.keystore1.set-removal-action";

/// The polkit action of `Tokens.PairPhone`.
pub const PAIR_ACTION: &str = "org.claviger.keystore1.pair";

/// What needs no private key.
pub const PUBLIC: &str = "org.claviger.KeyStore1.Public";

/// What administrators do.
pub const ADMIN: &str = "org.claviger.KeyStore1.Admin";

/// The system user that runs the daemon and owns [`BUS_NAME`] on the system bus.
pub const SERVICE_USER: &str = "claviger";

/// The most data that a method takes by value, in bytes; larger data go by descriptor.
pub const DATA_LIMIT: usize = 1024 * 1024;

/// The most bytes of a `reason`.
pub const REASON_LIMIT: usize = 200;

/// The most that a secret's descriptor may hold, in bytes.
pub const SECRET_LIMIT: usize = 64 * 1024;
