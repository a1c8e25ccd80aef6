//! The end that keeps the keys: the Noise responder.

use crate::{
    Closed, Code, Failure, Known, NewPairing, NotOpen, Notice, PairingId, PairingUri, Randomness, Refusal, Reply,
    Request, RequestId, StaticKey, Terms,
};

/// A phone's end of one stream.
///
/// It is driven as [`Host`](crate::host::Host) is. Where an event asks for a decision (`Hello`, `Terms`), nothing that comes behind it is
/// looked at until the decision is there.
pub struct Phone {
    _private: (),
}

/// What a phone's driver gets to know.
pub enum Event {
    /// A host wants a channel. Go on with [`Phone::admit`], [`Phone::pair_by_uri`], [`Phone::pair_by_numbers`] or
    /// [`Phone::turn_away`].
    Hello(Hello),
    /// A channel is open under this pairing. If the pairing was provisional, it is for good now.
    Opened(PairingId),
    /// Pairing by numbers: show this one; the answer is the host's to take.
    Compare(Code),
    /// Pairing: this host asks. Ask the person, go on with [`Phone::grant`] or [`Phone::decline`].
    Terms(Terms),
    /// The host wants something. Answer exactly once ([`Phone::answer`]).
    Asked(Request),
    /// The host gave this up: stop asking the person. It is to be answered nevertheless.
    Cancelled(RequestId),
    /// A heartbeat came; it is answered already.
    Pinged,
    /// It is over; the last event. Requests that were not answered need no answer any more.
    Closed(Closed),
}

/// How a host introduces itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hello {
    /// As one that is known.
    Known(PairingId),
    /// As the one whose URI was scanned.
    Uri(PairingId),
    /// As one to compare numbers with.
    Numbers(PairingId),
}

/// What a phone says of itself to anybody (`ATI`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The text of `ATI`, one line: nothing that tells one phone from another of its kind.
    pub product: String,
}

impl Phone {
    /// Waits for a host.
    pub fn new(identity: Identity, randomness: Box<dyn Randomness>) -> Self {
        let _ = (identity, randomness);
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

    /// Lets a known host in, if it proves to be it.
    pub fn admit(&mut self, known: &Known) {
        let _ = known;
        todo!()
    }

    /// Lets the host of this URI ask to be paired, with a key made for it.
    pub fn pair_by_uri(&mut self, uri: &PairingUri, key: StaticKey) {
        let _ = (uri, key);
        todo!()
    }

    /// Lets a host ask to be paired by numbers, with a key made for it.
    pub fn pair_by_numbers(&mut self, key: StaticKey) {
        let _ = key;
        todo!()
    }

    /// Turns a host away; it may try again on the same stream.
    pub fn turn_away(&mut self, refusal: Refusal) {
        let _ = refusal;
        todo!()
    }

    /// Agrees to be paired, and returns the pairing: provisional until [`Event::Opened`] names it.
    pub fn grant(&mut self, name: &str, model: &str) -> Option<NewPairing> {
        let _ = (name, model);
        todo!()
    }

    /// Says no to a pairing.
    pub fn decline(&mut self, failure: Failure) {
        let _ = failure;
        todo!()
    }

    /// Answers a request. An answer to what is not asked any more (answered already, stream closed) is dropped.
    pub fn answer(&mut self, id: RequestId, outcome: Result<Reply, Failure>) {
        let _ = (id, outcome);
        todo!()
    }

    /// Says something unasked, where a channel is open.
    ///
    /// # Errors
    /// Where none is.
    pub fn notify(&mut self, notice: &Notice) -> Result<(), NotOpen> {
        let _ = notice;
        todo!()
    }

    /// Returns the pairing whose channel is open.
    pub fn is_open(&self) -> Option<PairingId> {
        todo!()
    }
}
