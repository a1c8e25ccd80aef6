use std::collections::{BTreeMap, VecDeque};

use super::{Event, send_message};
use crate::channel::Channel;
use crate::message::{FromHost, FromPhone, Verb};
use crate::{
    Closed, Command, MESSAGE_LIMIT, NewPairing, NotOpen, Notice, PENDING_BYTES_LIMIT, PENDING_LIMIT,
    PairingId, Randomness, Request, RequestId,
};

/// A channel, and the requests under way in it.
pub(super) struct Session {
    pairing: PairingId,
    channel: Channel,
    next: u64,
    pending: BTreeMap<RequestId, Pending>,
    /// The bytes of what waits.
    weight: usize,
    /// The heartbeat by which the two prove to each other that they are here now, until it is answered; with it the
    /// pairing that was just made.
    proof: Option<(RequestId, Option<Box<NewPairing>>)>,
}

struct Pending {
    verb: Verb,
    weight: usize,
}

impl Session {
    /// Begins with a heartbeat: the phone believes the channel only when something came in it, because a recorded
    /// handshake can be played to it.
    pub(super) fn begin(
        pairing: PairingId,
        channel: Channel,
        new: Option<Box<NewPairing>>,
        randomness: &mut dyn Randomness,
        output: &mut Vec<u8>,
    ) -> Result<Self, Closed> {
        let mut first = [0; 8];
        randomness.fill(&mut first).map_err(|_| Closed::NoRandomness)?;
        // Room for as many requests as there will ever be.
        let next = u64::from_be_bytes(first) >> 1;
        let mut session = Self { pairing, channel, next, pending: BTreeMap::new(), weight: 0, proof: None };
        let id = session.send(Command::Ping, output)?.map_err(|_| Closed::TooLong)?;
        session.proof = Some((id, new));
        Ok(session)
    }

    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    pub(super) fn is_proven(&self) -> bool {
        self.proof.is_none()
    }

    /// Returns whether the pairing that was just made is yet to be proven.
    pub(super) fn is_proving(&self) -> bool {
        matches!(&self.proof, Some((_, Some(_))))
    }

    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn has_room(&self, command: &Command) -> bool {
        let weight = command.weight();
        // What is too much at any time need not wait to be told so.
        let is_too_much = weight > PENDING_BYTES_LIMIT;
        let fits = is_too_much || self.weight.saturating_add(weight) <= PENDING_BYTES_LIMIT;
        self.is_proven() && self.pending.len() < PENDING_LIMIT && fits
    }

    /// Asks for something. The outer error is the end of the channel.
    pub(super) fn request(
        &mut self,
        command: Command,
        output: &mut Vec<u8>,
    ) -> Result<Result<RequestId, NotOpen>, Closed> {
        if !self.is_proven() {
            return Ok(Err(NotOpen::Closed));
        }
        if !self.has_room(&command) {
            return Ok(Err(NotOpen::Full));
        }
        self.send(command, output)
    }

    fn send(&mut self, command: Command, output: &mut Vec<u8>) -> Result<Result<RequestId, NotOpen>, Closed> {
        let (id, verb, weight) = (RequestId::new(self.next), Verb::of(&command), command.weight());
        let message = Request { id, command }.to_text();
        if message.len() > MESSAGE_LIMIT {
            return Ok(Err(NotOpen::TooLong));
        }
        self.next += 1;
        send_message(&mut self.channel, &message, output)?;
        self.weight = self.weight.saturating_add(weight);
        self.pending.insert(id, Pending { verb, weight });
        Ok(Ok(id))
    }

    pub(super) fn cancel(&mut self, id: RequestId, output: &mut Vec<u8>) -> Result<(), Closed> {
        if !self.pending.contains_key(&id) {
            return Ok(());
        }
        send_message(&mut self.channel, &FromHost::cancel_text(id), output)
    }

    pub(super) fn bye(&mut self, reason: &str, output: &mut Vec<u8>) -> Result<(), Closed> {
        send_message(&mut self.channel, &FromHost::bye_text(reason), output)
    }

    /// Takes a message of the phone.
    pub(super) fn take(&mut self, message: &[u8], events: &mut VecDeque<Event>) -> Result<(), Closed> {
        let text = std::str::from_utf8(message).map_err(|_| Closed::Malformed("a message is not UTF-8"))?;
        let pending = &self.pending;
        let said = FromPhone::from_text(text, |id| pending.get(&id).map(|pending| pending.verb))
            .map_err(|_| Closed::OutOfOrder)?;
        match said {
            FromPhone::Answer(answer) => {
                let weight = self.pending.remove(&answer.id).map_or(0, |pending| pending.weight);
                self.weight = self.weight.saturating_sub(weight);
                match self.proof.take() {
                    Some((id, new)) if id == answer.id => {
                        answer.outcome.map_err(Closed::Declined)?;
                        events.extend(new.map(Event::Paired));
                        events.push_back(Event::Opened(self.pairing));
                    }
                    proof => {
                        self.proof = proof;
                        events.push_back(Event::Answered(answer));
                    }
                }
            }
            FromPhone::Notice(Notice::Bye(reason)) => {
                events.push_back(Event::Noticed(Notice::Bye(reason.clone())));
                return Err(Closed::Bye(reason));
            }
            FromPhone::Notice(notice) => events.push_back(Event::Noticed(notice)),
            FromPhone::Unknown => {}
        }
        Ok(())
    }
}
