//! What only RSA keys do.

mod ffi;

pub(crate) use ffi::{Oaep, Pss};
