use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pcsc::Context;

use crate::connection::{Connection, Transacting};
use crate::deadline::Deadlines;
use crate::fault::{Loss, establish, is_service_lost, meaning};
use crate::reader::Reader;
use crate::ticket::{Doing, Ticket};
use crate::{CardError, Exchange as _};

/// The way from a reader's thread to the card: context, connection, and whether the card is still the one that was
/// identified. Each is made when it is needed and dropped when it fails.
pub(crate) struct Link {
    reader: Arc<Reader>,
    name: CString,
    context: Option<Context>,
    connection: Option<Connection>,
    /// pcscd's count of insertions and removals when the card was last identified over this connection.
    verified: Option<u32>,
    /// The card was out of the reader since it was last asked whether it was.
    departed: bool,
    /// The card was lost where a PIN may have been shown. Should it have kept its power, the next transaction ends
    /// with a reset.
    owes_reset: bool,
}

/// A ticket, and how it is served.
pub(crate) struct Service<'a> {
    pub(crate) ticket: &'a Ticket,
    pub(crate) deadlines: &'a Deadlines,
    /// How long it may take once it has begun.
    pub(crate) limit: Duration,
    /// Whether a program that holds the card exclusively is waited for.
    pub(crate) patient: bool,
}

impl Link {
    pub(crate) fn new(reader: Arc<Reader>) -> Self {
        // pcscd's names come from C strings.
        let name = CString::new(reader.name.as_str()).unwrap_or_default();
        Self {
            reader,
            name,
            context: None,
            connection: None,
            verified: None,
            departed: false,
            owes_reset: false,
        }
    }

    /// Returns true while there is a connection, which keeps others from having the card for themselves alone.
    pub(crate) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Returns true where the card was out of the reader, or may have been, since this was last asked.
    pub(crate) fn take_departed(&mut self) -> bool {
        std::mem::take(&mut self.departed)
    }

    /// Lets go of the card and leaves it as it is.
    pub(crate) fn close(&mut self) {
        self.verified = None;
        self.connection = None;
    }

    /// Does the work inside one transaction, with the card connected.
    ///
    /// The work is told whether the card is known to be the one that was identified, and says so once it has found
    /// out. Where the card was lost before the work had done anything that may not be done twice, it is begun once
    /// more on a new connection, on a card that is not known then; after another program's reset as often as it takes.
    pub(crate) fn transact<T>(
        &mut self,
        service: &Service<'_>,
        mut work: impl FnMut(&mut Transacting<'_>, &mut bool) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let mut retried = false;
        // Whoever resets the card may do so again and again: that is a wait like any other.
        let may_try =
            |loss: Loss, retried: bool| !retried || loss == Loss::Reset && service.ticket.is_wanted();
        loop {
            match self.attempt(service, &mut work) {
                Ok(output) => return Ok(output),
                Err(Failure { error, again: Some(loss) }) if may_try(loss, retried) => {
                    tracing::debug!("{}: {error}; once more on a new connection", self.reader.name);
                    retried |= loss != Loss::Reset;
                    service.ticket.begin_anew();
                }
                Err(Failure { error, .. }) => return Err(error),
            }
        }
    }

    fn attempt<T>(
        &mut self,
        service: &Service<'_>,
        work: &mut impl FnMut(&mut Transacting<'_>, &mut bool) -> Result<T, CardError>,
    ) -> Result<T, Failure> {
        let Service { ticket, deadlines, limit, .. } = *service;
        self.connect(service).map_err(|error| self.fail(error))?;
        self.reader.activity.set(Doing::Waiting);
        // Read before the transaction begins: whatever is missed between shows in the connection.
        let count = self.reader.count();
        let known = self.verified == Some(count);
        // Taken out: what is not put back below is dropped.
        let Some(mut connection) = self.connection.take() else {
            return Err(Failure { error: CardError::Gone, again: Some(Loss::Departed) });
        };
        let begun = connection.begin(ticket);
        let mut transacting = begun.map_err(|error| self.fail(error))?;
        if !ticket.begin(limit) {
            drop(transacting);
            self.connection = Some(connection);
            return Err(Failure { error: CardError::Timeout, again: None });
        }
        deadlines.hasten(Instant::now() + limit, ticket);
        let mut recognized = known;
        let result = work(&mut transacting, &mut recognized);
        if self.owes_reset {
            transacting.reset_at_end();
        }
        let (lost, committed) = (transacting.loss(), transacting.is_committed());
        self.owes_reset = transacting.owes_reset() || self.owes_reset && lost.is_some();
        let ended = transacting.end();
        self.verified = recognized.then_some(count);
        self.connection = Some(connection);
        if let Some(loss) = lost.or(ended.err().and_then(Loss::of)) {
            self.abandon(loss);
        }
        result.map_err(|error| match lost {
            Some(loss) => Failure { error: loss.meaning(), again: (!committed).then_some(loss) },
            None => Failure { error, again: None },
        })
    }

    fn connect(&mut self, service: &Service<'_>) -> Result<(), pcsc::Error> {
        let mut unsettled = 0;
        while self.connection.is_none() {
            self.reader.activity.set(Doing::Waiting);
            match self.open() {
                Ok(connection) => {
                    self.reader.set_pin_pad(connection.has_pin_pad());
                    self.connection = Some(connection);
                }
                Err(pcsc::Error::SharingViolation) if service.patient => {
                    self.reader.activity.set(Doing::WaitingForExclusive);
                    // libpcsclite itself looks this often where it waits for another program.
                    if !self.reader.pause(EXCLUSIVE_POLL) || !service.ticket.is_wanted() {
                        return Err(pcsc::Error::SharingViolation);
                    }
                }
                // Any protocol will do: another program is resetting the card, which agreed on none yet.
                Err(pcsc::Error::ProtoMismatch) if unsettled < MOST_UNSETTLED => {
                    unsettled += 1;
                    if !self.reader.pause(SETTLING) || !service.ticket.is_wanted() {
                        return Err(pcsc::Error::ProtoMismatch);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<Connection, pcsc::Error> {
        self.verified = None;
        let context = match &self.context {
            Some(context) => context,
            None => self.context.insert(establish()?),
        };
        Connection::open(context, &self.name)
    }

    /// Returns what a failure before the work means; what it makes worthless is dropped.
    fn fail(&mut self, error: pcsc::Error) -> Failure {
        let loss = Loss::of(error);
        tracing::trace!("{}: {error}: {loss:?}", self.reader.name);
        if let Some(loss) = loss {
            self.abandon(loss);
        }
        if is_service_lost(error) {
            self.context = None;
        }
        Failure { error: meaning(error), again: loss }
    }

    /// Drops what is of no use any more. pcscd may have been started anew, so the context is doubtful too.
    fn abandon(&mut self, loss: Loss) {
        self.close();
        self.departed |= loss != Loss::Reset;
        if self.context.as_ref().is_some_and(|context| context.list_readers_len().is_err()) {
            self.context = None;
        }
    }
}

/// Why an attempt failed, and the loss after which it may be made again.
struct Failure {
    error: CardError,
    again: Option<Loss>,
}

const EXCLUSIVE_POLL: Duration = Duration::from_millis(100);
/// How often a card is looked at again that is being reset, and how soon.
const MOST_UNSETTLED: u32 = 10;
const SETTLING: Duration = Duration::from_millis(20);
