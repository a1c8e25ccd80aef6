use zbus::{DeserializeDict, SerializeDict, Type};

/// A question for the person, as an agent gets it: `.Agent`. Everything in it is to be shown with care: names and labels were chosen by somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", rename_all = "kebab-case")]
pub struct Prompt {
    /// The id of this question.
    pub prompt: String,
    /// The process that wants it, as the bus says.
    pub pid: Option<u32>,
    /// The token's id.
    pub token: Option<String>,
    /// `local`, `card` or `phone`.
    pub token_kind: Option<String>,
    /// What people call the token.
    pub token_name: Option<String>,
    /// The reader that it is in.
    pub reader: Option<String>,
    /// `pin` or `passphrase`.
    pub secret: Option<String>,
    /// How often the secret may still be wrong.
    pub tries_left: Option<u32>,
    /// One try is left, and it is spent by answering.
    pub last_try: Option<bool>,
    /// What was answered to the last question was wrong.
    pub wrong: Option<bool>,
    /// The fewest characters.
    pub shortest: Option<u32>,
    /// The most characters.
    pub longest: Option<u32>,
    /// The key's id.
    pub key: Option<String>,
    /// The key's label.
    pub label: Option<String>,
    /// The key's algorithm.
    pub algorithm: Option<String>,
    /// `sign`, `decrypt`, `derive` or `decapsulate`.
    pub purpose: Option<String>,
    /// As in PKCS#11 without `CKM_`.
    pub mechanism: Option<String>,
    /// What the process says that it is for.
    pub reason: Option<String>,
    /// The name of this machine.
    pub host: Option<String>,
    /// What `DisplayCode` shows.
    pub code: Option<String>,
}
