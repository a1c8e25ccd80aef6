//! Holds `docs/acceptance.md` against the tests that ran and the figures that were taken.
//!
//! `acceptance LOG` reads the output of `cargo test --workspace`: every test named in the table must stand there as
//! passed. A test that is missing, ignored or failed, a line of the table without any test or figure, a figure that
//! `docs/figures.md` does not have: each is said, and the exit code is 1.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a test went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Ignored,
    Failed,
}

/// What does not hold.
#[derive(Debug, PartialEq, Eq)]
enum Gap {
    NothingNamed { line: usize },
    NoSuchTest { line: usize, test: String },
    NotPassed { line: usize, test: String, outcome: Outcome },
    NoSuchFigure { line: usize, figure: String },
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingNamed { line } => write!(formatter, "line {line}: no test and no figure holds this"),
            Self::NoSuchTest { line, test } => write!(formatter, "line {line}: no test {test} ran"),
            Self::NotPassed { line, test, outcome } => {
                write!(formatter, "line {line}: the test {test} has {outcome:?}")
            }
            Self::NoSuchFigure { line, figure } => {
                write!(formatter, "line {line}: docs/figures.md has no heading or row {figure:?}")
            }
        }
    }
}

fn main() -> ExitCode {
    let Some(log) = std::env::args().nth(1) else {
        eprintln!("usage: acceptance LOG, the output of `cargo test --workspace`");
        return ExitCode::from(2);
    };
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let files = [log.into(), docs.join("acceptance.md"), docs.join("figures.md")];
    let read =
        |path: &PathBuf| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let texts: Result<Vec<String>, String> = files.iter().map(read).collect();
    let [log, table, figures] = match texts.as_deref() {
        Ok([log, table, figures]) => [log, table, figures],
        Ok(_) => unreachable!("three files give three texts"),
        Err(error) => return fail(&[format!("cannot read {error}")]),
    };
    let (rows, gaps) = check(table, &outcomes(log), figures);
    if rows == 0 {
        return fail(&["docs/acceptance.md has no table".to_owned()]);
    }
    println!("{rows} requirements, {} gaps", gaps.len());
    if gaps.is_empty() { ExitCode::SUCCESS } else { fail(&gaps) }
}

fn fail(lines: &[impl fmt::Display]) -> ExitCode {
    for line in lines {
        eprintln!("docs/acceptance.md: {line}");
    }
    ExitCode::FAILURE
}

/// Returns how every test in the output of `cargo test` went, by `crate::module::test`.
fn outcomes(log: &str) -> BTreeMap<String, Outcome> {
    let mut of_crate = "";
    let mut outcomes = BTreeMap::new();
    for line in log.lines() {
        let line = line.trim();
        // "Running unittests src/lib.rs (target/debug/deps/claviger_core-0123456789abcdef)"
        if let Some(program) = line.strip_prefix("Running ").and_then(|rest| rest.rsplit_once('/')) {
            of_crate = program.1.rsplit_once('-').map_or(program.1, |(name, _)| name);
        } else if let Some(package) = line.strip_prefix("Doc-tests ") {
            of_crate = package;
        } else if let Some((name, outcome)) =
            line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... "))
        {
            let outcome = match outcome {
                "ok" => Outcome::Passed,
                ignored if ignored.starts_with("ignored") => Outcome::Ignored,
                _ => Outcome::Failed,
            };
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            outcomes.insert(format!("{of_crate}::{name}"), outcome);
        }
    }
    outcomes
}

/// Returns how many requirements the table has, and what does not hold.
fn check(table: &str, outcomes: &BTreeMap<String, Outcome>, figures: &str) -> (usize, Vec<Gap>) {
    let figures: BTreeSet<&str> = figures.lines().filter_map(figure_name).collect();
    let (mut rows, mut gaps) = (0, Vec::new());
    for (number, line) in table.lines().enumerate() {
        let Some(held_by) = held_by(line) else { continue };
        let line = number + 1;
        rows += 1;
        let named: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            gaps.push(Gap::NothingNamed { line });
        }
        for name in named {
            match (name.strip_prefix("figure: "), outcomes.get(name)) {
                (Some(figure), _) if figures.contains(figure) => {}
                (Some(figure), _) => gaps.push(Gap::NoSuchFigure { line, figure: figure.to_owned() }),
                (None, Some(Outcome::Passed)) => {}
                (None, Some(outcome)) => {
                    gaps.push(Gap::NotPassed { line, test: name.to_owned(), outcome: *outcome });
                }
                (None, None) => gaps.push(Gap::NoSuchTest { line, test: name.to_owned() }),
            }
        }
    }
    (rows, gaps)
}

/// Returns the last cell of a row of the table: what holds the requirement.
fn held_by(line: &str) -> Option<&str> {
    let mut cells = line.trim().strip_prefix('|')?.strip_suffix('|')?.rsplit('|').map(str::trim);
    let last = cells.next()?;
    let heading = last == "held by" || last.chars().all(|letter| letter == '-' || letter == ':');
    (cells.next().is_some() && !heading).then_some(last)
}

/// Returns the first cell of a row of figures.
fn figure_name(line: &str) -> Option<&str> {
    line.trim().strip_prefix('|')?.split('|').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::{Gap, Outcome, check, outcomes};

    const LOG: &str = "\
     Running unittests src/lib.rs (target/debug/deps/claviger_core-0123456789abcdef)

running 3 tests
test guesses::tests::three_are_free ... ok
test plan::tests::table ... FAILED
test slow ... ignored, takes long
     Running tests/scenarios/main.rs (target/debug/deps/scenarios-fedcba9876543210)
test privacy::foreign ... ok
";
    const FIGURES: &str = "| what | figure |\n| --- | --- |\n| D-Bus Sign | 91 us |\n";

    fn gaps(row: &str) -> Vec<Gap> {
        let table = format!("| requirement | held by |\n| --- | --- |\n{row}\n");
        let (rows, gaps) = check(&table, &outcomes(LOG), FIGURES);
        assert_eq!(rows, 1);
        gaps
    }

    #[test]
    fn a_row_whose_tests_passed_and_whose_figures_were_taken_holds() {
        let row = "| a | `claviger_core::guesses::tests::three_are_free`, `scenarios::privacy::foreign`, `figure: D-Bus Sign` |";
        assert_eq!(gaps(row), []);
    }

    #[test]
    fn a_missing_ignored_or_failed_test_is_a_gap() {
        let test = |name: &str| name.to_owned();
        assert_eq!(
            gaps("| a | `scenarios::none` |"),
            [Gap::NoSuchTest { line: 3, test: test("scenarios::none") }]
        );
        let cases = [
            ("claviger_core::slow", Outcome::Ignored),
            ("claviger_core::plan::tests::table", Outcome::Failed),
        ];
        for (name, outcome) in cases {
            let expected = [Gap::NotPassed { line: 3, test: test(name), outcome }];
            assert_eq!(gaps(&format!("| a | `{name}` |")), expected);
        }
    }

    #[test]
    fn a_row_without_anything_or_with_a_figure_that_was_not_taken_is_a_gap() {
        assert_eq!(gaps("| a | later |"), [Gap::NothingNamed { line: 3 }]);
        let expected = [Gap::NoSuchFigure { line: 3, figure: "Speed".to_owned() }];
        assert_eq!(gaps("| a | `figure: Speed` |"), expected);
    }
}
