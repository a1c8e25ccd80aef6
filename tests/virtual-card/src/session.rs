//! The lives of a card: put in, powered, asked, pulled.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::cac::Cac;
use crate::card::Card;
use crate::flash::with_memory;
use crate::identity::{Identity, Kind};
use crate::say;
use crate::slot::{Plan, Slot};
use crate::touch::Touch;
use crate::vpcd::{Power, Said, Wire};

/// Is the card, for good.
pub fn live(port: u16, slot: &Slot, touch: &Arc<Touch>) {
    loop {
        let (identity, stay) = slot.wait_for_insertion();
        let Ok(mut wire) = Wire::connect(port) else {
            // No reader: pcscd is being started.
            std::thread::sleep(Duration::from_millis(10));
            continue;
        };
        let Ok(cutter) = wire.cutter() else { continue };
        if !slot.wired(cutter, stay) {
            continue;
        }
        let error = Session { wire: &mut wire, slot, identity: &identity, is_seen: false }.run(touch);
        let was_pulled = slot.was_pulled_since(stay);
        slot.unwired();
        if was_pulled {
            continue;
        }
        if !is_about_the_wire(&error) {
            eprintln!("virtual-card: {error}");
            std::process::exit(1);
        }
        say("event lost");
    }
}

/// A powered card, whatever is on it.
trait Answers {
    /// Returns the answer to a command, with the two status bytes at its end.
    fn answer(&mut self, command: &[u8]) -> io::Result<Vec<u8>>;
}

impl Answers for Card<'_> {
    fn answer(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        Ok(Card::answer(self, command))
    }
}

impl Answers for Cac {
    fn answer(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        Self::answer(self, command)
    }
}

/// One stay in the reader. It ends with an error: that of the wire that was cut.
struct Session<'a> {
    wire: &'a mut Wire,
    slot: &'a Slot,
    identity: &'a Identity,
    is_seen: bool,
}

impl Session<'_> {
    fn run(&mut self, touch: &Arc<Touch>) -> io::Error {
        loop {
            let lived = match self.identity.kind {
                Kind::Cac => Cac::power(&self.identity.folder).and_then(|mut card| self.powered(&mut card)),
                Kind::Piv | Kind::OpenPgp | Kind::PivAndOpenPgp => {
                    with_memory(&self.identity.folder, |memory| {
                        self.powered(&mut Card::new(memory, Arc::clone(touch), self.identity.clone()))
                    })
                    .flatten()
                }
            };
            if let Err(error) = lived {
                return error;
            }
        }
    }

    /// Answers until the power goes.
    fn powered(&mut self, card: &mut dyn Answers) -> io::Result<()> {
        loop {
            match self.wire.hear()? {
                Said::Atr => self.tell_atr()?,
                Said::Power(power) => {
                    self.note(power);
                    return Ok(());
                }
                Said::Command(command) => self.exchange(card, &command)?,
            }
        }
    }

    fn exchange(&mut self, card: &mut dyn Answers, command: &[u8]) -> io::Result<()> {
        let plans = self.slot.begin();
        if plans.contains(&Plan::RemoveBefore) {
            self.slot.note(command, None);
            return self.pulled("remove-before");
        }
        let mut answer = card.answer(command)?;
        if plans.contains(&Plan::RemoveUnanswered) {
            self.slot.note(command, None);
            return self.pulled("remove-unanswered");
        }
        let mut more = Duration::ZERO;
        for plan in &plans {
            match plan {
                Plan::Truncate(length) => {
                    answer.truncate(*length);
                    say("event truncate-at");
                }
                Plan::Garble(other) => {
                    answer.clone_from(other);
                    say("event garble-at");
                }
                Plan::Delay(time) => {
                    say("event delay-ms-at");
                    more += *time;
                }
                Plan::Hang => {
                    self.slot.begin_to_hang();
                    say("event hang-at");
                    self.slot.hang();
                }
                Plan::RemoveBefore | Plan::RemoveUnanswered | Plan::RemoveAfter => {}
            }
        }
        self.slot.wait_delay(more);
        self.slot.note(command, Some(&answer));
        self.wire.say(&answer)?;
        if plans.contains(&Plan::RemoveAfter) {
            return self.pulled("remove-after");
        }
        Ok(())
    }

    fn pulled(&self, plan: &str) -> io::Result<()> {
        self.slot.remove();
        say(&format!("event {plan}"));
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    fn tell_atr(&mut self) -> io::Result<()> {
        self.wire.say(self.identity.atr())?;
        if !self.is_seen {
            self.is_seen = true;
            self.slot.seen();
            say("event seen");
        }
        Ok(())
    }

    fn note(&self, power: Power) {
        self.slot.note_power(match power {
            Power::Off => "off",
            Power::On => "on",
            Power::Reset => "reset",
        });
    }
}

fn is_about_the_wire(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
