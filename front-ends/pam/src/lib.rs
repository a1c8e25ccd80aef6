//! `pam_claviger.so`: login with the token. What it does, for whom and how to set it up is in `docs/pam.md`.
//!
//! | file | noun |
//! | --- | --- |
//! | `arguments` | what stands behind the module's name in `/etc/pam.d` |
//! | `authenticate` | `auth`: challenge and response with the user's token |
//! | `account` | `account`: whether there is one |
//! | `session` | `session`: binds the session to the token of its login, and releases it |
//! | `password` | `password`: changes the pass phrase or the PIN, by the `claviger` program run as the user |
//! | `host` | the program that called: its user, items, conversation, log |
//! | `outcome` | every error as what PAM is told and the person is shown |
//! | `proof` | the one-time authentication on its way from `auth` to `session` |
//! | `text` | texts of others, made harmless |
//! | `ffi` | libpam's functions that `pam-bindings` has not, and the entry points |
//!
//! **It runs in strangers' processes.** No thread, no signal handler, nothing from or to their environment, working folder, umask
//! or standard streams; a descriptor lives as long as the hook that made it. A panic ends at the entry point.

mod account;
mod arguments;
mod authenticate;
mod ffi;
mod host;
mod outcome;
mod password;
mod proof;
mod session;
mod text;

use std::ffi::CStr;

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};

use arguments::Arguments;
use host::{Host, Level};

/// The six entry points.
struct Module;

impl PamHooks for Module {
    fn sm_authenticate(handle: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        hook(handle, &args, flags, authenticate::authenticate)
    }

    fn sm_setcred(handle: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        hook(handle, &args, flags, authenticate::set_credentials)
    }

    fn acct_mgmt(handle: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        hook(handle, &args, flags, account::check)
    }

    fn sm_open_session(handle: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        hook(handle, &args, flags, session::open)
    }

    fn sm_close_session(handle: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        hook(handle, &args, flags, session::close)
    }

    fn sm_chauthtok(handle: &mut PamHandle, args: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        hook(handle, &args, flags, password::change)
    }
}

/// Does a hook. `Err` is no more than an early end: PAM gets the code of either.
fn hook(
    handle: &mut PamHandle,
    args: &[&CStr],
    flags: PamFlag,
    doing: impl FnOnce(&mut Host<'_>, &Arguments) -> Result<PamResultCode, PamResultCode>,
) -> PamResultCode {
    // The hook of Rust's own library would write to the host program's standard error, and look at its environment. It is this
    // module's alone: a host program in Rust has another library.
    std::panic::set_hook(Box::new(|_| {}));
    let (arguments, unknown) = Arguments::parse(args.iter().map(|word| word.to_string_lossy()));
    let mut host = Host::new(handle, flags, arguments.debug);
    for word in unknown {
        host.log(Level::Warning, &format!("cannot use the argument {word:?}: there is no such one"));
    }
    let doing = std::panic::AssertUnwindSafe(|| doing(&mut host, &arguments));
    match std::panic::catch_unwind(doing) {
        Ok(Ok(code) | Err(code)) => code,
        Err(payload) => {
            // Dropping it could panic again.
            std::mem::forget(payload);
            host.log(Level::Error, "cannot go on: an error of this module itself");
            PamResultCode::PAM_ABORT
        }
    }
}
