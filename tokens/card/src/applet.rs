use crate::apdu_channel::Alone;
use crate::{ApduChannel, CardError, CardOp, CardOutput, Contents, Exchange, Kind, Pin, application};

/// An application that is reached through a channel of its own instead of a reader: the same code speaks to it.
///
/// There are no readers, no watcher and no threads here: each call blocks until the channel has answered.
pub struct Applet<C> {
    channel: C,
    contents: Contents,
    known: Known,
    /// Whether a PIN may still be shown, because the channel could not be opened anew.
    is_exposed: bool,
}

/// How much of the contents still holds.
#[derive(Clone, Copy)]
enum Known {
    All,
    /// Keys, certificates or passwords may be others; the application is the same.
    Serial,
    /// The application may have been given another serial.
    Nothing,
}

impl<C: ApduChannel> Applet<C> {
    /// Reads what stands in the application; `None` where there is none of that kind at the channel's other end.
    ///
    /// # Errors
    /// Those of the channel, and [`CardError::Malformed`] for what no such application says.
    pub fn open(mut channel: C, kind: Kind) -> Result<Option<Self>, CardError> {
        let (contents, end) = within(&mut channel, |card| application::read(kind, card));
        let (contents, ()) = (contents?, end?);
        Ok(contents.map(|contents| Self { channel, contents, known: Known::All, is_exposed: false }))
    }

    /// Returns what stands in the application, as it was read last.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Does it. The application is selected first, and logged out afterwards; what an operation changes is read anew. A
    /// PIV application without metadata shows a new key only when a certificate stands beside it.
    ///
    /// What was changed is told whatever happens behind it: whoever hears an error makes a second key. Where it could not be
    /// read anew, [`contents`](Self::contents) are as they were until the next operation, which reads them first; where the
    /// channel had to be opened anew and that failed, the next operation begins with it.
    ///
    /// # Errors
    /// As the operation has them, and those of the channel.
    pub fn perform(&mut self, pin: Pin<'_>, operation: CardOp) -> Result<CardOutput, CardError> {
        let Self { channel, contents, known, is_exposed } = self;
        if *is_exposed {
            channel.reopen()?;
            *is_exposed = false;
        }
        let changes = operation.changes();
        let behind = match changes {
            true if matches!(operation, CardOp::Initialize { .. }) => Known::Nothing,
            true => Known::Serial,
            false => Known::All,
        };
        let (result, end) = within(channel, |card| {
            if !matches!(known, Known::Nothing) {
                application::recognize(contents, card)?;
            }
            if !matches!(known, Known::All) {
                *contents = read_again(contents.kind, card)?;
            }
            // Also one that fails may have changed something, if the answer was lost.
            *known = behind;
            let output = application::perform(card, contents, pin, operation)?;
            if changes && let Ok(read) = read_again(contents.kind, card) {
                *contents = read;
                *known = Known::All;
            }
            Ok(output)
        });
        *is_exposed = end.is_err();
        if changes { result } else { result.and_then(|output| end.map(|()| output)) }
    }

    /// Gives the channel back.
    pub fn into_channel(self) -> C {
        self.channel
    }
}

/// Reads anew what stands in the application.
fn read_again(kind: Kind, card: &mut dyn Exchange) -> Result<Contents, CardError> {
    let read = application::read(kind, card)?;
    read.ok_or_else(|| CardError::Wrong("the card has no such application any more".into()))
}

/// Does what would be one transaction on a card, and returns what came of it and of its end.
fn within<T>(
    channel: &mut dyn ApduChannel,
    work: impl FnOnce(&mut Alone<'_>) -> Result<T, CardError>,
) -> (Result<T, CardError>, Result<(), CardError>) {
    let mut card = Alone::new(channel);
    let result = work(&mut card);
    (result, card.end())
}
