//! Holds the committed man page against the definition of the command line.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

#[test]
fn the_committed_page_is_what_the_command_line_says() {
    let fresh = tempfile::tempdir().expect("a folder");
    clap_mangen::generate_to(claviger_ssh_agent::cli::command(), fresh.path()).expect("a page");
    let committed = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/man"));
    let page = |folder: &Path| std::fs::read_to_string(folder.join("claviger-ssh-agent.1")).expect("a page");
    assert!(page(fresh.path()) == page(committed), "it differs: {MEND}");
}

const MEND: &str = "cargo run -q -p claviger-ssh-agent --example generate-docs -- docs";
