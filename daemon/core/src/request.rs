use claviger_token::{Mechanism, Parameters, Purpose, TokenId};

use crate::Selector;

/// What a caller wants done with a key; the data travel beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which key.
    pub selector: Selector,
    /// Where the key is used; `None` leaves it open, and it is used where that takes least.
    pub at: Option<TokenId>,
    /// What for.
    pub purpose: Purpose,
    /// How; `None` is the key's usual signature.
    pub mechanism: Option<Mechanism>,
    /// With what beside the data.
    pub parameters: Parameters,
    /// How an ECDSA signature is written.
    pub format: Format,
    /// The owner is to be asked for a yes, although the key's policy would not.
    pub confirm: bool,
    /// What the program says that it is for: its own words, fit to be shown as such.
    pub reason: Option<String>,
}

/// How an ECDSA signature is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// r || s, each the size of the field, as PKCS#11 has it.
    #[default]
    Raw,
    /// DER `ECDSA-Sig-Value` (RFC 3279), as X.509 and openssl have it.
    Der,
}

/// How the data come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// All at once, so many bytes.
    Bytes(usize),
    /// From a file of unknown size.
    Stream,
}
