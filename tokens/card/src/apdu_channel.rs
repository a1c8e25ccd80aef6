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
    /// Whether a secret was sent that the card may have taken.
    is_shown: bool,
    resets: bool,
}

impl<'a> Alone<'a> {
    pub(crate) fn new(channel: &'a mut dyn ApduChannel) -> Self {
        Self { channel, is_shown: false, resets: false }
    }

    /// Ends what would be a transaction on a card.
    pub(crate) fn end(self) -> Result<(), CardError> {
        if self.resets { self.channel.reopen() } else { Ok(()) }
    }
}

impl Exchange for Alone<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        self.is_shown |= command.get(1).is_some_and(|instruction| SHOWING.contains(instruction));
        let answer = self.channel.transmit(command).and_then(|answer| match answer.len() {
            0 | 1 => Err(CardError::Malformed("an answer without a status word".into())),
            _ => Ok(answer),
        });
        // In a reader a card that is gone has forgotten the PIN. Behind a channel the answer alone may be lost, and no
        // logging out is certain to come through.
        self.resets |= self.is_shown && answer.is_err();
        answer
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

/// The instructions by which a card may come to hold somebody for verified (ISO 7816-4): VERIFY, CHANGE REFERENCE DATA, RESET
/// RETRY COUNTER, and GENERAL AUTHENTICATE, which is how PIV takes its management key.
const SHOWING: [u8; 4] = [0x20, 0x24, 0x2c, 0x87];
