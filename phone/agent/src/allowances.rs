//! What the person has allowed for a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Which host may use which key without a question, and until when.
#[derive(Debug, Default)]
pub struct Allowances(HashMap<(String, String), Instant>);

impl Allowances {
    /// Lets the host of that pairing use that key from `now` on for so long.
    pub fn allow(&mut self, pairing: &str, key: &str, now: Instant, term: Duration) {
        self.0.retain(|_, until| *until > now);
        self.0.insert((pairing.to_owned(), key.to_owned()), now + term);
    }

    /// Returns true where the host may use the key now.
    pub fn allows(&self, pairing: &str, key: &str, now: Instant) -> bool {
        !self.0.is_empty()
            && self.0.get(&(pairing.to_owned(), key.to_owned())).is_some_and(|until| *until > now)
    }

    /// Takes back what the host was allowed.
    pub fn forget_host(&mut self, pairing: &str) {
        self.0.retain(|(host, _), _| host != pairing);
    }

    /// Takes everything back.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Allowances;
    use std::time::{Duration, Instant};

    const MINUTES: Duration = Duration::from_secs(600);

    #[test]
    fn a_yes_for_a_while_is_for_one_host_one_key_and_its_time() {
        let (mut allowances, now) = (Allowances::default(), Instant::now());
        assert!(!allowances.allows("host", "key", now));
        allowances.allow("host", "key", now, MINUTES);
        assert!(allowances.allows("host", "key", now));
        assert!(allowances.allows("host", "key", now + MINUTES - Duration::from_secs(1)));
        assert!(!allowances.allows("host", "key", now + MINUTES));
        assert!(!allowances.allows("other", "key", now));
        assert!(!allowances.allows("host", "other", now));
    }

    #[test]
    fn it_is_taken_back_by_host_and_altogether() {
        let (mut allowances, now) = (Allowances::default(), Instant::now());
        for host in ["one", "two", "three"] {
            allowances.allow(host, "key", now, MINUTES);
        }
        allowances.forget_host("one");
        assert!(!allowances.allows("one", "key", now) && allowances.allows("two", "key", now));
        allowances.clear();
        assert!(!allowances.allows("two", "key", now));
    }
}
