//! What the person has allowed for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Which host may use which key without a question, and until when on the clock that goes on while the device sleeps.
///
/// A key is known by its public half: another one may come to stand under the same name.
#[derive(Debug, Default)]
pub struct Allowances(HashMap<String, HashMap<Arc<[u8]>, Duration>>);

impl Allowances {
    /// Lets the host of that pairing use that key from `now` on for so long.
    pub fn allow(&mut self, pairing: &str, key: &Arc<[u8]>, now: Duration, term: Duration) {
        let keys = self.0.entry(pairing.to_owned()).or_default();
        keys.retain(|_, until| *until > now);
        keys.insert(Arc::clone(key), now + term);
    }

    /// Returns true where the host may use the key now.
    pub fn allows(&self, pairing: &str, key: &[u8], now: Duration) -> bool {
        self.0.get(pairing).and_then(|keys| keys.get(key)).is_some_and(|until| *until > now)
    }

    /// Takes back what the host was allowed.
    pub fn forget_host(&mut self, pairing: &str) {
        self.0.remove(pairing);
    }

    /// Takes everything back.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Allowances;
    use std::sync::Arc;
    use std::time::Duration;

    const MINUTES: Duration = Duration::from_secs(600);
    const NOW: Duration = Duration::from_secs(4711);

    #[test]
    fn a_yes_for_a_while_is_for_one_host_one_key_and_its_time() {
        let (mut allowances, key) = (Allowances::default(), Arc::from(&b"key"[..]));
        assert!(!allowances.allows("host", b"key", NOW));
        allowances.allow("host", &key, NOW, MINUTES);
        assert!(allowances.allows("host", b"key", NOW));
        assert!(allowances.allows("host", b"key", NOW + MINUTES - Duration::from_secs(1)));
        assert!(!allowances.allows("host", b"key", NOW + MINUTES));
        assert!(!allowances.allows("other", b"key", NOW));
        assert!(!allowances.allows("host", b"other", NOW));
    }

    #[test]
    fn it_is_taken_back_by_host_and_altogether() {
        let (mut allowances, key) = (Allowances::default(), Arc::from(&b"key"[..]));
        for host in ["one", "two", "three"] {
            allowances.allow(host, &key, NOW, MINUTES);
        }
        allowances.forget_host("one");
        assert!(!allowances.allows("one", b"key", NOW) && allowances.allows("two", b"key", NOW));
        allowances.clear();
        assert!(!allowances.allows("two", b"key", NOW));
    }
}
