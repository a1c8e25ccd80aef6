use serde_bytes::ByteBuf;
use zbus::{DeserializeDict, OwnedFd, SerializeDict, Type};

/// The options of a method that has none (yet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct NoOptions {}

/// Options of `Keys.Sign` and `Keys.SignFile`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignOptions {
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Ask nobody: fail at once where a person would be needed.
    pub no_prompt: Option<bool>,
    /// Ask the owner for a yes, although the key's policy would not.
    pub confirm: Option<bool>,
    /// What the caller says that it is for, at most 200 bytes; the person is shown it.
    pub reason: Option<String>,
    /// Where the key is used, for one that stands on several tokens: this one and no other.
    pub token: Option<String>,
    /// The digest of `RSA_PKCS_PSS`.
    pub hash: Option<String>,
    /// The digest inside MGF1; the same as `hash` unless told.
    pub mgf_hash: Option<String>,
    /// PSS salt in bytes; the size of the digest unless told.
    pub salt_length: Option<u32>,
    /// ML-DSA context, at most 255 bytes.
    pub context: Option<ByteBuf>,
    /// ECDSA signatures: `raw` (r || s, the default) or `der`.
    pub format: Option<String>,
}

/// Options of `Keys.Decrypt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecryptOptions {
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Ask nobody: fail at once where a person would be needed.
    pub no_prompt: Option<bool>,
    /// Ask the owner for a yes, although the key's policy would not.
    pub confirm: Option<bool>,
    /// What the caller says that it is for, at most 200 bytes; the person is shown it.
    pub reason: Option<String>,
    /// Where the key is used, for one that stands on several tokens: this one and no other.
    pub token: Option<String>,
    /// The digest of OAEP; SHA-256 unless told.
    pub hash: Option<String>,
    /// The digest inside MGF1; the same as `hash` unless told.
    pub mgf_hash: Option<String>,
    /// OAEP label; empty unless told.
    pub label: Option<ByteBuf>,
}

/// Options of `Keys.Derive`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeriveOptions {
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Ask nobody: fail at once where a person would be needed.
    pub no_prompt: Option<bool>,
    /// Ask the owner for a yes, although the key's policy would not.
    pub confirm: Option<bool>,
    /// What the caller says that it is for, at most 200 bytes; the person is shown it.
    pub reason: Option<String>,
    /// Where the key is used, for one that stands on several tokens: this one and no other.
    pub token: Option<String>,
    /// What is done with the agreed secret: `null` (nothing, the default) or `hkdf`.
    pub kdf: Option<String>,
    /// The digest of HKDF; SHA-256 unless told.
    pub hash: Option<String>,
    /// HKDF's info; empty unless told.
    pub shared_info: Option<ByteBuf>,
    /// Bytes wanted from HKDF; the size of the digest unless told.
    pub length: Option<u32>,
}

/// Options of `Keys.Decapsulate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct DecapsulateOptions {
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Ask nobody: fail at once where a person would be needed.
    pub no_prompt: Option<bool>,
    /// Ask the owner for a yes, although the key's policy would not.
    pub confirm: Option<bool>,
    /// What the caller says that it is for, at most 200 bytes; the person is shown it.
    pub reason: Option<String>,
    /// Where the key is used, for one that stands on several tokens: this one and no other.
    pub token: Option<String>,
}

/// Options of `Keys.GenerateKey` and `Keys.ImportKey`.
#[derive(Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct NewKeyOptions {
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Ask nobody: fail at once where a person would be needed.
    pub no_prompt: Option<bool>,
    /// A name for people; none unless told.
    pub label: Option<String>,
    /// Any of `sign`, `decrypt`, `derive`; all that the algorithm can do unless told.
    pub usage: Option<Vec<String>>,
    /// `local`, `card` or `phone`; the user's location unless told.
    pub location: Option<String>,
    /// The card; the only enrolled one that is there unless told.
    pub token: Option<String>,
    /// The place on the card; a free one that fits unless told.
    pub slot: Option<String>,
    /// `never`, `once` or `always`; the card's habit unless told.
    pub pin_policy: Option<String>,
    /// `never`, `always` or `cached`; the card's habit unless told.
    pub touch_policy: Option<String>,
    /// A descriptor that gives the card's management key or Admin PIN.
    pub authority: Option<OwnedFd>,
}

/// Options of `Keys.SetCertificate`.
#[derive(Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct CertificateOptions {
    /// The certificates above it, DER, the issuer's first.
    pub chain: Option<Vec<ByteBuf>>,
    /// A descriptor that gives the card's management key or Admin PIN: the certificate is written to the card too.
    pub authority: Option<OwnedFd>,
}

/// Options of `Keys.Explain`: those of every operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExplainOptions {
    /// As the operation would have it.
    pub timeout_ms: Option<u32>,
    /// As the operation would have it.
    pub no_prompt: Option<bool>,
    /// As the operation would have it.
    pub confirm: Option<bool>,
    /// As the operation would have it.
    pub reason: Option<String>,
    /// As the operation would have it.
    pub token: Option<String>,
    /// `sign`, `decrypt`, `derive` or `decapsulate`, for a mechanism that does several; the first that the
    /// mechanism serves unless told.
    pub purpose: Option<String>,
    /// The digest of PSS, OAEP or HKDF.
    pub hash: Option<String>,
    /// The digest inside MGF1.
    pub mgf_hash: Option<String>,
    /// PSS salt in bytes.
    pub salt_length: Option<u32>,
    /// OAEP label.
    pub label: Option<ByteBuf>,
    /// `null` or `hkdf`.
    pub kdf: Option<String>,
    /// HKDF's info.
    pub shared_info: Option<ByteBuf>,
    /// Bytes wanted from HKDF.
    pub length: Option<u32>,
    /// ML-DSA context.
    pub context: Option<ByteBuf>,
    /// `raw` or `der`.
    pub format: Option<String>,
}

/// Which keys `Keys.ListKeys` lists: those that match everything told.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeyFilter {
    /// Exactly this label.
    pub label: Option<String>,
    /// This algorithm.
    pub algorithm: Option<String>,
    /// Keys that may be used for this: `sign`, `decrypt` or `derive`.
    pub usage: Option<String>,
    /// Keys that stand there: `local`, `card` or `phone`.
    pub location: Option<String>,
    /// `current`, `retired` or `revoked`; current and retired ones unless told.
    pub state: Option<String>,
}

/// Options of `Account.Register`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegisterOptions {
    /// Algorithms of the keys to make at once; the daemon's configuration says which unless told, and an
    /// empty list means none.
    pub keys: Option<Vec<String>>,
}

/// Options of `Account.Unlock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnlockOptions {
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
    /// Lock again after so many seconds without use; the daemon's configuration says how many unless told,
    /// or told 0, and caps it.
    pub idle: Option<u32>,
}

/// Which tokens `Tokens.ListTokens` lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct TokenFilter {
    /// Also the cards in the readers that are not the caller's.
    pub all: Option<bool>,
}

/// Options of `Tokens.EnrolCard`.
#[derive(Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct EnrolOptions {
    /// A descriptor that gives the PIN; the reader's pin pad asks for it unless given.
    pub pin: Option<OwnedFd>,
    /// Makes the card's keys the default keys for what they can do.
    pub default: Option<bool>,
    /// Names the key; where there are several, each is `label slot`.
    pub label: Option<String>,
    /// The person said that the last try may be spent.
    pub last_try: Option<bool>,
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
}

/// Options of `Tokens.UnlockToken`.
#[derive(Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct UnlockTokenOptions {
    /// A descriptor that gives the PIN; the reader's pin pad asks for it unless given.
    pub pin: Option<OwnedFd>,
    /// The person said that the last try may be spent.
    pub last_try: Option<bool>,
    /// Lock again after so many seconds without use; the daemon's configuration says how many unless told,
    /// or told 0, and caps it.
    pub idle: Option<u32>,
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
}

/// Options of `Tokens.ChangePin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct ChangePinOptions {
    /// The person said that the last try may be spent.
    pub last_try: Option<bool>,
}

/// Options of `Tokens.InitCard`.
#[derive(Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct InitCardOptions {
    /// A descriptor that gives the card's management key.
    pub authority: Option<OwnedFd>,
}

/// Options of `Tokens.PairPhone`.
#[derive(Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct PairOptions {
    /// One end of a connected stream socket, over which goes what people must see and say; required.
    pub conversation: Option<OwnedFd>,
    /// The way to the phone; the socket and every bonded Bluetooth device unless told.
    pub link: Option<String>,
    /// `uri` or `numbers`; `uri` unless told.
    pub method: Option<String>,
    /// What the phone is called here; what it calls itself unless told.
    pub name: Option<String>,
    /// Makes the phone's keys the default keys for what they can do.
    pub default: Option<bool>,
    /// How long the call may take, in milliseconds.
    pub timeout_ms: Option<u32>,
}

/// Options of `Public.Random`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct RandomOptions {
    /// The token whose generator makes them; the operating system's unless told.
    pub token: Option<String>,
}

/// Options of `Public.Verify`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct VerifyOptions {
    /// The digest of `RSA_PKCS_PSS`.
    pub hash: Option<String>,
    /// The digest inside MGF1; the same as `hash` unless told.
    pub mgf_hash: Option<String>,
    /// PSS salt in bytes; the size of the digest unless told.
    pub salt_length: Option<u32>,
    /// ML-DSA context, at most 255 bytes.
    pub context: Option<ByteBuf>,
    /// ECDSA signatures: `raw` (r || s, the default) or `der`.
    pub format: Option<String>,
}

/// Options of `Public.Encrypt`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct EncryptOptions {
    /// The digest of OAEP; SHA-256 unless told.
    pub hash: Option<String>,
    /// The digest inside MGF1; the same as `hash` unless told.
    pub mgf_hash: Option<String>,
    /// OAEP label; empty unless told.
    pub label: Option<ByteBuf>,
}

/// Which users `Admin.ListUsers` lists: a page, ordered by uid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct UserPage {
    /// Only users with a greater uid: the last one of the page before.
    pub after: Option<u32>,
    /// At most so many; 1,000 unless told, and never more than that.
    pub limit: Option<u32>,
}

/// Options of `Agents.RegisterAgent`.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgentOptions {
    /// The caller's logind session that it serves; the one it is in, or the user's, unless told.
    pub session: Option<String>,
}
