//! Texts that strangers chose, on their way to a terminal, a log or a prompt.

/// Returns true for what steers a terminal, ends a line, or turns the direction of writing: control characters, and Unicode's
/// marks, embeddings, overrides and isolates (UAX #9) and separators of lines and paragraphs.
pub fn steers(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::steers;

    #[test]
    fn letters_are_left_and_tricks_are_not() {
        let text = "a\n\u{1b}[31m\u{7f}\u{85}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\0Zoë’s 日本";
        let left: String = text.chars().filter(|letter| !steers(*letter)).collect();
        assert_eq!(left, "a[31mZoë’s 日本");
    }
}
