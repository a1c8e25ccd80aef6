use std::collections::VecDeque;

use claviger_card::{CardError, Exchange, PadEntry};

/// A card that answers whatever it likes, whatever it is asked; then it is gone.
pub(super) struct Answers<'a> {
    left: VecDeque<&'a [u8]>,
    /// The most bytes of a command that it is asked with.
    longest: usize,
    pub(super) sent: Vec<Vec<u8>>,
    pub(super) is_reset: bool,
}

impl<'a> Answers<'a> {
    /// Each answer stands after its length, two bytes big-endian.
    pub(super) fn new(mut bytes: &'a [u8], longest: usize) -> Self {
        let mut left = VecDeque::new();
        while let Some((length, rest)) = bytes.split_at_checked(2) {
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (answer, rest) = rest.split_at(length.min(rest.len()));
            left.push_back(answer);
            bytes = rest;
        }
        Self { left, longest, sent: Vec::new(), is_reset: false }
    }
}

impl Exchange for Answers<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        assert!(command.len() <= self.longest, "the command is longer than such cards are sent");
        self.sent.push(command.to_vec());
        self.left.pop_front().map(<[u8]>::to_vec).ok_or(CardError::Gone)
    }

    fn has_pin_pad(&self) -> bool {
        false
    }

    fn verify_on_pad(&mut self, _: &PadEntry) -> Result<u16, CardError> {
        Err(CardError::Gone)
    }

    fn reset_at_end(&mut self) {
        self.is_reset = true;
    }
}
