//! libpam's functions that `pam-bindings` has not, what a child process is given, and the entry points.

#![expect(
    unsafe_code,
    reason = "libpam is C, and what runs between fork and exec is for the caller to judge"
)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use pam::constants::PamResultCode;
use pam::module::PamHandle;
use rustix::fs::{CWD, Mode, OFlags, RawDir};
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

unsafe extern "C" {
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int;
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

/// Lets a child have these descriptors, under the numbers that they have here, and beside them and the standard streams none:
/// the host program may have some that it never meant for a program of the user's. In this process all stay as they are:
/// another thread's child does not get them.
pub(crate) fn give(command: &mut Command, descriptors: Vec<OwnedFd>) {
    let give = move || {
        keep_others()?;
        for descriptor in &descriptors {
            rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes system calls alone, which is async-signal-safe, and allocates nothing.
    unsafe { command.pre_exec(give) };
}

/// Has every descriptor above the standard streams end at the next exec.
fn keep_others() -> io::Result<()> {
    // SAFETY: it changes the flag of descriptors, and closes none.
    let done = unsafe { close_range(FIRST as c_uint, c_uint::MAX, CLOSE_RANGE_CLOEXEC) };
    // Before Linux 5.11 there is no such flag, and a filter of system calls may not know it.
    if done == 0 { Ok(()) } else { keep_listed() }
}

/// Does it one by one. The folder is read into the stack: after a fork nothing may be allocated.
fn keep_listed() -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(CWD, c"/proc/self/fd", flags, Mode::empty())?;
    let mut room = [MaybeUninit::<u8>::uninit(); 2048];
    let mut entries = RawDir::new(&folder, &mut room);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let number = entry.file_name().to_str().ok().and_then(|name| name.parse::<c_int>().ok());
        let Some(number) = number.filter(|number| *number >= FIRST) else { continue };
        // SAFETY: the child has this thread alone, and so nobody who could close what was listed.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    Ok(())
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

/// The first descriptor above the standard streams.
const FIRST: c_int = 3;

/// `CLOSE_RANGE_CLOEXEC` of `linux/close_range.h`.
const CLOSE_RANGE_CLOEXEC: c_int = 4;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "these are tests")]

    use std::fs::File;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use rustix::io::{FdFlags, fcntl_setfd};

    fn opened() -> OwnedFd {
        File::open("/dev/null").unwrap().into()
    }

    /// Opens something that every child gets unless somebody sees to it.
    fn inheritable() -> OwnedFd {
        let file = opened();
        fcntl_setfd(&file, FdFlags::empty()).unwrap();
        file
    }

    /// Returns those of the descriptors that a program has.
    fn had(of: &[i32], prepare: impl FnOnce(&mut Command)) -> Vec<i32> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "for it; do [ ! -e /proc/$$/fd/$it ] || echo $it; done", "sh"]);
        command.args(of.iter().map(ToString::to_string));
        prepare(&mut command);
        let ran = command.output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
    }

    #[test]
    fn a_child_gets_what_it_is_given_and_nothing_of_the_host_program_s() {
        let (host, given) = (inheritable(), opened());
        let (hosts, givens) = (host.as_raw_fd(), given.as_raw_fd());
        // The control: nobody else sees to it.
        assert_eq!(had(&[hosts, givens], |_| {}), [hosts]);
        assert_eq!(had(&[hosts, givens], |command| super::give(command, vec![given])), [givens]);
    }

    #[test]
    fn where_the_kernel_cannot_do_it_at_once_it_is_done_one_by_one() {
        // More than fit into one reading of the folder.
        let files: Vec<OwnedFd> = (0..200).map(|_| inheritable()).collect();
        let hosts: Vec<i32> = files.iter().map(AsRawFd::as_raw_fd).collect();
        let keep = |command: &mut Command| {
            // SAFETY: it makes system calls alone, and allocates nothing.
            unsafe { command.pre_exec(super::keep_listed) };
        };
        assert_eq!(had(&hosts, |_| {}), hosts);
        assert_eq!(had(&hosts, keep), []);
    }
}
