use std::ffi::{CString, c_int};
use std::time::Duration;

use claviger_client::{Error, Login, PrepareOptions, Secret};
use pam::constants::{
    PAM_ERROR_MSG, PAM_PROMPT_ECHO_OFF, PAM_SILENT, PAM_TEXT_INFO, PamFlag, PamMessageStyle, PamResultCode,
};
use pam::conv::Conv;
use pam::items::{AuthTok, OldAuthTok, RHost, RUser, Service, Tty};
use pam::module::PamHandle;
use zeroize::Zeroizing;

use crate::arguments::Location;
use crate::ffi;
use crate::text::harmless;

/// The program that called, through what libpam gives of it.
pub(crate) struct Host<'h> {
    handle: &'h mut PamHandle,
    flags: PamFlag,
    debug: bool,
}

/// Whom it is about.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// How serious a line of the log is, by the numbers of syslog(3).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Error = 3,
    Warning = 4,
    Notice = 5,
    Debug = 7,
}

impl<'h> Host<'h> {
    pub(crate) fn new(handle: &'h mut PamHandle, flags: PamFlag, debug: bool) -> Self {
        Self { handle, flags, debug }
    }

    /// Returns whether the flag is set.
    pub(crate) const fn has(&self, flag: PamFlag) -> bool {
        self.flags & flag != 0
    }

    /// Returns the user; `None` for root and for a name that is nobody's, on whom this module has no opinion.
    pub(crate) fn user(&mut self) -> Result<Option<User>, PamResultCode> {
        let name = self.handle.get_user(None)?;
        match nix::unistd::User::from_name(&name) {
            Ok(user) => Ok(user.filter(|user| !user.uid.is_root()).map(|user| User {
                name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            })),
            Err(error) => {
                self.log(Level::Error, &format!("cannot look up {name}: {error}"));
                Err(PamResultCode::PAM_AUTHINFO_UNAVAIL)
            }
        }
    }

    /// Returns what this login is, for the daemon.
    pub(crate) fn situation(&self, location: Option<Location>) -> PrepareOptions {
        macro_rules! item {
            ($item:ident) => {
                self.handle.get_item::<$item<'_>>().ok().flatten().map(|item| item.0.to_bytes())
            };
        }
        PrepareOptions {
            location: location.map(|location| location.as_str().to_owned()),
            service: item!(Service).and_then(name),
            tty: item!(Tty).and_then(name),
            remote_host: item!(RHost).filter(|host| !is_display(host)).and_then(name),
            requesting_user: item!(RUser).and_then(name),
        }
    }

    /// Connects to the bus.
    pub(crate) fn connect(&self) -> Result<Login, Error> {
        Login::connect(CONNECT)
    }

    /// Asks the person with echo off. Nothing entered is an empty secret.
    pub(crate) fn ask(&self, prompt: &str) -> Result<Secret, PamResultCode> {
        let conversation = self.handle.get_item::<Conv<'_>>()?.ok_or(PamResultCode::PAM_CONV_ERR)?;
        let answer = conversation.send(PAM_PROMPT_ECHO_OFF, &harmless_prompt(prompt))?;
        Ok(Secret::new(answer.map(|answer| answer.as_bytes().to_vec()).unwrap_or_default()))
    }

    /// Tells the person something.
    pub(crate) fn tell(&self, text: &str) {
        self.show(PAM_TEXT_INFO, text);
    }

    /// Tells the person what went wrong.
    pub(crate) fn complain(&self, text: &str) {
        self.show(PAM_ERROR_MSG, text);
    }

    fn show(&self, style: PamMessageStyle, text: &str) {
        if self.has(PAM_SILENT) {
            return;
        }
        if let Ok(Some(conversation)) = self.handle.get_item::<Conv<'_>>() {
            // Whether it was seen changes nothing; some programs answer nothing at all, which is an error to pam-bindings.
            drop(conversation.send(style, &harmless(text)));
        }
    }

    /// Returns the password that another module asked for.
    pub(crate) fn password(&self) -> Option<Secret> {
        let item = self.handle.get_item::<AuthTok<'_>>().ok().flatten()?;
        Some(Secret::new(item.as_bytes().to_vec())).filter(|secret| !secret.as_bytes().is_empty())
    }

    /// Returns the password until now that another module asked for.
    pub(crate) fn old_password(&self) -> Option<Secret> {
        let item = self.handle.get_item::<OldAuthTok<'_>>().ok().flatten()?;
        Some(Secret::new(item.as_bytes().to_vec())).filter(|secret| !secret.as_bytes().is_empty())
    }

    /// Gives later modules the pass phrase.
    pub(crate) fn set_password(&mut self, password: &Secret) {
        let mut text = Zeroizing::new(Vec::with_capacity(password.as_bytes().len() + 1));
        text.extend_from_slice(password.as_bytes());
        text.push(0);
        let set = std::ffi::CStr::from_bytes_with_nul(&text)
            .map_err(|_| PamResultCode::PAM_BUF_ERR)
            .and_then(|text| ffi::set_password(self.handle, text));
        if let Err(code) = set {
            self.log(Level::Warning, &format!("cannot pass the pass phrase on: {code:?}"));
        }
    }

    /// Returns a variable of the PAM environment. The process's own is never looked at: in `su` it is the invoker's.
    pub(crate) fn variable(&mut self, name: &str) -> Option<String> {
        ffi::environment(self.handle, &CString::new(name).ok()?)
    }

    /// Sets a variable of the PAM environment; `None` takes it out.
    pub(crate) fn set_variable(&mut self, name: &str, value: Option<&str>) -> Result<(), PamResultCode> {
        let text = value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}"));
        let text = CString::new(text).map_err(|_| PamResultCode::PAM_BUF_ERR)?;
        ffi::put_environment(self.handle, &text)
    }

    /// Remembers that the session was bound.
    pub(crate) fn mark_bound(&mut self) {
        if let Err(code) = ffi::mark_bound(self.handle) {
            self.log(Level::Warning, &format!("cannot remember the binding: {code:?}"));
        }
    }

    /// Returns true where this process has bound the session.
    pub(crate) fn is_bound(&self) -> bool {
        ffi::is_bound(self.handle)
    }

    /// Writes a line into the log.
    pub(crate) fn log(&self, level: Level, text: &str) {
        if matches!(level, Level::Debug) && !self.debug {
            return;
        }
        // What is harmless has no zero byte.
        if let Ok(text) = CString::new(harmless(text)) {
            ffi::log(self.handle, level as c_int, &text);
        }
    }
}

/// Returns a name as it may be shown. One of which nothing is left is there all the same: it is another machine's.
fn name(bytes: &[u8]) -> Option<String> {
    let name = harmless(&String::from_utf8_lossy(bytes));
    if bytes.is_empty() {
        None
    } else if name.is_empty() {
        Some("?".to_owned())
    } else {
        Some(name)
    }
}

/// Display managers and lockers name their display as the host. Any other name counts as another machine, `localhost` too: a
/// tunnel ends there.
fn is_display(host: &[u8]) -> bool {
    host.strip_prefix(b":").is_some_and(|rest| rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// A prompt ends in a blank that is kept.
fn harmless_prompt(prompt: &str) -> String {
    format!("{} ", harmless(prompt.trim_end()))
}

/// How long the bus may take to say hello.
const CONNECT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::{is_display, name};

    #[test]
    fn a_host_that_hides_its_name_is_a_host_all_the_same() {
        assert_eq!(name(b""), None);
        assert_eq!(name(b"\n\x1b"), Some("?".to_owned()));
        assert_eq!(name(b"desk\n"), Some("desk".to_owned()));
        assert_eq!(name(b"\xff\n:0"), Some("\u{fffd}:0".to_owned()));
    }

    #[test]
    fn whoever_comes_through_a_tunnel_is_at_another_machine() {
        assert!(is_display(b":0") && is_display(b":10.0"));
        for host in ["localhost", "127.0.0.1", "::1", "192.0.2.7", "desk", "desk:0", "\n:0"] {
            assert!(!is_display(host.as_bytes()), "{host}");
        }
    }
}
