//! `docs/guides/luks.md`, as it stands there.

use std::fs;
use std::path::Path;

/// What stands between two fences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Lines for root's shell.
    Lines(String),
    /// A file, by its path.
    File(String, String),
}

/// Returns the blocks below a heading, to the next one of any kind, in their order.
pub(crate) fn section(heading: &str) -> Vec<Block> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/luks.md")).unwrap();
    let mut lines = text.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading);
    assert!(lines.next().is_some(), "the guide has no heading {heading:?}");
    let (mut blocks, mut path) = (Vec::new(), None);
    while let Some(line) = lines.next().filter(|line| !line.starts_with('#')) {
        if let Some(kind) = line.strip_prefix("```") {
            let content: String =
                lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
            blocks.push(match (kind, path.take()) {
                ("sh", None) => Block::Lines(content),
                (_, Some(path)) => Block::File(path, content),
                other => panic!("neither a file nor for the shell: {other:?}: {content}"),
            });
        } else if let Some(name) = line.strip_prefix('`').and_then(|line| line.strip_suffix("`:")) {
            path = Some(name.to_owned());
        }
    }
    blocks
}

#[test]
fn every_block_of_the_guide_is_in_a_section_that_is_run() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides/luks.md")).unwrap();
    let blocks = text.lines().filter(|line| line.starts_with("```")).count() / 2;
    let run = crate::boot::SECTIONS.map(|heading| section(heading).len());
    assert_eq!(run.iter().sum::<usize>(), blocks, "{run:?}");
    assert!(run.iter().all(|number| *number > 0), "{run:?}");
}
