//! Patterns of ssh: `*` is anything, `?` is any letter.

/// Returns true where the whole text is as the pattern says.
pub(crate) fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut place) = (0, 0);
    // Where the last star stands, and how much of the text it has taken: there one goes on when the rest does not fit.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(place) {
            Some('*') => {
                star = Some((place, at));
                place += 1;
            }
            Some(letter) if *letter == '?' || *letter == text[at] => {
                place += 1;
                at += 1;
            }
            Some(_) | None => {
                let Some((stood, taken)) = star else { return false };
                star = Some((stood, taken + 1));
                place = stood + 1;
                at = taken + 1;
            }
        }
    }
    pattern[place..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_are_those_of_ssh() {
        for (text, pattern) in
            [("alice", "alice"), ("alice", "*"), ("alice", "a?i*e"), ("", "*"), ("abab", "*ab")]
        {
            assert!(matches(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in
            [("alice", "bob"), ("alice", "alic"), ("alice", "alice?"), ("alice", ""), ("", "?")]
        {
            assert!(!matches(text, pattern), "{text} {pattern}");
        }
        let text = "a".repeat(5000);
        assert!(!matches(&text, &"*a".repeat(2000).replace("*a*a", "*a*b")), "it takes no for ever");
    }
}
