//! What reads outside bytes, as the fuzz targets of `tests/src/parsers` call it. Nothing else is meant to use this.

use crate::at::{Command, Information, Lines, Outcome};
use crate::host::Host;
use crate::message::{FromHost, FromPhone, Verb};
use crate::pairing::{HostStep, PhoneStep};
use crate::phone::{Event, Identity, Phone};
use crate::{
    Known, LINE_LIMIT, PairingId, PairingUri, Randomness, RandomnessFailed, Request, StaticKey, host,
};

/// Cuts a stream into lines and reads each; true where one of them says something.
///
/// # Panics
/// Where another cut gives other lines, or a line is longer than it may be.
pub fn at_lines(bytes: &[u8]) -> bool {
    let (whole, cut) = (lines(&[bytes]), lines(&bytes.chunks(7).collect::<Vec<_>>()));
    assert_eq!(whole, cut, "the cut of a stream changes its lines");
    let read = whole.into_iter().filter(|line| {
        assert!(line.len() <= LINE_LIMIT, "a line is longer than it may be");
        let Ok(line) = std::str::from_utf8(line) else { return false };
        let information = Information::parse(line).is_some_and(|line| line.arguments().is_ok());
        matches!(Command::parse(line), Some(Ok(_))) || information || Outcome::parse(line).is_some()
    });
    read.count() > 0
}

/// Returns the lines up to one that is too long.
fn lines(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut found = Vec::new();
    for piece in pieces {
        lines.push(piece);
        while let Some(line) = lines.next_line() {
            match line {
                Ok(line) => found.push(line),
                Err(_) => return found,
            }
        }
    }
    found
}

/// Reads a message of either end, in a channel and in a pairing; true where it is one.
///
/// # Panics
/// Where what was read is written as something that is read otherwise.
pub fn message(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let request = request(text);
    let answer = Verb::ALL.into_iter().filter(|verb| answer(text, *verb)).count() > 0;
    let step = HostStep::from_text(text).is_ok_and(|step| {
        assert!(HostStep::from_text(&step.to_text()).is_ok(), "a step is not read back");
        true
    });
    let phone = PhoneStep::commitment(text).is_ok() | PhoneStep::nonce(text).is_ok();
    request | answer | step | phone | PhoneStep::names(text).is_ok()
}

fn request(text: &str) -> bool {
    match FromHost::from_text(text) {
        Ok(FromHost::Request(request)) => {
            let written = request.to_text();
            let again = match FromHost::from_text(&written) {
                Ok(FromHost::Request(request)) => Some(Request::to_text(&request)),
                Ok(FromHost::Refused(..) | FromHost::Cancel(_) | FromHost::Bye(_)) | Err(_) => None,
            };
            assert_eq!(again.as_deref(), Some(&*written), "a request is not read back");
            true
        }
        Ok(FromHost::Cancel(_) | FromHost::Bye(_)) => true,
        Ok(FromHost::Refused(..)) | Err(_) => false,
    }
}

fn answer(text: &str, verb: Verb) -> bool {
    match FromPhone::from_text(text, |_| Some(verb)) {
        Ok(FromPhone::Answer(answer)) => {
            let written = answer.to_text(verb);
            let again = match FromPhone::from_text(&written, |_| Some(verb)) {
                Ok(FromPhone::Answer(answer)) => Some(answer.to_text(verb)),
                Ok(FromPhone::Notice(_) | FromPhone::Unknown) | Err(_) => None,
            };
            assert_eq!(again.as_deref(), Some(&*written), "an answer is not read back");
            true
        }
        Ok(FromPhone::Notice(notice)) => {
            let again = FromPhone::from_text(&notice.to_text(), |_| None);
            assert!(
                matches!(again, Ok(FromPhone::Notice(again)) if again == notice),
                "a notice is not read back"
            );
            true
        }
        Ok(FromPhone::Unknown) | Err(_) => false,
    }
}

/// Lets strangers' bytes come to a phone: before a channel, and in one; true where it had an answer.
///
/// # Panics
/// Where a stranger gets in, or anything is done for one.
pub fn phone_stream(bytes: &[u8]) -> bool {
    let (mut host, mut phone) = (new_host(), new_phone());
    phone.receive(bytes);
    while let Some(event) = phone.event() {
        match event {
            Event::Hello(_) => phone.admit(&known(PHONE, HOST)),
            Event::Closed(_) => {}
            Event::Opened(_)
            | Event::Compare(_)
            | Event::Terms(_)
            | Event::Asked(_)
            | Event::Cancelled(_)
            | Event::Pinged => panic!("a stranger got in"),
        }
    }
    let answered = !phone.output().is_empty();

    let mut phone = new_phone();
    connect(&mut host, &mut phone);
    phone.receive(bytes);
    while let Some(event) = phone.event() {
        assert!(matches!(event, Event::Closed(_)), "a stranger got in");
    }
    answered
}

/// Lets strangers' bytes come to a host: before a channel, and in one; true where it went on.
///
/// # Panics
/// Where a stranger is taken for the phone.
pub fn host_stream(bytes: &[u8]) -> bool {
    let mut host = new_host();
    host.output();
    host.receive(bytes);
    while let Some(event) = host.event() {
        assert!(matches!(event, host::Event::Closed(_)), "a stranger got in");
    }
    let went_on = !host.output().is_empty();

    let (mut host, mut phone) = (new_host(), new_phone());
    connect(&mut host, &mut phone);
    host.receive(bytes);
    while let Some(event) = host.event() {
        assert!(matches!(event, host::Event::Closed(_)), "a stranger got in");
    }
    went_on
}

/// Reads a pairing URI.
///
/// # Panics
/// Where what was read is written as something that is read otherwise.
pub fn pairing_uri(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(uri) = text.parse::<PairingUri>() else { return false };
    let written = uri.to_text();
    let again = written.parse::<PairingUri>().map(|uri| uri.to_text());
    assert_eq!(again.as_ref(), Ok(&written), "a pairing URI is not read back");
    true
}

/// Opens a channel.
fn connect(host: &mut Host, phone: &mut Phone) {
    while !host.is_open() {
        phone.receive(&host.output());
        while let Some(event) = phone.event() {
            if matches!(event, Event::Hello(_)) {
                phone.admit(&known(PHONE, HOST));
            }
        }
        host.receive(&phone.output());
        while let Some(event) = host.event() {
            assert!(matches!(event, host::Event::Opened(_)), "the two do not come together");
        }
    }
}

fn new_host() -> Host {
    Host::connect(vec![known(HOST, PHONE)], Box::new(Counting(0)))
}

fn new_phone() -> Phone {
    Phone::new(Identity { product: "a phone".to_owned() }, Box::new(Counting(200)))
}

fn known(own: [u8; 32], peer: [u8; 32]) -> Known {
    let (own, peer) = (StaticKey::from_bytes(&own), StaticKey::from_bytes(&peer).public());
    Known { pairing: PairingId::from_bytes([0xa0; 16]), uid: 1000, own, peer }
}

/// The same bytes each time, so that what a fuzzer found is found again; others than those of the golden sessions, which would
/// open a channel.
struct Counting(u8);

impl Randomness for Counting {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

const HOST: [u8; 32] = [0x11; 32];
const PHONE: [u8; 32] = [0x22; 32];
