//! The same client for programs without a runtime: every method of [`crate::Client`], without `async`.

mod watch;

use std::os::fd::AsFd;

use claviger_dbus::wire::{
    AccountRow, CertificateOptions, ChangePinOptions, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, EnrolOptions, ExplainOptions, Explanation, InitCardOptions, KeyFilter, KeyRow,
    NewKeyOptions, PairOptions, PublicKeyRow, RegisterOptions, SessionRow, SignOptions, Statistics,
    TokenFilter, TokenRow, UnlockOptions, UnlockTokenOptions, UserPage, UserRow, VerifyOptions,
};
use tokio::runtime::Runtime;

use crate::{Bus, Error, Event, Secret};
pub use watch::{Interrupt, Watch};

/// A connection to the daemon, with a runtime of its own on the calling thread. Nothing happens between calls.
///
/// Several threads may use it at once: one that waits for a person or a slow card holds up no other. It must not be used inside
/// another tokio runtime. It starts no thread, except to read a secret or a backup that the daemon gives. After a `fork` make
/// another one.
pub struct Client {
    // The order matters: the connection goes before the runtime that it lives in.
    client: crate::Client,
    runtime: Runtime,
}

/// What happens, as it happens: see [`crate::Events`].
pub struct Events<'client> {
    events: crate::Events,
    runtime: &'client Runtime,
}

impl Client {
    /// Connects to the daemon on that bus.
    pub fn connect(bus: &Bus) -> Result<Self, Error> {
        Self::build(crate::Client::builder(bus))
    }

    /// Connects as the builder says.
    pub fn build(builder: crate::Builder) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Local("start the runtime", error))?;
        let client = runtime.block_on(builder.connect())?;
        Ok(Self { client, runtime })
    }

    /// Returns true while a channel is open.
    pub fn has_channel(&self) -> bool {
        self.client.has_channel()
    }

    /// Asks to be told what happens.
    pub fn subscribe(&self) -> Result<Events<'_>, Error> {
        let events = self.runtime.block_on(self.client.subscribe())?;
        Ok(Events { events, runtime: &self.runtime })
    }
}

impl Events<'_> {
    /// Waits for the next event; `None` once the bus is gone.
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        self.runtime.block_on(self.events.next())
    }
}

/// Forwards to the method of the same name, whose documentation counts.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Client {
            $(
                #[doc = concat!("See [`crate::Client::", stringify!($name), "`].")]
                pub fn $name(&self, $($argument: $type),*) -> Result<$result, Error> {
                    self.runtime.block_on(self.client.$name($($argument),*))
                }
            )*
        }
    };
}

forward! {
    version() -> String;
    features() -> Vec<String>;
    mechanisms() -> Vec<String>;
    open_channel() -> bool;

    list_keys(filter: &KeyFilter) -> Vec<(String, KeyRow)>;
    key(key: &str) -> (String, KeyRow);
    sign(key: &str, mechanism: &str, data: &[u8], options: &SignOptions) -> Vec<u8>;
    sign_file(key: &str, mechanism: &str, file: &impl AsFd, options: &SignOptions) -> Vec<u8>;
    decrypt(key: &str, mechanism: &str, data: &[u8], options: &DecryptOptions) -> Secret;
    derive(key: &str, mechanism: &str, peer: &[u8], options: &DeriveOptions) -> Secret;
    decapsulate(key: &str, mechanism: &str, ciphertext: &[u8], options: &DecapsulateOptions) -> Secret;
    generate_key(algorithm: &str, options: &NewKeyOptions) -> String;
    import_key(private_key: &Secret, options: &NewKeyOptions) -> String;
    delete_key(key: &str) -> ();
    set_default_key(purpose: &str, key: &str) -> ();
    set_label(key: &str, label: &str) -> ();
    set_confirm(key: &str, policy: &str) -> ();
    certificates(key: &str) -> Vec<Vec<u8>>;
    set_certificate(key: &str, certificate: &[u8], options: &CertificateOptions) -> ();
    attest(key: &str) -> Vec<Vec<u8>>;
    explain(key: &str, mechanism: &str, options: &ExplainOptions) -> Explanation;

    register(passphrase: &Secret, options: &RegisterOptions) -> ();
    consent(phrase: &Secret) -> ();
    unlock(passphrase: &Secret, options: &UnlockOptions) -> ();
    lock() -> ();
    change_passphrase(old: &Secret, new: &Secret) -> ();
    make_recovery_code() -> Secret;
    recover(code: &Secret, new: &Secret) -> ();
    backup() -> Vec<u8>;
    restore(backup: &[u8]) -> ();
    set_removal_action(action: &str) -> ();
    account() -> AccountRow;

    list_tokens(filter: &TokenFilter) -> Vec<(String, TokenRow)>;
    token(token: &str) -> TokenRow;
    enrol_card(token: &str, options: &EnrolOptions) -> Vec<String>;
    forget_token(token: &str) -> ();
    unlock_token(token: &str, options: &UnlockTokenOptions) -> ();
    lock_token(token: &str) -> ();
    change_pin(token: &str, old: &Secret, new: &Secret, options: &ChangePinOptions) -> ();
    unblock_pin(token: &str, puk: &Secret, new: &Secret) -> ();
    init_card(token: &str, options: &InitCardOptions) -> String;
    pair_phone(options: &PairOptions) -> String;
    unpair(token: &str) -> ();

    list_sessions() -> Vec<(String, SessionRow)>;
    bind_session(session: &str, token: &str) -> ();
    release_session(session: &str) -> ();

    digest(hash: &str, data: &[u8]) -> Vec<u8>;
    digest_file(hash: &str, file: &impl AsFd) -> Vec<u8>;
    verify(public_key: &[u8], mechanism: &str, data: &[u8], signature: &[u8], options: &VerifyOptions) -> bool;
    verify_file(
        public_key: &[u8], mechanism: &str, file: &impl AsFd, signature: &[u8], options: &VerifyOptions
    ) -> bool;
    encrypt(public_key: &[u8], mechanism: &str, data: &[u8], options: &EncryptOptions) -> Vec<u8>;
    encapsulate(public_key: &[u8], mechanism: &str) -> (Vec<u8>, Secret);
    random(length: u32) -> Secret;
    random_of(length: u32, token: &str) -> Secret;
    public_keys(user: &str) -> Vec<(String, PublicKeyRow)>;

    list_users(page: &UserPage) -> Vec<(u32, UserRow)>;
    user(uid: u32) -> UserRow;
    enrol_user(uid: u32, location: &str) -> ();
    set_location(uid: u32, location: &str) -> ();
    issue_consent(uid: u32) -> Secret;
    revoke_key(uid: u32, key: &str) -> ();
    remove_user(uid: u32) -> ();
    statistics() -> Statistics;
}
