use super::{Event, Phone, Stage};
use crate::at::{Action, Arguments, BadArguments, Command};
use crate::channel::{Frame, Versions};
use crate::{Closed, Refusal};

impl Phone {
    /// Takes a line. What is no command is noise, and passed over (V.250, 5.2.1).
    pub(super) fn take(&mut self, line: &[u8]) -> Result<(), Closed> {
        // Bytes that are no UTF-8 make a command mistaken, not invisible.
        let line = String::from_utf8_lossy(line);
        let command = Command::parse(&line);
        match command {
            None => Ok(()),
            Some(Err(BadArguments(what))) => self.mistaken(Closed::Malformed(what)),
            Some(Ok(command)) => self.obey(command),
        }
    }

    fn obey(&mut self, command: Command<'_>) -> Result<(), Closed> {
        match (command.name.as_str(), command.action) {
            ("+CKX", Action::Set(arguments)) => self.take_frame(arguments),
            ("+CKHS", Action::Set(arguments)) => self.take_greeting(arguments),
            ("+CKVER", Action::Read) => {
                self.say(&format!("+CKVER: {}", Versions::text(&Versions::ours())));
                self.done()
            }
            ("+CMEE", Action::Set(mut arguments)) => match arguments.number() {
                Ok(level) => {
                    self.numbers = level != 0;
                    self.done()
                }
                Err(BadArguments(what)) => self.mistaken(Closed::Malformed(what)),
            },
            ("I", Action::Execute) => {
                let product = crate::message::clean(&self.identity.product, PRODUCT_LIMIT);
                self.say(&product);
                self.done()
            }
            // There is no echo to be switched, and nothing to be reset.
            ("" | "E" | "Z", Action::Execute) => self.done(),
            ("+CKX" | "+CKHS", _) => {
                self.mistaken(Closed::Malformed("a command of the channel has no values"))
            }
            _ => self.mistaken(Closed::Malformed("there is no such command")),
        }
    }

    pub(super) fn done(&mut self) -> Result<(), Closed> {
        self.say("OK");
        Ok(())
    }

    /// Says no to a handshake; another may be tried.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.stage = Stage::Clear;
        if self.numbers {
            self.say(&format!("+CME ERROR: {}", refusal.number()));
        } else {
            self.say("ERROR");
        }
    }

    /// Says no to a handshake to pair in, and closes: each try at a secret needs a stream of its own.
    pub(super) fn dismiss(&mut self, refusal: Refusal, closed: Closed) -> Result<(), Closed> {
        self.refuse(refusal);
        self.stage = Stage::Over;
        self.events.push_back(Event::Closed(closed));
        Ok(())
    }

    /// Without a channel a mistaken line is just that; in one it is the end.
    fn mistaken(&mut self, closed: Closed) -> Result<(), Closed> {
        match self.stage {
            Stage::Clear | Stage::Deciding(_) | Stage::Over => {
                self.say("ERROR");
                Ok(())
            }
            Stage::Shaking(_) | Stage::Pairing(_) | Stage::Open(_) => Err(closed),
        }
    }

    fn take_frame(&mut self, mut arguments: Arguments<'_>) -> Result<(), Closed> {
        let frame = Frame::take(&mut arguments)?;
        let message = match &mut self.stage {
            Stage::Pairing(pairing) => pairing.channel().open(&frame)?,
            Stage::Open(session) => session.channel().open(&frame)?,
            Stage::Clear | Stage::Deciding(_) | Stage::Shaking(_) | Stage::Over => {
                return Err(Closed::Forged);
            }
        };
        self.frames += 1;
        self.say("OK");
        let Some(message) = message else { return Ok(()) };
        match &mut self.stage {
            Stage::Pairing(pairing) => {
                let event = pairing.take(&message, &mut *self.randomness, &mut self.output)?;
                self.events.extend(event);
                Ok(())
            }
            Stage::Open(session) => session.take(&message, &mut self.events, &mut self.output),
            Stage::Clear | Stage::Deciding(_) | Stage::Shaking(_) | Stage::Over => Ok(()),
        }
    }

    fn take_greeting(&mut self, arguments: Arguments<'_>) -> Result<(), Closed> {
        self.tries += 1;
        if self.tries > TRIES_LIMIT {
            return Err(Closed::Malformed("a host tries too many pairings"));
        }
        match std::mem::replace(&mut self.stage, Stage::Clear) {
            Stage::Clear => self.greeted(arguments, None),
            Stage::Pairing(pairing) => match pairing.granted() {
                Some(promised) => self.greeted(arguments, Some(promised)),
                None => Err(Closed::Malformed("a handshake comes within a channel")),
            },
            Stage::Shaking(shaking) => self.finish_pairing_handshake(*shaking, arguments),
            Stage::Deciding(_) | Stage::Open(_) | Stage::Over => {
                Err(Closed::Malformed("a handshake comes within a channel"))
            }
        }
    }

    pub(super) fn greet(&mut self, greeting: super::Greeting) {
        self.events.push_back(Event::Hello(greeting.hello));
        self.stage = Stage::Deciding(Box::new(greeting));
    }
}

/// The most bytes of what `ATI` says.
const PRODUCT_LIMIT: usize = 256;

/// The most handshakes on one stream.
const TRIES_LIMIT: u32 = 64;
