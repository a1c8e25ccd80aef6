//! The card as a reader sees it: applications, chosen by SELECT, behind the rules of ISO 7816-4 for long messages.

use std::sync::Arc;

use apdu_app::App;
use heapless::VecView;
use iso7816::command::CommandView;
use iso7816::{Aid, Command, Instruction, Interface, Status};
use piv_authenticator::Authenticator;

use crate::chip::{Chip, Client};
use crate::flash::Memory;
use crate::identity::{Identity, Kind};
use crate::touch::Touch;

/// A powered card.
pub struct Card<'a> {
    chip: Chip<'a>,
    identity: Identity,
    applets: Vec<Applet<'a>>,
    selected: Option<usize>,
    chained: Option<Box<Message>>,
    rest: Vec<u8>,
}

impl<'a> Card<'a> {
    /// Powers the card.
    pub fn new(memory: Memory<'a>, touch: Arc<Touch>, identity: Identity) -> Self {
        let chip = Chip::new(memory, touch);
        let applets = applets_of(&chip, &identity);
        // A card with one application has it selected from the start; one with several waits to be told.
        let selected = (applets.len() == 1).then_some(0);
        Self { chip, identity, applets, selected, chained: None, rest: Vec::new() }
    }

    /// Returns the answer to a command, with the two status bytes at its end.
    pub fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        let Ok(command) = CommandView::try_from(command) else {
            return with_status(Vec::new(), Status::WrongLength);
        };
        if command.instruction() == Instruction::GetResponse {
            return self.next_part(command.expected());
        }
        self.rest.clear();
        match self.whole(command) {
            Ok(None) => with_status(Vec::new(), Status::Success),
            Ok(Some(message)) => {
                let mut reply = Box::new(heapless::Vec::<u8, LONGEST>::new());
                match self.dispatch(message.as_view(), reply.as_mut_view()) {
                    Ok(()) => {
                        self.rest = reply.to_vec();
                        self.next_part(message.expected())
                    }
                    Err(status) => with_status(Vec::new(), status),
                }
            }
            Err(status) => with_status(Vec::new(), status),
        }
    }

    /// Returns the message once its last link has come (ISO 7816-4, 5.3.3).
    fn whole(&mut self, command: CommandView<'_>) -> Result<Option<Box<Message>>, Status> {
        let mut message = match self.chained.take() {
            None => Box::new(command.to_owned::<LONGEST>().map_err(|_| Status::WrongLength)?),
            Some(mut message) if continues(&message, command) => {
                message.extend_from_command_view(command).map_err(|_| Status::NotEnoughMemory)?;
                message
            }
            Some(_) => return Err(Status::LastCommandOfChainExpected),
        };
        if command.class().chain().not_the_last() {
            self.chained = Some(message);
            return Ok(None);
        }
        // The last link's answer length counts, not that of a longer message.
        message.extended = command.extended;
        Ok(Some(message))
    }

    fn dispatch(&mut self, command: CommandView<'_>, reply: &mut VecView<u8>) -> Result<(), Status> {
        let by_name = command.instruction() == Instruction::Select && command.p1 == 0x04;
        if by_name {
            let found = self.applets.iter().position(|applet| is_named(&applet.aid(), command.data()));
            let chosen = found.ok_or(Status::NotFound)?;
            if let Some(left) = self.selected.filter(|left| *left != chosen) {
                self.applets[left].leave(&self.chip, &self.identity);
            }
            self.selected = Some(chosen);
            return self.applets[chosen].select(command, reply);
        }
        let selected = self.selected.ok_or(Status::InstructionNotSupportedOrInvalid)?;
        self.applets[selected].call(command, reply, &self.identity)
    }

    /// Returns as much as the reader takes at once, and the number of bytes that are left (ISO 7816-4, 5.3.4).
    fn next_part(&mut self, expected: usize) -> Vec<u8> {
        let most = if expected == 0 { 256 } else { expected };
        let rest = self.rest.split_off(self.rest.len().min(most));
        let part = std::mem::replace(&mut self.rest, rest);
        let status = match self.rest.len() {
            0 => Status::Success,
            left => Status::MoreAvailable(u8::try_from(left).unwrap_or(0)),
        };
        with_status(part, status)
    }
}

/// Returns true if the application is the one called so, or begins so: a reader may give as little as the provider's
/// five bytes (ISO 7816-4, 8.2.1.2), and yubico-piv-tool does.
fn is_named(aid: &Aid, name: &[u8]) -> bool {
    name.len() >= 5 && aid.as_bytes().starts_with(name)
}

fn continues(message: &Message, command: CommandView<'_>) -> bool {
    message.instruction() == command.instruction() && (message.p1, message.p2) == (command.p1, command.p2)
}

fn with_status(mut answer: Vec<u8>, status: Status) -> Vec<u8> {
    answer.extend_from_slice(&<[u8; 2]>::from(status));
    answer
}

/// One application on the card.
enum Applet<'a> {
    Piv(Box<Authenticator<Client<'a>>>),
    OpenPgp(Box<opcard::Card<Client<'a>>>),
}

fn applets_of<'a>(chip: &Chip<'a>, identity: &Identity) -> Vec<Applet<'a>> {
    let mut applets = Vec::new();
    if matches!(identity.kind, Kind::Piv | Kind::PivAndOpenPgp) {
        applets.push(Applet::piv(chip, identity));
    }
    if matches!(identity.kind, Kind::OpenPgp | Kind::PivAndOpenPgp) {
        applets.push(Applet::open_pgp(chip, identity));
    }
    applets
}

impl<'a> Applet<'a> {
    fn piv(chip: &Chip<'a>, identity: &Identity) -> Self {
        let options = piv_authenticator::Options::new().uuid(Some(identity.guid()));
        Self::Piv(Box::new(Authenticator::new(chip.client("piv"), options)))
    }

    fn open_pgp(chip: &Chip<'a>, identity: &Identity) -> Self {
        let mut options = opcard::Options::default();
        options.serial = identity.serial.to_be_bytes();
        // The manufacturer id for test cards.
        options.manufacturer = [0xFF, 0xFE];
        Self::OpenPgp(Box::new(opcard::Card::new(chip.client("openpgp"), options)))
    }

    fn aid(&self) -> Aid {
        match self {
            Self::Piv(applet) => iso7816::App::aid(applet.as_ref()),
            Self::OpenPgp(applet) => iso7816::App::aid(applet.as_ref()),
        }
    }

    fn select(&mut self, command: CommandView<'_>, reply: &mut VecView<u8>) -> Result<(), Status> {
        match self {
            Self::Piv(applet) => App::select(applet.as_mut(), Interface::Contact, command, reply),
            Self::OpenPgp(applet) => App::select(applet.as_mut(), Interface::Contact, command, reply),
        }
    }

    fn call(
        &mut self,
        command: CommandView<'_>,
        reply: &mut VecView<u8>,
        identity: &Identity,
    ) -> Result<(), Status> {
        match self {
            // Yubico's GET SERIAL NUMBER: the applet would give the same to every card.
            Self::Piv(_) if u8::from(command.instruction()) == 0xF8 => {
                reply.extend_from_slice(&identity.serial.to_be_bytes()).map_err(|_| Status::NotEnoughMemory)
            }
            Self::Piv(applet) => App::call(applet.as_mut(), Interface::Contact, command, reply),
            Self::OpenPgp(applet) => App::call(applet.as_mut(), Interface::Contact, command, reply),
        }
    }

    /// Forgets what was verified, as another application was selected (SP 800-73-4 part 2, 3.1.1).
    fn leave(&mut self, chip: &Chip<'a>, identity: &Identity) {
        *self = match self {
            // Its own `deselect` does nothing.
            Self::Piv(_) => Self::piv(chip, identity),
            Self::OpenPgp(_) => Self::open_pgp(chip, identity),
        };
    }
}

type Message = Command<LONGEST>;

/// As much as the applets take: an RSA-4096 key, a large certificate.
const LONGEST: usize = 7609;
