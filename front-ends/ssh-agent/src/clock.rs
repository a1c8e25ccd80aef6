//! When a lifetime is over: by the clock that nobody sets while the machine is up, and by the one on the wall across boots.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What the clocks say at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Now {
    /// Seconds since 1970. Whoever sets the clock sets this; with an empty battery it is anything.
    pub wall: u64,
    /// Seconds since the machine was started, asleep or not.
    pub uptime: u64,
    /// Which start that was; empty where nobody knows.
    pub boot: String,
}

impl Now {
    /// Looks at the clocks.
    pub fn read() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let uptime = clock_gettime(ClockId::Boottime).tv_sec;
        Self { wall, uptime: u64::try_from(uptime).unwrap_or_default(), boot: BOOT.clone() }
    }
}

/// The end of a lifetime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    wall: u64,
    uptime: u64,
    boot: String,
}

impl End {
    /// Returns the end of so many seconds.
    pub fn after(seconds: u32, now: &Now) -> Self {
        let Now { wall, uptime, boot } = now;
        let seconds = u64::from(seconds);
        let (wall, uptime) = (wall.saturating_add(seconds), uptime.saturating_add(seconds));
        Self { wall, uptime, boot: boot.clone() }
    }

    /// Returns the seconds until then; none where it is over.
    pub fn left(&self, now: &Now) -> u64 {
        if self.is_certain(now) {
            self.uptime.saturating_sub(now.uptime)
        } else {
            self.wall.saturating_sub(now.wall)
        }
    }

    /// Returns true where the clock on the wall is not needed: the machine was not started again since.
    fn is_certain(&self, now: &Now) -> bool {
        !now.boot.is_empty() && self.boot == now.boot
    }
}

/// Ends that only the clock on the wall tells of, and since when. What hangs on them is hidden at once, and deleted when that
/// clock has said the same for an hour: by then one that began wrong is set.
#[derive(Debug, Default)]
pub(crate) struct Overdue(BTreeMap<Vec<u8>, u64>);

impl Overdue {
    /// Returns true where that key, whose time is over, may be deleted.
    pub(crate) fn may_be_deleted(&mut self, blob: &[u8], end: &End, now: &Now) -> bool {
        if end.is_certain(now) {
            return true;
        }
        let since = *self.0.entry(blob.to_vec()).or_insert(now.uptime);
        now.uptime.saturating_sub(since) >= AN_HOUR
    }

    /// Returns true where there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the keys whose time is not over, or not any more.
    pub(crate) fn retain(&mut self, is_over: impl Fn(&[u8]) -> bool) {
        self.0.retain(|blob, _| is_over(blob));
    }
}

const AN_HOUR: u64 = 60 * 60;

static BOOT: LazyLock<String> = LazyLock::new(|| {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
});

#[cfg(test)]
mod tests {
    use super::{AN_HOUR, End, Now, Overdue};

    fn now(wall: u64, uptime: u64, boot: &str) -> Now {
        Now { wall, uptime, boot: boot.to_owned() }
    }

    #[test]
    fn until_the_machine_is_started_again_nobody_can_set_the_clock() {
        let end = End::after(60, &now(1000, 10, "one"));
        for wall in [0, 1000, u64::MAX] {
            assert_eq!(end.left(&now(wall, 69, "one")), 1);
            assert_eq!(end.left(&now(wall, 70, "one")), 0);
            assert!(Overdue::default().may_be_deleted(b"key", &end, &now(wall, 70, "one")));
        }
        assert_eq!(end.left(&now(1059, 0, "two")), 1);
        assert_eq!(end.left(&now(1060, 0, "two")), 0);
        assert_eq!(
            End::after(60, &now(1000, 10, "")).left(&now(1060, 10, "")),
            0,
            "it is not known which start"
        );
    }

    #[test]
    fn what_only_the_wall_says_must_be_said_for_an_hour() {
        let end = End::after(60, &now(1000, 10, "one"));
        let mut overdue = Overdue::default();
        assert!(!overdue.may_be_deleted(b"key", &end, &now(9_999_999, 5, "two")));
        assert!(!overdue.may_be_deleted(b"key", &end, &now(9_999_999, 4 + AN_HOUR, "two")));
        assert!(overdue.may_be_deleted(b"key", &end, &now(9_999_999, 5 + AN_HOUR, "two")));
        // The clock was set meanwhile, and it was not over.
        overdue.retain(|_| false);
        assert!(!overdue.may_be_deleted(b"key", &end, &now(9_999_999, 5 + AN_HOUR, "two")));
    }

    #[test]
    fn the_clocks_are_there() {
        let now = Now::read();
        assert!(now.wall > 1_700_000_000 && now.uptime > 0 && now.boot.len() == 36, "{now:?}");
    }
}
