/// Wrong guesses at a secret, and how long they make one wait.
///
/// The count is written down *before* a guess is checked, so that killing the daemon in between gains nothing;
/// a right guess sets it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guesses {
    /// How many guesses have failed in a row, the one under way included.
    pub failed: u32,
    /// When the last one was made, seconds since 1970.
    pub last: i64,
}

impl Guesses {
    /// Returns these guesses with one more, made at `now`; or the whole seconds to wait before it may be made.
    pub fn attempt(self, now: i64) -> Result<Self, u32> {
        match self.wait(now) {
            0 => Ok(Self { failed: self.failed.saturating_add(1), last: now }),
            seconds => Err(seconds),
        }
    }

    /// Returns the seconds from `now` until the next guess may be made; 0 is at once.
    ///
    /// A clock that was set back cannot lengthen the wait beyond the delay itself.
    pub fn wait(self, now: i64) -> u32 {
        let delay = self.delay();
        let passed = now.saturating_sub(self.last).max(0);
        u32::try_from(i64::from(delay).saturating_sub(passed)).unwrap_or(0).min(delay)
    }

    /// Returns the seconds that must lie between the last guess and the next: none for the first three, then
    /// 1, 2, 4 … up to an hour.
    const fn delay(self) -> u32 {
        match self.failed {
            0..FREE => 0,
            failed if failed - FREE < 12 => {
                let delay = 1 << (failed - FREE);
                if delay < LONGEST { delay } else { LONGEST }
            }
            _ => LONGEST,
        }
    }
}

/// Guesses before there is any delay: people mistype.
const FREE: u32 = 3;
/// The longest delay in seconds.
const LONGEST: u32 = 3600;

#[cfg(test)]
mod tests {
    use super::Guesses;

    #[test]
    fn three_guesses_are_free_and_then_the_wait_doubles_up_to_an_hour() {
        let mut guesses = Guesses::default();
        let mut now = 1_000_000;
        let mut waits = Vec::new();
        for _ in 0..20 {
            let wait = guesses.wait(now);
            waits.push(wait);
            now += i64::from(wait);
            guesses = guesses.attempt(now).expect("one has waited");
        }
        assert_eq!(waits[..8], [0, 0, 0, 1, 2, 4, 8, 16]);
        assert_eq!(waits[15..], [3600; 5]);
    }

    #[test]
    fn a_guess_too_early_is_refused_and_changes_nothing() {
        let guesses = Guesses { failed: 5, last: 100 };
        assert_eq!(guesses.attempt(101), Err(3));
        assert_eq!(guesses.attempt(104), Ok(Guesses { failed: 6, last: 104 }));
    }

    #[test]
    fn a_clock_that_was_set_back_waits_no_longer_than_the_delay() {
        let guesses = Guesses { failed: 4, last: i64::MAX };
        assert_eq!(guesses.wait(0), 2);
        assert_eq!(guesses.wait(i64::MIN), 2);
    }
}
