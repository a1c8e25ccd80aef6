//! `libclaviger_pkcs11.so`: a user's keys, wherever they are, for every program that speaks PKCS#11.
//!
//! | file | noun |
//! | --- | --- |
//! | `rv` | [`Rv`](rv::Rv): the codes, and what an error of the key store is among them |
//! | `key` | [`Key`](key::Key): a key of the user's, [`PublicKey`](key::PublicKey): its public half, taken apart |
//! | `operations` | what is done with keys: sign, decrypt, derive, digest and the like |
//! | `store` | [`Store`]: what the module asks of the key store |

#![deny(unsafe_code)]

mod key;
mod operations;
mod rv;
mod store;

pub use store::Store;
