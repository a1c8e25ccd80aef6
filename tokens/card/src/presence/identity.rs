//! Which tokens the card in a reader is: found out, found out in part, doubted, changed.

use std::time::Instant;

use claviger_token::{Presence, TokenId};

use super::{Change, Identified, Presences, Slot, Stand};

impl Presences {
    /// Takes in which tokens the card of that stay is; `None` where it could not be found out.
    pub(crate) fn identified(
        &mut self,
        now: Instant,
        reader: &str,
        stay: u64,
        found: Option<&[TokenId]>,
    ) -> Vec<Change> {
        match found {
            Some(found) => self.find(now, reader, stay, (found, &[], Identified::Done)),
            None => {
                let held = self.held(reader);
                self.find(now, reader, stay, (&[], &held, Identified::Failed))
            }
        }
    }

    /// Takes in that the card of that stay is these tokens at least. What else it is could not be found out; it may be
    /// those others, which were here before.
    pub(crate) fn identified_in_part(
        &mut self,
        now: Instant,
        reader: &str,
        stay: u64,
        (found, unread): (&[TokenId], &[TokenId]),
    ) -> Vec<Change> {
        self.find(now, reader, stay, (found, unread, Identified::Failed))
    }

    fn find(
        &mut self,
        now: Instant,
        reader: &str,
        stay: u64,
        (found, unread, identified): (&[TokenId], &[TokenId], Identified),
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let current = |stand: &&mut Stand| stand.stay == stay && stand.slot == Slot::Card;
        let Some(stand) = self.slots.get_mut(reader).filter(current) else {
            return changes;
        };
        stand.identified = identified;
        let tokens = [found, unread].concat();
        let gone = |token: &TokenId| !tokens.contains(token);
        let gone = stand.tokens.iter().filter(|token| gone(token)).cloned().collect();
        stand.tokens = tokens;
        // Who has that id now is not who had it before.
        self.renamed.retain(|before, _| !found.contains(before));
        // Another card stands here: that is evidence, whatever happened meanwhile.
        self.leave(now, gone, &mut changes);
        for token in found {
            self.set(token.clone(), Presence::Present, &mut changes);
        }
        for token in unread {
            self.set(token.clone(), Presence::Unreachable, &mut changes);
        }
        changes.push(Change::Readers);
        self.settle(now, &mut changes);
        changes
    }

    /// Takes in that the card in the reader got a fresh identity: that token has another id from now on. It was never
    /// away, under either of them.
    pub(crate) fn rename(&mut self, reader: &str, old: &TokenId, new: &TokenId) -> Vec<Change> {
        let mut changes = Vec::new();
        // In whatever stay: the card was known for certain when it got its identity.
        let stand = self.slots.get_mut(reader);
        let Some(token) = stand.and_then(|stand| stand.tokens.iter_mut().find(|token| *token == old)) else {
            return changes;
        };
        token.clone_from(new);
        self.renamed.remove(new);
        let presence = self.tokens.get(old).copied().unwrap_or(Presence::Present);
        // A double of it may be in another reader, and is what it was.
        if !self.slots.values().any(|stand| stand.tokens.contains(old)) {
            self.renamed.values_mut().filter(|now| *now == old).for_each(|now| now.clone_from(new));
            self.renamed.insert(old.clone(), new.clone());
        }
        changes.push(Change::Doubted(old.clone()));
        self.set(new.clone(), presence, &mut changes);
        changes
    }

    /// Takes in that the card in the reader is another than was thought: it is to be identified anew.
    pub(crate) fn doubt(&mut self, reader: &str, stay: u64) -> Vec<Change> {
        let current = |stand: &&mut Stand| stand.stay == stay && stand.slot == Slot::Card;
        let Some(stand) = self.slots.get_mut(reader).filter(current) else { return Vec::new() };
        self.stays += 1;
        stand.stay = self.stays;
        stand.identified = Identified::NotYet;
        let doubted = stand.tokens.iter().cloned().map(Change::Doubted);
        doubted.chain([Change::Identify(reader.to_owned(), stand.stay)]).collect()
    }

    /// Returns the tokens that are in that reader, or were when the slot was last clear.
    pub(crate) fn held(&self, reader: &str) -> Vec<TokenId> {
        self.slots.get(reader).map(|stand| stand.tokens.clone()).unwrap_or_default()
    }
}
