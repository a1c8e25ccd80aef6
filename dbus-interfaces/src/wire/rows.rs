use std::collections::BTreeMap;

use serde_bytes::ByteBuf;
use zbus::{DeserializeDict, SerializeDict, Type};

/// The attributes of one of the caller's keys: `Keys.ListKeys`, `Keys.GetKey`. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct KeyRow {
    /// A name for people; empty where it has none.
    pub label: String,
    /// For example `P-256`.
    pub algorithm: String,
    /// Any of `sign`, `decrypt`, `derive`.
    pub usage: Vec<String>,
    /// `current`, `retired` or `revoked`.
    pub state: String,
    /// Where it stands: any of `local`, `card`, `phone`.
    pub location: Vec<String>,
    /// The tokens that it stands on, by their ids.
    pub tokens: Vec<String>,
    /// Its place on each of them, in the same order; empty where a token has only one.
    pub slots: Vec<String>,
    /// When each of them wants its PIN for the key, in the same order: `never`, `once` or `always`; empty where nobody knows,
    /// and where there is no PIN.
    pub pin_policies: Vec<String>,
    /// True where a token that holds it can be reached now.
    pub present: bool,
    /// True where it must be unlocked before use.
    pub locked: bool,
    /// DER SubjectPublicKeyInfo.
    pub public_key: ByteBuf,
    /// What can be done with it.
    pub mechanisms: Vec<String>,
    /// When it was made.
    pub created: i64,
    /// When it was last used; `None` for never.
    pub last_used: Option<i64>,
    /// The purposes it is the default for: `sign`, `decrypt`, `derive`, `authenticate`.
    pub default_for: Vec<String>,
    /// DER certificate, where it has one; `Keys.GetCertificates` has the chain.
    pub certificate: Option<ByteBuf>,
    /// Whether its use is asked for: `never`, `session` or `always`; `None` from an older daemon.
    pub confirm: Option<String>,
}

/// A token: `Tokens.ListTokens`, `Tokens.GetToken`. Of a card that is somebody else's only `kind`, `application`,
/// `reader`, `presence` and `taken` are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct TokenRow {
    /// `local`, `card` or `phone`.
    pub kind: String,
    /// Of a card: `piv`, `openpgp` or `opensc`; empty for others.
    pub application: String,
    /// What people call it.
    pub name: String,
    /// The reader that it is in; empty when it is away.
    pub reader: String,
    /// `present`, `removed` or `unreachable`.
    pub presence: String,
    /// True where it is the caller's.
    pub enrolled: bool,
    /// True where somebody else enrolled it.
    pub taken: bool,
    /// True where it must be unlocked before its keys are used.
    pub locked: bool,
    /// True where the reader asks for the PIN itself.
    pub pin_pad: bool,
    /// Tries left at the PIN; `None` where the card does not tell.
    pub tries_left: Option<u32>,
    /// Tries left at the PUK or reset code; `None` where the card does not tell.
    pub puk_tries_left: Option<u32>,
    /// The fewest characters of a PIN.
    pub pin_shortest: Option<u32>,
    /// The most characters of a PIN.
    pub pin_longest: Option<u32>,
    /// What it does itself.
    pub mechanisms: Vec<String>,
    /// The algorithms of keys that it can make.
    pub generates: Vec<String>,
    /// The algorithms of keys that it can take in.
    pub imports: Vec<String>,
    /// When it was enrolled, seconds since 1970; `None` where it is not.
    pub created: Option<i64>,
    /// Of a phone: what it calls its kind; `None` for others.
    pub model: Option<String>,
    /// Of a phone: the ways to it; `None` for others.
    pub links: Option<Vec<String>>,
    /// Of a phone that is there: the way by which it is connected now.
    pub link: Option<String>,
    /// Of a phone: why each way that does not work does not, in words; `None` for others.
    pub faults: Option<Vec<String>>,
    /// The keys on a card as it tells them itself: only `Tokens.GetToken` says it.
    pub keys: Option<Vec<TokenKeyRow>>,
}

/// A key on a card, as the card tells it: `keys` of `Tokens.GetToken`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct TokenKeyRow {
    /// Its place: `9a`, `sign`, …
    pub slot: String,
    /// For example `P-256`.
    pub algorithm: String,
    /// Any of `sign`, `decrypt`, `derive`.
    pub usage: Vec<String>,
    /// DER SubjectPublicKeyInfo.
    pub public_key: ByteBuf,
    /// DER certificates, the key's own first.
    pub certificates: Vec<ByteBuf>,
    /// When it wants the PIN: `never`, `once` or `always`.
    pub pin_policy: String,
    /// When it wants to be touched: `never`, `always` or `cached`.
    pub touch_policy: String,
    /// The caller's key that it is (its id); empty where it is none.
    pub key: String,
}

/// What a token is now: `Service.TokenChanged`. Empty where it is about readers, not about a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct TokenState {
    /// `present`, `removed` or `unreachable`.
    pub presence: Option<String>,
    /// True where it must be unlocked before its keys are used.
    pub locked: Option<bool>,
}

/// The caller's account: `Account.GetAccount`. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct AccountRow {
    /// The caller's number.
    pub uid: u32,
    /// The name that the system gives for it.
    pub user_name: String,
    /// `none`, `applied`, `pending`, `active` or `revoked`.
    pub state: String,
    /// Where new keys are made: `local`, `card` or `phone`.
    pub location: String,
    /// True where local keys must be unlocked before use.
    pub locked: bool,
    /// When they lock again unless used; `None` while locked, or where idleness does not lock.
    pub unlocked_until: Option<i64>,
    /// How many keys there are, current and retired.
    pub keys: u32,
    /// Wrong guesses since the last right one.
    pub tries_failed: u32,
    /// When the next guess is looked at; `None` for at once.
    pub try_after: Option<i64>,
    /// True where a recovery code can be used.
    pub has_recovery_code: bool,
    /// True where the pass phrase works on this host only.
    pub host_bound: bool,
    /// The default key (its id) of each purpose that has one.
    pub defaults: BTreeMap<String, String>,
    /// When it was registered; `None` for never.
    pub created: Option<i64>,
    /// What the user wants to happen to sessions whose token is removed; empty for what is configured.
    pub removal_action: Option<String>,
    /// What will happen to sessions at this machine: `none`, `lock` or `terminate`.
    pub removal_local: Option<String>,
    /// What will happen to sessions from afar.
    pub removal_remote: Option<String>,
}

/// Another user's key as everybody may know it: `Public.GetPublicKeys`. Labels are private and not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct PublicKeyRow {
    /// For example `P-256`.
    pub algorithm: String,
    /// Any of `sign`, `decrypt`, `derive`.
    pub usage: Vec<String>,
    /// `current`, `retired` or `revoked`.
    pub state: String,
    /// DER SubjectPublicKeyInfo.
    pub public_key: ByteBuf,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// The purposes it is the default for.
    pub default_for: Vec<String>,
    /// DER certificate, where it has one.
    pub certificate: Option<ByteBuf>,
}

/// A user as administrators see one: `Admin.ListUsers`, `Admin.GetUser`. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct UserRow {
    /// The name at registration.
    pub user_name: String,
    /// `none`, `applied`, `pending`, `active` or `revoked`.
    pub state: String,
    /// Where new keys are made: `local`, `card` or `phone`.
    pub location: String,
    /// How many keys there are, current and retired.
    pub keys: u32,
    /// Wrong guesses since the last right one.
    pub tries_failed: u32,
    /// When the next guess is looked at; `None` for at once.
    pub try_after: Option<i64>,
    /// Whether a recovery code can be used; a list of users does not say.
    pub has_recovery_code: Option<bool>,
    /// When the user registered or was enrolled.
    pub created: Option<i64>,
}

/// What would happen: `Keys.Explain`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct Explanation {
    /// The id of the key that was meant.
    pub key: String,
    /// Its algorithm.
    pub algorithm: String,
    /// The mechanism that was meant.
    pub mechanism: String,
    /// Where it would happen: `local`, `card` or `phone`.
    pub location: String,
    /// Which token, in words.
    pub token: String,
    /// What the host does before, the token does, the host does after: one line each.
    pub steps: Vec<String>,
    /// What a person would be asked, one line each; empty for nothing.
    pub prompts: Vec<String>,
    /// The name of the error that would come; `None` where it would be done.
    pub refusal: Option<String>,
    /// The text of that error.
    pub refusal_text: Option<String>,
}

/// Figures of the service: `Admin.Statistics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct Statistics {
    /// When the daemon started, seconds since 1970.
    pub started: i64,
    /// Rows of the user info table.
    pub users: u32,
    /// Keys of all users, current and retired.
    pub keys: u32,
    /// Users that are unlocked now.
    pub unlocked: u32,
    /// Open channels.
    pub channels: u32,
    /// Subscriptions to signals.
    pub subscriptions: u32,
    /// Key operations done since the start.
    pub operations: u64,
    /// Key operations refused or failed since the start.
    pub failures: u64,
}
