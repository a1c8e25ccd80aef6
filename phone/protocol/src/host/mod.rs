//! The end that commands: the Noise initiator.

mod opening;
mod pairing;
mod session;

use std::collections::VecDeque;

use crate::at::{self, Lines};
use crate::channel::Channel;
use crate::{
    Answer, Closed, Code, Command, Known, NewPairing, NotOpen, Notice, Offer, PairingId, Randomness,
    RequestId,
};
use opening::{Greeting, Wish};
use pairing::Pairing;
use session::Session;

/// A host's end of one stream.
///
/// Whoever drives it hands in what the stream brings ([`receive`](Self::receive)), then takes events until there are none
/// ([`event`](Self::event)), and writes what is to be written ([`output`](Self::output)) after every call that may have made some.
pub struct Host {
    lines: Lines,
    output: Vec<u8>,
    events: VecDeque<Event>,
    randomness: Box<dyn Randomness>,
    wish: Wish,
    /// How many frames have come in that only the phone can have made.
    frames: u64,
    stage: Stage,
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

/// How far it is.
enum Stage {
    /// The phone was told not to repeat what it is sent.
    Echo,
    /// The phone was asked for its versions.
    Version(Option<Vec<u32>>),
    /// A handshake is under way.
    Greeting(Box<Greeting>),
    /// A channel is open to pair in.
    Pairing(Box<Pairing>),
    /// A channel is open.
    Open(Box<Session>),
    Over,
}

impl Host {
    /// Opens a channel under one of these pairings: the first that the phone accepts.
    pub fn connect(pairings: Vec<Known>, randomness: Box<dyn Randomness>) -> Self {
        Self::begin(Wish::Connect(pairings.into()), randomness)
    }

    /// Pairs with the phone, and opens a channel under the new pairing.
    pub fn pair(offer: Offer, randomness: Box<dyn Randomness>) -> Self {
        Self::begin(Wish::Pair(Box::new(offer)), randomness)
    }

    fn begin(wish: Wish, randomness: Box<dyn Randomness>) -> Self {
        let mut host = Self {
            lines: Lines::default(),
            output: Vec::new(),
            events: VecDeque::new(),
            randomness,
            wish,
            frames: 0,
            stage: Stage::Echo,
        };
        host.send("ATE0");
        host
    }

    /// Takes what the stream brought. Any cut is fine.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// Returns what happened next, if anything did.
    pub fn event(&mut self) -> Option<Event> {
        while self.events.is_empty() && !matches!(self.stage, Stage::Over) {
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

    /// Asks for something.
    ///
    /// # Errors
    /// Where no channel is open, too many requests wait, or the command is too long.
    pub fn request(&mut self, command: Command) -> Result<RequestId, NotOpen> {
        let Stage::Open(session) = &mut self.stage else { return Err(NotOpen::Closed) };
        let made = session.request(command, &mut self.output);
        made.unwrap_or_else(|closed| {
            self.settle(Err(closed));
            Err(NotOpen::Closed)
        })
    }

    /// Gives a request up. Its answer comes nevertheless: what was done already, or `CKR_FUNCTION_CANCELED`.
    pub fn cancel(&mut self, id: RequestId) {
        if let Stage::Open(session) = &mut self.stage {
            let done = session.cancel(id, &mut self.output);
            self.settle(done);
        }
    }

    /// Says good-bye, where a channel is open; write the output and close the stream. No event follows.
    pub fn bye(&mut self, reason: &str) {
        let said = match &mut self.stage {
            Stage::Open(session) => session.bye(reason, &mut self.output),
            Stage::Pairing(pairing) => pairing.bye(reason, &mut self.output),
            Stage::Echo | Stage::Version(_) | Stage::Greeting(_) | Stage::Over => Ok(()),
        };
        // What cannot be said at the end need not be.
        drop(said);
        self.stage = Stage::Over;
    }

    /// Says whether this end's person found the same number on the phone.
    pub fn confirm(&mut self, same: bool) {
        if let Stage::Pairing(pairing) = &mut self.stage {
            let done = pairing.confirm(same, &mut self.output);
            let done = done.map(|asked| self.events.extend(asked.then_some(Event::PersonAsked)));
            self.settle(done);
        }
    }

    /// Returns whether requests can be made.
    pub fn is_open(&self) -> bool {
        matches!(&self.stage, Stage::Open(session) if session.is_proven())
    }

    /// Returns whether the phone has agreed to be paired, and what proves the new pairing is under way. To give it up now
    /// leaves open whether the phone keeps it: wait for [`Event::Opened`], and take it back with
    /// [`Command::Unpair`].
    pub fn is_proving(&self) -> bool {
        match &self.stage {
            Stage::Greeting(_) => matches!(self.wish, Wish::Prove(_)),
            Stage::Open(session) => session.is_proving(),
            Stage::Echo | Stage::Version(_) | Stage::Pairing(_) | Stage::Over => false,
        }
    }

    /// Returns whether that can be asked for now, without waiting for an answer first.
    pub fn has_room(&self, command: &Command) -> bool {
        matches!(&self.stage, Stage::Open(session) if session.has_room(command))
    }

    /// Returns how many frames have come in that only the phone can have made just now. It grows with every fragment of
    /// a long answer, of which no event tells before the last.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns how many requests wait for their answers.
    pub fn pending(&self) -> usize {
        match &self.stage {
            Stage::Open(session) => session.pending(),
            Stage::Echo | Stage::Version(_) | Stage::Greeting(_) | Stage::Pairing(_) | Stage::Over => 0,
        }
    }

    /// Takes a line. What is no result is an echo, or somebody else's; it is passed over.
    fn take(&mut self, line: &[u8]) -> Result<(), Closed> {
        // Bytes that are no UTF-8 make a result mistaken, not invisible.
        let line = String::from_utf8_lossy(line);
        if let Some(outcome) = at::Outcome::parse(&line) {
            return self.take_outcome(outcome);
        }
        match at::Information::parse(&line) {
            Some(information) => self.take_information(&information),
            None => Ok(()),
        }
    }

    /// Writes a command line.
    fn send(&mut self, command: &str) {
        self.output.extend_from_slice(command.as_bytes());
        self.output.push(b'\r');
    }

    /// Ends it where something was an error.
    fn settle(&mut self, done: Result<(), Closed>) {
        if let Err(closed) = done {
            self.stage = Stage::Over;
            self.events.push_back(Event::Closed(closed));
        }
    }
}

/// Writes a message as the lines of its frames.
fn send_message(channel: &mut Channel, message: &str, output: &mut Vec<u8>) -> Result<(), Closed> {
    for frame in channel.seal(message)? {
        output.extend_from_slice(frame.to_line("AT+CKX=").as_bytes());
        output.push(b'\r');
    }
    Ok(())
}
