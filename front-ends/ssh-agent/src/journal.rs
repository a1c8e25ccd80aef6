//! What is told on standard error.

use std::fmt::Display;

use claviger_client::steers;

/// What the program says on its standard error, which is the journal's where systemd started it. Nothing that is
/// secret, and nothing that is signed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Journal {
    /// Every request is told too (`-d`).
    pub is_detailed: bool,
}

impl Journal {
    /// Tells what its user should know.
    pub fn say(self, text: impl Display) {
        eprintln!("claviger-ssh-agent: {}", plain(text));
    }

    /// Tells what only somebody wants to know who looks for a fault.
    pub fn detail(self, text: impl Display) {
        if self.is_detailed {
            eprintln!("claviger-ssh-agent: debug: {}", plain(text));
        }
    }
}

/// Returns the text in one line that steers no terminal: comments, labels and users' names are strangers' words.
fn plain(text: impl Display) -> String {
    text.to_string().replace(steers, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn strangers_words_stay_in_their_line() {
        let told = plain("cannot add key\n\u{1b}[2Jclaviger-ssh-agent: all is well\r\u{202e}Zoë");
        assert_eq!(
            told,
            "cannot add key\u{fffd}\u{fffd}[2Jclaviger-ssh-agent: all is well\u{fffd}\u{fffd}Zoë"
        );
    }
}
