//! Holds `docs/acceptance.md` against the tests that ran and the figures that were taken.
//!
//! `acceptance LOG` reads the output of `cargo test --workspace`: every test named in the table must stand there as
//! passed. A test that is missing, ignored or failed, a line of the table without anything that holds it, a figure
//! that `docs/figures.md` does not have or that was not measured, a step that `tests/scripts/check.sh` does not
//! take, a file that is not there: each is said, and the exit code is 1.

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

/// What is there to hold requirements.
struct Evidence {
    tests: BTreeMap<String, Outcome>,
    figures: BTreeSet<String>,
    steps: BTreeSet<String>,
    root: PathBuf,
}

/// What does not hold, and in which line of the table.
#[derive(Debug, PartialEq, Eq)]
enum Gap {
    NothingNamed,
    NoSuchTest(String),
    NotPassed(String, Outcome),
    NoSuchFigure(String),
    NoSuchStep(String),
    NoSuchFile(String),
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingNamed => formatter.write_str("nothing holds this"),
            Self::NoSuchTest(test) => write!(formatter, "no test {test} ran"),
            Self::NotPassed(test, outcome) => write!(formatter, "the test {test} has {outcome:?}"),
            Self::NoSuchFigure(figure) => write!(formatter, "docs/figures.md has not measured {figure:?}"),
            Self::NoSuchStep(step) => write!(formatter, "tests/scripts/check.sh has no step {step:?}"),
            Self::NoSuchFile(file) => write!(formatter, "there is no {file}"),
        }
    }
}

fn main() -> ExitCode {
    let Some(log) = std::env::args().nth(1) else {
        eprintln!("usage: acceptance LOG, the output of `cargo test --workspace`");
        return ExitCode::from(2);
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match examine(Path::new(&log), root) {
        Ok((0, _)) => fail(&["docs/acceptance.md has no table"]),
        Ok((rows, gaps)) => {
            println!("{rows} requirements, {} gaps", gaps.len());
            if gaps.is_empty() { ExitCode::SUCCESS } else { fail(&gaps) }
        }
        Err(error) => fail(&[error]),
    }
}

/// Reads everything, and returns how many requirements there are and what does not hold.
fn examine(log: &Path, root: PathBuf) -> Result<(usize, Vec<String>), String> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let tests = outcomes(&read(log)?);
    let figures = read(&root.join("docs/figures.md"))?.lines().filter_map(figure).collect();
    let steps = read(&root.join("tests/scripts/check.sh"))?.lines().filter_map(step).collect();
    let table = read(&root.join("docs/acceptance.md"))?;
    Ok(check(&table, &Evidence { tests, figures, steps, root }))
}

fn fail(lines: &[impl fmt::Display]) -> ExitCode {
    for line in lines {
        eprintln!("{line}");
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
fn check(table: &str, evidence: &Evidence) -> (usize, Vec<String>) {
    let (mut rows, mut gaps) = (0, Vec::new());
    for (number, line) in table.lines().enumerate() {
        let Some(held_by) = held_by(line) else { continue };
        rows += 1;
        let named: Vec<&str> = held_by.split('`').skip(1).step_by(2).collect();
        let missing = named.iter().filter_map(|name| evidence.gap(name));
        let none = named.is_empty().then_some(Gap::NothingNamed);
        let place = format!("docs/acceptance.md:{}", number + 1);
        gaps.extend(missing.chain(none).map(|gap| format!("{place}: {gap}")));
    }
    (rows, gaps)
}

impl Evidence {
    /// Returns what is wrong with a name of the table, if anything.
    fn gap(&self, name: &str) -> Option<Gap> {
        let unless = |there: bool, gap: fn(String) -> Gap, name: &str| (!there).then(|| gap(name.to_owned()));
        match name.split_once(": ") {
            Some(("figure", figure)) => unless(self.figures.contains(figure), Gap::NoSuchFigure, figure),
            Some(("check", step)) => unless(self.steps.contains(step), Gap::NoSuchStep, step),
            Some(("file", file)) => unless(self.root.join(file).exists(), Gap::NoSuchFile, file),
            _ => match self.tests.get(name) {
                Some(Outcome::Passed) => None,
                Some(outcome) => Some(Gap::NotPassed(name.to_owned(), *outcome)),
                None => Some(Gap::NoSuchTest(name.to_owned())),
            },
        }
    }
}

/// Returns the last cell of a row of the table: what holds the requirement.
fn held_by(line: &str) -> Option<&str> {
    let mut cells = line.trim().strip_prefix('|')?.strip_suffix('|')?.rsplit('|').map(str::trim);
    let last = cells.next()?;
    let heading = last == "held by" || last.chars().all(|letter| letter == '-' || letter == ':');
    (cells.next().is_some() && !heading).then_some(last)
}

/// Returns what a row of figures is about, where it was measured.
fn figure(line: &str) -> Option<String> {
    let row = line.trim().strip_prefix('|')?;
    (!row.contains("not measured")).then(|| row.split('|').next().unwrap_or_default().trim().to_owned())
}

/// Returns the name of a step: `step "name" command`.
fn step(line: &str) -> Option<String> {
    line.strip_prefix("step \"")?.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::{Evidence, check, figure, outcomes, step};

    const LOG: &str = "\
     Running unittests src/lib.rs (target/debug/deps/claviger_core-0123456789abcdef)

running 3 tests
test guesses::tests::three_are_free ... ok
test plan::tests::table ... FAILED
test slow ... ignored, takes long
     Running tests/scenarios/main.rs (target/debug/deps/scenarios-fedcba9876543210)
test privacy::foreign ... ok
";
    const FIGURES: &str =
        "| what | figure |\n| --- | --- |\n| D-Bus Sign | 91 us |\n| Digest | - | not measured |\n";
    const STEPS: &str = "# step \"none\" true\nstep \"lints\" cargo clippy\n";

    fn gaps(row: &str) -> Vec<String> {
        let evidence = Evidence {
            tests: outcomes(LOG),
            figures: FIGURES.lines().filter_map(figure).collect(),
            steps: STEPS.lines().filter_map(step).collect(),
            root: env!("CARGO_MANIFEST_DIR").into(),
        };
        let (rows, gaps) = check(&format!("| requirement | held by |\n| --- | --- |\n{row}\n"), &evidence);
        assert_eq!(rows, 1);
        gaps
    }

    #[test]
    fn a_row_holds_whose_tests_passed_and_whose_figures_steps_and_files_are_there() {
        let tests = "`claviger_core::guesses::tests::three_are_free`, `scenarios::privacy::foreign`";
        let others = "`figure: D-Bus Sign`, `check: lints`, `file: Cargo.toml`";
        assert_eq!(gaps(&format!("| a | {tests}, {others} |")), Vec::<String>::new());
    }

    #[test]
    fn a_missing_ignored_or_failed_test_is_a_gap() {
        let place = "docs/acceptance.md:3:";
        assert_eq!(gaps("| a | `scenarios::none` |"), [format!("{place} no test scenarios::none ran")]);
        let ignored = format!("{place} the test claviger_core::slow has Ignored");
        assert_eq!(gaps("| a | `claviger_core::slow` |"), [ignored]);
        let failed = format!("{place} the test claviger_core::plan::tests::table has Failed");
        assert_eq!(gaps("| a | `claviger_core::plan::tests::table` |"), [failed]);
    }

    #[test]
    fn a_row_that_nothing_holds_is_a_gap() {
        for row in [
            "| a | later |",
            "| a | `figure: Speed` |",
            "| a | `figure: Digest` |",
            "| a | `check: none` |",
            "| a | `file: none.md` |",
        ] {
            assert_eq!(gaps(row).len(), 1, "{row}");
        }
    }
}
