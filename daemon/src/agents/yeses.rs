use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_core::SessionId;
use claviger_token::KeyId;
use tokio_util::sync::CancellationToken;

/// How far a yes counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// In that session.
    Session(SessionId),
    /// For that peer, which is in no session.
    Connection(u64),
}

/// Which yes still counts. A restart of the service forgets them all.
#[derive(Debug, Default)]
pub(super) struct Yeses(Mutex<HashMap<(KeyId, Scope), CancellationToken>>);

impl Yeses {
    /// Remembers a yes until `over`.
    pub(super) fn remember(&self, key: KeyId, scope: Scope, over: CancellationToken) {
        self.standing().insert((key, scope), over);
    }

    /// Returns true where it was said before.
    pub(super) fn contain(&self, key: KeyId, scope: &Scope) -> bool {
        self.standing().contains_key(&(key, scope.clone()))
    }

    /// Forgets what was said to a key.
    pub(super) fn forget(&self, key: KeyId) {
        self.standing().retain(|(said, _), _| *said != key);
    }

    /// Forgets what was said in a session.
    pub(super) fn end(&self, session: &SessionId) {
        self.standing().retain(|(_, scope), _| *scope != Scope::Session(session.clone()));
    }

    fn standing(&self) -> MutexGuard<'_, HashMap<(KeyId, Scope), CancellationToken>> {
        let mut yeses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        yeses.retain(|_, over| !over.is_cancelled());
        yeses
    }
}

#[cfg(test)]
mod tests {
    use claviger_core::SessionId;
    use claviger_token::KeyId;
    use tokio_util::sync::CancellationToken;

    use super::{Scope, Yeses};

    #[test]
    fn a_yes_counts_where_it_was_said_and_until_it_is_over() {
        let (key, other) = (KeyId::from_bytes([1; 16]), KeyId::from_bytes([2; 16]));
        let desk = || Scope::Session(SessionId::new("desk"));
        let yeses = Yeses::default();
        let gone = CancellationToken::new();
        yeses.remember(key, desk(), CancellationToken::new());
        yeses.remember(other, desk(), CancellationToken::new());
        yeses.remember(key, Scope::Connection(7), gone.clone());

        assert!(yeses.contain(key, &desk()) && yeses.contain(key, &Scope::Connection(7)));
        assert!(!yeses.contain(key, &Scope::Connection(8)));
        assert!(!yeses.contain(key, &Scope::Session(SessionId::new("tty"))));
        gone.cancel();
        assert!(!yeses.contain(key, &Scope::Connection(7)), "its peer is gone");
        yeses.forget(key);
        assert!(!yeses.contain(key, &desk()) && yeses.contain(other, &desk()));
        yeses.end(&SessionId::new("desk"));
        assert!(!yeses.contain(other, &desk()));
    }
}
