use super::send_message;
use crate::channel::{Channel, Finished, Versions};
use crate::pairing::{Commitment, HostStep, Nonce, PhoneStep, Proof};
use crate::{Closed, Code, Known, NewPairing, Offer, PublicKey, Randomness, StaticKey, Terms};

/// A channel to pair in.
pub(super) struct Pairing {
    offer: Offer,
    versions: Versions,
    channel: Channel,
    handshake: [u8; 32],
    peer: PublicKey,
    step: Step,
}

/// How far it is.
enum Step {
    /// Numbers: the phone binds itself. This end's nonce is still its own.
    Commitment(Nonce),
    /// Numbers: the phone shows its nonce.
    Nonce(Nonce, Commitment),
    /// Numbers: this end's person compares.
    Person,
    /// The phone's person decides.
    Asked,
}

/// What comes after a message.
pub(super) enum Next {
    Wait(Box<Pairing>),
    Compare(Code, Box<Pairing>),
    Prove(Box<NewPairing>, Versions),
}

impl Pairing {
    pub(super) fn begin(
        offer: Offer,
        finished: Finished,
        versions: Versions,
        randomness: &mut dyn Randomness,
        output: &mut Vec<u8>,
    ) -> Result<Self, Closed> {
        let Finished { channel, hash, peer } = finished;
        let step = match offer.proof {
            Proof::Uri(_) => Step::Asked,
            Proof::Numbers => Step::Commitment(Nonce::generate(randomness)?),
        };
        let mut pairing = Self { offer, versions, channel, handshake: hash, peer, step };
        match pairing.step {
            Step::Asked => pairing.ask(output)?,
            Step::Commitment(_) | Step::Nonce(_, _) | Step::Person => {
                pairing.send(&HostStep::Begin, output)?;
            }
        }
        Ok(pairing)
    }

    pub(super) fn channel(&mut self) -> &mut Channel {
        &mut self.channel
    }

    /// Returns whether the phone asks its person now.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.step, Step::Asked)
    }

    /// Goes on when this end's person has compared; true where the phone asks its own now.
    pub(super) fn confirm(&mut self, same: bool, output: &mut Vec<u8>) -> Result<bool, Closed> {
        if !matches!(self.step, Step::Person) {
            return Ok(false);
        }
        if !same {
            self.bye("the numbers are not the same", output)?;
            return Err(Closed::NumbersDiffer);
        }
        self.step = Step::Asked;
        self.ask(output)?;
        Ok(true)
    }

    pub(super) fn bye(&mut self, reason: &str, output: &mut Vec<u8>) -> Result<(), Closed> {
        self.send(&HostStep::Bye(reason.to_owned()), output)
    }

    /// Takes a message of the phone.
    pub(super) fn take(mut self: Box<Self>, message: &[u8], output: &mut Vec<u8>) -> Result<Next, Closed> {
        let text = std::str::from_utf8(message).map_err(|_| Closed::Malformed("a message is not UTF-8"))?;
        match self.step {
            Step::Commitment(ours) => {
                self.step = Step::Nonce(ours, PhoneStep::commitment(text)?);
                self.send(&HostStep::Nonce(ours), output)?;
                Ok(Next::Wait(self))
            }
            Step::Nonce(ours, commitment) => {
                let theirs = PhoneStep::nonce(text)?;
                if Commitment::to(&theirs, &self.handshake) != commitment {
                    return Err(Closed::Malformed(
                        "the phone's nonce is not the one that it bound itself to",
                    ));
                }
                self.step = Step::Person;
                Ok(Next::Compare(Code::new(&self.handshake, &ours, &theirs), self))
            }
            Step::Person => Err(Closed::Malformed("the phone speaks before it is asked")),
            Step::Asked => {
                let (phone, model) = PhoneStep::names(text)?;
                let Self { offer, versions, peer, .. } = *self;
                let Offer { pairing, terms, key, proof: _ } = offer;
                Ok(Next::Prove(Box::new(new_pairing(pairing, terms, key, peer, (phone, model))), versions))
            }
        }
    }

    fn ask(&mut self, output: &mut Vec<u8>) -> Result<(), Closed> {
        self.send(&HostStep::Pair(self.offer.terms.clone()), output)
    }

    fn send(&mut self, step: &HostStep, output: &mut Vec<u8>) -> Result<(), Closed> {
        send_message(&mut self.channel, &step.to_text(), output)
    }
}

fn new_pairing(
    pairing: crate::PairingId,
    terms: Terms,
    own: StaticKey,
    peer: PublicKey,
    (phone, model): (String, String),
) -> NewPairing {
    let known = Known { pairing, uid: terms.uid, own, peer };
    NewPairing { known, terms, phone, model }
}
