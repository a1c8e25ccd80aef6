//! Who is there: decided from what pcscd reports, and from nothing else.
//!
//! Nothing here does I/O or reads a clock. A token is *removed* on positive evidence only: its slot reports
//! empty, its reader vanished while pcscd answered, another card stands in its place, or it was nowhere for
//! [`GRACE`] of pcscd answering. Whatever else is not present is *unreachable*: a crash of pcscd must end no
//! session, and must not switch the end of sessions off either.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use claviger_token::{Presence, TokenId};

/// How long pcscd must answer before a token that has not shown itself counts as removed.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A reader as pcscd reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) reader: String,
    pub(crate) slot: Slot,
    /// The upper half of `dwEventState`: pcscd counts every insertion and removal.
    pub(crate) count: u16,
    /// Another program holds the card for itself alone.
    pub(crate) exclusive: bool,
}

/// What pcscd says of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Empty,
    Card,
    /// A card that does not answer to power, or a reader that is not well: neither presence nor absence.
    Unclear,
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The token stands thus now.
    Token(TokenId, Presence),
    /// A reader is there that was not.
    ReaderCame(String),
    /// A reader is there no longer, or pcscd is not.
    ReaderGone(String),
    /// There is no card in the reader any more: who waits for it waits in vain.
    Emptied(String),
    /// The card in the reader is to be identified; the number names this stay of a card in it.
    Identify(String, u64),
    /// The token was out, or may have been, and has yet to be seen again.
    Doubted(TokenId),
    /// What can be seen of readers has changed.
    Readers,
}

/// Every reader and every token that was seen or asked for.
#[derive(Default)]
pub(crate) struct Presences {
    /// Since when pcscd answers.
    answering: Option<Instant>,
    /// Between suspend and resume, and for the grace after: going away proves nothing.
    asleep: bool,
    woken: Option<Instant>,
    stays: u64,
    slots: BTreeMap<String, Stand>,
    tokens: BTreeMap<TokenId, Presence>,
    /// Ids that tokens had before, and those that they have. Until the token is gone, the old id stands as the new one:
    /// for whoever has not heard yet, it was never away.
    renamed: BTreeMap<TokenId, TokenId>,
}

/// One slot, and what is known of the card in it.
struct Stand {
    slot: Slot,
    count: u16,
    exclusive: bool,
    stay: u64,
    /// Whether the card of this stay was identified, and wholly.
    identified: Identified,
    /// The tokens that are here, or were when the slot was last clear.
    tokens: Vec<TokenId>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Identified {
    NotYet,
    Failed,
    Done,
}

impl Presences {
    /// Takes in what pcscd reports of all its readers; one that is not listed is not there.
    pub(crate) fn observe(&mut self, now: Instant, readers: &[Observed]) -> Vec<Change> {
        self.answering.get_or_insert(now);
        let mut changes = Vec::new();
        let vanished = |reader: &String| !readers.iter().any(|observed| observed.reader == *reader);
        let vanished: Vec<_> = self.slots.keys().filter(|reader| vanished(reader)).cloned().collect();
        for reader in vanished {
            let stand = self.slots.remove(&reader);
            self.leave(now, stand.map(|stand| stand.tokens).unwrap_or_default(), &mut changes);
            changes.push(Change::ReaderGone(reader));
            changes.push(Change::Readers);
        }
        for observed in readers {
            self.observe_one(now, observed, &mut changes);
        }
        self.settle(now, &mut changes);
        changes
    }

    /// Returns true where [`observe`](Self::observe) of the same would take a card away.
    pub(crate) fn would_take_away(&self, readers: &[Observed]) -> bool {
        let holds = |stand: &Stand| !stand.tokens.is_empty();
        self.slots.iter().filter(|(_, stand)| holds(stand)).any(|(reader, _)| {
            let observed = readers.iter().find(|observed| observed.reader == *reader);
            observed.is_none_or(|observed| observed.slot == Slot::Empty)
        })
    }

    fn observe_one(&mut self, now: Instant, observed: &Observed, changes: &mut Vec<Change>) {
        let Observed { reader, slot, count, exclusive } = observed;
        let (stand, came) = match self.slots.get_mut(reader) {
            Some(stand) => (stand, false),
            None => {
                changes.push(Change::ReaderCame(reader.clone()));
                changes.push(Change::Readers);
                (self.slots.entry(reader.clone()).or_insert_with(Stand::empty), true)
            }
        };
        let moved = !came && stand.count != *count;
        let was = std::mem::replace(&mut stand.slot, *slot);
        let was_exclusive = std::mem::replace(&mut stand.exclusive, *exclusive);
        stand.count = *count;
        if was != *slot {
            changes.push(Change::Readers);
        }
        match slot {
            Slot::Card if was != Slot::Card || moved => {
                self.stays += 1;
                stand.stay = self.stays;
                stand.identified = Identified::NotYet;
                changes.extend(stand.tokens.iter().cloned().map(Change::Doubted));
                changes.push(Change::Identify(reader.clone(), stand.stay));
            }
            Slot::Card => {
                if was_exclusive && !exclusive && stand.identified == Identified::Failed {
                    changes.push(Change::Identify(reader.clone(), stand.stay));
                }
            }
            Slot::Empty => {
                stand.identified = Identified::Done;
                let tokens = std::mem::take(&mut stand.tokens);
                if was != Slot::Empty {
                    changes.push(Change::Emptied(reader.clone()));
                }
                self.leave(now, tokens, changes);
            }
            Slot::Unclear => {
                let tokens = stand.tokens.clone();
                stand.identified = Identified::Failed;
                tokens.into_iter().for_each(|token| self.set(token, Presence::Unreachable, changes));
            }
        }
    }

    /// Takes in that pcscd is gone.
    pub(crate) fn lose(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        self.answering = None;
        for (reader, stand) in std::mem::take(&mut self.slots) {
            stand.tokens.into_iter().for_each(|token| self.set(token, Presence::Unreachable, &mut changes));
            changes.push(Change::ReaderGone(reader));
            changes.push(Change::Readers);
        }
        changes
    }

    /// Takes in that the computer is about to sleep.
    pub(crate) fn sleep(&mut self) {
        self.asleep = true;
    }

    /// Takes in that the computer woke: what is gone now may be back in a moment.
    ///
    /// Every card that is there is identified anew: what was pulled and put in meanwhile, pcscd may not have seen.
    pub(crate) fn wake(&mut self, now: Instant) -> Vec<Change> {
        self.asleep = false;
        self.woken = Some(now);
        self.answers_again(now);
        let stays: Vec<_> = self.slots.iter().map(|(reader, stand)| (reader.clone(), stand.stay)).collect();
        stays.into_iter().flat_map(|(reader, stay)| self.doubt(&reader, stay)).collect()
    }

    /// Takes in that pcscd answers again after it hung: what happened meanwhile it has yet to find out.
    pub(crate) fn answers_again(&mut self, now: Instant) {
        self.answering = self.answering.map(|_| now);
    }

    /// Takes in that these tokens are missed. One that was never seen counts from now on; one that is known to be gone is
    /// told to be so, for whoever misses it only now may not have heard.
    pub(crate) fn expect(&mut self, now: Instant, tokens: &[TokenId]) -> Vec<Change> {
        let mut changes = Vec::new();
        for token in tokens {
            match self.tokens.get(token) {
                None => drop(self.tokens.insert(token.clone(), Presence::Unreachable)),
                Some(Presence::Removed) => changes.push(Change::Token(token.clone(), Presence::Removed)),
                Some(Presence::Present | Presence::Unreachable) => {}
            }
        }
        self.settle(now, &mut changes);
        changes
    }

    /// Lets the time pass.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        self.settle(now, &mut changes);
        changes
    }

    /// Returns when [`tick`](Self::tick) is due.
    pub(crate) fn next_tick(&self, now: Instant) -> Option<Instant> {
        self.answering.map(|since| since + GRACE).filter(|due| *due > now)
    }

    /// Returns how a token stands; one that was never seen counts from now on.
    pub(crate) fn presence(&mut self, now: Instant, token: &TokenId) -> Presence {
        let settled = self.is_settled(now);
        *self.tokens.entry(token.clone()).or_insert(match settled {
            true => Presence::Removed,
            false => Presence::Unreachable,
        })
    }

    /// Returns the reader in which the token is, and the stay of the card in it.
    pub(crate) fn whereabouts(&self, token: &TokenId) -> Option<(&str, u64)> {
        if self.tokens.get(token) != Some(&Presence::Present) {
            return None;
        }
        let holds = |stand: &Stand| stand.slot == Slot::Card && stand.tokens.contains(token);
        let (reader, stand) = self.slots.iter().find(|(_, stand)| holds(stand))?;
        Some((reader, stand.stay))
    }

    /// Returns every reader, and whether there is a card in it that was not identified yet.
    pub(crate) fn readers(&self) -> impl Iterator<Item = (&str, Slot, bool)> {
        let pending = |stand: &Stand| stand.identified == Identified::NotYet;
        self.slots.iter().map(move |(reader, stand)| (reader.as_str(), stand.slot, pending(stand)))
    }

    /// The tokens went away from where they were.
    fn leave(&mut self, now: Instant, tokens: Vec<TokenId>, changes: &mut Vec<Change>) {
        let woken = self.woken.is_some_and(|woken| now < woken + GRACE);
        let presence = if self.asleep || woken { Presence::Unreachable } else { Presence::Removed };
        for token in tokens {
            // In two readers at once, if somebody made a double: the other one keeps it.
            if !self.slots.values().any(|stand| stand.tokens.contains(&token)) {
                self.set(token, presence, changes);
            }
        }
    }

    /// What could not be reached, and has had its time to show itself, is gone.
    fn settle(&mut self, now: Instant, changes: &mut Vec<Change>) {
        if !self.is_settled(now) {
            return;
        }
        let held = |token: &TokenId| self.slots.values().any(|stand| stand.tokens.contains(token));
        let unreachable = self.tokens.iter().filter(|(_, presence)| **presence == Presence::Unreachable);
        let judged = |token: &&TokenId| !held(token) && !self.renamed.contains_key(*token);
        let gone: Vec<_> = unreachable.map(|(token, _)| token).filter(judged).cloned().collect();
        gone.into_iter().for_each(|token| self.set(token, Presence::Removed, changes));
    }

    /// Returns true where pcscd has answered long enough, and no card is there that nobody could read: it might
    /// be any.
    fn is_settled(&self, now: Instant) -> bool {
        let clear = |stand: &Stand| stand.slot == Slot::Empty || stand.identified == Identified::Done;
        !self.asleep
            && self.answering.is_some_and(|since| now >= since + GRACE)
            && self.slots.values().all(clear)
    }

    fn set(&mut self, token: TokenId, presence: Presence, changes: &mut Vec<Change>) {
        let before: Vec<_> =
            self.renamed.iter().filter(|(_, now)| **now == token).map(|(before, _)| before.clone()).collect();
        if presence == Presence::Removed {
            self.renamed.retain(|_, now| *now != token);
        }
        for token in [token].into_iter().chain(before) {
            if self.tokens.insert(token.clone(), presence) != Some(presence) {
                changes.push(Change::Token(token, presence));
            }
        }
    }
}

impl Stand {
    fn empty() -> Self {
        Self {
            slot: Slot::Empty,
            count: 0,
            exclusive: false,
            stay: 0,
            identified: Identified::Done,
            tokens: Vec::new(),
        }
    }
}

mod identity;
#[cfg(test)]
mod tests;
