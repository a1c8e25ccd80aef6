//! What a check found, and how it is told.

use serde_json::json;

use crate::cli::Global;
use crate::show::{Colour, Facts};
use crate::{Problem, files};

/// What a check found.
#[derive(Debug)]
pub(super) enum Finding {
    /// All is well: what was seen.
    Well(String),
    /// It works, but something could be better: what was seen, what to do.
    Notice(String, &'static str),
    /// It does not work: what was seen, what to mend.
    Broken(String, &'static str),
}

use Finding::{Broken, Notice, Well};

/// What was looked at, and what was found, in order.
pub(super) type Findings = Vec<(&'static str, Finding)>;

/// Tells them, for people or for scripts.
pub(super) fn report(global: &Global, findings: &Findings) -> Result<(), Problem> {
    let parts = |finding: &Finding| match finding {
        Well(seen) => ("well", seen.clone(), None),
        Notice(seen, advice) => ("notice", seen.clone(), Some(*advice)),
        Broken(seen, advice) => ("broken", seen.clone(), Some(*advice)),
    };
    if global.json {
        let checks = findings.iter().map(|(check, finding)| {
            let (state, seen, advice) = parts(finding);
            json!({ "check": check, "state": state, "seen": seen, "advice": advice })
        });
        return files::json(&checks.collect());
    }
    let mut facts = Facts::default();
    for (check, finding) in findings {
        let (state, seen, advice) = parts(finding);
        let colour = match finding {
            Well(_) => Colour::Green,
            Notice(..) => Colour::Yellow,
            Broken(..) => Colour::Red,
        };
        facts.add(check, format!("{}: {seen}", colour.paint(state)));
        if let Some(advice) = advice {
            facts.add("", format!("-> {advice}"));
        }
    }
    facts.lines().iter().try_for_each(|line| files::line(line))
}
