//! docs/figures.md: sections, each with words that a person wrote and the figures of its last run.

/// The parts that are taken apart from the rest, and the sections that are theirs.
const SECTIONS: [(&str, &str); 4] = [
    ("cards", "# Figures of cards"),
    ("sessions", "# Figures of sessions"),
    ("phones", "# Figures of phones"),
    ("front-ends", "# Figures of front ends"),
];

/// Returns the heading of the section that a run of these parts alone belongs to.
pub(crate) fn section(only: &[String]) -> &'static str {
    let of_its_own = |(part, _): &&(&str, &str)| matches!(only, [one] if one == part);
    SECTIONS.iter().find(of_its_own).map_or("# Figures", |(_, heading)| heading)
}

/// Returns the document with other figures in one of its sections; its words stay, and every other section.
///
/// The figures of a section begin with the line of their date, or with the one that says that there are none.
pub(crate) fn replace(document: &str, heading: &str, figures: &str) -> String {
    let mut out = String::new();
    let (mut here, mut replaced) = (false, false);
    for line in document.lines() {
        if line.starts_with("# ") {
            (here, replaced) = (line == heading, false);
        }
        if here && (line.starts_with("- date:") || line == NONE_YET) {
            replaced = true;
            out.push_str(figures.trim_end());
            out.push_str("\n\n");
        }
        if !replaced {
            out.push_str(line);
            out.push('\n');
        }
    }
    format!("{}\n", out.trim_end())
}

/// What stands in a section before its first run.
const NONE_YET: &str = "Not taken yet.";

#[cfg(test)]
mod tests {
    use super::{replace, section};

    const DOCUMENT: &str = "# Figures\n\nWords.\n\n- date: 1\n\n| old |\n\n# Figures of cards\n\nWords.\n\n\
                            - date: 2\n\n# Figures of front ends\n\nWords.\n\nNot taken yet.\n";

    #[test]
    fn a_part_that_runs_alone_has_a_section_of_its_own() {
        assert_eq!(section(&["front-ends".to_owned()]), "# Figures of front ends");
        assert_eq!(section(&["front-ends".to_owned(), "cards".to_owned()]), "# Figures");
        assert_eq!(section(&[]), "# Figures");
    }

    #[test]
    fn only_the_figures_of_that_section_are_replaced() {
        let first = replace(DOCUMENT, "# Figures", "- date: 3\n\n| new |\n\n\n");
        assert_eq!(first, DOCUMENT.replace("- date: 1\n\n| old |", "- date: 3\n\n| new |"));
        let last = replace(DOCUMENT, "# Figures of front ends", "- date: 3\n\n| new |\n");
        assert_eq!(last, DOCUMENT.replace("Not taken yet.", "- date: 3\n\n| new |"));
        assert_eq!(replace(&last, "# Figures of front ends", "Not taken yet."), DOCUMENT);
    }
}
