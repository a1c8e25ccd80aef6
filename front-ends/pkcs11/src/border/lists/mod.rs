mod ffi;

#[cfg(test)]
pub(super) use ffi::interfaces;
