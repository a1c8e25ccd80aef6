//! All figures of a run, each by its name and round by round.

use std::collections::BTreeMap;

use crate::stats::{Load, Series};

/// The figures of a run. A name that was never noted gives an empty series: "not measured".
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<String, Series>);

impl Figures {
    /// Notes what this round gave.
    pub(crate) fn note(&mut self, name: impl Into<String>, figure: f64) {
        self.0.entry(name.into()).or_default().push(figure);
    }

    /// Notes a load of so many clients: `NAME/CLIENTS/p50`, `p99`, `rate` and `refused`.
    pub(crate) fn note_load(&mut self, name: &str, clients: usize, load: &Load) {
        let Load { p50, p99, rate, refused } = *load;
        for (what, figure) in [("p50", p50), ("p99", p99), ("rate", rate), ("refused", refused)] {
            self.note(format!("{name}/{clients}/{what}"), figure);
        }
    }

    /// Returns a figure's series.
    pub(crate) fn series(&self, name: &str) -> Series {
        self.0.get(name).cloned().unwrap_or_default()
    }
}
