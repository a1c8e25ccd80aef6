//! Encryption services and the sealed local store.
//!
//! | file | noun |
//! | --- | --- |
//! | `token` | [`SoftToken`]: the local store of one user, as a token |
//! | `seal` | [`KeySlots`], [`DataKey`], records, [`ConsentSeal`]: what lies on disk |
//! | `generate` | [`generate_with`], [`import_with`]: keys come into the store |
//! | `private_key` | the mechanisms with a private key |
//! | `implicit_rejection` | RSA_PKCS decryption that never says "bad padding" |
//! | `unpad` | [`unpad_pkcs1`], [`unpad_oaep`]: for tokens that have only the RSA primitive |
//! | `verify`, `encrypt` | [`verify`], [`encrypt`], [`encapsulate`]: the mechanisms with a public key |
//! | `agree` | [`agree`](fn@agree): ECDH with a key made for this once |
//! | `digest`, `derive`, `random` | [`digest`], [`Digester`], [`hkdf`], [`random`] |
//! | `spki`, `pkcs8`, `peer` | public and private keys as documents: [`algorithm_of`] |
//! | `digest_info`, `pss`, `ecdsa_form` | what stands around a signature |
//! | `evp` | keys as aws-lc holds them; all `unsafe` is there and in `digest/ffi.rs` (SHA3-224) |
//! | `wipe` | what computations leave on the stack |
//!
//! aws-lc does what needs a private key, sealing, SHA-1, SHA-224, SHA-3 and whatever ring lacks; ring the rest:
//! SHA-2, HKDF, HMAC, random, verification (docs/decisions/002-sealing.md says why not sealing).

mod agree;
mod derive;
mod digest;
mod digest_info;
mod ecdsa_form;
mod encrypt;
mod evp;
mod generate;
mod implicit_rejection;
mod peer;
mod pkcs8;
mod private_key;
mod pss;
mod random;
mod seal;
mod spki;
mod token;
mod unpad;
mod verify;
mod wipe;

pub use agree::agree;
pub use derive::hkdf;
pub use digest::{Digester, digest};
pub use digest_info::{check_digest_info, digest_info, pkcs1_encode};
pub use ecdsa_form::{ecdsa_der_to_raw, ecdsa_raw_to_der};
pub use encrypt::{encapsulate, encrypt};
pub use generate::{generate_with, import_with};
pub use pss::pss_encode;
pub use random::random;
pub use seal::{
    ConsentSeal, Cost, DataKey, HostSecret, KeySlots, SlotError, consent_phrase, open_record, seal_record,
};
pub use spki::algorithm_of;
pub use token::SoftToken;
pub use unpad::{unpad_oaep, unpad_pkcs1};
pub use verify::{is_signed, verify};
