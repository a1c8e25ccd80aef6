//! The end that keeps the keys: the Noise responder.

mod clear;
mod opening;
mod pairing;
mod session;

use std::collections::VecDeque;

use crate::at::{self, Lines};
use crate::channel::{Channel, Hello};
use crate::{
    Closed, Code, Failure, Known, LINE_LIMIT, NewPairing, NotOpen, Notice, PairingId, PairingUri, Randomness,
    Refusal, Reply, Request, RequestId, StaticKey, Terms,
};
use opening::{Greeting, Shaking};
use pairing::Pairing;
use session::Session;

/// A phone's end of one stream.
///
/// It is driven as [`Host`](crate::host::Host) is. Behind [`Event::Hello`] nothing that comes is looked at until the decision is
/// there.
pub struct Phone {
    lines: Lines,
    output: Vec<u8>,
    events: VecDeque<Event>,
    randomness: Box<dyn Randomness>,
    identity: Identity,
    /// Whether errors have numbers (`AT+CMEE`).
    numbers: bool,
    /// How many handshakes were begun.
    tries: u32,
    /// How many frames have come in that only a host can have made.
    frames: u64,
    stage: Stage,
}

/// What a phone's driver gets to know.
pub enum Event {
    /// A host wants a channel. Go on with [`Phone::admit`], [`Phone::pair_by_uri`], [`Phone::pair_by_numbers`] or
    /// [`Phone::turn_away`].
    Hello(Hello),
    /// A channel is open under this pairing, and the host spoke in it. If the pairing was provisional, it is for good now.
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

/// What a phone says of itself to anybody (`ATI`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// One line: nothing that tells one phone from another of its kind.
    pub product: String,
}

/// How far it is.
enum Stage {
    /// No channel.
    Clear,
    /// A host has introduced itself, and the driver decides.
    Deciding(Box<Greeting>),
    /// A handshake to pair in lacks its third message.
    Shaking(Box<Shaking>),
    /// A channel is open to pair in.
    Pairing(Box<Pairing>),
    /// A channel is open.
    Open(Box<Session>),
    Over,
}

impl Phone {
    /// Waits for a host.
    pub fn new(identity: Identity, randomness: Box<dyn Randomness>) -> Self {
        Self {
            lines: Lines::default(),
            output: Vec::new(),
            events: VecDeque::new(),
            randomness,
            identity,
            numbers: true,
            tries: 0,
            frames: 0,
            stage: Stage::Clear,
        }
    }

    /// Takes what the stream brought. Any cut is fine.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
        if matches!(self.stage, Stage::Deciding(_)) && self.lines.waiting() > AHEAD_LIMIT {
            self.settle(Err(Closed::TooLong));
        }
    }

    /// Returns what happened next, if anything did.
    pub fn event(&mut self) -> Option<Event> {
        while self.events.is_empty() && !matches!(self.stage, Stage::Over | Stage::Deciding(_)) {
            let done = match self.lines.next_line()? {
                Ok(line) => self.take(&line),
                Err(at::TooLong) => Err(Closed::TooLong),
            };
            self.settle(done);
        }
        self.events.pop_front()
    }

    /// Returns what is to be written to the stream now, and forgets it; empty where there is nothing.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Lets a known host in, if it proves to be it.
    pub fn admit(&mut self, known: &Known) {
        self.decide(|phone, greeting| phone.admit_host(*greeting, known));
    }

    /// Lets the host of this URI ask to be paired, with a key made for it.
    pub fn pair_by_uri(&mut self, uri: &PairingUri, key: StaticKey) {
        self.decide(|phone, greeting| phone.begin_pairing(*greeting, Some(uri), key));
    }

    /// Lets a host ask to be paired by numbers, with a key made for it.
    pub fn pair_by_numbers(&mut self, key: StaticKey) {
        self.decide(|phone, greeting| phone.begin_pairing(*greeting, None, key));
    }

    /// Turns a host away; it may try again on the same stream.
    pub fn turn_away(&mut self, refusal: Refusal) {
        self.decide(|phone, _| {
            phone.refuse(refusal);
            Ok(())
        });
    }

    /// Agrees to be paired, and returns the pairing: provisional until [`Event::Opened`] names it. `None` where nobody asks.
    pub fn grant(&mut self, name: &str, model: &str) -> Option<NewPairing> {
        let Stage::Pairing(pairing) = &mut self.stage else { return None };
        let granted = pairing.grant(name, model, &mut self.output);
        granted.unwrap_or_else(|closed| {
            self.settle(Err(closed));
            None
        })
    }

    /// Says no to a pairing, and closes.
    pub fn decline(&mut self, failure: Failure) {
        if let Stage::Pairing(pairing) = &mut self.stage {
            let done = pairing.decline(failure, &mut self.output);
            self.settle(done);
        }
    }

    /// Answers a request. An answer to what is not asked any more (answered already, stream closed) is dropped.
    pub fn answer(&mut self, id: RequestId, outcome: Result<Reply, Failure>) {
        if let Stage::Open(session) = &mut self.stage {
            let done = session.answer(id, outcome, &mut self.output);
            self.settle(done);
        }
    }

    /// Says something unasked, where a channel is open. After [`Notice::Bye`] write the output and close the stream.
    ///
    /// # Errors
    /// Where none is.
    pub fn notify(&mut self, notice: &Notice) -> Result<(), NotOpen> {
        let Stage::Open(session) = &mut self.stage else { return Err(NotOpen::Closed) };
        if !session.is_proven() {
            return Err(NotOpen::Closed);
        }
        let done = session.notify(notice, &mut self.output);
        self.settle(done);
        if matches!(notice, Notice::Bye(_)) {
            self.stage = Stage::Over;
        }
        Ok(())
    }

    /// Returns how many frames have come in that only the host at the other end of a channel can have made. What else comes
    /// on the stream may be anybody's.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns the pairing whose channel is open.
    pub fn is_open(&self) -> Option<PairingId> {
        match &self.stage {
            Stage::Open(session) => session.is_proven().then(|| session.pairing()),
            Stage::Clear | Stage::Deciding(_) | Stage::Shaking(_) | Stage::Pairing(_) | Stage::Over => None,
        }
    }

    /// Goes on behind [`Event::Hello`].
    fn decide(&mut self, how: impl FnOnce(&mut Self, Box<Greeting>) -> Result<(), Closed>) {
        match std::mem::replace(&mut self.stage, Stage::Clear) {
            Stage::Deciding(greeting) => {
                let done = how(self, greeting);
                self.settle(done);
            }
            other => self.stage = other,
        }
    }

    /// Writes a line of an answer (V.250, 5.7.1).
    fn say(&mut self, line: &str) {
        say(line, &mut self.output);
    }

    /// Ends it where something was an error.
    fn settle(&mut self, done: Result<(), Closed>) {
        let Err(closed) = done else { return };
        if !matches!(closed, Closed::Bye(_) | Closed::Declined(_)) {
            self.say("ERROR");
        }
        self.stage = Stage::Over;
        self.events.push_back(Event::Closed(closed));
    }
}

fn say(line: &str, output: &mut Vec<u8>) {
    output.extend_from_slice(b"\r\n");
    output.extend_from_slice(line.as_bytes());
    output.extend_from_slice(b"\r\n");
}

/// Writes a message as the lines of its frames.
fn send_message(channel: &mut Channel, message: &str, output: &mut Vec<u8>) -> Result<(), Closed> {
    for frame in channel.seal(message)? {
        say(&frame.to_line("+CKX: "), output);
    }
    Ok(())
}

/// The most bytes that may come while the driver decides.
const AHEAD_LIMIT: usize = 4 * LINE_LIMIT;
