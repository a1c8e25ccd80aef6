//! What people see: columns, colours, times, and labels that cannot play tricks with a terminal.

use std::io::IsTerminal;
use std::time::{Duration, SystemTime};

use claviger_client::steers;
use unicode_width::UnicodeWidthStr;

/// A table of columns as wide as their widest cell.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes a table with that head.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| plain(&cell)).collect());
    }

    /// Returns the lines, the head in bold on a terminal.
    pub(crate) fn lines(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell: &String| cell.width()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines: Vec<String> = self.rows.iter().map(line).collect();
        if let Some(head) = lines.first_mut() {
            *head = Colour::Bold.paint(head);
        }
        lines
    }
}

/// A list of names and values, one a line.
#[derive(Default)]
pub(crate) struct Facts {
    facts: Vec<(String, String)>,
}

impl Facts {
    /// Adds a fact.
    pub(crate) fn add(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.facts.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let width = self.facts.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        let line = |(name, value): &(String, String)| {
            format!("{}{}  {value}", Colour::Bold.paint(name), " ".repeat(width - name.width()))
        };
        self.facts.iter().map(line).collect()
    }
}

/// How something is set off on a terminal.
#[derive(Clone, Copy)]
pub(crate) enum Colour {
    /// Heads and names.
    Bold,
    /// Well.
    Green,
    /// To be looked at.
    Yellow,
    /// Not well.
    Red,
}

impl Colour {
    /// Returns the text in that colour, where standard output is a terminal and `NO_COLOR` is not set.
    pub(crate) fn paint(self, text: &str) -> String {
        let code = match self {
            Self::Bold => 1,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Red => 31,
        };
        if is_colourful() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn is_colourful() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns text without what steers a terminal or turns its direction.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if steers(letter) { '\u{fffd}' } else { letter }).collect()
}

/// Returns seconds since 1970 as a time in UTC.
pub(crate) fn time(seconds: i64) -> String {
    let time = u64::try_from(seconds)
        .ok()
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    time.map_or_else(|| format!("{seconds} s"), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// Returns a time in the future with how far away it is.
pub(crate) fn time_ahead(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_secs());
    match u64::try_from(seconds).ok().and_then(|then| then.checked_sub(now)) {
        Some(left) => {
            format!("{} (in {})", time(seconds), humantime::format_duration(Duration::from_secs(left)))
        }
        None => time(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Table, plain, time};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["id", "label"]);
        table.row(["00ff".to_owned(), "日本".to_owned()]);
        table.row(["1".to_owned(), String::new()]);
        assert_eq!(table.lines(), ["id    label", "00ff  日本", "1"]);
    }

    #[test]
    fn facts_stand_under_one_another() {
        let mut facts = Facts::default();
        facts.add("user", "alice").add("state", "active");
        assert_eq!(facts.lines(), ["user   alice", "state  active"]);
    }

    #[test]
    fn a_label_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[2Jb\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}c");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(time(-1), "-1 s");
    }
}
