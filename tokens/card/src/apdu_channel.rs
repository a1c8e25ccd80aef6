use crate::{CardError, Exchange, PadEntry};

/// A way to one applet that is not PC/SC: commands go in, answers come out.
///
/// It is for secure elements that no reader shows: a SIM or eSIM behind a modem, where 3GPP TS 27.007 opens a logical
/// channel to an applet (`AT+CCHO`), passes APDUs through it (`AT+CGLA`) and closes it (`AT+CCHC`), or an embedded
/// element with a driver of its own. Whoever has such a channel has it alone: nobody else's commands come between.
pub trait ApduChannel {
    /// Sends one command APDU and returns the answer: data, if any, and the two bytes of the status word.
    ///
    /// Chaining and GET RESPONSE are done above it. A modem numbers its logical channels in the class byte: that is this
    /// side's to set.
    ///
    /// # Errors
    /// [`CardError::Gone`] where the channel is closed or the card away, [`CardError::Timeout`],
    /// [`CardError::Reader`] for what the way itself reports.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError>;

    /// Closes the channel and opens it anew, so that what a PIN has opened is closed: the last resort where the applet
    /// refuses to log out.
    ///
    /// # Errors
    /// As [`transmit`](Self::transmit).
    fn reopen(&mut self) -> Result<(), CardError>;
}

/// A channel as the applications see a card: without a pin pad, and nobody else in it.
pub(crate) struct Alone<'a> {
    channel: &'a mut dyn ApduChannel,
    resets: bool,
}

impl<'a> Alone<'a> {
    pub(crate) fn new(channel: &'a mut dyn ApduChannel) -> Self {
        Self { channel, resets: false }
    }

    /// Ends what would be a transaction on a card.
    pub(crate) fn end(self) -> Result<(), CardError> {
        if self.resets { self.channel.reopen() } else { Ok(()) }
    }
}

impl Exchange for Alone<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let answer = self.channel.transmit(command)?;
        if answer.len() < 2 {
            return Err(CardError::Malformed("an answer without a status word".into()));
        }
        Ok(answer)
    }

    fn has_pin_pad(&self) -> bool {
        false
    }

    fn verify_on_pad(&mut self, _entry: &PadEntry) -> Result<u16, CardError> {
        Err(CardError::PinNeeded)
    }

    fn reset_at_end(&mut self) {
        self.resets = true;
    }
}
