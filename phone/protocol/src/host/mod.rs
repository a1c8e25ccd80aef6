//! The end that commands: the Noise initiator.

use crate::{
    Answer, Closed, Code, Command, Known, NewPairing, NotOpen, Notice, Offer, PairingId, Randomness, RequestId,
};

/// A host's end of one stream.
///
/// Whoever drives it hands in what the stream brings ([`receive`](Self::receive)), then takes events until there are none
/// ([`event`](Self::event)), and writes what is to be written ([`output`](Self::output)) after every call that may have made some.
pub struct Host {
    _private: (),
}

/// What a host's driver gets to know.
pub enum Event {
    /// A channel is open under this pairing; requests may be made. After a pairing it comes behind [`Event::Paired`].
    Opened(PairingId),
    /// An answer. Each request gets exactly one, unless the stream closes before.
    Answered(Answer),
    /// The phone says something unasked. After [`Notice::Bye`] comes [`Event::Closed`].
    Noticed(Notice),
    /// Pairing by numbers: people must compare. Go on with [`Host::confirm`].
    Compare(Code),
    /// Pairing: the phone asks its person now.
    PersonAsked,
    /// Pairing: both ends have what they need, and a channel under the new pairing works. Keep it.
    Paired(Box<NewPairing>),
    /// It is over; the last event.
    Closed(Closed),
}

impl Host {
    /// Opens a channel under one of these pairings: the first that the phone accepts.
    pub fn connect(pairings: Vec<Known>, randomness: Box<dyn Randomness>) -> Self {
        let _ = (pairings, randomness);
        todo!()
    }

    /// Pairs with the phone, and opens a channel under the new pairing.
    pub fn pair(offer: Offer, randomness: Box<dyn Randomness>) -> Self {
        let _ = (offer, randomness);
        todo!()
    }

    /// Takes what the stream brought. Any cut is fine.
    pub fn receive(&mut self, bytes: &[u8]) {
        let _ = bytes;
        todo!()
    }

    /// Returns what happened next, if anything did.
    pub fn event(&mut self) -> Option<Event> {
        todo!()
    }

    /// Returns what is to be written to the stream now, and forgets it; empty where there is nothing.
    pub fn output(&mut self) -> Vec<u8> {
        todo!()
    }

    /// Asks for something.
    ///
    /// # Errors
    /// Where no channel is open, too many requests wait, or the command is too long.
    pub fn request(&mut self, command: Command) -> Result<RequestId, NotOpen> {
        let _ = command;
        todo!()
    }

    /// Gives a request up. Its answer comes nevertheless: what was done already, or `CKR_FUNCTION_CANCELED`.
    pub fn cancel(&mut self, id: RequestId) {
        let _ = id;
        todo!()
    }

    /// Says good-bye, where a channel is open; write the output and close the stream.
    pub fn bye(&mut self, reason: &str) {
        let _ = reason;
        todo!()
    }

    /// Says whether this end's person found the same number on the phone.
    pub fn confirm(&mut self, same: bool) {
        let _ = same;
        todo!()
    }

    /// Returns whether requests can be made.
    pub fn is_open(&self) -> bool {
        todo!()
    }

    /// Returns how many requests wait for their answers.
    pub fn pending(&self) -> usize {
        todo!()
    }
}
