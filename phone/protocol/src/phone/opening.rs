use super::pairing::Pairing;
use super::session::Session;
use super::{Phone, Stage};
use crate::at::{Argument, Arguments, BadArguments, Writer};
use crate::channel::{Finished, Handshake, Hello, Ingredients, Role, Versions};
use crate::pairing::key_hash;
use crate::{Closed, Known, PairingId, PairingUri, Psk, Refusal, StaticKey};

/// What came with `AT+CKHS`.
pub(super) struct Greeting {
    pub(super) hello: Hello,
    message: Vec<u8>,
    /// The host's offer.
    offer: Vec<u32>,
}

/// A handshake to pair in, of which the third message is still to come.
pub(super) struct Shaking {
    hello: Hello,
    offer: Vec<u32>,
    handshake: Handshake,
    own: StaticKey,
    /// What the URI promised, where there was one: the hash of the host's key, and the user.
    promise: Option<([u8; 32], u32)>,
}

impl Greeting {
    fn take(mut arguments: Arguments<'_>) -> Result<Self, BadArguments> {
        let hello = arguments.text()?.parse().map_err(|_| BadArguments("a pairing id is none"))?;
        Ok(Self { hello, message: arguments.data()?, offer: Versions::take(&mut arguments)? })
    }
}

impl Phone {
    /// Takes the first message of a handshake; after a pairing was granted it can only be one under that pairing.
    pub(super) fn greeted(
        &mut self,
        arguments: Arguments<'_>,
        promised: Option<PairingId>,
    ) -> Result<(), Closed> {
        let Ok(greeting) = Greeting::take(arguments) else {
            self.refuse(Refusal::BadParameters);
            return Ok(());
        };
        if promised.is_some_and(|pairing| greeting.hello != Hello::Known(pairing)) {
            return Err(Closed::Malformed("a handshake comes within a channel"));
        }
        if versions(greeting.offer.clone()).common().is_none() {
            self.refuse(Refusal::NotSupported);
            return Ok(());
        }
        self.greet(greeting);
        Ok(())
    }

    /// Answers a known host.
    pub(super) fn admit_host(&mut self, greeting: Greeting, known: &Known) -> Result<(), Closed> {
        let Greeting { hello, message, offer } = greeting;
        if hello != Hello::Known(known.pairing) {
            self.refuse(Refusal::UnknownPairing);
            return Ok(());
        }
        let (uid, own, peer) = (Some(known.uid), &known.own, Some(known.peer));
        let ingredients = Ingredients { hello, versions: &versions(offer), uid, own, peer, secret: None };
        let mut handshake = Handshake::new(Role::Phone, &ingredients, &mut *self.randomness)?;
        if handshake.read(&message).is_err() {
            self.refuse(Refusal::HandshakeFailed);
            return Ok(());
        }
        let answer = handshake.write()?;
        let Finished { channel, .. } = handshake.finish()?;
        self.shake(&answer)?;
        self.stage = Stage::Open(Box::new(Session::new(known.pairing, channel)));
        Ok(())
    }

    /// Answers a host that wants to be paired, by the URI where there is one, else by numbers.
    pub(super) fn begin_pairing(
        &mut self,
        greeting: Greeting,
        uri: Option<&PairingUri>,
        own: StaticKey,
    ) -> Result<(), Closed> {
        let Greeting { hello, message, offer } = greeting;
        let wanted = uri.map_or(Hello::Numbers(hello.pairing()), |uri| Hello::Uri(uri.pairing));
        if hello != wanted {
            self.refuse(Refusal::NotAllowed);
            return Ok(());
        }
        let uid = uri.map(|uri| uri.uid);
        let secret: Option<&Psk> = uri.map(|uri| &uri.secret);
        let ingredients =
            Ingredients { hello, versions: &versions(offer.clone()), uid, own: &own, peer: None, secret };
        let mut handshake = Handshake::new(Role::Phone, &ingredients, &mut *self.randomness)?;
        if let Err(closed) = handshake.read(&message) {
            return self.dismiss(Refusal::HandshakeFailed, closed);
        }
        let answer = handshake.write()?;
        self.shake(&answer)?;
        let promise = uri.map(|uri| (uri.key_hash, uri.uid));
        self.stage = Stage::Shaking(Box::new(Shaking { hello, offer, handshake, own, promise }));
        Ok(())
    }

    /// Takes the third message.
    pub(super) fn finish_pairing_handshake(
        &mut self,
        shaking: Shaking,
        arguments: Arguments<'_>,
    ) -> Result<(), Closed> {
        let Shaking { hello, offer, mut handshake, own, promise } = shaking;
        let last = Greeting::take(arguments)?;
        if last.hello != hello || last.offer != offer {
            return Err(Closed::Malformed("a handshake goes on as another one"));
        }
        let finished = handshake.read(&last.message).and_then(|()| handshake.finish());
        let promised = |finished: &Finished| promise.is_none_or(|(hash, _)| hash == key_hash(&finished.peer));
        let finished = match finished {
            Ok(finished) if promised(&finished) => finished,
            Ok(_) => return self.dismiss(Refusal::HandshakeFailed, Closed::WrongKey),
            Err(closed) => return self.dismiss(Refusal::HandshakeFailed, closed),
        };
        let uid = promise.map(|(_, uid)| uid);
        self.stage = Stage::Pairing(Box::new(Pairing::new(hello, finished, own, uid)));
        self.done()
    }

    /// Writes the phone's message of a handshake.
    fn shake(&mut self, message: &[u8]) -> Result<(), Closed> {
        self.say(&Writer::one("+CKHS: ", &[Argument::Data(message)]));
        self.done()
    }
}

fn versions(host: Vec<u32>) -> Versions {
    Versions::new(host, Versions::ours())
}
