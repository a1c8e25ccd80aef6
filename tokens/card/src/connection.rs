use std::ffi::CStr;

use pcsc::{Card, Context, Disposition, Protocols, ShareMode, Transaction};
use zeroize::Zeroize;

use crate::fault::{Loss, meaning};
use crate::pin_pad;
use crate::ticket::Ticket;
use crate::{CardError, Exchange, PadEntry};

/// A card that a reader's thread is connected to, shared with everybody else.
pub(crate) struct Connection {
    /// Present until it is taken for an orderly farewell.
    card: Option<Card>,
    pad: Option<u32>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// Blocks while another program is inside a transaction.
    pub(crate) fn open(context: &Context, reader: &CStr) -> Result<Self, pcsc::Error> {
        let card = context.connect(reader, ShareMode::Shared, Protocols::ANY)?;
        let mut answer = [0; 256];
        // A reader that knows no such question has no pin pad.
        let features = card.control(pcsc::ctl_code(pin_pad::GET_FEATURES.into()), &[], &mut answer);
        let pad = features.ok().and_then(pin_pad::verify_code);
        Ok(Self { card: Some(card), pad, buffer: vec![0; pcsc::MAX_BUFFER_SIZE_EXTENDED] })
    }

    /// Returns true where the reader has a pin pad.
    pub(crate) fn has_pin_pad(&self) -> bool {
        self.pad.is_some()
    }

    /// Begins a transaction for the ticket.
    ///
    /// Blocks while another program is inside one.
    pub(crate) fn begin<'a>(&'a mut self, ticket: &'a Ticket) -> Result<Transacting<'a>, pcsc::Error> {
        let Self { card, pad, buffer } = self;
        let transaction = card.as_mut().ok_or(pcsc::Error::InvalidHandle)?.transaction()?;
        Ok(Transacting {
            transaction,
            ticket,
            pad: *pad,
            buffer,
            armed: false,
            committed: false,
            lost: None,
            disposition: Disposition::LeaveCard,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.buffer.zeroize();
        // The card stays as it is for the others; the library's own farewell would reset it, and does where this
        // fails, that is, where there is no such card any more.
        let farewell = self.card.take().map(|card| card.disconnect(Disposition::LeaveCard));
        drop(farewell);
    }
}

/// A transaction under way.
pub(crate) struct Transacting<'a> {
    transaction: Transaction<'a>,
    ticket: &'a Ticket,
    pad: Option<u32>,
    buffer: &'a mut Vec<u8>,
    armed: bool,
    committed: bool,
    lost: Option<Loss>,
    disposition: Disposition,
}

impl Transacting<'_> {
    /// Returns true where more than a SELECT was sent since [`arm`](Self::arm): it may not be done once more.
    pub(crate) fn is_committed(&self) -> bool {
        self.committed
    }

    /// Returns how the card was lost meanwhile, if it was.
    pub(crate) fn loss(&self) -> Option<Loss> {
        self.lost
    }

    /// Returns true where the card may have been left with a PIN shown: it was lost in the middle of something,
    /// and nobody knows that it lost its power too.
    pub(crate) fn owes_reset(&self) -> bool {
        self.committed && self.lost == Some(Loss::Departed)
    }

    /// Says that what is sent from here on may not be sent twice.
    pub(crate) fn arm(&mut self) {
        self.armed = true;
    }

    /// Ends the transaction, with a reset where that was asked for. A card that was lost is not reset: pcscd takes a
    /// card that cannot be reset for gone, until it sees it pulled.
    pub(crate) fn end(self) -> Result<(), pcsc::Error> {
        let Self { transaction, disposition, lost, .. } = self;
        let disposition = if lost.is_some() { Disposition::LeaveCard } else { disposition };
        transaction.end(disposition).map_err(|(transaction, error)| {
            drop(transaction);
            error
        })
    }

    fn fail(&mut self, error: pcsc::Error) -> CardError {
        match Loss::of(error) {
            None => meaning(error),
            Some(loss) => {
                self.lost = Some(loss);
                loss.meaning()
            }
        }
    }
}

impl Exchange for Transacting<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        if !self.ticket.is_wanted() {
            return Err(CardError::Timeout);
        }
        self.committed |= self.armed && command.get(1) != Some(&SELECT);
        let received = self.transaction.transmit(command, self.buffer).map(<[u8]>::len);
        let received = received.map_err(|error| self.fail(error))?;
        let (answer, _) = self.buffer.split_at_mut(received);
        let copy = answer.to_vec();
        answer.zeroize();
        if copy.len() < 2 {
            // No card says so little: a driver says it of a card that is pulled meanwhile.
            self.lost = Some(Loss::Departed);
            return Err(CardError::Gone);
        }
        Ok(copy)
    }

    fn has_pin_pad(&self) -> bool {
        self.pad.is_some()
    }

    fn verify_on_pad(&mut self, entry: &PadEntry) -> Result<u16, CardError> {
        let code = self.pad.ok_or(CardError::PinNeeded)?;
        if !self.ticket.is_wanted() {
            return Err(CardError::Timeout);
        }
        self.committed = true;
        let mut answer = [0; 256];
        let structure = pin_pad::pin_verify(entry);
        let answer = self.transaction.control(code.into(), &structure, &mut answer);
        match answer.map_err(|error| self.fail(error))? {
            [.., high, low] => Ok(u16::from_be_bytes([*high, *low])),
            _ => Err(CardError::Malformed("the pin pad gave no status word".into())),
        }
    }

    fn reset_at_end(&mut self) {
        self.disposition = Disposition::ResetCard;
    }
}

/// The instruction that changes nothing on a card but which application is spoken to (ISO 7816-4).
const SELECT: u8 = 0xa4;
