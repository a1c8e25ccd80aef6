//! Suspend and resume: real for logind and everybody who listens to it, and nothing for the hardware.
//!
//! The guest's `/sys` is a file system in memory where nspawn shows only a few folders of the kernel's. A made-up
//! `/sys/power` in it makes logind believe that there is something to suspend; what systemd writes there goes nowhere.

use crate::lab::guest::Guest;

impl Guest {
    /// Makes the guest one that can sleep.
    pub(super) async fn make_sleepy(&self) {
        self.write("/usr/lib/systemd/system-sleep/lab", 0o755, HOOK);
        self.run(MAKE_POWER).await.ok();
    }

    /// Suspends the guest: logind tells everybody, waits for those who asked for a delay, and suspends. Returns when
    /// that is done; programs are not stopped. Only where the plan says so, see [`super::Plan::sleepy`].
    pub async fn fall_asleep(&self) {
        self.run("systemctl suspend && cat /run/claviger-lab/asleep").await.ok();
    }

    /// Wakes it up, and returns when logind has told everybody.
    pub async fn wake_up(&self) {
        self.run("echo >/run/claviger-lab/wake").await.ok();
        self.until(
            "busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager \
             PreparingForSleep | grep -qx 'b false'",
        )
        .await;
    }
}

/// systemd-sleep runs it before the machine sleeps and after. It says that the machine sleeps, and sleeps for it.
const HOOK: &str = "#!/bin/sh
[ \"$1\" = pre ] || exit 0
echo asleep >/run/claviger-lab/asleep
read -r _ </run/claviger-lab/wake
";

/// nspawn's `/sys` must be none of the kernel's, or else it would be the host that sleeps. logind has a view of its own
/// of it, which it takes when it starts.
const MAKE_POWER: &str = "set -e
[ \"$(findmnt --noheadings --output FSTYPE --mountpoint /sys)\" = tmpfs ]
mkdir /run/claviger-lab
mkfifo /run/claviger-lab/asleep /run/claviger-lab/wake
mount -o remount,rw /sys
mkdir /sys/power
echo mem >/sys/power/state
echo '[deep]' >/sys/power/mem_sleep
systemctl restart systemd-logind";
