/// For whom an operation is done: what a token that has a screen shows its owner before it agrees. All of it is what
/// the host says; a token believes none of it and lets its owner judge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errand {
    /// The user's name on the host.
    pub user: String,
    /// The program that asked, as far as the host knows; empty where it does not.
    pub application: String,
    /// What it is for: `sign`, `decrypt`, `login`, `enrolment`, …
    pub purpose: String,
}

impl Errand {
    /// The most bytes of one of the texts; what is longer is cut by whoever sends it.
    pub const TEXT_LIMIT: usize = 256;
}
