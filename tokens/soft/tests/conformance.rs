//! The local store passes the suite that every token passes.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use claviger_conformance::Subject;
use claviger_token::{Binding, KeyId, Secret, Token};

/// A local store under the suite.
struct SoftSubject {
    store: common::Store,
    keys: AtomicU32,
}

impl Subject for SoftSubject {
    fn token(&self) -> &dyn Token {
        &self.store.token
    }

    fn secret(&self) -> Secret {
        common::secret(common::PASS_PHRASE)
    }

    fn slots(&self) -> Option<Arc<[u8]>> {
        Some(Arc::clone(&self.store.slots))
    }

    fn new_binding(&self) -> Binding {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&self.keys.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        Binding { key: KeyId::from_bytes(id), ..common::binding(0) }
    }
}

#[test]
fn the_local_store_conforms() {
    claviger_conformance::run(&SoftSubject { store: common::store(), keys: AtomicU32::new(1) });
}
