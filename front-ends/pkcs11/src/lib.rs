//! `libclaviger_pkcs11.so`: a user's keys, wherever they are, for every program that speaks PKCS#11.
//!
//! | file | noun |
//! | --- | --- |
//! | `store` | [`Store`]: what the module asks of the key store |

#![deny(unsafe_code)]

mod store;

pub use store::Store;
