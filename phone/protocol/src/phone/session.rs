use std::collections::{BTreeMap, VecDeque};

use super::{Event, send_message};
use crate::channel::Channel;
use crate::message::{FromHost, Verb};
use crate::{
    Answer, Closed, Command, Failure, MESSAGE_LIMIT, Notice, PENDING_BYTES_LIMIT, PENDING_LIMIT, PairingId,
    Reply, Request, RequestId, Rv,
};

/// A channel, and the requests under way in it.
pub(super) struct Session {
    pairing: PairingId,
    channel: Channel,
    /// The last request, once the host spoke: it is the host itself, and no recording of it.
    last: Option<RequestId>,
    pending: BTreeMap<RequestId, Pending>,
    /// The bytes of what waits.
    weight: usize,
}

struct Pending {
    verb: Verb,
    weight: usize,
    cancelled: bool,
}

impl Session {
    pub(super) fn new(pairing: PairingId, channel: Channel) -> Self {
        Self { pairing, channel, last: None, pending: BTreeMap::new(), weight: 0 }
    }

    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    pub(super) fn pairing(&self) -> PairingId {
        self.pairing
    }

    /// Returns whether the host spoke.
    pub(super) fn is_proven(&self) -> bool {
        self.last.is_some()
    }

    /// Takes a message of the host.
    pub(super) fn take(
        &mut self,
        message: &[u8],
        events: &mut VecDeque<Event>,
        output: &mut Vec<u8>,
    ) -> Result<(), Closed> {
        let text = std::str::from_utf8(message).map_err(|_| Closed::Malformed("a message is not UTF-8"))?;
        match FromHost::from_text(text)? {
            FromHost::Request(request) => {
                self.note(request.id, events)?;
                self.asked(request, events, output)
            }
            FromHost::Refused(id, failure) => {
                self.note(id, events)?;
                // Whatever the command was: an answer of `+CKE` has no other shape.
                self.send(&Answer { id, outcome: Err(failure) }, Verb::Ping, output)
            }
            FromHost::Cancel(id) => {
                if let Some(pending) = self.pending.get_mut(&id)
                    && !std::mem::replace(&mut pending.cancelled, true)
                {
                    events.push_back(Event::Cancelled(id));
                }
                Ok(())
            }
            FromHost::Bye(reason) => Err(Closed::Bye(reason)),
        }
    }

    /// Holds that each id is greater than the one before: so none comes twice, and none has to be remembered.
    fn note(&mut self, id: RequestId, events: &mut VecDeque<Event>) -> Result<(), Closed> {
        match self.last.replace(id) {
            Some(last) if last >= id => return Err(Closed::OutOfOrder),
            Some(_) => {}
            None => events.push_back(Event::Opened(self.pairing)),
        }
        Ok(())
    }

    fn asked(
        &mut self,
        request: Request,
        events: &mut VecDeque<Event>,
        output: &mut Vec<u8>,
    ) -> Result<(), Closed> {
        let Request { id, command } = &request;
        let verb = Verb::of(command);
        if matches!(command, Command::Ping) {
            events.push_back(Event::Pinged);
            return self.send(&Answer { id: *id, outcome: Ok(Reply::Done) }, verb, output);
        }
        let weight = command.weight();
        if self.pending.len() >= PENDING_LIMIT || self.weight.saturating_add(weight) > PENDING_BYTES_LIMIT {
            let failure = Failure::new(Rv::OperationActive, "too many requests wait already");
            return self.send(&Answer { id: *id, outcome: Err(failure) }, verb, output);
        }
        self.weight += weight;
        self.pending.insert(*id, Pending { verb, weight, cancelled: false });
        events.push_back(Event::Asked(request));
        Ok(())
    }

    /// Answers what waits under that id, if anything does.
    pub(super) fn answer(
        &mut self,
        id: RequestId,
        outcome: Result<Reply, Failure>,
        output: &mut Vec<u8>,
    ) -> Result<(), Closed> {
        match self.pending.remove(&id) {
            Some(pending) => {
                self.weight -= pending.weight;
                self.send(&Answer { id, outcome }, pending.verb, output)
            }
            None => Ok(()),
        }
    }

    pub(super) fn notify(&mut self, notice: &Notice, output: &mut Vec<u8>) -> Result<(), Closed> {
        send_message(&mut self.channel, &notice.to_text(), output)
    }

    fn send(&mut self, answer: &Answer, verb: Verb, output: &mut Vec<u8>) -> Result<(), Closed> {
        let mut message = answer.to_text(verb);
        if message.len() > MESSAGE_LIMIT {
            let failure = Failure::new(Rv::DeviceMemory, "the answer is too long");
            message = Answer { id: answer.id, outcome: Err(failure) }.to_text(verb);
        }
        send_message(&mut self.channel, &message, output)
    }
}
