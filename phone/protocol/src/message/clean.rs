/// Returns what a person can be shown of a text that somebody else chose: nothing that steers a terminal or the
/// direction of writing, nothing invisible, and no more than `limit` bytes.
pub(crate) fn clean(text: &str, limit: usize) -> String {
    let mut kept = String::new();
    for letter in text.chars().filter(|letter| !is_hidden(*letter)) {
        if kept.len() + letter.len_utf8() > limit {
            break;
        }
        kept.push(letter);
    }
    kept
}

/// Returns true for a letter that a person must not be shown in a text that somebody else chose: control characters, and
/// what has no shape or turns the direction of writing.
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{00ad}' // soft hyphen
            | '\u{034f}' // combining grapheme joiner
            | '\u{061c}' | '\u{200e}' | '\u{200f}' // marks of direction
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // fillers
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' // no width
            | '\u{2028}'..='\u{202e}' // separators of lines, embeddings and overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, isolates
            | '\u{fe00}'..='\u{fe0f}' // variation
            | '\u{feff}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_steers_or_hides_is_taken_out_and_the_rest_stays() {
        assert_eq!(clean("firefox\u{1b}[2J\r\n\u{202e}gpj.exe\u{200b}", 256), "firefox[2Jgpj.exe");
        assert_eq!(clean("Zoë – 電話 🔑", 256), "Zoë – 電話 🔑");
    }

    #[test]
    fn a_long_text_is_cut_between_letters() {
        assert_eq!(clean("aé", 2), "a");
        assert_eq!(clean(&"é".repeat(200), 256).len(), 256);
    }
}
