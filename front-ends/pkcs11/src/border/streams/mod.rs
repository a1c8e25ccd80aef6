mod ffi;

pub(super) use ffi::*;
