//! Tables for people.

use std::fmt;
use std::time::{Duration, SystemTime};

/// Lines of columns, as wide as they must be. Without a line nothing is printed, not even the head.
pub(crate) struct Table<const COLUMNS: usize> {
    head: [&'static str; COLUMNS],
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(head: &[&'static str; COLUMNS]) -> Self {
        Self { head: *head, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, row: [String; COLUMNS]) {
        self.rows.push(row);
    }
}

impl<const COLUMNS: usize> fmt::Display for Table<COLUMNS> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        let head = self.head.map(str::to_owned);
        let lines = || std::iter::once(&head).chain(&self.rows);
        let width = |column: usize| lines().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
        for row in lines() {
            let cells = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}  "));
            writeln!(formatter, "{}", cells.collect::<String>().trim_end())?;
        }
        Ok(())
    }
}

/// Returns the day and time of that second since 1970, in UTC.
pub(crate) fn date(seconds: i64) -> String {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    // Years that have more than four digits are nobody's.
    SystemTime::UNIX_EPOCH
        .checked_add(since.min(LAST))
        .map(|time| humantime::format_rfc3339_seconds(time).to_string())
        .unwrap_or_default()
}

/// The end of the year 9999.
const LAST: Duration = Duration::from_secs(253_402_300_799);

#[cfg(test)]
mod tests {
    use super::{Table, date};

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let mut table = Table::new(&["A", "LONG"]);
        assert_eq!(table.to_string(), "");
        table.row(["wide".to_owned(), "x".to_owned()]);
        table.row([String::new(), "K\u{fc}che".to_owned()]);
        assert_eq!(table.to_string(), "A     LONG\nwide  x\n      K\u{fc}che\n");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(date(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(date(-1), "1970-01-01T00:00:00Z");
    }
}
