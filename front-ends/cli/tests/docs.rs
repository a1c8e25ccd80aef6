//! Holds the committed man pages and completions against the definition of the command line.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../examples/generate-docs/pages.rs"]
mod pages;

use std::collections::BTreeMap;
use std::path::Path;

fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut contents = BTreeMap::new();
    for part in ["man", "completions"] {
        for entry in std::fs::read_dir(folder.join(part)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            // Other programs have pages there too.
            let is_a_command = name.starts_with("claviger-")
                && !["claviger-prompter.1", "claviger-ssh-agent.1"].contains(&name.as_str());
            let is_the_phones =
                name.ends_with(".8") || (part == "completions" && name.contains("claviger-phone"));
            if !is_the_phones && (part == "completions" || name == "claviger.1" || is_a_command) {
                contents
                    .insert(format!("{part}/{name}"), std::fs::read_to_string(entry.path()).expect("text"));
            }
        }
    }
    contents
}

#[test]
fn the_committed_pages_are_what_the_command_line_says() {
    let fresh = tempfile::tempdir().expect("a folder");
    pages::write_all(fresh.path()).expect("pages");
    let committed = contents(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")));
    let fresh = contents(fresh.path());
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&committed), names(&fresh), "{MEND}");
    for (name, page) in fresh {
        assert!(committed[&name] == page, "{name} differs: {MEND}");
    }
}

const MEND: &str = "cargo run -q -p claviger --example generate-docs -- docs";
