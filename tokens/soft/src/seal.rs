//! How local private keys are kept: sealed under a data key, which key slots wrap.
//!
//! | file | noun |
//! | --- | --- |
//! | `aead` | AES-256-GCM, the one seal of all of these |
//! | `cost` | [`Cost`]: what one guess at a pass phrase costs |
//! | `host_secret` | [`HostSecret`]: what a stolen database lacks |
//! | `data_key` | [`DataKey`]: the key of one user's records |
//! | `record` | [`seal_record`], [`open_record`]: one private key |
//! | `slot` | one way to the data key, on disk |
//! | `slots` | [`KeySlots`]: every way to it |
//! | `phrase` | recovery codes and consent phrases |
//! | `consent` | [`ConsentSeal`]: the second seal of an account that is not consented to yet |
//! | `error` | [`SlotError`] |

mod aead;
mod bytes;
mod consent;
mod cost;
mod data_key;
mod error;
mod host_secret;
mod phrase;
mod record;
mod slot;
mod slots;

pub use consent::{ConsentSeal, consent_phrase};
pub use cost::Cost;
pub use data_key::DataKey;
pub use error::SlotError;
pub use host_secret::HostSecret;
pub use record::{open_record, seal_record};
pub use slots::KeySlots;
