//! The environment, as far as it may be believed.

#![expect(unsafe_code, reason = "only the C library knows whether the environment is to be believed")]

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    fn secure_getenv(name: *const c_char) -> *mut c_char;
}

/// Returns a variable; nothing in a program that was started with more rights than its caller has (`AT_SECURE`).
pub(super) fn variable(name: &CStr) -> Option<String> {
    // SAFETY: the name ends in a zero byte.
    let value = unsafe { secure_getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: a variable's value ends in a zero byte; it is copied before anything else is called.
    let value = unsafe { CStr::from_ptr(value) };
    value.to_str().ok().map(str::to_owned)
}
