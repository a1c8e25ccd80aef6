//! Whether the owner of a key is asked for a yes when it is used.

/// How often the owner is asked. The order is that of strictness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confirm {
    /// Never.
    #[default]
    Never,
    /// Once in each session.
    Session,
    /// At each use.
    Always,
}

impl Confirm {
    /// Returns `never`, `session` or `always`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Session => "session",
            Self::Always => "always",
        }
    }

    /// Returns the policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Never, Self::Session, Self::Always].into_iter().find(|policy| policy.name() == name)
    }
}
