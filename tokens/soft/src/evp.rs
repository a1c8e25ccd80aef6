//! Keys as aws-lc holds them.
//!
//! aws-lc's safe Rust API has no RSA over a given DigestInfo, no odd PSS or OAEP, no ECDSA over digests of
//! any length, no ML-DSA context and no PKCS#8 of X25519 and ML-KEM, while its C interface does all of that
//! with one kind of key. So every private key is one [`Pkey`], and the `unsafe` that this needs stands in
//! `evp/ffi.rs` and `evp/rsa/ffi.rs`, behind functions that are safe for whatever they are given.

mod ffi;
pub(crate) mod rsa;

pub(crate) use ffi::{Failed, Pkey};
