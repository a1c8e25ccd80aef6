use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use claviger_card::CardError;
use claviger_card::opensc::frame::{FrameError, receive, send};
use claviger_card::opensc::protocol::{Reply, Request, VERSION};

use crate::card::Card;
use crate::ffi;
use crate::performing::Errand;

/// The requests of one connection.
pub(crate) struct Service {
    connection: UnixStream,
    /// OpenSC's module.
    module: PathBuf,
    /// The reader that this connection is about.
    reader: Option<String>,
    /// The card, while nothing went wrong with it.
    card: Option<Card>,
}

impl Service {
    /// Returns the service of that connection.
    pub(crate) fn new(connection: UnixStream, module: PathBuf) -> Self {
        Self { connection, module, reader: None, card: None }
    }

    /// Serves until the connection ends.
    ///
    /// # Errors
    /// Where what comes is no request.
    pub(crate) fn run(mut self) -> Result<(), FrameError> {
        loop {
            let request = match receive(&mut self.connection) {
                Ok(request) => request,
                Err(FrameError::Closed) => return Ok(()),
                Err(error) => return Err(error),
            };
            let reply = self.answer(request).unwrap_or_else(Reply::Refused);
            send(&mut self.connection, &reply)?;
        }
    }

    fn answer(&mut self, request: Request) -> Result<Reply, CardError> {
        match request {
            Request::Hello { version, reader } => self.greet(version, reader),
            Request::Read => self.with_card(|card| {
                let found = card.read()?;
                // OpenSC takes a certificate that it cannot read for one that is not there.
                let is_whole = !ffi::fence().take_lost();
                if is_whole { Ok(Reply::Contents(Some(found))) } else { Err(CardError::Gone) }
            }),
            Request::Perform { serial, public_key, pin, operation } => {
                let errand = Errand { serial, public_key, pin };
                self.with_card(|card| errand.perform(card, operation))
            }
        }
    }

    fn greet(&mut self, version: u16, reader: String) -> Result<Reply, CardError> {
        if version != VERSION {
            return Err(CardError::Reader(
                format!("the OpenSC helper speaks version {VERSION}, not {version}").into(),
            ));
        }
        ffi::fence().set_reader(&reader);
        self.card = None;
        self.reader = Some(reader);
        Ok(Reply::Ready)
    }

    /// Does something with the card. One that something failed with is let go and met anew the next time: OpenSC
    /// keeps the card locked after some failures.
    fn with_card(
        &mut self,
        work: impl FnOnce(&Card) -> Result<Reply, CardError>,
    ) -> Result<Reply, CardError> {
        let reader = self.reader.as_deref().ok_or(CardError::Reader("no reader was named".into()))?;
        // What was lost before was the last request's.
        ffi::fence().take_lost();
        let known = self.card.take().filter(Card::is_there);
        let card = match known {
            Some(card) => card,
            None => match Card::meet(&self.module, reader)? {
                Some(card) => card,
                None => return Ok(Reply::Contents(None)),
            },
        };
        match work(&card) {
            Ok(reply) => {
                self.card = Some(card);
                Ok(reply)
            }
            Err(error) => {
                let is_well = !ffi::fence().take_lost() && card.is_there();
                let error = if is_well { error } else { gone_unless_about_pin(error) };
                card.leave();
                Err(error)
            }
        }
    }
}

/// What fails in whatever way because the card went away, failed because the card went away.
fn gone_unless_about_pin(error: CardError) -> CardError {
    match error {
        CardError::WrongPin { .. }
        | CardError::PinBlocked
        | CardError::LastTry
        | CardError::TriesKept { .. } => error,
        _ => CardError::Gone,
    }
}
