//! The one place of this program where the compiler takes our word.
#![expect(unsafe_code, reason = "systemd hands its socket over as a number")]

use std::os::fd::{FromRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// Takes over the first descriptor that systemd passed (sd_listen_fds(3)); `None` the second time.
pub(crate) fn first_passed_descriptor() -> Option<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return None;
    }
    // SAFETY: LISTEN_PID says that systemd opened number 3 for this process, so that nothing else in it owns that
    // number; it is taken once.
    Some(unsafe { OwnedFd::from_raw_fd(FIRST) })
}

/// `SD_LISTEN_FDS_START`
const FIRST: i32 = 3;
