use std::collections::HashMap;

/// What each computer did since somebody last said yes to it: one yes that holds for a while lets a computer do so much that it
/// could push everything else out of the list. The first lines stand there one by one; then each hundredth, with the number of
/// those before it, so that the count is on the disk.
#[derive(Debug, Default)]
pub(super) struct Series(HashMap<String, Since>);

#[derive(Debug, Default)]
struct Since {
    lines: u64,
    left_out: u64,
}

impl Series {
    /// Somebody said yes: the lines are counted anew.
    pub(super) fn begin(&mut self, pairing: &str) {
        self.0.remove(pairing);
    }

    /// Counts one line. Returns false where it is left out.
    pub(super) fn take(&mut self, pairing: &str) -> bool {
        let since = self.0.entry(pairing.to_owned()).or_default();
        since.lines += 1;
        let is_listed = since.lines <= ONE_BY_ONE || since.lines.is_multiple_of(EACH);
        since.left_out += u64::from(!is_listed);
        is_listed
    }

    /// Returns how many lines were left out since this was asked last.
    pub(super) fn left_out(&mut self, pairing: &str) -> u64 {
        self.0.get_mut(pairing).map_or(0, |since| std::mem::take(&mut since.left_out))
    }
}

/// How many lines of one yes are listed one by one.
const ONE_BY_ONE: u64 = 1000;
/// Of how many of the further ones one is.
const EACH: u64 = 100;

#[cfg(test)]
mod tests {
    use super::Series;

    #[test]
    fn each_computer_has_a_count_of_its_own() {
        let mut series = Series::default();
        assert_eq!((0..1099).filter(|_| series.take("one")).count(), 1000);
        assert!(series.take("two"));
        assert_eq!((series.left_out("one"), series.left_out("one"), series.left_out("two")), (99, 0, 0));
        assert!(series.take("one"), "the eleven hundredth");
        assert!(!series.take("one"));
        series.begin("one");
        assert!(series.take("one"));
    }
}
