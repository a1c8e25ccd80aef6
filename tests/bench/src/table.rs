//! Tables in Markdown that can be read on a terminal as well.

use std::fmt;

/// A table: a head and rows of the same width.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Begins one.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows[0].len();
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        (0..columns).map(|column| width(column).unwrap_or(0)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (number, row) in self.rows.iter().enumerate() {
            for (cell, &width) in row.iter().zip(&widths) {
                write!(out, "| {cell:width$} ")?;
            }
            writeln!(out, "|")?;
            if number == 0 {
                for &width in &widths {
                    write!(out, "| {:-<width$} ", "")?;
                }
                writeln!(out, "|")?;
            }
        }
        Ok(())
    }
}

/// A target of `performance.md`, for a figure or for a ratio.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// It must not be more.
    AtMost(f64),
    /// It must not be less.
    AtLeast(f64),
    /// There is none: for information.
    None,
}

impl Target {
    /// Says whether a figure meets it.
    pub(crate) fn verdict(self, figure: f64) -> &'static str {
        let met = match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
            Self::None => return "-",
        };
        match met {
            _ if figure.is_nan() => "not measured",
            true => "met",
            false => "missed",
        }
    }

    /// Writes it down, with a unit.
    pub(crate) fn text(self, unit: &str) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}{unit}"),
            Self::AtLeast(least) => format!(">= {least}{unit}"),
            Self::None => "-".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, Target};

    #[test]
    fn cells_stand_under_one_another() {
        let mut table = Table::new(&["what", "µs"]);
        table.row(["ping".to_owned(), "27.1".to_owned()]);
        assert_eq!(table.to_string(), "| what | µs   |\n| ---- | ---- |\n| ping | 27.1 |\n");
    }

    #[test]
    fn what_was_not_measured_meets_nothing() {
        assert_eq!(Target::AtMost(8.0).verdict(f64::NAN), "not measured");
        assert_eq!(Target::AtLeast(0.5).verdict(f64::NAN), "not measured");
        assert_eq!(Target::AtMost(8.0).verdict(8.0), "met");
        assert_eq!(Target::AtLeast(0.5).verdict(0.49), "missed");
    }
}
