//! libpam's functions that `pam-bindings` has not, what a child process is given, and the entry points.

#![expect(
    unsafe_code,
    reason = "libpam is C, and what runs between fork and exec is for the caller to judge"
)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use pam::constants::PamResultCode;
use pam::module::PamHandle;
use rustix::io::FdFlags;

use crate::Module;

pam::pam_hooks!(Module);

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_getenv(handle: *mut PamHandle, name: *const c_char) -> *const c_char;
    fn pam_putenv(handle: *mut PamHandle, name_value: *const c_char) -> c_int;
    fn pam_set_item(handle: *mut PamHandle, item: c_int, value: *const c_void) -> c_int;
    fn pam_syslog(handle: *const PamHandle, priority: c_int, format: *const c_char, ...);
}

/// Returns a variable of the PAM environment, which is not the process's.
pub(crate) fn environment(handle: &mut PamHandle, name: &CStr) -> Option<String> {
    // SAFETY: the handle is libpam's own and lives as long as the hook; the name ends in a zero byte.
    let value = unsafe { pam_getenv(handle, name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: libpam gives a text that ends in a zero byte and stays until the next change; it is copied before.
    let value = unsafe { CStr::from_ptr(value) };
    value.to_str().ok().map(str::to_owned)
}

/// Sets `NAME=value` in the PAM environment, or takes `NAME` out of it.
pub(crate) fn put_environment(handle: &mut PamHandle, name_value: &CStr) -> Result<(), PamResultCode> {
    // SAFETY: the handle is libpam's own; the text ends in a zero byte, and libpam copies it.
    done(unsafe { pam_putenv(handle, name_value.as_ptr()) })
}

/// Gives later modules the pass phrase that was typed.
pub(crate) fn set_password(handle: &mut PamHandle, password: &CStr) -> Result<(), PamResultCode> {
    // SAFETY: the handle is libpam's own; the item is a text that ends in a zero byte, and libpam copies it.
    done(unsafe { pam_set_item(handle, PAM_AUTHTOK, password.as_ptr().cast()) })
}

/// Writes a line into the log for authentication, with the module's, the service's and the hook's name before it.
pub(crate) fn log(handle: &PamHandle, priority: c_int, text: &CStr) {
    // SAFETY: the handle is libpam's own; the format takes one text, which ends in a zero byte.
    unsafe { pam_syslog(handle, priority, c"%s".as_ptr(), text.as_ptr()) };
}

/// Remembers for `close_session` that a session was bound.
pub(crate) fn mark_bound(handle: &mut PamHandle) -> Result<(), PamResultCode> {
    handle.set_data(BOUND, Box::new(Bound))
}

/// Returns true where this process has bound the session.
pub(crate) fn is_bound(handle: &PamHandle) -> bool {
    // SAFETY: nobody but `mark_bound` keeps anything under this name, and it is of this type.
    unsafe { handle.get_data::<Bound>(BOUND) }.is_ok()
}

/// Lets a child have these descriptors, under the numbers that they have here. In this process they stay as they are: another
/// thread's child does not get them.
pub(crate) fn give(command: &mut Command, descriptors: Vec<OwnedFd>) {
    let give = move || {
        for descriptor in &descriptors {
            rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it calls fcntl alone, which is async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(give) };
}

fn done(code: c_int) -> Result<(), PamResultCode> {
    match PamResultCode::try_from(code) {
        Ok(PamResultCode::PAM_SUCCESS) => Ok(()),
        Ok(code) => Err(code),
        Err(_) => Err(PamResultCode::PAM_SYSTEM_ERR),
    }
}

/// A session was bound.
struct Bound;

const BOUND: &str = "claviger_bound";

/// `PAM_AUTHTOK` of `security/_pam_types.h`.
const PAM_AUTHTOK: c_int = 6;
