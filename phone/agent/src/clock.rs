//! The clock that goes on while the device sleeps.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Returns the time since this device was started, its sleep included: `Instant` stands still while it sleeps.
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}
