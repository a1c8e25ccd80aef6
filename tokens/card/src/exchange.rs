use crate::CardError;

/// One card, inside one transaction that nobody else can break into: commands go in, answers come out.
///
/// The reader's thread has the real one; a replay of recorded answers is one too. An application never meets
/// PC/SC itself.
pub trait Exchange {
    /// Sends one command APDU and returns the answer: data, if any, and the two bytes of the status word.
    ///
    /// Chaining and GET RESPONSE are not done here; they are the application's (`apdu`).
    ///
    /// # Errors
    /// [`CardError::Gone`] after a removal or a reset, [`CardError::Timeout`] when the request was given up
    /// meanwhile, [`CardError::Reader`] for what PC/SC reports else. The answer has at least two bytes.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError>;

    /// Returns true where the reader has a pin pad (PC/SC part 10, FEATURE_VERIFY_PIN_DIRECT).
    fn has_pin_pad(&self) -> bool;

    /// Lets the person enter the PIN at the reader and returns the status word of the VERIFY that the reader
    /// sent, or its own 6400 (time passed), 6401 (cancelled), 6402, 6403.
    fn verify_on_pad(&mut self, entry: &PadEntry) -> Result<u16, CardError>;

    /// Has the card reset when the transaction ends: the last resort where it refuses to log out.
    fn reset_at_end(&mut self);
}

/// What a reader's pin pad makes a VERIFY of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PadEntry {
    /// The VERIFY command with the PIN's place filled with padding, for example `00 20 00 80 08 FF…`.
    pub template: Vec<u8>,
    /// The fewest digits.
    pub shortest: u8,
    /// The most digits.
    pub longest: u8,
    /// True where the PIN's place has a fixed length (PIV), false where Lc follows the PIN (OpenPGP).
    pub padded: bool,
}
