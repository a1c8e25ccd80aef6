use std::time::{Duration, Instant};

use claviger_token::Presence::{Present, Removed, Unreachable};

use super::{Change, Limits, Watch};
use crate::Why;

const LIMITS: Limits = Limits { lost: Duration::from_secs(6), grace: Duration::from_secs(15) };

/// A watch and its beginning; times are seconds from there.
struct Case {
    watch: Watch,
    start: Instant,
}

/// What happens to a phone, at a second.
enum Input {
    Heard,
    Sends,
    Pauses(u64),
    Leaves,
    OurSide(bool),
    Sleep,
    Wake,
    Stalled,
    Tick,
}

use Input::{Heard, Leaves, OurSide, Pauses, Sends, Sleep, Stalled, Tick, Wake};

impl Case {
    /// A phone that is there, on links that work.
    fn present() -> Self {
        let mut case = Self::begun();
        case.run(&[(0, OurSide(true)), (0, Heard)]);
        case
    }

    fn begun() -> Self {
        let start = Instant::now();
        Self { watch: Watch::new(LIMITS, start), start }
    }

    fn at(&self, second: u64) -> Instant {
        self.start + Duration::from_secs(second)
    }

    /// Takes all of it in, ticking whenever that is due before, and returns what followed, with the second.
    fn run(&mut self, inputs: &[(u64, Input)]) -> Vec<(u64, Change)> {
        let mut followed = Vec::new();
        for (second, input) in inputs {
            let now = self.at(*second);
            while let Some(due) = self.watch.next_tick().filter(|due| *due < now) {
                let changes = self.watch.tick(due);
                assert!(
                    !changes.is_empty() || self.watch.next_tick() != Some(due),
                    "a tick that does nothing"
                );
                followed.extend(changes.into_iter().map(|change| ((due - self.start).as_secs(), change)));
            }
            let changes = match input {
                Heard => self.watch.hear(now),
                Sends => {
                    self.watch.send(now);
                    Vec::new()
                }
                Pauses(seconds) => self.watch.pause(now, Duration::from_secs(*seconds)),
                Leaves => self.watch.leave(now, Why::Bye("off".into())),
                OurSide(works) => self.watch.listen(now, *works),
                Sleep => self.watch.sleep(),
                Wake => {
                    self.watch.wake(now);
                    Vec::new()
                }
                Stalled => self.watch.stall(now),
                Tick => self.watch.tick(now),
            };
            followed.extend(changes.into_iter().map(|change| (*second, change)));
        }
        followed
    }

    fn missing(&self, second: u64) -> Change {
        Change::Missing(self.at(second))
    }
}

fn silent() -> Change {
    Change::Presence(Unreachable, Why::Silent(Duration::from_secs(6)))
}

fn missed() -> Change {
    Change::Presence(Removed, Why::Missed(Duration::from_secs(21)))
}

fn answers() -> Change {
    Change::Presence(Present, Why::Answers)
}

#[test]
fn a_phone_that_falls_silent_is_unreachable_then_missed_then_removed() {
    let mut case = Case::present();
    let followed = case.run(&[(2, Heard), (5, Tick), (60, Tick)]);
    assert_eq!(followed, [(8, silent()), (8, case.missing(23)), (23, missed())]);
    assert_eq!(case.watch.next_tick(), None);
}

#[test]
fn a_phone_that_is_heard_again_within_the_grace_is_back() {
    let mut case = Case::present();
    let followed = case.run(&[(20, Heard), (24, Heard)]);
    assert_eq!(followed, [(6, silent()), (6, case.missing(21)), (20, Change::Back), (20, answers())]);
}

#[test]
fn a_removed_phone_that_is_heard_is_present() {
    let mut case = Case::present();
    let followed = case.run(&[(30, Heard)]);
    assert_eq!(followed.last(), Some(&(30, answers())));
    assert_eq!(case.watch.presence(), Present);
}

#[test]
fn a_good_bye_removes_at_once() {
    let mut case = Case::present();
    let followed = case.run(&[(1, Pauses(100)), (2, Leaves)]);
    assert_eq!(followed, [(2, Change::Presence(Removed, Why::Bye("off".into())))]);
}

#[test]
fn a_good_bye_within_the_grace_is_not_told_as_a_return() {
    let mut case = Case::present();
    let followed = case.run(&[(10, Leaves)]);
    let bye = Change::Presence(Removed, Why::Bye("off".into()));
    assert_eq!(followed, [(6, silent()), (6, case.missing(21)), (10, bye)]);
}

#[test]
fn ten_flaps_in_a_minute_end_nothing() {
    let mut case = Case::present();
    // The link breaks and is made again; each time the phone is heard a moment before the time is over.
    let flaps: Vec<_> = (1..=10).map(|flap| (flap * 5, Heard)).collect();
    assert_eq!(case.run(&flaps), []);
}

#[test]
fn while_our_own_side_is_down_nobody_is_removed() {
    let mut case = Case::present();
    let followed = case.run(&[(1, OurSide(false)), (10_000, Tick)]);
    assert_eq!(followed, [(6, silent())]);
}

#[test]
fn absence_counts_anew_when_our_own_side_is_back() {
    let mut case = Case::present();
    let followed = case.run(&[(1, OurSide(false)), (100, OurSide(true)), (105, OurSide(true)), (200, Tick)]);
    assert_eq!(followed, [(6, silent()), (106, case.missing(121)), (121, missed())]);
}

#[test]
fn the_notice_is_withdrawn_when_our_own_side_goes_down() {
    let mut case = Case::present();
    let followed = case.run(&[(10, OurSide(false)), (1000, Tick)]);
    assert_eq!(followed, [(6, silent()), (6, case.missing(21)), (10, Change::Back)]);
    assert_eq!(case.watch.presence(), Unreachable);
}

#[test]
fn a_phone_that_answers_is_present_even_while_our_own_side_seems_down() {
    // bluetoothd was killed: the connection that the kernel holds lives on.
    let mut case = Case::present();
    let inputs: Vec<_> =
        [(1, OurSide(false))].into_iter().chain((1..60).map(|second| (second, Heard))).collect();
    assert_eq!(case.run(&inputs), []);
}

#[test]
fn an_announced_pause_extends_and_is_bounded() {
    for (announced, lost) in [(30, 36), (120, 126), (100_000, 126)] {
        let mut case = Case::present();
        let followed = case.run(&[(0, Pauses(announced)), (lost, Tick)]);
        assert_eq!(followed, [(lost, silent()), (lost, case.missing(lost + 15))], "{announced} s");
    }
}

#[test]
fn after_a_pause_the_heartbeat_does_not_shorten_the_time_again() {
    let mut case = Case::present();
    let followed = case.run(&[(0, Pauses(60)), (1, Heard), (65, Tick)]);
    assert_eq!(followed, []);
}

#[test]
fn sleeping_proves_nothing_and_waking_gives_the_full_time() {
    let mut case = Case::present();
    let followed = case.run(&[(1, Sleep), (100, Wake), (130, Tick)]);
    assert_eq!(followed, [(6, silent()), (106, case.missing(121)), (121, missed())]);
}

#[test]
fn after_a_start_the_phone_has_its_full_time_from_when_it_could_be_heard() {
    let mut case = Case::begun();
    assert_eq!(case.run(&[(50, Tick)]), []);
    let followed = case.run(&[(50, OurSide(true)), (100, Tick)]);
    assert_eq!(followed, [(56, case.missing(71)), (71, missed())]);
}

#[test]
fn a_long_message_that_moves_keeps_a_present_phone_and_brings_none_back() {
    let mut case = Case::present();
    assert_eq!(case.run(&[(5, Sends), (10, Sends), (15, Heard)]), []);
    let followed = case.run(&[(25, Sends), (40, Tick)]);
    assert_eq!(followed, [(21, silent()), (21, case.missing(36)), (36, missed())]);
}

#[test]
fn a_tick_that_comes_late_removes_nobody_without_notice() {
    let mut case = Case::present();
    let at = case.at(22);
    assert_eq!(case.watch.tick(at), [silent(), case.missing(37)]);
    let followed = case.run(&[(100, Tick)]);
    assert_eq!(followed, [(37, missed())]);
}

#[test]
fn while_this_process_stood_still_nothing_counted() {
    let mut case = Case::present();
    let at = case.at(60);
    assert_eq!(case.watch.stall(at), []);
    assert_eq!(case.watch.tick(at), []);
    let followed = case.run(&[(100, Tick)]);
    assert_eq!(followed, [(66, silent()), (66, case.missing(81)), (81, missed())]);
}

#[test]
fn the_notice_is_withdrawn_when_this_process_stood_still() {
    let mut case = Case::present();
    let followed = case.run(&[(10, Stalled), (100, Tick)]);
    let expected = [(6, silent()), (6, case.missing(21)), (10, Change::Back), (16, case.missing(31))];
    assert_eq!(followed, [&expected[..], &[(31, missed())]].concat());
    assert!(!case.watch.is_counting());
}

#[test]
fn who_misses_a_removed_phone_is_told() {
    let mut case = Case::present();
    assert_eq!(case.watch.expect(), []);
    case.run(&[(1, Leaves)]);
    assert_eq!(case.watch.expect(), [Change::Presence(Removed, Why::Known)]);
}
