use std::collections::VecDeque;

use super::pairing::Pairing;
use super::session::Session;
use super::{Event, Host, Stage};
use crate::at::{Argument, BadArguments, Information, Outcome, Writer};
use crate::channel::{Frame, Handshake, Hello, Ingredients, Role, Versions};
use crate::pairing::Proof;
use crate::{Closed, Known, NewPairing, Offer, Refusal};

/// What the stream is for.
pub(super) enum Wish {
    /// To open a channel under one of these.
    Connect(VecDeque<Known>),
    /// To make a new pairing.
    Pair(Box<Offer>),
    /// To open a channel under the pairing that was made.
    Prove(Box<NewPairing>),
}

/// A handshake under way.
pub(super) struct Greeting {
    versions: Versions,
    hello: Hello,
    handshake: Handshake,
    /// What the phone said, until its `OK`.
    said: Option<Vec<u8>>,
}

impl Host {
    /// Takes `OK` or an error.
    pub(super) fn take_outcome(&mut self, outcome: Outcome) -> Result<(), Closed> {
        match (std::mem::replace(&mut self.stage, Stage::Over), outcome) {
            // A phone that knows no echo needs none to be turned off.
            (Stage::Echo, Outcome::Ok | Outcome::Error(_)) => {
                self.send("AT+CKVER?");
                self.stage = Stage::Version(None);
            }
            (Stage::Version(Some(phone)), Outcome::Ok) => {
                let versions = Versions::new(Versions::ours(), phone);
                versions.common().ok_or(Closed::NoCommonVersion)?;
                self.greet(versions, Refusal::UnknownPairing)?;
            }
            (Stage::Greeting(greeting), Outcome::Ok) => self.proceed(*greeting)?,
            (Stage::Greeting(greeting), Outcome::Error(number)) => {
                self.refused(greeting.versions, Refusal::from_number(number))?;
            }
            (
                Stage::Version(_) | Stage::Open(_) | Stage::Pairing(_) | Stage::Over,
                Outcome::Error(number),
            ) => {
                return Err(Closed::Refused(Refusal::from_number(number)));
            }
            // To what somebody else asked on this line before, or to a frame.
            (
                stage @ (Stage::Version(None) | Stage::Open(_) | Stage::Pairing(_) | Stage::Over),
                Outcome::Ok,
            ) => {
                self.stage = stage;
            }
        }
        Ok(())
    }

    /// Takes a line of information; what has no place here is passed over.
    pub(super) fn take_information(&mut self, line: &Information<'_>) -> Result<(), Closed> {
        match (&mut self.stage, line.name.as_str()) {
            (Stage::Version(offer), "+CKVER") => *offer = Some(Versions::take(&mut line.arguments()?)?),
            (Stage::Greeting(greeting), "+CKHS") => greeting.said = Some(line.arguments()?.data()?),
            (Stage::Open(session), "+CKX") => {
                let message = session.channel().open(&frame(line)?)?;
                self.frames += 1;
                if let Some(message) = message {
                    session.take(&message, &mut self.events)?;
                }
            }
            (Stage::Pairing(pairing), "+CKX") => {
                let message = pairing.channel().open(&frame(line)?)?;
                if let Some(message) = message {
                    self.take_pairing(&message)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Begins the next handshake that is wished for.
    fn greet(&mut self, versions: Versions, last: Refusal) -> Result<(), Closed> {
        let (hello, uid, known) = match &self.wish {
            Wish::Connect(pairings) => {
                let known = pairings.front().ok_or(Closed::Refused(last))?;
                (Hello::Known(known.pairing), Some(known.uid), Some(known))
            }
            Wish::Prove(new) => (Hello::Known(new.known.pairing), Some(new.known.uid), Some(&new.known)),
            Wish::Pair(offer) => {
                let uid = match offer.proof {
                    Proof::Uri(_) => Some(offer.terms.uid),
                    Proof::Numbers => None,
                };
                (offer.hello(), uid, None)
            }
        };
        let (own, secret) = match &self.wish {
            Wish::Connect(_) | Wish::Prove(_) => (known.map(|known| &known.own), None),
            Wish::Pair(offer) => match &offer.proof {
                Proof::Uri(secret) => (Some(&offer.key), Some(secret)),
                Proof::Numbers => (Some(&offer.key), None),
            },
        };
        let own = own.ok_or(Closed::WrongKey)?;
        let peer = known.map(|known| known.peer);
        let ingredients = Ingredients { hello, versions: &versions, uid, own, peer, secret };
        let handshake = Handshake::new(Role::Host, &ingredients, &mut *self.randomness)?;
        self.say(Greeting { versions, hello, handshake, said: None })
    }

    /// Writes the next message of a handshake.
    fn say(&mut self, mut greeting: Greeting) -> Result<(), Closed> {
        let message = greeting.handshake.write()?;
        let hello = greeting.hello.to_string();
        let mut values = vec![Argument::Text(&hello), Argument::Data(&message)];
        values.extend(greeting.versions.host().iter().map(|version| Argument::Number((*version).into())));
        self.send(&Writer::one("AT+CKHS=", &values));
        self.stage = Stage::Greeting(Box::new(greeting));
        Ok(())
    }

    /// Goes on behind the phone's `OK`.
    fn proceed(&mut self, mut greeting: Greeting) -> Result<(), Closed> {
        if greeting.handshake.is_finished() {
            // The phone has the third message.
            return self.open(greeting);
        }
        let Some(message) = greeting.said.take() else {
            self.stage = Stage::Greeting(Box::new(greeting));
            return Ok(());
        };
        greeting.handshake.read(&message)?;
        if greeting.handshake.is_finished() { self.open(greeting) } else { self.say(greeting) }
    }

    /// Tries the next pairing, where there is one.
    fn refused(&mut self, versions: Versions, refusal: Refusal) -> Result<(), Closed> {
        match &mut self.wish {
            Wish::Connect(pairings) => {
                pairings.pop_front();
                self.greet(versions, refusal)
            }
            Wish::Pair(_) | Wish::Prove(_) => Err(Closed::Refused(refusal)),
        }
    }

    fn open(&mut self, greeting: Greeting) -> Result<(), Closed> {
        let Greeting { versions, hello, handshake, said: _ } = greeting;
        let finished = handshake.finish()?;
        self.stage = match std::mem::replace(&mut self.wish, Wish::Connect(VecDeque::new())) {
            Wish::Pair(offer) => {
                let pairing =
                    Pairing::begin(*offer, finished, versions, &mut *self.randomness, &mut self.output)?;
                self.events.extend(pairing.is_asking().then_some(Event::PersonAsked));
                Stage::Pairing(Box::new(pairing))
            }
            Wish::Prove(new) => Stage::Open(Box::new(self.session(hello, finished.channel, Some(new))?)),
            Wish::Connect(_) => Stage::Open(Box::new(self.session(hello, finished.channel, None)?)),
        };
        Ok(())
    }

    fn session(
        &mut self,
        hello: Hello,
        channel: crate::channel::Channel,
        new: Option<Box<NewPairing>>,
    ) -> Result<Session, Closed> {
        Session::begin(hello.pairing(), channel, new, &mut *self.randomness, &mut self.output)
    }

    /// Takes a message of the phone while being paired.
    fn take_pairing(&mut self, message: &[u8]) -> Result<(), Closed> {
        let Stage::Pairing(pairing) = std::mem::replace(&mut self.stage, Stage::Over) else { return Ok(()) };
        match pairing.take(message, &mut self.output)? {
            super::pairing::Next::Wait(pairing) => self.stage = Stage::Pairing(pairing),
            super::pairing::Next::Compare(code, pairing) => {
                self.stage = Stage::Pairing(pairing);
                self.events.push_back(Event::Compare(code));
            }
            super::pairing::Next::Prove(new, versions) => {
                self.wish = Wish::Prove(new);
                self.greet(versions, Refusal::UnknownPairing)?;
            }
        }
        Ok(())
    }
}

/// Reads what stands behind `+CKX:`.
fn frame(line: &Information<'_>) -> Result<Frame, BadArguments> {
    Frame::take(&mut line.arguments()?)
}
