//! Two ends and what is between them.

#![allow(dead_code, reason = "each test file needs some of it")]

pub(crate) mod raw;

use std::collections::VecDeque;

use claviger_phone_protocol::host::{self, Host};
use claviger_phone_protocol::phone::{self, Identity, Phone};
use claviger_phone_protocol::{
    Hello, Known, Method, NewPairing, Offer, PairingId, PairingUri, Randomness, RandomnessFailed, Refusal,
    Reply, StaticKey, Terms,
};

/// Bytes that count on from a start: whoever reads the page can make them too.
pub(crate) struct Counting(pub(crate) u8);

impl Randomness for Counting {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

pub(crate) const PAIRING: PairingId = PairingId::from_bytes([0xa0; 16]);

pub(crate) fn host_key() -> StaticKey {
    StaticKey::from_bytes(&[0x11; 32])
}

pub(crate) fn phone_key() -> StaticKey {
    StaticKey::from_bytes(&[0x22; 32])
}

/// What the host keeps of the pairing.
pub(crate) fn hosts() -> Known {
    Known { pairing: PAIRING, uid: 1000, own: host_key(), peer: phone_key().public() }
}

/// What the phone keeps of it.
pub(crate) fn phones() -> Known {
    Known { pairing: PAIRING, uid: 1000, own: phone_key(), peer: host_key().public() }
}

pub(crate) fn terms() -> Terms {
    Terms { host: "desk".to_owned(), user: "alice".to_owned(), uid: 1000 }
}

pub(crate) fn phone() -> Phone {
    Phone::new(Identity { product: "Claviger test phone".to_owned() }, Box::new(Counting(0x80)))
}

pub(crate) fn host() -> Host {
    Host::connect(vec![hosts()], Box::new(Counting(0x40)))
}

pub(crate) fn offer(method: Method) -> Offer {
    Offer::new(method, terms(), &mut Counting(0x01)).unwrap()
}

pub(crate) fn pairing_host(method: Method) -> Host {
    Host::pair(offer(method), Box::new(Counting(0x40)))
}

/// What a phone's person and store do.
pub(crate) struct Owner {
    pub(crate) known: Vec<Known>,
    pub(crate) uri: Option<PairingUri>,
    pub(crate) numbers: bool,
    pub(crate) grants: bool,
    /// Whether requests are answered at once, with `reply`.
    pub(crate) answers: bool,
    pub(crate) reply:
        fn(&claviger_phone_protocol::Request) -> Result<Reply, claviger_phone_protocol::Failure>,
}

impl Default for Owner {
    fn default() -> Self {
        Self {
            known: vec![phones()],
            uri: None,
            numbers: false,
            grants: true,
            answers: true,
            reply: |_| Ok(Reply::Signature(b"signed".to_vec())),
        }
    }
}

/// Two ends, and what happened at each.
pub(crate) struct Link {
    pub(crate) host: Host,
    pub(crate) phone: Phone,
    pub(crate) owner: Owner,
    pub(crate) at_host: VecDeque<host::Event>,
    pub(crate) at_phone: VecDeque<String>,
    pub(crate) codes: Vec<String>,
    pub(crate) asked: Vec<claviger_phone_protocol::Request>,
    pub(crate) granted: Option<NewPairing>,
    /// All that was written, line by line, with who wrote it.
    pub(crate) transcript: Vec<(Writer, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Host,
    Phone,
}

impl Link {
    pub(crate) fn new(host: Host, owner: Owner) -> Self {
        Self {
            host,
            phone: phone(),
            owner,
            at_host: VecDeque::new(),
            at_phone: VecDeque::new(),
            codes: Vec::new(),
            asked: Vec::new(),
            granted: None,
            transcript: Vec::new(),
        }
    }

    /// A channel that is open.
    pub(crate) fn open() -> Self {
        let mut link = Self::new(host(), Owner::default());
        link.run();
        assert!(link.host.is_open());
        link.at_host.clear();
        link.at_phone.clear();
        link
    }

    /// Carries bytes to and fro, and takes decisions, until nobody has anything to say.
    pub(crate) fn run(&mut self) {
        loop {
            let from_host = self.host.output();
            let from_phone = self.phone.output();
            if from_host.is_empty() && from_phone.is_empty() {
                return;
            }
            self.note(Writer::Host, &from_host);
            self.note(Writer::Phone, &from_phone);
            self.give_phone(&from_host);
            self.give_host(&from_phone);
        }
    }

    fn note(&mut self, writer: Writer, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
        self.transcript.extend(lines.map(|line| (writer, line.to_owned())));
    }

    pub(crate) fn give_host(&mut self, bytes: &[u8]) {
        self.host.receive(bytes);
        while let Some(event) = self.host.event() {
            self.at_host.push_back(event);
        }
    }

    pub(crate) fn give_phone(&mut self, bytes: &[u8]) {
        self.phone.receive(bytes);
        while let Some(event) = self.phone.event() {
            self.on_phone(event);
        }
    }

    fn on_phone(&mut self, event: phone::Event) {
        let text = match event {
            phone::Event::Hello(hello) => {
                self.decide(hello);
                format!("hello {hello}")
            }
            phone::Event::Opened(pairing) => format!("opened {pairing}"),
            phone::Event::Compare(code) => {
                self.codes.push(code.to_string());
                "compare".to_owned()
            }
            phone::Event::Terms(terms) => {
                if self.owner.grants {
                    self.granted = self.phone.grant("Alice's phone", "Test 1");
                    self.owner.known.extend(self.granted.as_ref().map(|new| new.known.clone()));
                } else {
                    let rejected = claviger_phone_protocol::Rv::FunctionRejected;
                    self.phone.decline(claviger_phone_protocol::Failure::new(rejected, "no"));
                }
                format!("terms {} {} {}", terms.host, terms.user, terms.uid)
            }
            phone::Event::Asked(request) => {
                if self.owner.answers {
                    self.phone.answer(request.id, (self.owner.reply)(&request));
                }
                self.asked.push(request);
                "asked".to_owned()
            }
            phone::Event::Cancelled(_) => "cancelled".to_owned(),
            phone::Event::Pinged => "pinged".to_owned(),
            phone::Event::Closed(closed) => format!("closed {closed:?}"),
        };
        self.at_phone.push_back(text);
    }

    fn decide(&mut self, hello: Hello) {
        match hello {
            Hello::Known(pairing) => match self.owner.known.iter().find(|known| known.pairing == pairing) {
                Some(known) => self.phone.admit(known),
                None => self.phone.turn_away(Refusal::UnknownPairing),
            },
            Hello::Uri(_) => match &self.owner.uri {
                Some(uri) => self.phone.pair_by_uri(uri, phone_key()),
                None => self.phone.turn_away(Refusal::NotAllowed),
            },
            Hello::Numbers(_) if self.owner.numbers => self.phone.pair_by_numbers(phone_key()),
            Hello::Numbers(_) => self.phone.turn_away(Refusal::NotAllowed),
        }
    }

    /// What the host's end got to know, as text.
    pub(crate) fn host_events(&mut self) -> Vec<String> {
        self.at_host.drain(..).map(|event| host_text(&event)).collect()
    }

    pub(crate) fn phone_events(&mut self) -> Vec<String> {
        self.at_phone.drain(..).collect()
    }
}

pub(crate) fn host_text(event: &host::Event) -> String {
    match event {
        host::Event::Opened(pairing) => format!("opened {pairing}"),
        host::Event::Answered(answer) => match &answer.outcome {
            Ok(Reply::Signature(signature)) => format!("answered {}", String::from_utf8_lossy(signature)),
            Ok(_) => "answered".to_owned(),
            Err(failure) => format!("failed {:#x} {}", failure.rv.number(), failure.text),
        },
        host::Event::Noticed(notice) => format!("noticed {notice:?}"),
        host::Event::Compare(code) => format!("compare {code}"),
        host::Event::PersonAsked => "person asked".to_owned(),
        host::Event::Paired(new) => format!("paired {} {}", new.phone, new.model),
        host::Event::Closed(closed) => format!("closed {closed:?}"),
    }
}
