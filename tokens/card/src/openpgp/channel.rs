//! The OpenPGP application on a card, by commands and whole answers.
//!
//! Short commands, chains and long answers are [`Command`]'s. Some OpenPGP cards know no chaining and want extended
//! lengths for whatever has more than 255 bytes; they say so, and only they get them.

use openpgp_card::ocard::data::HistoricalBytes;
use zeroize::Zeroizing;

use crate::apdu::{Answer, Command};
use crate::status::Status;
use crate::{CardError, Exchange};

/// A card whose OpenPGP application is selected.
pub(super) struct Channel<'a> {
    pub(super) card: &'a mut dyn Exchange,
    lengths: Option<Lengths>,
}

/// How a command or an answer of more than 255 bytes goes over: ISO 7816-4, 12.1.1.9, third byte of the card
/// capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lengths {
    chaining: bool,
    extended: bool,
}

/// How much answer a command has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    Nothing,
    /// At most 256 bytes.
    Short,
    /// Perhaps more.
    Long,
}

/// A command of the OpenPGP card specification: instruction, parameters, and what a fault of it is called by.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) what: &'static str,
    pub(super) ins: u8,
    pub(super) p1: u8,
    pub(super) p2: u8,
}

impl<'a> Channel<'a> {
    /// SELECT (7.2.1). `None` where the card has no OpenPGP application.
    pub(super) fn select(card: &'a mut dyn Exchange) -> Result<Option<Self>, CardError> {
        let name = Zeroizing::new(APPLICATION.to_vec());
        let answer = Command::new(0xa4, 0x04, 0x00).with(name).answered().send(card)?;
        match answer.status {
            Status::OK => Ok(Some(Self { card, lengths: None })),
            // A terminated application has nothing on it either.
            status if status.is_no_application() || status == TERMINATED => {
                tracing::debug!(status = format_args!("{:04X}", status.0), "no OpenPGP application");
                Ok(None)
            }
            status => Err(status.fault("SELECT")),
        }
    }

    /// Keeps what the card's historical bytes say it can.
    pub(super) fn set_history(&mut self, history: Option<&[u8]>) {
        self.lengths = Some(Lengths::announced(history));
    }

    /// Sends a command and collects its answer, whatever its status.
    pub(super) fn send(&mut self, order: Order, data: &[u8], expect: Expect) -> Result<Answer, CardError> {
        let Order { ins, p1, p2, .. } = order;
        if (data.len() > SHORT || expect == Expect::Long) && self.wants_extended(data.len())? {
            return self.send_raw(&extended([0x00, ins, p1, p2], data, expect));
        }
        let command = Command::new(ins, p1, p2).with(Zeroizing::new(data.to_vec()));
        let command = if expect == Expect::Nothing { command } else { command.answered() };
        command.send(self.card)
    }

    /// Sends a command that must be carried out, and returns its answer's data.
    pub(super) fn run(
        &mut self,
        order: Order,
        data: &[u8],
        expect: Expect,
    ) -> Result<Zeroizing<Vec<u8>>, CardError> {
        self.send(order, data, expect)?.success(order.what)
    }

    /// Sends the bytes of a command as they are.
    pub(super) fn send_raw(&mut self, command: &[u8]) -> Result<Answer, CardError> {
        let mut data = Zeroizing::new(self.card.transmit(command)?);
        let [.., first, second] = data[..] else {
            return Err(CardError::Malformed("the answer is too short".into()));
        };
        let status = Status(u16::from_be_bytes([first, second]));
        if !status.is_one() {
            return Err(CardError::Malformed("the answer does not end with a status word".into()));
        }
        let end = data.len() - 2;
        data.truncate(end);
        if status.waiting().is_none() {
            return Ok(Answer { data, status });
        }
        let rest = Command::new(0xc0, 0x00, 0x00).answered().send(self.card)?;
        let mut whole = Zeroizing::new(Vec::with_capacity(data.len() + rest.data.len()));
        whole.extend_from_slice(&data);
        whole.extend_from_slice(&rest.data);
        Ok(Answer { data: whole, status: rest.status })
    }

    /// GET DATA (7.2.6). `None` where the card has no such object.
    pub(super) fn get(
        &mut self,
        what: &'static str,
        tag: u16,
        expect: Expect,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, CardError> {
        let [p1, p2] = tag.to_be_bytes();
        let answer = self.send(Order { what, ins: 0xca, p1, p2 }, &[], expect)?;
        if is_unknown_object(answer.status) { Ok(None) } else { answer.success(what).map(Some) }
    }

    /// PUT DATA (7.2.8).
    pub(super) fn put(&mut self, what: &'static str, tag: u16, value: &[u8]) -> Result<(), CardError> {
        let [p1, p2] = tag.to_be_bytes();
        self.run(Order { what, ins: 0xda, p1, p2 }, value, Expect::Nothing).map(drop)
    }

    /// Asks what the card can once, and only where something long is to be sent.
    fn wants_extended(&mut self, length: usize) -> Result<bool, CardError> {
        if self.lengths.is_none() {
            let history = self.get("reading its historical bytes", HISTORICAL_BYTES, Expect::Short)?;
            self.set_history(history.as_ref().map(|bytes| bytes.as_slice()));
        }
        match self.lengths {
            Some(Lengths { chaining: false, extended }) if extended || length <= SHORT => Ok(extended),
            Some(Lengths { chaining: false, .. }) => Err(CardError::NotSupported("take so long a command")),
            _ => Ok(false),
        }
    }
}

impl Lengths {
    /// A card that says nothing of itself is taken to know chaining, as every application since 2.0 must that is not
    /// one of those with extended lengths.
    fn announced(history: Option<&[u8]>) -> Self {
        let history = history.and_then(|history| HistoricalBytes::try_from(history).ok());
        let can = history.as_ref().and_then(HistoricalBytes::card_capabilities);
        can.map_or(Self { chaining: true, extended: false }, |can| Self {
            chaining: can.command_chaining(),
            extended: can.extended_lc_le(),
        })
    }
}

/// Returns true for what cards say to an object that they do not have, or that their version does not know.
fn is_unknown_object(status: Status) -> bool {
    const RECORD_NOT_FOUND: Status = Status(0x6a83);
    const WRONG_P1_P2: Status = Status(0x6b00);
    status.is_absent()
        || matches!(
            status,
            Status::NO_FUNCTION
                | Status::NO_INSTRUCTION
                | Status::WRONG_DATA
                | Status::WRONG_PARAMETERS
                | RECORD_NOT_FOUND
                | WRONG_P1_P2
        )
}

/// Returns an extended command; the data have less than 64 KiB.
fn extended(header: [u8; 4], data: &[u8], expect: Expect) -> Zeroizing<Vec<u8>> {
    let mut command = Zeroizing::new(Vec::with_capacity(data.len() + 9));
    command.extend_from_slice(&header);
    command.push(0);
    if !data.is_empty() {
        command.extend_from_slice(&(data.len() as u16).to_be_bytes());
        command.extend_from_slice(data);
    }
    if expect != Expect::Nothing {
        command.extend_from_slice(&[0, 0]);
    }
    command
}

/// RID of the FSFE and "OpenPGP"; version, maker and serial number follow in the whole name.
const APPLICATION: [u8; 6] = [0xd2, 0x76, 0x00, 0x01, 0x24, 0x01];
/// What SELECT says of an application that was terminated and not activated since (7.2.16, 7.2.17).
const TERMINATED: Status = Status(0x6285);
/// The most data of a short command.
const SHORT: usize = 255;
const HISTORICAL_BYTES: u16 = 0x5f52;
