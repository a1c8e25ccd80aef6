use std::time::{Duration, Instant};

/// When a link is tried next.
///
/// Opening a file or a socket costs nothing: once a second. Paging over the radio costs both ends' batteries: once a second
/// for two minutes after the phone was there, for it may come back any moment, then more and more seldom.
pub(crate) struct BackOff {
    radio: bool,
    /// Until when it is tried eagerly.
    eager: Instant,
    pause: Duration,
    due: Instant,
}

impl BackOff {
    /// Begins; the first try is due.
    pub(crate) fn new(radio: bool, now: Instant) -> Self {
        Self { radio, eager: now + EAGER, pause: SHORTEST, due: now }
    }

    /// Returns when the next try is due.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// Takes in that a try that ended now came to nothing.
    pub(crate) fn fail(&mut self, now: Instant) {
        if self.radio && now >= self.eager {
            self.pause = (self.pause * 2).min(LONGEST);
        }
        self.due = now + self.pause;
    }

    /// Takes in that a connection was lost: it is made again at once, unless it did not last.
    pub(crate) fn cut(&mut self, now: Instant, made: Instant) {
        self.eager = now + EAGER;
        self.pause = SHORTEST;
        self.due = now.max(made + SHORTEST);
    }

    /// Takes in that somebody waits for the phone.
    pub(crate) fn nudge(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }
}

/// How long a link over the radio is tried eagerly.
const EAGER: Duration = Duration::from_secs(120);
/// The pause between two tries.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails for `seconds` and returns the pauses, in seconds.
    fn pauses(back_off: &mut BackOff, start: Instant, seconds: u64) -> Vec<u64> {
        let (mut now, mut pauses) = (start, Vec::new());
        while now < start + Duration::from_secs(seconds) {
            back_off.fail(now);
            pauses.push((back_off.due() - now).as_secs());
            now = back_off.due();
        }
        pauses
    }

    #[test]
    fn a_wire_is_tried_every_second_for_ever() {
        let start = Instant::now();
        let mut back_off = BackOff::new(false, start);
        assert_eq!(back_off.due(), start);
        assert!(pauses(&mut back_off, start, 1000).iter().all(|pause| *pause == 1));
    }

    #[test]
    fn the_radio_is_tried_eagerly_for_two_minutes_then_seldom() {
        let start = Instant::now();
        let pauses = pauses(&mut BackOff::new(true, start), start, 400);
        assert!(pauses[..120].iter().all(|pause| *pause == 1));
        assert_eq!(pauses[120..127], [2, 4, 8, 16, 30, 30, 30]);
    }

    #[test]
    fn a_cut_makes_it_eager_again_and_is_mended_at_once() {
        let start = Instant::now();
        let mut back_off = BackOff::new(true, start);
        pauses(&mut back_off, start, 400);
        let now = start + Duration::from_secs(1000);
        back_off.cut(now, start + Duration::from_secs(500));
        assert_eq!(back_off.due(), now);
        assert!(pauses(&mut back_off, now, 100).iter().all(|pause| *pause == 1));
    }

    #[test]
    fn a_connection_that_did_not_last_is_not_made_again_at_once() {
        let now = Instant::now();
        let mut back_off = BackOff::new(true, now);
        back_off.cut(now, now);
        assert_eq!(back_off.due(), now + Duration::from_secs(1));
    }

    #[test]
    fn a_nudge_dials_at_once() {
        let start = Instant::now();
        let mut back_off = BackOff::new(true, start);
        pauses(&mut back_off, start, 400);
        let now = start + Duration::from_secs(401);
        back_off.nudge(now);
        assert!(back_off.due() <= now);
    }
}
