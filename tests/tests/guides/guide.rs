//! The guides, as they stand in `docs/guides`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides")
}

/// Returns the names of all guides, without what comes after the point.
pub(crate) fn names() -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// Returns the lines for the shell of a guide, block by block, each with the heading that it stands below.
pub(crate) fn blocks(guide: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder().join(format!("{guide}.md"))).unwrap();
    let mut lines = text.lines();
    let (mut blocks, mut heading) = (Vec::new(), String::new());
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let content: String =
                lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
            match kind {
                "sh" => blocks.push((heading.clone(), content)),
                // What is to be read, and not to be typed here.
                "text" => {}
                other => panic!("{guide}: neither for the shell nor to be read: {other:?}: {content}"),
            }
        } else if let Some(title) = line.strip_prefix('#') {
            title.trim_start_matches('#').trim().clone_into(&mut heading);
        }
    }
    blocks
}

/// Returns the lines below a heading, block by block.
pub(crate) fn section(guide: &str, wanted: &str) -> Vec<String> {
    let blocks = blocks(guide).into_iter().filter(|(heading, _)| heading == wanted);
    let blocks: Vec<_> = blocks.map(|(_, lines)| lines).collect();
    assert!(!blocks.is_empty(), "{guide}: nothing is to be done below {wanted:?}");
    blocks
}

/// Those that a test of this program follows, and the index.
const FOLLOWED: [&str; 10] =
    ["README", "chromium", "curl", "firefox", "git", "gnutls", "openssh", "openssl", "sudo", "thunderbird"];

#[test]
fn the_index_names_every_guide_and_somebody_follows_it() {
    let mut names = names();
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for name in &names {
        assert!(
            name == "README" || index.contains(&format!("]({name}.md)")),
            "the index does not name {name}"
        );
    }
    assert!(names.remove("luks"), "tests/tests/luks follows it");
    assert_eq!(names, FOLLOWED.map(str::to_owned).into());
}

#[test]
fn every_link_of_a_guide_leads_somewhere() {
    for name in names() {
        let text = fs::read_to_string(folder().join(format!("{name}.md"))).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, part) = link.split_once('#').unwrap_or((link, ""));
            let path =
                if file.is_empty() { folder().join(format!("{name}.md")) } else { folder().join(file) };
            let there = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {link}: {error}"));
            let anchors = there.lines().filter_map(|line| line.strip_prefix('#'));
            let mut anchors = anchors.map(|line| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                title.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ').collect::<String>()
            });
            assert!(
                part.is_empty() || anchors.any(|title| title.replace(' ', "-") == part),
                "{name}: {link}"
            );
        }
    }
}
