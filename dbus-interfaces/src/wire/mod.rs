//! What travels: option dictionaries and rows, the same types at both ends.
//!
//! On the wire all of them are `a{sv}` with keys in kebab-case. In options an absent key is `None`, and an
//! unknown key, a wrong type or a key given twice is refused as `InvalidArgs` before the method is entered.
//! In rows unknown keys are passed over, so that an older client reads a newer daemon.

mod login;
mod options;
mod prompt;
mod rows;

pub use login::{AuthenticateOptions, Means, PrepareOptions, SessionRow, SessionWhy};
pub use options::{
    AgentOptions, CertificateOptions, ChangePinOptions, DecapsulateOptions, DecryptOptions, DeriveOptions,
    EncryptOptions, EnrolOptions, ExplainOptions, InitCardOptions, KeyFilter, NewKeyOptions, NoOptions,
    PairOptions, RandomOptions, RegisterOptions, SignOptions, TokenFilter, UnlockOptions, UnlockTokenOptions,
    UserPage, VerifyOptions,
};
pub use prompt::Prompt;
pub use rows::{
    AccountRow, Explanation, KeyRow, PublicKeyRow, Statistics, TokenKeyRow, TokenRow, TokenState, UserRow,
};

#[cfg(test)]
mod tests;
