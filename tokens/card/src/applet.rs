use crate::apdu_channel::Alone;
use crate::{ApduChannel, CardError, CardOp, CardOutput, Contents, Kind, Pin, application};

/// An application that is reached through a channel of its own instead of a reader: the same code speaks to it.
///
/// There are no readers, no watcher and no threads here: each call blocks until the channel has answered.
pub struct Applet<C> {
    channel: C,
    contents: Contents,
}

impl<C: ApduChannel> Applet<C> {
    /// Reads what stands in the application; `None` where there is none of that kind at the channel's other end.
    ///
    /// # Errors
    /// Those of the channel, and [`CardError::Malformed`] for what no such application says.
    pub fn open(mut channel: C, kind: Kind) -> Result<Option<Self>, CardError> {
        let contents = within(&mut channel, |card| application::read(kind, card))?;
        Ok(contents.map(|contents| Self { channel, contents }))
    }

    /// Returns what stands in the application, as it was read.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Does it. The application is selected first, and logged out afterwards; what an operation changes is read anew. A
    /// PIV application without metadata shows a new key only when a certificate stands beside it.
    ///
    /// # Errors
    /// As the operation has them, and those of the channel.
    pub fn perform(&mut self, pin: Pin<'_>, operation: CardOp) -> Result<CardOutput, CardError> {
        let Self { channel, contents } = self;
        let (kind, changes) = (contents.kind, operation.changes());
        within(channel, |card| {
            application::recognize(contents, card)?;
            let output = application::perform(card, contents, pin, operation)?;
            if changes && let Some(read) = application::read(kind, card)? {
                *contents = read;
            }
            Ok(output)
        })
    }

    /// Gives the channel back.
    pub fn into_channel(self) -> C {
        self.channel
    }
}

/// Does what would be one transaction on a card.
fn within<T>(
    channel: &mut dyn ApduChannel,
    work: impl FnOnce(&mut Alone<'_>) -> Result<T, CardError>,
) -> Result<T, CardError> {
    let mut card = Alone::new(channel);
    let result = work(&mut card);
    match card.end() {
        Ok(()) => result,
        // What was done is done, but the applet may have been left with a PIN shown.
        Err(error) => result.and(Err(error)),
    }
}
