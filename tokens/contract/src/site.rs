use crate::Secret;

/// Where on a token a new key comes to stand, by whose leave, and what each use of it will want. A local store
/// has one place and no such wishes: there everything is left out.
#[derive(Clone, Default)]
pub struct Site {
    /// The place by its name on the token, for example `9a`; the token takes a free one unless told.
    pub slot: Option<String>,
    /// What the token's administrator knows: a management key, an Admin PIN, an SO PIN.
    pub authority: Option<Secret>,
    /// When the key wants the PIN; the token's habit unless told.
    pub pin_policy: Option<PinPolicy>,
    /// When the key wants a touch; the token's habit unless told.
    pub touch_policy: Option<TouchPolicy>,
}

/// When a key wants the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once per session of the card.
    Once,
    /// Right before each use.
    Always,
}

/// When a key wants the token to be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// At each use.
    Always,
    /// At a use that comes later than 15 seconds after the last touch.
    Cached,
}

impl PinPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Never, Self::Once, Self::Always];

    /// Returns `never`, `once` or `always`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Once => "once",
            Self::Always => "always",
        }
    }

    /// Returns the policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

impl TouchPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Never, Self::Always, Self::Cached];

    /// Returns `never`, `always` or `cached`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::Cached => "cached",
        }
    }

    /// Returns the policy of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::{PinPolicy, TouchPolicy};

    #[test]
    fn every_policy_is_read_back_from_its_name() {
        for policy in PinPolicy::ALL {
            assert_eq!(PinPolicy::from_name(policy.name()), Some(policy));
        }
        for policy in TouchPolicy::ALL {
            assert_eq!(TouchPolicy::from_name(policy.name()), Some(policy));
        }
        assert_eq!(PinPolicy::from_name("sometimes"), None);
    }
}
