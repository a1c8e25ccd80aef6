//! What happens to a session when the token that it is bound to is gone. Pure.

use std::time::Duration;

/// What is done with a session. The order is that of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing; it is told.
    None,
    /// Its screen is locked.
    Lock,
    /// It ends.
    Terminate,
}

impl Action {
    /// Returns `none`, `lock` or `terminate`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lock => "lock",
            Self::Terminate => "terminate",
        }
    }

    /// Returns the action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Lock, Self::Terminate].into_iter().find(|action| action.name() == name)
    }
}

/// In what way a token is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was positively seen to be taken away.
    Removed,
    /// It could not be reached for as long as the administrator bears.
    Unreachable,
    /// It does not answer, and counts as removed unless it does soon.
    Missing,
    /// It was missing and answers again.
    Returned,
}

impl Reason {
    /// Returns `removed`, `unreachable`, `missing` or `returned`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Unreachable => "unreachable",
            Self::Missing => "missing",
            Self::Returned => "returned",
        }
    }
}

/// What the administrator configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalPolicy {
    /// For sessions at this machine, where their user wants nothing else.
    pub local: Action,
    /// For sessions from afar, where their user wants nothing else.
    pub remote: Action,
    /// No user may want less.
    pub floor: Action,
    /// What follows where a session cannot be locked, or does not confirm that it is.
    pub escalation: Action,
    /// How long a session may take to confirm that it is locked.
    pub confirmation: Duration,
    /// After how long a token that cannot be reached counts as removed; `None` for never: then it is only told.
    pub unreachable: Option<Duration>,
}

impl Default for RemovalPolicy {
    fn default() -> Self {
        Self {
            local: Action::Lock,
            remote: Action::Terminate,
            floor: Action::None,
            escalation: Action::Terminate,
            confirmation: Duration::from_secs(5),
            unreachable: None,
        }
    }
}

impl RemovalPolicy {
    /// Returns what happens to a session, where its user wants `own`.
    pub fn action(&self, own: Option<Action>, remote: bool) -> Action {
        own.unwrap_or(if remote { self.remote } else { self.local }).max(self.floor)
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, RemovalPolicy};
    use Action::{Lock, None, Terminate};

    #[test]
    fn the_user_decides_above_the_administrators_floor_and_the_system_where_they_do_not() {
        let policy =
            |floor| RemovalPolicy { local: Lock, remote: Terminate, floor, ..RemovalPolicy::default() };
        // floor, the user's, remote -> what happens
        for (floor, own, remote, expected) in [
            (None, Option::None, false, Lock),
            (None, Option::None, true, Terminate),
            (None, Some(None), false, None),
            (None, Some(None), true, None),
            (None, Some(Terminate), false, Terminate),
            (Lock, Some(None), false, Lock),
            (Lock, Some(Terminate), false, Terminate),
            (Terminate, Some(None), true, Terminate),
            (Terminate, Option::None, false, Terminate),
        ] {
            assert_eq!(policy(floor).action(own, remote), expected, "{floor:?} {own:?} {remote}");
        }
    }
}
