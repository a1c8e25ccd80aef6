use serde::Deserialize;

/// A line of the phone's audit list (`claviger-phone log --json`).
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// The computer.
    pub host: String,
    /// The pairing.
    pub pairing: String,
    /// The user there.
    pub user: String,
    /// The program there.
    pub application: String,
    /// What for.
    pub purpose: String,
    /// What was asked.
    pub operation: String,
    /// What people call the key.
    pub label: Option<String>,
    /// How.
    pub mechanism: Option<String>,
    /// SHA-256 of the data, or the digest.
    pub digest: Option<String>,
    /// What came of it.
    pub outcome: String,
}

impl Entry {
    /// Returns what was asked, and what came of it.
    pub fn short(&self) -> String {
        format!("{}: {}", self.operation, self.outcome)
    }
}
