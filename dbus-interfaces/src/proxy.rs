//! One proxy per interface, as a caller sees it.
//!
//! They serve on the bus and on a channel alike. Build them with
//! [`CacheProperties::No`](zbus::proxy::CacheProperties::No): the properties are constant and read once, and
//! a cache would subscribe to a signal that the daemon never sends. No result is awaited for longer than
//! the connection's `method_timeout`, and zbus sets none by itself.

use zbus::wire::ObjectPath;
use zbus::{Fd, OwnedFd};

use crate::wire::{
    AccountRow, AgentOptions, AuthenticateOptions, CertificateOptions, ChangePinOptions, DecapsulateOptions,
    DecryptOptions, DeriveOptions, EncryptOptions, EnrolOptions, ExplainOptions, Explanation,
    InitCardOptions, KeyFilter, KeyRow, Means, NewKeyOptions, NoOptions, PairOptions, PrepareOptions, Prompt,
    PublicKeyRow, RandomOptions, RegisterOptions, SessionRow, SessionWhy, SignOptions, Statistics,
    TokenFilter, TokenRow, TokenState, UnlockOptions, UnlockTokenOptions, UserPage, UserRow, VerifyOptions,
};
use crate::{ByteBuf, Bytes, Failure};

/// The service itself: see `xml/org.claviger.KeyStore1.Service.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Service",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Service {
    /// Returns one end of a private connection that speaks the same interfaces.
    fn open_channel(&self, options: &NoOptions) -> Result<OwnedFd, Failure>;

    /// Asks for the signals of this interface, until `unsubscribe` or disconnection.
    fn subscribe(&self, options: &NoOptions) -> Result<(), Failure>;

    /// Ends the signals.
    fn unsubscribe(&self, options: &NoOptions) -> Result<(), Failure>;

    /// The daemon's version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> Result<String, Failure>;

    /// What this daemon can do beside the first version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn features(&self) -> Result<Vec<String>, Failure>;

    /// The mechanisms that callers may ask for.
    #[zbus(property(emits_changed_signal = "const"))]
    fn mechanisms(&self) -> Result<Vec<String>, Failure>;

    /// The caller's keys or their attributes changed.
    #[zbus(signal)]
    fn keys_changed(&self) -> zbus::Result<()>;

    /// A token of the caller came, went, or changed.
    #[zbus(signal)]
    fn token_changed(&self, token: String, state: TokenState) -> zbus::Result<()>;

    /// The caller's local keys were locked or unlocked.
    #[zbus(signal)]
    fn locked_changed(&self, locked: bool) -> zbus::Result<()>;

    /// A session of the caller is about to end, because its token is gone.
    #[zbus(signal)]
    fn session_ending(&self, session: String, why: SessionWhy) -> zbus::Result<()>;
}

/// The caller's own keys: see `xml/org.claviger.KeyStore1.Keys.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Keys",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Keys {
    /// Lists the caller's keys: id and attributes.
    fn list_keys(&self, filter: &KeyFilter) -> Result<Vec<(String, KeyRow)>, Failure>;

    /// Returns id and attributes of one key.
    fn get_key(&self, key: &str, options: &NoOptions) -> Result<(String, KeyRow), Failure>;

    /// Returns a signature of `data`.
    #[zbus(allow_interactive_auth)]
    fn sign(
        &self,
        key: &str,
        mechanism: &str,
        data: &Bytes,
        options: &SignOptions,
    ) -> Result<ByteBuf, Failure>;

    /// Returns a signature of a file's contents.
    #[zbus(allow_interactive_auth)]
    fn sign_file(
        &self,
        key: &str,
        mechanism: &str,
        file: Fd<'_>,
        options: &SignOptions,
    ) -> Result<ByteBuf, Failure>;

    /// Returns the plain text.
    #[zbus(allow_interactive_auth)]
    fn decrypt(
        &self,
        key: &str,
        mechanism: &str,
        data: &Bytes,
        options: &DecryptOptions,
    ) -> Result<ByteBuf, Failure>;

    /// Returns the secret agreed with `peer`.
    #[zbus(allow_interactive_auth)]
    fn derive(
        &self,
        key: &str,
        mechanism: &str,
        peer: &Bytes,
        options: &DeriveOptions,
    ) -> Result<ByteBuf, Failure>;

    /// Returns the secret that was encapsulated.
    #[zbus(allow_interactive_auth)]
    fn decapsulate(
        &self,
        key: &str,
        mechanism: &str,
        ciphertext: &Bytes,
        options: &DecapsulateOptions,
    ) -> Result<ByteBuf, Failure>;

    /// Makes a key and returns its id.
    fn generate_key(&self, algorithm: &str, options: &NewKeyOptions) -> Result<String, Failure>;

    /// Takes a key in and returns its id.
    fn import_key(&self, private_key: Fd<'_>, options: &NewKeyOptions) -> Result<String, Failure>;

    /// Deletes a key for good.
    fn delete_key(&self, key: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Makes a key the default one for a purpose.
    fn set_default_key(&self, purpose: &str, key: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Gives a key another label.
    fn set_label(&self, key: &str, label: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Sets whether the use of a key is asked for.
    #[zbus(allow_interactive_auth)]
    fn set_confirm(&self, key: &str, policy: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Returns a key's certificate and its chain.
    fn get_certificates(&self, key: &str, options: &NoOptions) -> Result<Vec<ByteBuf>, Failure>;

    /// Gives a key another certificate.
    fn set_certificate(
        &self,
        key: &str,
        certificate: &Bytes,
        options: &CertificateOptions,
    ) -> Result<(), Failure>;

    /// Returns what the card says of how a key was made.
    fn attest(&self, key: &str, options: &NoOptions) -> Result<Vec<ByteBuf>, Failure>;

    /// Says what an operation would do and ask, without doing it.
    fn explain(&self, key: &str, mechanism: &str, options: &ExplainOptions) -> Result<Explanation, Failure>;
}

/// The caller's own account: see `xml/org.claviger.KeyStore1.Account.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Account",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Account {
    /// Applies for an account and makes its first keys.
    fn register(&self, passphrase: Fd<'_>, options: &RegisterOptions) -> Result<(), Failure>;

    /// Enters the consent phrase.
    fn consent(&self, phrase: Fd<'_>, options: &NoOptions) -> Result<(), Failure>;

    /// Opens the local keys.
    fn unlock(&self, passphrase: Fd<'_>, options: &UnlockOptions) -> Result<(), Failure>;

    /// Wipes the opened keys.
    fn lock(&self, options: &NoOptions) -> Result<(), Failure>;

    /// Changes the pass phrase.
    fn change_passphrase(
        &self,
        old_passphrase: Fd<'_>,
        new_passphrase: Fd<'_>,
        options: &NoOptions,
    ) -> Result<(), Failure>;

    /// Makes a recovery code; the descriptor gives it once.
    fn make_recovery_code(&self, options: &NoOptions) -> Result<OwnedFd, Failure>;

    /// Sets a new pass phrase with the recovery code.
    fn recover(&self, code: Fd<'_>, new_passphrase: Fd<'_>, options: &NoOptions) -> Result<(), Failure>;

    /// Returns the sealed records, still sealed.
    fn backup(&self, options: &NoOptions) -> Result<OwnedFd, Failure>;

    /// Takes sealed records back in.
    fn restore(&self, backup: Fd<'_>, options: &NoOptions) -> Result<(), Failure>;

    /// Sets what happens to the caller's sessions when their token is removed.
    #[zbus(allow_interactive_auth)]
    fn set_removal_action(&self, action: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Returns the state of the account.
    fn get_account(&self, options: &NoOptions) -> Result<AccountRow, Failure>;
}

/// What the caller's keys live on: see `xml/org.claviger.KeyStore1.Tokens.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Tokens",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Tokens {
    /// Lists tokens: id and attributes.
    fn list_tokens(&self, options: &TokenFilter) -> Result<Vec<(String, TokenRow)>, Failure>;

    /// Returns the attributes of one token, with the keys on it.
    fn get_token(&self, token: &str, options: &NoOptions) -> Result<TokenRow, Failure>;

    /// Makes a card the caller's; returns the ids of its keys.
    fn enrol_card(&self, token: &str, options: &EnrolOptions) -> Result<Vec<String>, Failure>;

    /// Takes a card out of the account.
    fn forget_token(&self, token: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Checks a card's PIN and keeps it.
    fn unlock_token(&self, token: &str, options: &UnlockTokenOptions) -> Result<(), Failure>;

    /// Wipes the PIN that was kept.
    fn lock_token(&self, token: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Changes a card's PIN.
    fn change_pin(
        &self,
        token: &str,
        old_pin: Fd<'_>,
        new_pin: Fd<'_>,
        options: &ChangePinOptions,
    ) -> Result<(), Failure>;

    /// Sets a card's PIN with its PUK.
    fn unblock_pin(
        &self,
        token: &str,
        puk: Fd<'_>,
        new_pin: Fd<'_>,
        options: &NoOptions,
    ) -> Result<(), Failure>;

    /// Gives a card a fresh identity; returns the token's new id.
    fn init_card(&self, token: &str, options: &InitCardOptions) -> Result<String, Failure>;

    /// Pairs a phone; returns the new token's id.
    #[zbus(allow_interactive_auth)]
    fn pair_phone(&self, options: &PairOptions) -> Result<String, Failure>;

    /// Takes a phone out of the account.
    fn unpair(&self, token: &str, options: &NoOptions) -> Result<(), Failure>;
}

/// What needs no private key: see `xml/org.claviger.KeyStore1.Public.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Public",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Public {
    /// Returns a digest of `data`.
    fn digest(&self, hash: &str, data: &Bytes, options: &NoOptions) -> Result<ByteBuf, Failure>;

    /// Returns a digest of a file's contents.
    fn digest_file(&self, hash: &str, file: Fd<'_>, options: &NoOptions) -> Result<ByteBuf, Failure>;

    /// Returns true where the signature is right.
    fn verify(
        &self,
        public_key: &Bytes,
        mechanism: &str,
        data: &Bytes,
        signature: &Bytes,
        options: &VerifyOptions,
    ) -> Result<bool, Failure>;

    /// Returns the cipher text.
    fn encrypt(
        &self,
        public_key: &Bytes,
        mechanism: &str,
        data: &Bytes,
        options: &EncryptOptions,
    ) -> Result<ByteBuf, Failure>;

    /// Makes a secret; returns it encapsulated and plain.
    fn encapsulate(
        &self,
        public_key: &Bytes,
        mechanism: &str,
        options: &NoOptions,
    ) -> Result<(ByteBuf, ByteBuf), Failure>;

    /// Returns random bytes.
    fn random(&self, length: u32, options: &RandomOptions) -> Result<ByteBuf, Failure>;

    /// Lists another user's public keys.
    fn get_public_keys(
        &self,
        user: &str,
        options: &NoOptions,
    ) -> Result<Vec<(String, PublicKeyRow)>, Failure>;
}

/// What administrators do: see `xml/org.claviger.KeyStore1.Admin.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Admin",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Admin {
    /// Lists users by uid, a page at a time.
    #[zbus(allow_interactive_auth)]
    fn list_users(&self, options: &UserPage) -> Result<Vec<(u32, UserRow)>, Failure>;

    /// Returns one user.
    #[zbus(allow_interactive_auth)]
    fn get_user(&self, uid: u32, options: &NoOptions) -> Result<UserRow, Failure>;

    /// Makes a row for a user who has none.
    #[zbus(allow_interactive_auth)]
    fn enrol_user(&self, uid: u32, location: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Sets where a user's new keys are made.
    #[zbus(allow_interactive_auth)]
    fn set_location(&self, uid: u32, location: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Consents to an application; the descriptor gives the consent phrase once.
    #[zbus(allow_interactive_auth)]
    fn issue_consent(&self, uid: u32, options: &NoOptions) -> Result<OwnedFd, Failure>;

    /// Revokes a user's key.
    #[zbus(allow_interactive_auth)]
    fn revoke_key(&self, uid: u32, key: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Removes a user and all that is kept for them.
    #[zbus(allow_interactive_auth)]
    fn remove_user(&self, uid: u32, options: &NoOptions) -> Result<(), Failure>;

    /// Returns figures of the service.
    #[zbus(allow_interactive_auth)]
    fn statistics(&self, options: &NoOptions) -> Result<Statistics, Failure>;
}

/// Login by challenge and response: see `xml/org.claviger.KeyStore1.Authentication.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Authentication",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Authentication {
    /// Tells what the user can log in with now.
    fn prepare(&self, uid: u32, options: &PrepareOptions) -> Result<Means, Failure>;

    /// Checks the secret with the token; returns the id of this authentication.
    fn authenticate(
        &self,
        uid: u32,
        secret: Fd<'_>,
        options: &AuthenticateOptions,
    ) -> Result<String, Failure>;
}

/// Binds sessions to tokens: see `xml/org.claviger.KeyStore1.Login.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Login",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Login {
    /// Binds a session to the token of an authentication.
    fn open_session(
        &self,
        uid: u32,
        session: &str,
        authentication: &str,
        options: &NoOptions,
    ) -> Result<(), Failure>;

    /// Forgets what a session is bound to.
    fn close_session(&self, session: &str, options: &NoOptions) -> Result<(), Failure>;
}

/// The caller's sessions: see `xml/org.claviger.KeyStore1.Sessions.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Sessions",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Sessions {
    /// Lists sessions: id and attributes.
    fn list_sessions(&self, options: &NoOptions) -> Result<Vec<(String, SessionRow)>, Failure>;

    /// Binds a session to a token.
    fn bind_session(&self, session: &str, token: &str, options: &NoOptions) -> Result<(), Failure>;

    /// Forgets a binding that `bind_session` made.
    fn release_session(&self, session: &str, options: &NoOptions) -> Result<(), Failure>;
}

/// Where programs that ask people register: see `xml/org.claviger.KeyStore1.Agents.xml`.
#[zbus::proxy(
    interface = "org.claviger.KeyStore1.Agents",
    default_service = "org.claviger.KeyStore1",
    default_path = "/org/claviger/KeyStore1"
)]
pub trait Agents {
    /// Makes the caller the agent of its session.
    fn register_agent(&self, agent: &ObjectPath<'_>, options: &AgentOptions) -> Result<(), Failure>;

    /// Ends it.
    fn unregister_agent(&self, agent: &ObjectPath<'_>, options: &NoOptions) -> Result<(), Failure>;
}

/// What an agent implements and the daemon calls: see `xml/org.claviger.KeyStore1.Agent.xml`.
#[zbus::proxy(interface = "org.claviger.KeyStore1.Agent")]
pub trait Agent {
    /// Asks for a PIN or a pass phrase.
    fn request_secret(&self, prompt: &Prompt) -> Result<OwnedFd, Failure>;

    /// Asks for a yes.
    fn confirm(&self, prompt: &Prompt) -> Result<bool, Failure>;

    /// Shows a code.
    fn display_code(&self, prompt: &Prompt) -> Result<(), Failure>;

    /// Takes a question back.
    fn cancel(&self, prompt: &str, options: &NoOptions) -> Result<(), Failure>;
}
