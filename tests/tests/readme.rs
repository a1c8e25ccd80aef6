//! The README's first screen is what `make demo` really prints, step by step and word for word, but for what differs
//! from run to run.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The README shows the demo's titles and commands in their order; the demo's script has them all.
#[test]
fn the_first_screen_shows_what_the_demo_prints() {
    let (readme, script) = (text("README.md"), text("tests/scripts/demo.sh"));
    let first_screen: Vec<&str> = readme.lines().take(90).collect();
    let shown = |line: &str| first_screen.iter().position(|there| there.trim() == line);
    let titles: Vec<String> = script
        .lines()
        .filter_map(|line| line.strip_prefix("step \""))
        .map(|rest| format!("== {}", rest.trim_end_matches('"')))
        .collect();
    assert!(titles.len() >= 6, "the demo has steps: {titles:?}");
    let places: Vec<_> = titles.iter().filter_map(|title| shown(title)).collect();
    assert!(places.len() >= 4, "the first screen shows the demo's steps, at least four of {titles:?}");
    assert!(places.is_sorted(), "and in their order");
    let verified = first_screen.iter().filter(|line| line.trim() == "Verified OK").count();
    assert_eq!(verified, 5, "openssl's own words, for each signature");
    for command in ["show openssl dgst -sha256 -verify p256.pem", "show claviger sign --key demo-rsa"] {
        let line = script.lines().find(|line| line.starts_with(command)).expect("the demo does that");
        let printed = line.replacen("show ", "$ ", 1);
        assert!(shown(&printed).is_some(), "the first screen shows: {printed}");
    }
}
