use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use claviger_client::{KeyRow, TokenRow};
use cryptoki_sys as sys;
use sha2::{Digest as _, Sha256};

use crate::key::Key;

/// One of the places where the user has keys.
pub(crate) struct Slot {
    /// `CK_SLOT_ID`: the same in every process, for as long as the token has its id.
    pub(crate) id: sys::CK_SLOT_ID,
    /// The token's id.
    pub(crate) token: String,
    /// What is told of the token.
    pub(crate) row: TokenRow,
    /// The token's label, unlike every other one.
    pub(crate) label: String,
    /// The user's keys there.
    pub(crate) keys: Vec<Arc<Key>>,
}

impl Slot {
    /// Returns true while the token can be reached.
    pub(crate) fn is_present(&self) -> bool {
        self.row.presence == "present"
    }

    /// Returns true where the token asks its person itself: a phone, or a reader with a pin pad.
    pub(crate) fn asks_itself(&self) -> bool {
        self.row.kind == "phone" || self.row.pin_pad
    }

    /// Returns true where a program logs in before it uses a private key. With a phone there is nothing that it could
    /// give: the person there is asked at each use, and one who is asked for nothing else waits for no window.
    pub(crate) fn wants_login(&self) -> bool {
        self.row.kind != "phone"
    }

    /// Returns the token's serial number: 16 digits that are its own.
    pub(crate) fn serial(&self) -> String {
        let digest = digest(&self.token);
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns true where the token wants its PIN right before each use of the key, from the program.
    pub(crate) fn wants_pin_each_time(&self, key: &Key) -> bool {
        let place = key.row().tokens.iter().position(|token| *token == self.token);
        let policy = place.and_then(|place| key.row().pin_policies.get(place));
        policy.is_some_and(|policy| policy == "always") && !self.asks_itself()
    }
}

/// Sorts keys into slots: one for each token that holds at least one, or that is `used`, in the order in which they are
/// told.
pub(crate) fn slots(
    tokens: Vec<(String, TokenRow)>,
    keys: Vec<(String, KeyRow)>,
    used: &BTreeSet<String>,
) -> Vec<Arc<Slot>> {
    let keys = keys.into_iter().filter(|(_, row)| row.state != "revoked");
    let keys: Vec<_> = keys.filter_map(|(id, row)| Key::of_row(id, row)).collect();
    let held = |token: &str| -> Vec<Arc<Key>> {
        let here = |key: &&Key| key.row().tokens.iter().any(|holder| holder == token);
        // Whoever logs in here means this token: another one that has the key too must not answer in its place.
        keys.iter().filter(here).map(|key| Arc::new(key.at(token))).collect()
    };
    let tokens: Vec<_> = tokens.into_iter().map(|(id, row)| (held(&id), id, row)).collect();
    let is_slot = |(keys, token, _): &Held| !keys.is_empty() || used.contains(token);
    let tokens: Vec<Held> = tokens.into_iter().filter(is_slot).collect();
    let (ids, labels) = (ids(&tokens), labels(&tokens));
    let slot = |(keys, token, row): (Vec<Arc<Key>>, String, TokenRow)| {
        let (id, label) = (ids.get(&token).copied()?, labels.get(&token).cloned()?);
        Some(Arc::new(Slot { id, token, row, label, keys }))
    };
    tokens.iter().cloned().filter_map(slot).collect()
}

type Held = (Vec<Arc<Key>>, String, TokenRow);

/// Gives each token a slot id: 31 bits of a digest of its own id; the next free one where two are the same.
fn ids(tokens: &[Held]) -> BTreeMap<String, sys::CK_SLOT_ID> {
    let mut ids = BTreeMap::new();
    for (_, token, _) in by_age(tokens) {
        let [a, b, c, d, ..] = digest(token);
        let mut id = sys::CK_SLOT_ID::from(u32::from_be_bytes([a & 0x7f, b, c, d]));
        while ids.values().any(|taken| *taken == id) {
            id = (id + 1) & 0x7fff_ffff;
        }
        ids.insert(token.clone(), id);
    }
    ids
}

/// Gives each token a label of at most 32 bytes: its name, and a piece of its digest where an older token has the name.
fn labels(tokens: &[Held]) -> BTreeMap<String, String> {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (_, token, row) in by_age(tokens) {
        let name = if row.name.is_empty() { &row.kind } else { &row.name };
        let mut label = shortened(name, LABEL).to_owned();
        if labels.values().any(|taken| *taken == label) {
            let [a, b, c, d, ..] = digest(token);
            let suffix = format!(" {a:02x}{b:02x}{c:02x}{d:02x}");
            label = format!("{}{suffix}", shortened(name, LABEL - suffix.len()));
        }
        labels.insert(token.clone(), label);
    }
    labels
}

/// Returns the tokens, those first that were the user's first: what comes later changes nothing for them.
fn by_age(tokens: &[Held]) -> Vec<&Held> {
    let mut tokens: Vec<&Held> = tokens.iter().collect();
    tokens.sort_by_key(|(_, token, row)| (row.created, token.clone()));
    tokens
}

/// Returns as much of a text as fits into that many bytes, whole characters.
pub(crate) fn shortened(text: &str, limit: usize) -> &str {
    text[..text.floor_char_boundary(limit)].trim_end()
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

const LABEL: usize = 32;
