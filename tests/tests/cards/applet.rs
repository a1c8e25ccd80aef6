//! The applications of cards over a channel that is not PC/SC: there is no pcscd here, the virtual card is spoken to as a
//! modem would speak to its SIM.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::rc::Rc;

use claviger_card::{ApduChannel, Applet, CardError, CardOp, CardOutput, Kind, Pin};
use claviger_soft::{digest, is_signed};
use claviger_tests::pcsc::programs;
use claviger_tests::pcsc::talk::Talk;
use claviger_tests::place::Place;
use claviger_token::{Algorithm, Hash, Mechanism, Parameters, Secret, Site, Spare};

const PIN: &str = "123456";
const ADMIN_PIN: &str = "12345678";
const POWER_ON: u8 = 1;
const RESET: u8 = 2;
const ANSWER_TO_RESET: u8 = 4;

#[test]
fn an_applet_behind_another_channel_than_a_reader_signs() {
    let card = Card::new("openpgp");
    let mut applet = Applet::open(card, Kind::OpenPgp).unwrap().expect("the application is there");
    let site = Site { slot: Some("sign".into()), authority: Some(secret(ADMIN_PIN)), ..Site::default() };
    let made =
        applet.perform(Pin::Given(&secret(PIN)), CardOp::Generate { algorithm: Algorithm::P256, site });
    let Ok(CardOutput::Generated(made)) = made else { panic!("no key was made: {:?}", made.err()) };
    let digest = digest(Hash::Sha256, b"a message");
    let output = applet.perform(Pin::Given(&secret(PIN)), sign(&made.reference, &digest));
    let Ok(CardOutput::Signature(signature)) = output else { panic!("no signature: {:?}", output.err()) };
    let none = Parameters::default();
    assert_eq!(is_signed(&made.public_key, Mechanism::Ecdsa, &none, &digest, &signature), Ok(true));
    // As in a reader, nothing is left open for whoever comes next.
    let without = applet.perform(Pin::None, sign(&made.reference, &digest));
    assert_eq!(without.err(), Some(CardError::PinNeeded));
    let wrong = applet.perform(Pin::Given(&secret("654321")), CardOp::Verify { spare: Spare::Last });
    assert!(matches!(wrong.err(), Some(CardError::WrongPin { tries_left: Some(2) })));
}

#[test]
fn an_applet_that_is_not_there_is_told_from_one_that_is() {
    assert!(Applet::open(Card::new("piv"), Kind::OpenPgp).unwrap().is_none());
    let applet = Applet::open(Card::new("piv"), Kind::Piv).unwrap().expect("the application is there");
    assert_eq!(applet.contents().kind, Kind::Piv);
}

#[test]
fn a_channel_that_closes_is_a_card_that_went_away() {
    let mut applet = Applet::open(Card::new("openpgp"), Kind::OpenPgp).unwrap().expect("it is there");
    let verify = || CardOp::Verify { spare: Spare::Last };
    applet.perform(Pin::Given(&secret(PIN)), verify()).map(drop).unwrap();
    let mut card = applet.into_channel();
    card.wire.shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(card.transmit(&[0, 0xa4, 4, 0]), Err(CardError::Gone));
    assert_eq!(Applet::open(card, Kind::OpenPgp).map(|found| found.is_some()), Err(CardError::Gone));
}

#[test]
fn a_key_that_was_made_is_told_though_the_card_cannot_be_read_behind_it() {
    for reopens in [true, false] {
        let (card, wire) = Lossy::new("openpgp");
        let mut applet = Applet::open(card, Kind::OpenPgp).unwrap().expect("it is there");
        // The last of the operation itself is that the Admin PIN is logged out.
        wire.loses.set(Some(Loss::AllBehind(|command| command.starts_with(&[0, 0x20, 0xff, 0x83]))));
        wire.reopens.set(reopens);
        let site = Site { slot: Some("sign".into()), authority: Some(secret(ADMIN_PIN)), ..Site::default() };
        let generate = CardOp::Generate { algorithm: Algorithm::P256, site };
        let made = applet.perform(Pin::Given(&secret(PIN)), generate);
        let Ok(CardOutput::Generated(made)) = made else { panic!("the key is lost: {:?}", made.err()) };
        assert!(applet.contents().keys.is_empty(), "nothing could be read");
        assert_eq!(wire.reopened.get(), u32::from(reopens));
        // Once the channel works again, the next operation knows of the key.
        wire.reopens.set(true);
        let digest = digest(Hash::Sha256, b"a message");
        applet.perform(Pin::Given(&secret(PIN)), sign(&made.reference, &digest)).map(drop).unwrap();
        assert_eq!(applet.contents().keys.len(), 1);
        assert_eq!(wire.reopened.get(), 1);
    }
}

#[test]
fn a_pin_whose_answer_is_lost_is_not_left_shown() {
    let (card, wire) = Lossy::new("openpgp");
    let mut applet = Applet::open(card, Kind::OpenPgp).unwrap().expect("it is there");
    wire.loses.set(Some(Loss::One(|command| command.starts_with(&[0, 0x20, 0, 0x82]))));
    let verify = || CardOp::Verify { spare: Spare::Last };
    assert_eq!(applet.perform(Pin::Given(&secret(PIN)), verify()).err(), Some(CardError::Gone));
    assert!(wire.loses.take().is_none(), "the answer was lost");
    assert_eq!(wire.reopened.get(), 1);
    // 7.2.2: VERIFY without data asks whether the password is verified.
    let mut card = applet.into_channel();
    assert_ne!(card.transmit(&[0, 0x20, 0, 0x82]), Ok(vec![0x90, 0]));
}

#[test]
fn a_channel_that_could_not_be_opened_anew_is_before_anything_else() {
    let (card, wire) = Lossy::new("openpgp");
    let mut applet = Applet::open(card, Kind::OpenPgp).unwrap().expect("it is there");
    wire.loses.set(Some(Loss::One(|command| command.starts_with(&[0, 0x20, 0, 0x82]))));
    wire.reopens.set(false);
    let verify = || CardOp::Verify { spare: Spare::Last };
    assert_eq!(applet.perform(Pin::Given(&secret(PIN)), verify()).err(), Some(CardError::Gone));
    assert_eq!(applet.perform(Pin::Given(&secret(PIN)), verify()).err(), Some(CardError::Gone));
    assert_eq!(wire.reopened.get(), 0);
    wire.reopens.set(true);
    applet.perform(Pin::Given(&secret(PIN)), verify()).map(drop).unwrap();
    assert_eq!(wire.reopened.get(), 1, "once is enough");
}

#[test]
fn a_channel_is_left_as_it_is_where_no_pin_was_shown() {
    let (card, wire) = Lossy::new("openpgp");
    let mut applet = Applet::open(card, Kind::OpenPgp).unwrap().expect("it is there");
    wire.loses.set(Some(Loss::One(|command| command.starts_with(&[0, 0xa4]))));
    let verify = || CardOp::Verify { spare: Spare::Last };
    assert_eq!(applet.perform(Pin::Given(&secret(PIN)), verify()).err(), Some(CardError::Gone));
    applet.perform(Pin::Given(&secret(PIN)), verify()).map(drop).unwrap();
    assert_eq!(wire.reopened.get(), 0);
}

/// A channel that loses answers when it is told to.
struct Lossy {
    card: Card,
    wire: Rc<Wire>,
}

/// What a test has of it.
struct Wire {
    loses: Cell<Option<Loss>>,
    reopens: Cell<bool>,
    reopened: Cell<u32>,
}

#[derive(Clone, Copy)]
enum Loss {
    /// The answer to the first such command.
    One(fn(&[u8]) -> bool),
    /// Whatever comes behind such a command, until the channel is opened anew.
    AllBehind(fn(&[u8]) -> bool),
    All,
}

impl Lossy {
    fn new(kind: &str) -> (Self, Rc<Wire>) {
        let wire = Wire { loses: Cell::new(None), reopens: Cell::new(true), reopened: Cell::new(0) };
        let wire = Rc::new(wire);
        (Self { card: Card::new(kind), wire: Rc::clone(&wire) }, wire)
    }
}

impl ApduChannel for Lossy {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let answer = self.card.transmit(command);
        match self.wire.loses.get() {
            Some(Loss::One(is_meant)) if is_meant(command) => self.wire.loses.set(None),
            Some(Loss::AllBehind(is_meant)) if is_meant(command) => {
                self.wire.loses.set(Some(Loss::All));
                return answer;
            }
            Some(Loss::All) => {}
            Some(Loss::One(_) | Loss::AllBehind(_)) | None => return answer,
        }
        answer.and(Err(CardError::Gone))
    }

    fn reopen(&mut self) -> Result<(), CardError> {
        if !self.wire.reopens.get() {
            return Err(CardError::Gone);
        }
        self.wire.loses.set(None);
        self.wire.reopened.set(self.wire.reopened.get() + 1);
        self.card.reopen()
    }
}

/// A virtual card at the end of a wire.
struct Card {
    wire: TcpStream,
    card: Talk,
    _memory: Place,
}

impl Card {
    fn new(kind: &str) -> Self {
        let slot = TcpListener::bind("127.0.0.1:0").unwrap();
        let memory = Place::new();
        let mut command = Command::new(programs().join("virtual-card"));
        command.args(["--port", &slot.local_addr().unwrap().port().to_string(), "--kind", kind]);
        command.args(["--serial", "1"]).arg("--state").arg(memory.path().join("card"));
        let talk = Talk::start(command);
        let (wire, _) = slot.accept().unwrap();
        let mut card = Self { wire, card: talk, _memory: memory };
        card.send(&[POWER_ON]).unwrap();
        let answer_to_reset = card.transmit(&[ANSWER_TO_RESET]).unwrap();
        assert_eq!(answer_to_reset.first(), Some(&0x3b), "ISO 7816-3: the direct convention");
        assert_eq!(card.card.answer().as_deref(), Ok("ready"));
        card
    }

    fn send(&mut self, message: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        self.wire.write_all(&[&length, message].concat())
    }
}

impl ApduChannel for Card {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, CardError> {
        let gone = |_| CardError::Gone;
        self.send(command).map_err(gone)?;
        let mut length = [0; 2];
        self.wire.read_exact(&mut length).map_err(gone)?;
        let mut answer = vec![0; u16::from_be_bytes(length).into()];
        self.wire.read_exact(&mut answer).map_err(gone)?;
        Ok(answer)
    }

    fn reopen(&mut self) -> Result<(), CardError> {
        self.send(&[RESET]).map_err(|_| CardError::Gone)
    }
}

fn sign(reference: &str, digest: &[u8]) -> CardOp {
    CardOp::Sign {
        reference: reference.to_owned(),
        algorithm: Algorithm::P256,
        mechanism: Mechanism::Ecdsa,
        parameters: Parameters::default(),
        data: digest.to_vec(),
    }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}
