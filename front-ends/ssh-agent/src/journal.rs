//! What is told on standard error.

use std::fmt::Display;

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
        eprintln!("claviger-ssh-agent: {text}");
    }

    /// Tells what only somebody wants to know who looks for a fault.
    pub fn detail(self, text: impl Display) {
        if self.is_detailed {
            eprintln!("claviger-ssh-agent: debug: {text}");
        }
    }
}
