use claviger_client::steers;

/// Returns a text of somebody else's on one line, without what controls a terminal or turns the direction of writing, and of
/// bounded length: a remote host's name, a card's name, the daemon's text in a prompt or the log.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().filter(|letter| !steers(*letter)).take(MOST).collect()
}

/// Nobody's name is longer.
const MOST: usize = 256;

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn nothing_controls_the_terminal() {
        assert_eq!(harmless("a\n\u{1b}[31mb\u{7f}\u{85}\u{202e}c\u{2066}\0"), "a[31mbc");
        assert_eq!(harmless("Zoë’s card 2"), "Zoë’s card 2");
    }

    #[test]
    fn nothing_is_endless() {
        assert_eq!(harmless(&"ä".repeat(1000)).chars().count(), 256);
    }
}
