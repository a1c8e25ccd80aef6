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

/// What needs no private key.
pub const PUBLIC: &str = "org.claviger.KeyStore1.Public";

/// What administrators do.
pub const ADMIN: &str = "org.claviger.KeyStore1.Admin";

/// The system user that runs the daemon and owns [`BUS_NAME`] on the system bus.
pub const SERVICE_USER: &str = "claviger";

/// The most data that a method takes by value, in bytes; larger data go by descriptor.
pub const DATA_LIMIT: usize = 1024 * 1024;

/// The most that a secret's descriptor may hold, in bytes.
pub const SECRET_LIMIT: usize = 64 * 1024;
