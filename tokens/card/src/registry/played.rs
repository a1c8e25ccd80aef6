//! A registry of one reader, whose thread is played by the test.

use std::sync::Arc;
use std::time::Instant;

use super::Registry;
use crate::presence::{Observed, Slot};
use crate::reader::Reader;
use crate::{CardsConfig, Contents};

/// Returns a registry that has seen that card in its only reader, and the reader, whose requests nobody serves yet.
pub(crate) fn with_card(contents: Contents) -> (Arc<Registry>, Arc<Reader>) {
    let registry = Registry::new(CardsConfig::default());
    let reader = Arc::new(Reader::new("A"));
    let (name, slot) = (reader.name.clone(), Slot::Card);
    {
        let mut state = registry.state();
        let seen = [Observed { reader: name.clone(), slot, count: 1, exclusive: false }];
        // What follows from it, a thread for the reader, is not carried out.
        assert!(!state.presences.observe(Instant::now(), &seen).is_empty());
        state.readers.insert(name.clone(), Arc::clone(&reader));
    }
    registry.stands(&name, 1, (&[Arc::new(contents)], None));
    (registry, reader)
}
