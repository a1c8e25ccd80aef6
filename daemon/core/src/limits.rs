use std::collections::HashMap;

use crate::Refusal;

/// What one user may have only so many of at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Requests under way.
    Operations,
    /// Private channels.
    Channels,
    /// Subscriptions to signals.
    Subscriptions,
    /// Derivations of a key from a pass phrase.
    Derivations,
    /// Files being read by descriptor.
    Files,
    /// Questions that an agent is asking.
    Prompts,
    /// Phones being paired.
    Pairings,
}

/// The most of each that one user may have; also what the configuration may lower or raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Requests under way.
    pub operations: u32,
    /// Private channels.
    pub channels: u32,
    /// Subscriptions to signals.
    pub subscriptions: u32,
    /// Files being read.
    pub files: u32,
    /// Keys in all.
    pub keys: u32,
}

impl Default for Caps {
    fn default() -> Self {
        Self { operations: 64, channels: 8, subscriptions: 16, files: 2, keys: 10_000 }
    }
}

/// How much each user has under way. What nobody uses takes no memory.
#[derive(Debug)]
pub struct Limits {
    caps: Caps,
    taken: HashMap<(u32, Resource), u32>,
}

impl Limits {
    /// Returns limits under which nothing is taken.
    pub fn new(caps: Caps) -> Self {
        Self { caps, taken: HashMap::new() }
    }

    /// Takes one; every one taken is given back with [`Limits::release`].
    pub fn take(&mut self, uid: u32, resource: Resource) -> Result<(), Refusal> {
        let (cap, name) = self.cap(resource);
        let taken = self.taken.entry((uid, resource)).or_insert(0);
        if *taken >= cap {
            return Err(Refusal::LimitsExceeded(name));
        }
        *taken += 1;
        Ok(())
    }

    /// Gives one back.
    pub fn release(&mut self, uid: u32, resource: Resource) {
        if let Some(taken) = self.taken.get_mut(&(uid, resource)) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                self.taken.remove(&(uid, resource));
            }
        }
    }

    /// Returns how many of them are taken by all users together.
    pub fn taken(&self, resource: Resource) -> u32 {
        self.taken.iter().filter(|((_, taken), _)| *taken == resource).map(|(_, count)| count).sum()
    }

    const fn cap(&self, resource: Resource) -> (u32, &'static str) {
        let Caps { operations, channels, subscriptions, files, keys: _ } = self.caps;
        match resource {
            Resource::Operations => (operations, "requests under way"),
            Resource::Channels => (channels, "channels"),
            Resource::Subscriptions => (subscriptions, "subscriptions"),
            Resource::Derivations => (1, "pass phrase checks under way"),
            Resource::Files => (files, "files being read"),
            Resource::Prompts => (4, "questions open"),
            Resource::Pairings => (1, "pairings under way"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Caps, Limits, Resource};
    use crate::Refusal;

    #[test]
    fn the_cap_is_exact_and_each_users_own() {
        let mut limits = Limits::new(Caps { operations: 3, ..Caps::default() });
        for _ in 0..3 {
            assert_eq!(limits.take(1, Resource::Operations), Ok(()));
        }
        assert_eq!(limits.take(1, Resource::Operations), Err(Refusal::LimitsExceeded("requests under way")));
        assert_eq!(limits.take(2, Resource::Operations), Ok(()));
        assert_eq!(limits.taken(Resource::Operations), 4);
        limits.release(1, Resource::Operations);
        assert_eq!(limits.take(1, Resource::Operations), Ok(()));
    }

    #[test]
    fn what_is_given_back_takes_no_memory() {
        let mut limits = Limits::new(Caps::default());
        for uid in 0..1000 {
            limits.take(uid, Resource::Channels).expect("below the cap");
            limits.release(uid, Resource::Channels);
        }
        assert!(limits.taken.is_empty());
    }
}
