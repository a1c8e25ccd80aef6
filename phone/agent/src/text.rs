//! Texts that others chose: names of hosts, users and programs, labels of keys.

use claviger_phone_protocol::is_hidden;

/// Returns `text` fit to be shown to a person: one line, nothing that is not seen or that turns the line round, at most
/// `room` letters. What is left out at the end is told by dots.
pub fn clean(text: &str, room: usize) -> String {
    let mut is_gap = true;
    // A run of spaces could push what follows to a line of its own, where it looks like one of the question's.
    let mut letters = text.chars().filter_map(readable).filter(|letter| {
        let follows_a_gap = std::mem::replace(&mut is_gap, *letter == ' ');
        !(is_gap && follows_a_gap)
    });
    let mut cleaned: String = letters.by_ref().take(room).collect();
    if letters.next().is_some() {
        cleaned.push_str("...");
    }
    cleaned.trim().to_owned()
}

/// Returns the letter to be shown for one; `None` for none.
fn readable(letter: char) -> Option<char> {
    match letter {
        // The Braille pattern without dots is a space to the eye.
        letter if letter.is_whitespace() || letter == '\u{2800}' => Some(' '),
        letter if is_hidden(letter) => None,
        // The questions have quotation marks of their own, and notifications take the others for mark-up.
        '"' | '\u{201c}' | '\u{201d}' => Some('\''),
        '<' => Some('('),
        '>' => Some(')'),
        '&' => Some('+'),
        letter => Some(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_strangers_chose_is_made_one_plain_line() {
        for (text, expected) in [
            ("  mail  ", "mail"),
            ("two\nlines\r\tand\u{2028}more", "two lines and more"),
            ("a    b\u{a0}\u{3000} \u{200b} c\u{2800} d ", "a b c d"),
            ("\u{1b}[2Jgone", "[2Jgone"),
            ("\u{202e}gpj.exe\u{202c}", "gpj.exe"),
            ("a\u{2066}b\u{2069}c\u{200f}d\u{200b}e\u{feff}", "abcde"),
            ("tag\u{e0041}\u{e007f}", "tag"),
            ("\u{7f}\u{0}\u{9b}1m", "1m"),
            ("<b>bold</b> &amp;", "(b)bold(/b) +amp;"),
            ("mail\" (you asked for this)", "mail' (you asked for this)"),
            ("K\u{fc}che \u{9375}", "K\u{fc}che \u{9375}"),
        ] {
            assert_eq!(clean(text, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn it_is_cut_to_its_room_and_says_so() {
        assert_eq!(clean(&"x".repeat(10_000), 10), "xxxxxxxxxx...");
        assert_eq!(clean(&"x".repeat(10), 10), "x".repeat(10));
        assert_eq!(clean(&"\u{202e}".repeat(10_000), 10), "");
    }
}
