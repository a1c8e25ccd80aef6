use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zbus::runtime::IoSource;

/// Somebody waits.
pub(super) struct Wait {
    pub(super) owner: u64,
    pub(super) until: Until,
    pub(super) waker: Waker,
}

/// For what somebody waits.
#[derive(Clone)]
pub(super) enum Until {
    Readable(IoSource),
    Writable(IoSource),
    Time(Instant),
}

impl Until {
    pub(super) const fn time(&self) -> Option<Instant> {
        match self {
            Self::Time(time) => Some(*time),
            Self::Readable(_) | Self::Writable(_) => None,
        }
    }

    /// Returns true where both wait for the same kind of thing; whose it is has been compared.
    pub(super) const fn is_like(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (Self::Readable(_), Self::Readable(_))
                | (Self::Writable(_), Self::Writable(_))
                | (Self::Time(_), Self::Time(_))
        )
    }
}

/// Waits that long for what has a descriptor, and returns those whose time or event has come.
pub(super) fn came(waits: &[(u64, Until)], left: Duration) -> Vec<(u64, Until)> {
    let with_descriptor: Vec<_> = waits.iter().filter(|(_, until)| until.time().is_none()).collect();
    let mut polled: Vec<PollFd<'_>> = with_descriptor
        .iter()
        .filter_map(|(_, until)| match until {
            Until::Readable(source) => Some(PollFd::new(source, PollFlags::IN)),
            Until::Writable(source) => Some(PollFd::new(source, PollFlags::OUT)),
            Until::Time(_) => None,
        })
        .collect();
    let left = Timespec::try_from(left).ok();
    // A signal of the host program's ends it early; the caller comes again.
    let found = poll(&mut polled, left.as_ref()).unwrap_or(0) > 0;
    let now = Instant::now();
    let events = polled.iter().map(|polled| found && !polled.revents().is_empty());
    let came = with_descriptor.iter().zip(events).filter(|(_, came)| *came).map(|(wait, _)| (*wait).clone());
    let late = waits.iter().filter(|(_, until)| until.time().is_some_and(|time| time <= now)).cloned();
    came.chain(late).collect()
}
