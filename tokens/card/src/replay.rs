//! A card of toy strength: it expects the commands of a recorded dialogue, in order, and gives the recorded answers.

use std::collections::VecDeque;

use crate::{CardError, Exchange, PadEntry};

/// A recorded dialogue.
pub(crate) struct Replay {
    turns: VecDeque<Turn>,
    is_strict: bool,
    pad: VecDeque<u16>,
    /// Every command that came.
    pub(crate) sent: Vec<Vec<u8>>,
    /// What the pin pad was asked for.
    pub(crate) entries: Vec<PadEntry>,
    /// Whether a reset was asked for.
    pub(crate) reset: bool,
}

/// A command and its answer. An empty command stands for any: its data are random or secret.
type Turn = (Vec<u8>, Result<Vec<u8>, CardError>);

impl Replay {
    pub(crate) fn new(turns: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let turns = turns.into_iter().map(|(command, answer)| (command, Ok(answer))).collect();
        Self {
            turns,
            is_strict: true,
            pad: VecDeque::new(),
            sent: Vec::new(),
            entries: Vec::new(),
            reset: false,
        }
    }

    /// Takes what does not belong into the dialogue for the end of it: answers were changed.
    pub(crate) fn astray(self) -> Self {
        Self { is_strict: false, ..self }
    }

    /// Has the transport fail at the end of the dialogue.
    pub(crate) fn then_fails(mut self, error: CardError) -> Self {
        self.turns.push_back((Vec::new(), Err(error)));
        self
    }

    /// Goes on after that.
    pub(crate) fn then(mut self, command: &[u8], answer: &[u8]) -> Self {
        self.turns.push_back((command.to_vec(), Ok(answer.to_vec())));
        self
    }

    /// Gives the reader a pin pad that answers so.
    pub(crate) fn with_pad(mut self, word: u16) -> Self {
        self.pad.push_back(word);
        self
    }

    /// Holds that the whole dialogue was spoken.
    pub(crate) fn finish(&self) {
        assert!(
            self.turns.is_empty(),
            "{} turns were not taken, the next {:02x?}",
            self.turns.len(),
            self.turns[0].0
        );
    }
}

impl Exchange for Replay {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        self.sent.push(command.to_vec());
        match self.turns.pop_front() {
            Some((expected, answer)) if expected.is_empty() || expected == command => answer,
            Some((expected, _)) if self.is_strict => {
                panic!("{expected:02x?} was expected, {command:02x?} came")
            }
            _ => Err(CardError::Gone),
        }
    }

    fn has_pin_pad(&self) -> bool {
        !self.pad.is_empty()
    }

    fn verify_on_pad(&mut self, entry: &PadEntry) -> Result<u16, CardError> {
        self.entries.push(entry.clone());
        self.pad.pop_front().ok_or(CardError::Gone)
    }

    fn reset_at_end(&mut self) {
        self.reset = true;
    }
}
