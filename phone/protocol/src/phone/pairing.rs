use super::{Event, send_message};
use crate::channel::{Channel, Finished, Hello};
use crate::message::clean;
use crate::pairing::{Commitment, HostStep, Nonce, PhoneStep};
use crate::{
    Closed, Code, Errand, Failure, Known, NewPairing, PairingId, PublicKey, Randomness, StaticKey, Terms,
};

/// A channel to pair in.
pub(super) struct Pairing {
    pairing: PairingId,
    channel: Channel,
    handshake: [u8; 32],
    own: StaticKey,
    peer: PublicKey,
    /// The user that the URI named.
    uid: Option<u32>,
    step: Step,
}

/// What it waits for.
enum Step {
    /// Numbers: that the host begins.
    Begin,
    /// Numbers: the host's nonce. This end is bound to its own.
    Nonce(Nonce),
    /// That the host asks to be paired.
    Terms,
    /// What the person says.
    Person(Terms),
    /// The first handshake under the new pairing.
    Granted,
}

impl Pairing {
    pub(super) fn new(hello: Hello, finished: Finished, own: StaticKey, uid: Option<u32>) -> Self {
        let Finished { channel, hash, peer } = finished;
        let step = match hello {
            Hello::Numbers(_) => Step::Begin,
            Hello::Uri(_) | Hello::Known(_) => Step::Terms,
        };
        Self { pairing: hello.pairing(), channel, handshake: hash, own, peer, uid, step }
    }

    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Returns the pairing that the person agreed to.
    pub(super) fn granted(&self) -> Option<PairingId> {
        matches!(self.step, Step::Granted).then_some(self.pairing)
    }

    /// Takes a message of the host.
    pub(super) fn take(
        &mut self,
        message: &[u8],
        randomness: &mut dyn Randomness,
        output: &mut Vec<u8>,
    ) -> Result<Option<Event>, Closed> {
        let text = std::str::from_utf8(message).map_err(|_| Closed::Malformed("a message is not UTF-8"))?;
        match (&self.step, HostStep::from_text(text)?) {
            (_, HostStep::Bye(reason)) => Err(Closed::Bye(reason)),
            (Step::Begin, HostStep::Begin) => {
                let ours = Nonce::generate(randomness)?;
                let commitment = Commitment::to(&ours, &self.handshake);
                self.step = Step::Nonce(ours);
                self.send(&PhoneStep::Commitment(commitment), output)?;
                Ok(None)
            }
            (Step::Nonce(ours), HostStep::Nonce(theirs)) => {
                let ours = *ours;
                self.step = Step::Terms;
                self.send(&PhoneStep::Nonce(ours), output)?;
                Ok(Some(Event::Compare(Code::new(&self.handshake, &theirs, &ours))))
            }
            (Step::Terms, HostStep::Pair(terms)) => {
                if self.uid.is_some_and(|uid| uid != terms.uid) {
                    return Err(Closed::Malformed("the user is not the one of the pairing URI"));
                }
                self.step = Step::Person(terms.clone());
                Ok(Some(Event::Terms(terms)))
            }
            (_, HostStep::Begin | HostStep::Nonce(_) | HostStep::Pair(_)) => {
                Err(Closed::Malformed("a step of a pairing comes out of turn"))
            }
        }
    }

    /// Agrees, where the host asks.
    pub(super) fn grant(
        &mut self,
        name: &str,
        model: &str,
        output: &mut Vec<u8>,
    ) -> Result<Option<NewPairing>, Closed> {
        let Step::Person(terms) = &self.step else { return Ok(None) };
        let known = Known { pairing: self.pairing, uid: terms.uid, own: self.own.clone(), peer: self.peer };
        let (phone, model) = (clean(name, Errand::TEXT_LIMIT), clean(model, Errand::TEXT_LIMIT));
        let new = NewPairing { known, terms: terms.clone(), phone: phone.clone(), model: model.clone() };
        self.step = Step::Granted;
        self.send(&PhoneStep::Paired { phone, model }, output)?;
        Ok(Some(new))
    }

    /// Says no, where the host asks.
    pub(super) fn decline(&mut self, failure: Failure, output: &mut Vec<u8>) -> Result<(), Closed> {
        if !matches!(self.step, Step::Person(_)) {
            return Ok(());
        }
        self.send(&PhoneStep::Declined(failure.clone()), output)?;
        Err(Closed::Declined(failure))
    }

    fn send(&mut self, step: &PhoneStep, output: &mut Vec<u8>) -> Result<(), Closed> {
        send_message(&mut self.channel, &step.to_text(), output)
    }
}
